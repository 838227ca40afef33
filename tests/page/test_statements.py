"""Statements in the person's own words, through the page: kept verbatim, told apart from other
messages, quoted in a new chat, corrected and forgotten."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    body,
    locate_note,
    new_chat,
    panel,
    say,
    set_temperature,
    wait_for_answer,
)
from tests.support.page.browser import wait_for_state
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow

SAID = "btw my sister Rosalind works as a vet in Plymouth"
KNOWN = re.compile("remembered|learning|learned")
ASKED = "Where does my sister work?"


def open_page(page: Page) -> None:
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=300)
    set_temperature(page, "0")


def read_facts(page: Page) -> list[str]:
    return [fact["answer"] for fact in read_store(page, "facts").values()]


def answer_to(page: Page, question: str):
    new_chat(page)
    say(page, question)
    return body(wait_for_answer(page))


@pytest.mark.long
def test_a_statement_is_kept_as_it_was_said_asked_for_put_right_and_taken_back(page: Page):
    open_page(page)
    say(page, "Write me a story about a king")
    wait_for_answer(page)
    expect(locate_note(page)).to_have_count(0)
    say(page, SAID)
    wait_for_answer(page, 2)
    expect(locate_note(page)).to_contain_text("Remembered as you said it: “" + SAID)
    assert read_facts(page) == [SAID]
    expect(answer_to(page, ASKED)).to_contain_text("Plymouth")
    entry = panel(page, "Memory").get_by_role("listitem").filter(has_text="Plymouth")
    expect(entry).to_contain_text("as you said it")
    entry.get_by_role("button", name="Correct").click()
    entry.get_by_role("textbox").fill("my sister Rosalind works as a vet in Exeter")
    entry.get_by_role("textbox").press("Control+Enter")
    expect(panel(page, "Memory").get_by_role("listitem")).to_contain_text("Exeter")
    expect(answer_to(page, ASKED)).to_contain_text("Exeter")
    assert read_facts(page) == ["my sister Rosalind works as a vet in Exeter"]
    entry = panel(page, "Memory").get_by_role("listitem").filter(has_text="Exeter")
    entry.get_by_role("button", name="Forget").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Forgotten")
    expect(answer_to(page, ASKED)).to_contain_text("You have not told me that.")
    assert read_facts(page) == []


@pytest.mark.long
def test_all_that_was_told_is_listed_in_the_chat_and_forgotten_there(page: Page):
    open_page(page)
    say(page, "my car is a red Volvo V60")  # known both as question and answer, and verbatim
    wait_for_answer(page)
    expect(locate_note(page)).to_have_attribute("data-state", KNOWN)
    listed = answer_to(page, "what do you know about me?")
    expect(listed.get_by_role("listitem")).to_have_text("Your car is a red Volvo V60.")
    expect(answer_to(page, "forget that my car is red")).to_contain_text(
        "I'll forget that: Your car"
    )
    expect(panel(page, "Memory").get_by_role("listitem")).to_have_count(0)
    expect(answer_to(page, "what do you know about me?")).to_contain_text("not told me anything")
    assert read_facts(page) == []
