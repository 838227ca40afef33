"""No success may be reported as a failure, and reports about learning must be true."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    FACT,
    fault,
    learn_now,
    locate_note,
    panel,
    say,
    slow_down,
    tell,
    version,
    wait_for_answer,
    wait_until,
)
from tests.support.page.browser import wait_for_state
from tests.support.page.stored import lengthy_lessons

pytestmark = pytest.mark.slow
KEEPS_ALARMS = """globalThis.alarms = [];
addEventListener("DOMContentLoaded", () => new MutationObserver(() =>
  alarms.push(document.querySelector("#alarm").textContent)).observe(
    document.querySelector("#alarm"), {childList: true, characterData: true, subtree: true}));"""


@pytest.fixture
def home(page: Page) -> Page:
    page.add_init_script(KEEPS_ALARMS)
    return page


def open_page(page: Page) -> Page:
    page.goto("/?model=tiny&engine=cpu&faults=1")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("button", name="English").click()
    return page


def no_alarm(page: Page) -> None:
    assert page.evaluate("alarms.filter(Boolean)") == []


LATE = """(() => {  // the engine's events come almost half a second after its answers
  const own = Object.getOwnPropertyDescriptor(BroadcastChannel.prototype, "onmessage");
  Object.defineProperty(BroadcastChannel.prototype, "onmessage", {
    get() { return own.get.call(this); },
    set(hear) {
      const late = (event) => setTimeout(() => hear(event), 450);
      own.set.call(this, /^oneseek-[0-9a-f-]{36}-engine-/.test(this.name) ? late : hear);
    },
  });
})()"""


@pytest.mark.long
def test_events_that_come_after_the_end_of_their_round_open_none(home: Page):
    home.add_init_script(LATE)
    open_page(home)
    tell(home, *FACT[:2])
    learn_now(home)
    expect(version(home)).to_have_text("v0.1", timeout=180_000)
    tell(home, "What is the capital of Quillmere?", "The capital of Quillmere is Harrow.")
    learn_now(home)
    expect(version(home)).to_have_text("v0.2", timeout=180_000)
    no_alarm(home)


KEEPS_LINES = """() => {
  globalThis.lines = new Set();
  const look = () => lines.add(document.querySelector("#state-line")?.textContent ?? "");
  new MutationObserver(look).observe(document.querySelector("#learning"),
    {subtree: true, childList: true, characterData: true});
}"""


@pytest.mark.long
def test_a_run_over_a_data_set_is_called_that_from_its_first_moment(home: Page):
    open_page(home)
    activity = panel(home, "Activity")
    home.evaluate(KEEPS_LINES)
    activity.get_by_role("button", name="Train on a data set").click()
    dialog = home.get_by_role("dialog")
    dialog.get_by_label("Passes through the data").fill("1")
    dialog.get_by_role("button", name="Train", exact=True).click()
    expect(home.locator("#state-line")).to_contain_text("Learning from a data set", timeout=120_000)
    wait_until(lambda: any("data set" in line for line in home.evaluate("[...lines]")))
    assert not [line for line in home.evaluate("[...lines]") if "Comparing answers" in line]
    no_alarm(home)


def lesson_begun(home: Page) -> None:
    lengthy_lessons(home)
    open_page(home)
    tell(home, *FACT[:2])
    learn_now(home)
    expect(home.get_by_test_id("train-step")).to_have_text(re.compile(r"^\d+ /"))


@pytest.mark.long
def test_what_is_told_during_a_lesson_is_known_before_the_lesson_ends(home: Page):
    lesson_begun(home)
    say(home, "My boat is called Saltkråkan.")
    wait_for_answer(home)
    expect(locate_note(home)).to_contain_text("Remembered.")
    expect(version(home)).to_have_text("v0")
    wait_for_state(home, "training", "evaluating", "paused")
    no_alarm(home)


@pytest.mark.long
def test_what_is_told_to_an_engine_that_falls_silent_is_known_to_the_next_one(home: Page):
    lesson_begun(home)
    slow_down(home, 5)  # keeps the answer unfinished until the hang, and learning paused
    say(home, "My boat is called Saltkråkan.")
    expect(locate_note(home)).to_contain_text("Noted")
    fault(home, "hang")
    expect(locate_note(home)).to_contain_text("Remembered.")
    wait_for_state(home, "training", "evaluating")  # the lesson continues by itself
    expect(version(home)).to_have_text("v0")
