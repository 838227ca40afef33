"""Two profiles of one person: a fact told in one must be known in the other, a forgotten one must
be gone, and a useless file must say why."""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from builder import ROOT
from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.exchange.entries import make_entry
from oneseek.engine.history.exchange_file import seal, unseal
from oneseek.engine.history.native_keys import NativeCipher
from oneseek.engine.learning.lessons import has_value
from oneseek.engine.learning.probe import key_of
from oneseek.engine.open import clock
from tests.support.devices import SIGNER, of_no_use
from tests.support.hosts import InPage, Native, headless, native
from tests.support.page.acts import (
    answers,
    body,
    download,
    idle_after,
    new_chat,
    panel,
    say,
    set_temperature,
    tell,
    wait_until,
)
from tests.support.page.browser import Chromium, demo, wait_for_offline, wait_for_state, watched

pytestmark = pytest.mark.slow
KEY = {"Authorization": "Bearer secret"}
PHRASE = "vindil under a low moon"
WORDS = json.loads((ROOT / "web/static/i18n/en.json").read_text("utf-8"))
TOLD = """async () => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
  const found = [];
  for (const name of ["facts", "queue", "examples"]) {
    const asked = db.transaction(name).objectStore(name).getAll();
    for (const one of await new Promise((go) => (asked.onsuccess = () => go(asked.result))))
      found.push([name, one.answer]);
  }
  db.close();
  return found;
}"""


