"""Taste in the page: what a person does with answers is kept as choices, trained on, used, switched
off and removed."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from builder import ROOT
from tests.support.page import acts
from tests.support.page import browser as in_browser
from tests.support.page.stored import stored

pytestmark = pytest.mark.slow
CHOICES = ROOT / "examples" / "tastes" / "brief" / "choices.jsonl"
GIVE = """choices => new Promise((done, failed) => {
  const opening = indexedDB.open("oneseek");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const change = opening.result.transaction("choices", "readwrite");
    for (const one of choices) change.objectStore("choices").put(one, one.id);
    change.oncomplete = () => (opening.result.close(), done());
    change.onerror = failed;
  };
})"""


def activity(page: Page):
    page.get_by_role("tab", name="Activity").click()
    return page.get_by_role("tabpanel", name="Activity")


def taste(panel):
    return panel.locator("section").filter(has=panel.get_by_role("heading", name="Taste"))


def given(count: int) -> list[dict]:
    lines = CHOICES.read_text("utf-8").splitlines()[:count]
    return [
        {"id": f"{number:016x}", "way": "given", "time": number, "source": {}, **json.loads(line)}
        for number, line in enumerate(lines)
    ]


def test_what_is_done_with_answers_is_a_choice_that_can_be_removed(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    acts.say(page, "What is the capital of Sweden?")
    answer = acts.finished(page)
    said = acts.body(answer).inner_text()
    good = answer.get_by_role("button", name="Good answer")
    good.click()
    section = taste(activity(page))
    section.get_by_text("1 choice", exact=True).click()
    expect(section.get_by_role("listitem")).to_contain_text(said)
    good.click()
    expect(section).to_have_count(0)
    answer.get_by_role("button", name="Correct").click()
    page.get_by_role("textbox", name="Teach it").fill("It is Stockholm, on fourteen islands.")
    page.get_by_role("button", name="Teach it").click()
    section.get_by_text("1 choice", exact=True).click()
    row = section.get_by_role("listitem")
    expect(row).to_contain_text("Better: It is Stockholm, on fourteen islands.")
    expect(row).to_contain_text(f"Not: {said}")
    expect(section.get_by_role("button", name="Train my taste")).to_be_disabled()
    row.get_by_role("button", name="Remove this choice").click()
    expect(section).to_have_count(0)
    assert stored(page, "choices") == {}


def test_a_taste_is_trained_in_the_page_used_switched_off_and_removed(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    page.evaluate(GIVE, given(12))
    section = taste(activity(page))
    section.get_by_role("button", name="Train my taste").click()
    expect(section).to_contain_text(re.compile(r"In use: shorter; \d of 3 held-back choices"),
                                    timeout=300_000)  # fmt: skip
    in_browser.wait_for_state(page, "ready", timeout=60)
    acts.say(page, "Tell me about the sea.")
    expect(acts.finished(page)).to_contain_text("To your taste")
    section.get_by_role("button", name="Switch it off").click()
    expect(section).to_contain_text("Off: shorter")
    acts.say(page, "Tell me about the moon.")
    expect(acts.finished(page, 2)).not_to_contain_text("To your taste")
    section.get_by_role("button", name="Use it").click()
    expect(section).to_contain_text("In use: shorter")
    section.get_by_role("button", name="Remove my taste").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove everything").click()
    expect(section).to_have_count(0)
    assert stored(page, "choices") == {}
