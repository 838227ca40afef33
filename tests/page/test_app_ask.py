"""Questions about a document that was just dropped: its place must be read, quoted and found
again."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    answers,
    body,
    locate_note,
    new_chat,
    panel,
    press_and_say,
    say,
    wait_for_answer,
)
from tests.support.page.browser import Chromium, demo, wait_for_state
from tests.support.page.stored import learns_when_asked

pytestmark = pytest.mark.slow
TEXT = """The lighthouse of Skarvholmen

The lighthouse was built in 1868. Its lens was ground in Paris and weighs 340 kilograms.

The pilots of the island

Nine pilots lived on the island with their families. Their boats were built of oak from Gotland."""
SWEDISH = """Båthuset

Båthuset ritades av Alma Ek år 1921. Nyckeln hänger på en spik bakom dörren."""
LENS = "Its lens was ground in Paris and weighs 340 kilograms."


@pytest.fixture(scope="module")
def home(chromium: Chromium, address: str) -> Iterator[Page]:
    with demo(chromium, address, "&engine=cpu", learns_when_asked) as page:
        yield page


def quotes(page: Page):
    return wait_for_answer(page).locator(".because").filter(has_text="Read in")


def paste(page: Page, text: str):
    """Paste the text as a source; returns the panel of sources."""
    sources = panel(page, "Sources")
    sources.get_by_role("button", name="Paste text").click()
    page.locator("#paste-text").fill(text)
    page.get_by_role("dialog").get_by_role("button", name="Read it").click()
    return sources


def test_a_source_is_asked_and_the_answer_quotes_its_place(home: Page):
    sources = paste(home, TEXT)
    sources.get_by_role("button", name="Ask about it").click(timeout=120_000)
    expect(home.locator("#about")).to_contain_text("About “The lighthouse of Skarvholmen”")
    expect(home.get_by_role("textbox", name="Message")).to_be_focused()
    say(home, "How much does the lens weigh?")
    expect(body(wait_for_answer(home))).to_contain_text("In “The lighthouse of Skarvholmen”: “")
    expect(body(wait_for_answer(home))).to_contain_text(LENS)
    quoted = quotes(home)
    expect(quoted).to_contain_text("Document")
    expect(quoted).to_contain_text("Read in “The lighthouse of Skarvholmen”")
    quoted.locator("summary").click()
    expect(quoted.locator("blockquote")).to_contain_text(LENS)
    expect(quoted.locator("blockquote")).not_to_contain_text("pilots lived")
    asked = home.locator("article.user .text")
    expect(asked).to_have_text("How much does the lens weigh?")


def test_the_place_is_shown_in_the_source(home: Page):
    quotes(home).get_by_role("button", name="Show the place").click()
    mark = panel(home, "Sources").locator("mark")
    expect(mark).to_contain_text("weighs 340 kilograms")
    expect(mark).to_be_in_viewport()


# Records every progress note, however briefly it is shown.
NOTES = """() => {
  globalThis.notes = [];
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes)
      for (const one of node.querySelectorAll?.("[role=status]") ?? []) notes.push(one.textContent);
  }).observe(document, {subtree: true, childList: true});
}"""


def test_a_source_tests_the_model_in_words_no_lesson_used(home: Page):
    sources = panel(home, "Sources")
    home.evaluate(NOTES)
    sources.get_by_role("button", name="Test the model on it").click()
    asked = sources.get_by_role("list", name="Test the model on it").get_by_role("listitem")
    expect(asked.first).to_contain_text(re.compile("Not yet. The source says:|Right"))
    assert "?" in asked.first.inner_text()
    assert home.evaluate("notes")[0].endswith("…")


@pytest.mark.long
def test_a_reload_keeps_what_was_quoted_and_what_the_chat_is_about(home: Page):
    home.reload()
    wait_for_state(home, "ready", timeout=120)
    expect(home.locator("#about")).to_contain_text("The lighthouse of Skarvholmen")
    expect(quotes(home)).to_have_count(1)
    say(home, "Of what were the boats of the pilots built?")
    wait_for_answer(home, 2)
    last = home.locator("article.assistant").last.locator(".because")
    last.locator("summary").click()
    expect(last.locator("blockquote")).to_contain_text("oak from Gotland")


def test_what_the_text_does_not_answer_is_said_not_to_be_in_it(home: Page):
    before = answers(home).count()
    say(home, "What does a ticket for the lighthouse cost?")
    answer = wait_for_answer(home, before + 1)
    expect(body(answer)).to_contain_text("That is not in “The lighthouse of Skarvholmen”.")
    expect(answer.locator(".because")).to_have_text("Document")


@pytest.mark.long
def test_any_question_finds_all_sources_once_the_chat_is_about_anything(home: Page):
    home.get_by_role("button", name="Do not ask “The lighthouse").click()
    expect(home.locator("#about")).to_be_hidden()
    sources = paste(home, SWEDISH)
    expect(sources.get_by_role("listitem").filter(has_text="Båthuset")).to_contain_text("ready")
    new_chat(home)
    expect(home.locator("#about")).to_be_hidden()
    say(home, "Var hänger nyckeln till båthuset?")
    expect(body(wait_for_answer(home))).to_contain_text("I ”Båthuset”: ”")
    expect(quotes(home)).to_contain_text("Read in “Båthuset”")
    say(home, "How much does the lens of the lighthouse weigh?")
    expect(body(wait_for_answer(home, 2))).to_contain_text("340 kilograms")
    say(home, "Write a rhyme about cats")
    expect(wait_for_answer(home, 3).locator("details.because")).to_have_count(0)


@pytest.mark.long
def test_several_sources_are_asked_in_one_chat(home: Page):
    lighthouse = panel(home, "Sources").get_by_role("listitem").filter(has_text="lighthouse")
    lighthouse.get_by_role("button", name="Ask about it").click()
    home.get_by_role("button", name="Ask another source here too").click()
    home.get_by_role("menuitem", name="Båthuset").click()
    expect(home.locator("#about .chip")).to_have_count(2)
    say(home, "Var hänger nyckeln till båthuset?")
    expect(quotes(home)).to_contain_text("Read in “Båthuset”")
    say(home, "How much does the lens weigh?")
    expect(body(wait_for_answer(home, 2))).to_contain_text("340 kilograms")
    say(home, "What does a ticket for the lighthouse cost?")
    said = "That is not in “The lighthouse of Skarvholmen” or “Båthuset”."
    expect(body(wait_for_answer(home, 3))).to_contain_text(said)
    home.get_by_role("button", name="Ask another source here too").click()
    expect(home.locator("#toasts")).to_contain_text("no other source")


@pytest.mark.long
def test_what_a_person_told_comes_before_what_a_source_says(home: Page):
    new_chat(home)
    say(home, "btw the lens of my own lighthouse weighs 12 grams")
    wait_for_answer(home)
    expect(locate_note(home)).to_contain_text("Remembered")
    new_chat(home)
    say(home, "How much does the lens of my own lighthouse weigh?")
    expect(body(wait_for_answer(home))).to_contain_text("12 grams")
    expect(wait_for_answer(home).locator(".because")).to_contain_text("Memory")


def test_a_source_that_is_gone_leaves_its_quotes(home: Page):
    lighthouse = panel(home, "Sources").get_by_role("listitem").filter(has_text="lighthouse")
    ask = lighthouse.get_by_role("button", name="Ask about it")
    press_and_say(ask, "When was the lighthouse built?")
    quoted = quotes(home)
    lighthouse.get_by_role("button", name="Remove").click()
    expect(lighthouse).to_have_count(0)
    quoted.locator("summary").click()
    quoted.get_by_role("button", name="Show the place").click()
    expect(home.locator("#toasts")).to_contain_text("no longer among the sources")
    say(home, "And when was the lens ground?")
    expect(wait_for_answer(home, 2)).to_contain_text("The source could not be searched")