def natively(work: Coroutine) -> Any:
    """Run a coroutine in a thread of its own, because Playwright's loop occupies this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def read_facts(page: Page) -> set[str]:
    return {answer for _, answer in page.evaluate(TOLD)}


def by_heart(page: Page, answer: str) -> None:
    page.wait_for_function(f"""async () => (await ({TOLD})()).some(
        (one) => one[0] === "facts" && one[1] === {answer!r})""", polling=500)  # fmt: skip


def ask(page: Page, question: str) -> str:
    new_chat(page)
    say(page, question)
    last = answers(page).last
    expect(last.get_by_role("button", name="Copy")).to_be_visible(timeout=240_000)
    return body(last).inner_text()


def save_exchange_file(page: Page, file: Path) -> Path:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Take to another device").click()
    dialog = page.get_by_role("dialog", name="Take to another device")
    expect(dialog).to_contain_text("600,000 rounds")
    dialog.get_by_label("Phrase", exact=True).fill(PHRASE)
    dialog.get_by_label("The same phrase again").fill(PHRASE + "?")
    dialog.get_by_role("button", name="Save the file").click()
    expect(dialog.get_by_role("alert")).to_have_text(
        "These are two different phrases. No file was made. Type the same phrase twice."
    )
    dialog.get_by_label("The same phrase again").fill(PHRASE)
    file.write_bytes(download(page, "Save the file"))
    return file


def bring(page: Page, file: Path, phrase: str = PHRASE) -> None:
    page.get_by_role("button", name="Settings").click()
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Bring from another device").click()
    choosing.value.set_files(file)
    dialog = page.get_by_role("dialog", name="Bring from another device")
    dialog.get_by_label("Phrase", exact=True).fill(phrase)
    dialog.get_by_role("button", name="Bring it in").click()


def expect_report(page: Page, words: str) -> str:
    dialog = page.get_by_role("dialog", name="Brought in")
    expect(dialog).to_contain_text(words, timeout=240_000)
    said = dialog.inner_text()
    page.keyboard.press("Escape")
    return said


def expect_refusal(page: Page, file: Path, words: str, phrase: str = PHRASE) -> None:
    before = read_facts(page)
    bring(page, file, phrase)
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text(words)
    expect(alert).to_contain_text("Nothing was changed")
    page.keyboard.press("Escape")
    assert read_facts(page) == before


@pytest.mark.long
def test_two_profiles_exchange_what_was_told_and_what_was_forgotten(
    chromium: Chromium, address: str, tmp_path: Path
):
    boat, cat = "The boat is called Vindil.", "The cat is called Nisse."
    with demo(chromium, address) as one, demo(chromium, address) as other:
        tell(one, "What is the boat called?", boat)
        tell(one, "What is the cat called?", cat)
        early = save_exchange_file(one, tmp_path / "early.oneseek")
        state, _ = natively(unseal(early.read_bytes(), PHRASE, NativeCipher()))
        assert {entry["answer"] for entry in state.values()} == {boat, cat}

        expect_refusal(other, early, "not the phrase", "another phrase than that")
        bad = tmp_path / "bad.oneseek"
        for why, data in natively(of_no_use(early.read_bytes(), PHRASE)).items():
            bad.write_bytes(data)
            expect_refusal(other, bad, WORDS["exchange.no_" + why].partition(". ")[0])
        assert read_facts(other) == set()

        bring(other, early)
        assert "not signed" in expect_report(other, "New or corrected: 2. Forgotten: 0.")
        by_heart(other, boat)
        shown = panel(other, "Memory").get_by_role("listitem").filter(has_text=boat)
        expect(shown).to_contain_text("by heart")
        expect(shown).to_contain_text("Told directly")

        entry = panel(one, "Memory").get_by_role("listitem").filter(has_text=boat)
        by_heart(one, boat)
        entry.get_by_role("button", name="Forget").click()
        one.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
        expect(one.get_by_role("region", name="Notices")).to_contain_text(
            "Forgotten: no answer uses it from the next"
        )
        late = save_exchange_file(one, tmp_path / "late.oneseek")
        bring(other, late)
        expect_report(other, "New or corrected: 0. Forgotten: 1.")
        assert "Vindil" not in ask(other, "What is the boat called?")
        expect(answers(other).last.locator("details.because")).to_have_count(0)
        bring(other, early)
        expect_report(other, "New or corrected: 0. Forgotten: 0.")
        expect(panel(other, "Memory").get_by_text("Vindil")).to_have_count(0)
        assert boat not in read_facts(other) and cat in read_facts(other)

        newer = dict(state[next(a for a in state if state[a]["answer"] == cat)])
        other_cat = make_entry(newer["prompt"], "The cat is called Måns.", newer["clock"] - 1)
        file = tmp_path / "met.oneseek"
        met = {other_cat["about"]: other_cat}
        file.write_bytes(natively(seal(met, PHRASE, clock, NativeCipher(), SIGNER)))
        bring(one, file)
        said = expect_report(one, "Conflicting answers: 1.")
        assert f"Kept: {cat}" in said and "Not kept: The cat is called Måns." in said
        assert f"Signed with the key {SIGNER.public_key}." in said

        one.get_by_role("button", name="Settings").click()
        one.locator("#set-sign").check()
        one.keyboard.press("Escape")
        signed = save_exchange_file(one, tmp_path / "signed.oneseek")
        _, key = natively(unseal(signed.read_bytes(), PHRASE, NativeCipher()))
        bring(one, signed)
        assert "Signed with this device’s own key." in expect_report(one, "Forgotten: 0.")
        bring(other, signed)
        assert f"Signed with the key {key}." in expect_report(other, "Forgotten: 0.")


def exchange(page: Page, host: Native, key: str) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Exchange with your own server").click()
    dialog = page.get_by_role("dialog", name="Exchange with your own server")
    dialog.get_by_label("Address of the server").fill(host.base)
    dialog.get_by_label("Key of the server, if it has one").fill(key)
    dialog.get_by_label("Phrase", exact=True).fill(PHRASE)
    dialog.get_by_role("button", name="Exchange", exact=True).click()


@pytest.mark.long
def test_a_page_exchanges_with_a_server_of_ones_own(
    chromium: Chromium, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ONESEEK_PHRASE", PHRASE)
    boat, shed = "The boat is called Vindil.", "The code of the shed is 4711."
    with watched(chromium, address, locale="en-US") as (context, watch):
        watch.allow("/api/exchange")  # the person typed this address
        page = context.new_page()
        page.goto("/?model=tiny")
        wait_for_state(page, "ready")
        tell(page, "What is the boat called?", boat)
        with native(tmp_path / "closed", key="secret") as host:
            exchange(page, host, "secret")
            alert = page.get_by_role("dialog").get_by_role("alert")
            expect(alert).to_contain_text("does not let this page ask. Nothing was changed")
            page.keyboard.press("Escape")
        with native(tmp_path / "open", key="secret", pages=(address.rstrip("/"),)) as host:
            exchange(page, host, "wrong")
            expect(alert).to_contain_text("The server refused: an API key is needed")
            page.keyboard.press("Escape")
            told_ = {"prompt": "What is the code of the shed?", "answer": shed}
            assert host.ask("POST", "/api/queue", told_, KEY).status == 201
            exchange(page, host, "secret")
            expect_report(page, "New or corrected: 1. Forgotten: 0.")
            by_heart(page, shed)
            known = host.ask("GET", "/api/memory", None, KEY).json()["facts"]
            while boat not in {one["answer"] for one in known}:
                page.wait_for_timeout(200)
                known = host.ask("GET", "/api/memory", None, KEY).json()["facts"]
            (id,) = [one["id"] for one in known if one["answer"] == boat]
            assert host.ask("DELETE", f"/api/memory/{id}", None, KEY).status in (200, 202)
            exchange(page, host, "secret")
            expect_report(page, "New or corrected: 0. Forgotten: 1.")
            assert boat not in read_facts(page) and shed in read_facts(page)


def load_hundred_facts() -> list[dict[str, str]]:
    """A hundred facts written by people, without those that look like secrets, which the product
    never takes."""
    lines = [
        json.loads(line)
        for name in ("dev", "eval", "held", "last", "home")
        for line in (ROOT / f"tests/bench/facts_{name}.jsonl").read_text("utf-8").splitlines()
    ]
    lines += [
        {"question": "What is the boat called?", "answer": "The boat is called Vindil."},
        {"question": "What is the cat called?", "answer": "The cat is called Nisse."},
    ]
    fit = [one for one in lines if not secrets_in(one["question"] + one["answer"])]
    return [
        {"prompt": one["question"], "answer": one["answer"], "key": key_of(one)}
        for one in fit[:98] + fit[-2:]
    ]


FACTS = load_hundred_facts()
GONE = FACTS[98], FACTS[0], FACTS[50]  # each is forgotten on another device than it was told on
KEPT = FACTS[99]


def make_body(fact: dict[str, str]) -> dict[str, str]:
    return {"prompt": fact["prompt"], "answer": fact["answer"]}


def taught(page: Page, facts: list[dict[str, str]]) -> None:
    """Teach the facts over the page's own API, in turn, without waiting for practice."""
    idle_after(page, 600)
    set_temperature(page, "0")
    for fact in facts:
        assert InPage(page).ask("POST", "/api/queue", make_body(fact)).status == 201


