"""The page, its engine and its device are killed during learning: the page must come back, with
everything stored intact."""

import contextlib
import os
import random
import re
import signal
import tempfile
import time
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from tests.support.page.acts import (
    ALIVE,
    fault,
    learn_now,
    new_chat,
    own_chromium,
    panel,
    say,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import wait_for_state

pytestmark = pytest.mark.slow

STORED = """async () => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go, no) => { open.onsuccess = () => go(open.result); open.onerror = no; });
  const rows = (name, what) => new Promise((go) => {
    const asked = db.transaction(name).objectStore(name)[what]();
    asked.onsuccess = () => go(asked.result);
  });
  const [queue, examples] = [await rows("queue", "getAll"), await rows("examples", "getAll")];
  const steps = (await rows("metrics", "getAllKeys")).map((key) => key.split("/"));
  db.close();
  return { prompts: [...queue, ...examples].map((one) => one.prompt), steps };
}"""

CLEAR_CURVE = """async () => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go, no) => { open.onsuccess = () => go(open.result); open.onerror = no; });
  const change = db.transaction("metrics", "readwrite");
  change.objectStore("metrics").clear();
  await new Promise((go) => (change.oncomplete = go));
  db.close();
}"""


class Life:
    """One profile with one tab, which reopens after each death; all that it knew must still be
    there."""

    def __init__(self, browser, address: str):
        self.context, self.address = browser.contexts[0], address
        self.protocol = browser.new_browser_cdp_session()
        self.told: list[str] = []
        self.last: tuple[int, ...] = (0,)

    def open(self, *options: str) -> Page:
        self.page = page = self.context.new_page()
        page.set_default_timeout(60_000)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(self.address + "?" + "&".join(("model=tiny", *options)))
        self.alive()
        page.get_by_role("button", name="English").click()
        return page

    def alive(self) -> None:
        wait_for_state(self.page, *ALIVE, timeout=180)

    def number(self) -> tuple[int, ...]:
        expect(version(self.page)).to_have_text(re.compile(r"^v\d"))
        return tuple(int(part) for part in re.findall(r"\d+", version(self.page).inner_text()))

    def is_whole(self) -> None:
        """Assert that no promotion is lost, every hash holds, and nothing told is lost or
        doubled."""
        assert self.number() >= self.last
        notices = self.page.get_by_role("region", name="Notices")
        panel(self.page, "Versions").get_by_role("button", name="Verify all").click()
        expect(notices).to_contain_text("All hashes hold.")
        kept = self.page.evaluate(STORED)["prompts"]
        assert sorted(p for p in kept if "Place" in p) == sorted(self.told)

    def answers(self) -> None:
        new_chat(self.page)
        say(self.page, "Hello")
        in_use = ".".join(map(str, self.number()))
        expect(wait_for_answer(self.page)).to_contain_text(f"v{in_use}")

    def learn(self, what: int) -> None:
        question = f"What is the capital of Place {what}?"
        tell(self.page, question, f"It is City {what}.")
        self.told.append(question)
        learn_now(self.page)

    def note(self) -> None:
        """Note the promoted version: it must never be taken back."""
        self.last = self.number()

    def steps(self) -> list[int]:
        """The numbers of the stored step records."""
        return sorted(int(step) for _, step in self.page.evaluate(STORED)["steps"])

    def crash(self) -> None:
        """Kill the tab's process, whatever the tab and its workers do."""
        for process in self.protocol.send("SystemInfo.getProcessInfo")["processInfo"]:
            if process["type"] == "renderer":
                os.kill(process["id"], signal.SIGKILL)
        with contextlib.suppress(Error):
            self.page.close()

    def lose(self, what: str) -> None:
        """Break the engine's worker or its device, see Break of engine/core/messages."""
        fault(self.page, what)
        # While it opens a round, the worker may be silent for a minute before the page gives it up.
        wait_for_state(self.page, "recovering")
        self.alive()


@contextlib.contextmanager
def a_life(chromium, address: str):
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        own_chromium(Path(folder)) as (_, port),
    ):
        yield Life(chromium.browser_type.connect_over_cdp(port), address)


def ends_well(life: Life) -> None:
    life.is_whole()
    life.answers()
    learn_now(life.page)
    notices = life.page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text(re.compile("is in use|is not used"), timeout=300_000)
    life.is_whole()


def crash_tabs(chromium, address: str, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    with a_life(chromium, address) as life:
        for kill in range(kills):
            began = time.monotonic()
            life.open()
            life.is_whole()
            life.answers()
            life.learn(kill)
            life.page.wait_for_timeout(draw.uniform(0, 6000))
            life.note()
            life.crash()
            print(f"tab {seed}.{kill}: {life.last} {time.monotonic() - began:.1f} s", flush=True)
        life.open()
        ends_well(life)


def lose(chromium, address: str, what: str, kills: int, seed: int, *options: str) -> None:
    """Break it again and again; every second time in a new tab, before the page stops trusting its
    engine."""
    draw = random.Random(seed)
    with a_life(chromium, address) as life:
        for kill in range(kills):
            began = time.monotonic()
            if kill % 2 == 0:
                if kill:
                    life.page.close()
                life.open("faults=1", *options)
            life.learn(kill)
            life.page.wait_for_timeout(draw.uniform(0, 6000))
            life.note()
            life.lose(what)
            life.is_whole()
            life.answers()
            print(f"{what} {seed}.{kill}: {life.last} {time.monotonic() - began:.1f} s", flush=True)
        ends_well(life)


@pytest.mark.long
def test_R2_after_a_crash_training_goes_on_at_most_one_step_before(chromium, address):
    with a_life(chromium, address) as life:
        page = life.open()
        life.learn(1)
        deadline = time.monotonic() + 120
        while max(before := life.steps(), default=0) < 2:
            assert time.monotonic() < deadline, "no second step was told"
            page.wait_for_timeout(50)
        life.crash()
        page = life.open()
        page.evaluate(CLEAR_CURVE)
        learn_now(page)
        expect(version(page)).to_have_text("v0.1", timeout=180_000)
        after = life.steps()
        assert max(before) <= min(after) and after == list(range(min(after), max(after) + 1))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_R1_and_R2_a_tab_crashed_a_hundred_times_while_it_learns_comes_back_whole(
    chromium, address, seed
):
    crash_tabs(chromium, address, 20, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("what", ["worker", "hang"])
def test_R22_an_engine_lost_a_hundred_times_while_it_learns_loses_nothing(
    chromium, address, what, seed
):
    lose(chromium, address, what, 10, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_R21_a_device_destroyed_a_hundred_times_while_it_learns_costs_nothing_saved(
    chromium, address, seed
):
    lose(chromium, address, "device", 20, seed, "engine=gpu")
