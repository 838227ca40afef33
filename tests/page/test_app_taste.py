"""Taste in the page: a person's choices between answers are kept, trained on, used, switched off
and removed."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from builder import ROOT
from tests.support.page import acts
from tests.support.page import browser as in_browser
from tests.support.page.stored import holds, read_store

pytestmark = pytest.mark.slow
CHOICES = ROOT / "examples" / "tastes" / "brief" / "choices.jsonl"
GIVE = """([choices, state]) => new Promise((done, failed) => {
  const opening = indexedDB.open("oneseek");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const change = opening.result.transaction(["choices", "state"], "readwrite");
    for (const one of choices) change.objectStore("choices").put(one, one.id);
    for (const key in state) change.objectStore("state").put(state[key], key);
    change.oncomplete = () => (opening.result.close(), done());
    change.onerror = failed;
  };
})"""


def taste(page: Page) -> Locator:
    """The taste section of the Activity panel, which appears with the first choice."""
    heading = page.get_by_role("heading", name="Taste", exact=True)
    return acts.panel(page, "Activity").locator("section").filter(has=heading)


def load_choices(count: int) -> list[dict]:
    lines = CHOICES.read_text("utf-8").splitlines()[:count]
    return [
        {"id": f"{number:016x}", "way": "given", "time": number, "source": {}, **json.loads(line)}
        for number, line in enumerate(lines)
    ]


def prefer_one_of_two(page: Page, questions: list[str]) -> str:
    """Compare answers blindly until two differ; returns the preferred one."""
    acts.panel(page, "Versions").get_by_role("button", name="Compare blind").click()
    dialog = page.get_by_role("dialog", name="Blind comparison")
    for question in questions:
        dialog.get_by_label("Question").fill(question)
        dialog.get_by_role("button", name="Ask both").click()
        expect(dialog.get_by_role("heading", name="Answer 2")).to_be_visible()
        first, second = dialog.locator("#compare-result .text").all_inner_texts()
        better = "Answer 1 is better" if first != second else "Equally good"
        dialog.get_by_role("button", name=better).click()
        expect(dialog).to_contain_text("Answer 1 was")
        if first != second:
            break
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    return first


@pytest.mark.long
def test_what_is_done_with_answers_is_a_choice_that_can_be_removed(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    acts.say(page, "What is the capital of Sweden?")
    answer = acts.wait_for_answer(page)
    said = acts.body(answer).inner_text()
    good = answer.get_by_role("button", name="Good answer")
    good.click()
    section = taste(page)
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
    assert read_store(page, "choices") == {}


@pytest.mark.long
def test_a_taste_is_trained_in_the_page_used_switched_off_and_removed(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    page.evaluate(GIVE, [load_choices(12), {"taste.tiny": {"off": True}}])
    section = taste(page)
    section.get_by_role("button", name="Train my taste").click()
    notice = page.get_by_role("region", name="Notices").locator(".toast")
    expect(notice).to_contain_text("Your taste is switched off", timeout=300_000)
    expect(section).to_contain_text(
        re.compile(r"Off: shorter; right for \d of 3 held-back choices")
    )
    notice.get_by_role("button", name="Use it").click()
    expect(section).to_contain_text("In use: shorter")
    in_browser.wait_for_state(page, "ready", timeout=60)
    better = prefer_one_of_two(page, [one["prompt"] for one in reversed(load_choices(12))])
    section = taste(page)
    section.get_by_text("13 choices", exact=True).click()
    expect(section.get_by_role("listitem").first).to_contain_text(f"Better: {better}")
    acts.say(page, "Tell me about the sea.")
    expect(acts.wait_for_answer(page)).to_contain_text("To your taste")
    section.get_by_role("button", name="Switch it off").click()
    expect(section).to_contain_text("Off: shorter")
    acts.say(page, "Tell me about the moon.")
    expect(acts.wait_for_answer(page, 2)).not_to_contain_text("To your taste")
    section.get_by_role("button", name="Use it").click()
    expect(section).to_contain_text("In use: shorter")
    section.get_by_role("button", name="Remove my taste").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove everything").click()
    expect(section).to_have_count(0)
    assert read_store(page, "choices") == {}


@pytest.mark.long
def test_the_answer_that_a_person_goes_on_from_is_preferred_to_the_others(page: Page):
    said = [("m0", "user", "", "Is it far?"), ("m1", "assistant", "m0", "It is rather far away."),
            ("m2", "assistant", "m0", "Yes.")]  # fmt: skip
    turns = [
        {"id": id, "key": f"c/{id}", "chat": "c", "parent": parent, "role": role, "text": text,
         "language": "en", "time": number, "version": "v0", "state": "done"}
        for number, (id, role, parent, text) in enumerate(said)
    ]  # fmt: skip
    chat = {"id": "c", "title": "Far", "created": 0, "updated": 1, "leaf": "m2"}
    records = [["messages", turn["key"], turn] for turn in turns]
    holds(page, [*records, ["chats", "c", chat], ["settings", "open-chat", {"id": "c"}]])
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    acts.say(page, "Tell me about the sea.")
    acts.wait_for_answer(page, 2)
    section = taste(page)
    section.get_by_text("1 choice", exact=True).click()
    expect(section.get_by_role("listitem")).to_contain_text("Better: Yes.")
    expect(section.get_by_role("listitem")).to_contain_text("Not: It is rather far away.")