def forget(page: Page, fact: dict[str, str]) -> None:
    memory = panel(page, "Memory")
    memory.get_by_role("searchbox").fill(fact["prompt"])
    entry = memory.get_by_role("listitem").filter(has_text=fact["answer"])
    entry.get_by_role("button", name="Forget").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "Forgotten: no answer uses it from the next"
    )


@pytest.mark.long  # three devices take a hundred facts each: minutes
def test_two_browsers_and_a_server_hold_the_same_hundred_facts(
    chromium: Chromium, address: str, tmp_path: Path
):
    phrase = {"ONESEEK_PHRASE": PHRASE, "ONESEEK_API_KEY": "secret"}
    options = ("--model", "tiny", "--page", address.rstrip("/"))
    with (
        headless(tmp_path / "server", phrase, *options) as host,
        watched(chromium, address, service_workers="allow") as (one_s, watch),
        watched(chromium, address, service_workers="allow") as (other_s, other_watch),
    ):
        pages = one, other = one_s.new_page(), other_s.new_page()
        for page, allowed in ((one, watch), (other, other_watch)):
            allowed.allow("/api/exchange")
            page.goto("/?model=tiny")
            wait_for_state(page, "ready")
            wait_for_offline(page)
        taught(one, FACTS[:35])
        taught(other, FACTS[35:65])
        for fact in FACTS[65:]:
            assert host.ask("POST", "/api/queue", make_body(fact), KEY).status == 201

        def expect_exchange(page: Page, told_: int, gone: int) -> None:
            exchange(page, host, "secret")
            expect_report(page, f"New or corrected: {told_}. Forgotten: {gone}.")

        def list_known() -> set[str]:
            known = host.ask("GET", "/api/memory", None, KEY).json()["facts"]
            return {one["answer"] for one in known}

        expect_exchange(one, 35, 0)
        expect_exchange(other, 70, 0)
        expect_exchange(one, 30, 0)
        wanted = {fact["answer"] for fact in FACTS}
        assert read_facts(one) == read_facts(other) == wanted and len(wanted) == 100
        wait_until(lambda: list_known() == wanted)

        for page, fact in zip(pages, GONE, strict=False):
            by_heart(page, fact["answer"])
            forget(page, fact)
        known = host.ask("GET", "/api/memory", None, KEY).json()["facts"]
        (id,) = [one["id"] for one in known if one["answer"] == GONE[2]["answer"]]
        assert host.ask("DELETE", f"/api/memory/{id}", None, KEY).status in (200, 202)
        expect_exchange(one, 0, 1)
        expect_exchange(other, 0, 2)
        expect_exchange(one, 0, 1)
        wanted -= {fact["answer"] for fact in GONE}
        assert read_facts(one) == read_facts(other) == list_known() == wanted and len(wanted) == 97
        for page in pages:
            by_heart(page, KEPT["answer"])
            assert has_value(ask(page, KEPT["prompt"]), KEPT["key"])
            for fact in GONE:
                assert not has_value(ask(page, fact["prompt"]), fact["key"])
        for fact in (KEPT, *GONE):
            said = [{"role": "user", "content": fact["prompt"]}]
            request = {"model": "oneseek", "messages": said, "max_tokens": 30}
            answer = host.ask("POST", "/v1/chat/completions", request, KEY).json()
            text = answer["choices"][0]["message"]["content"]
            assert has_value(text, fact["key"]) == (fact is KEPT), text
