"""Limits of a small model must be stated where they show, and nothing a person wrote may be
lost."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    MOTTO,
    QUIET,
    answers,
    say,
    tell_motto,
    wait_for_answer,
)
from tests.support.page.browser import wait_for_state

pytestmark = pytest.mark.slow
LONG = "The lighthouse of Quillmere was built by Ida Falk. " * 700


@pytest.mark.long
def test_a_message_that_is_too_long_stays_in_the_field_and_becomes_a_source(chat: Page):
    say(chat, LONG)
    said = chat.locator("#too-long")
    expect(said).to_contain_text("6,300 words")
    expect(said).to_contain_text("unchanged in the field")
    field = chat.get_by_role("textbox", name="Message")
    assert field.input_value() == LONG.strip()
    expect(answers(chat)).to_have_count(0)
    expect(chat.get_by_role("article")).to_have_count(0)
    chat.reload()
    expect(field).to_have_value(LONG.strip())
    wait_for_state(chat, *QUIET, timeout=120)
    say(chat, LONG)
    chat.get_by_role("button", name="Use it as a source").click()
    expect(field).to_have_value("")
    expect(said).to_be_hidden()
    expect(chat.get_by_role("tabpanel").get_by_text(re.compile("6,300 words"))).to_be_visible()


@pytest.mark.long
def test_in_a_chat_that_goes_on_the_turns_before_stay(chat: Page):
    say(chat, "Hello")
    wait_for_answer(chat)
    say(chat, LONG)
    expect(chat.locator("#too-long")).to_be_visible()
    expect(chat.get_by_role("article")).to_have_count(2)
    chat.locator("#too-long").get_by_role("button", name="Close").click()
    expect(chat.locator("#too-long")).to_be_hidden()
    say(chat, LONG)
    expect(chat.locator("#too-long")).to_be_visible()
    chat.get_by_role("textbox", name="Message").fill("")
    expect(chat.locator("#too-long")).to_be_hidden()
    say(chat, "What is a tree?")
    wait_for_answer(chat, 2)


@pytest.mark.long
def test_an_answer_at_its_limit_says_so_and_goes_on(chat: Page):
    tell_motto(chat)
    chat.get_by_role("button", name="Settings").click()
    chat.get_by_label("Longest answer, in tokens").fill("16")
    chat.keyboard.press("Tab")
    chat.keyboard.press("Escape")
    say(chat, MOTTO[0])
    last = wait_for_answer(chat)
    expect(last).to_contain_text("Cut off: the answer became longer than the limit.")
    text = last.locator(".text")
    before = text.inner_text()
    last.get_by_role("button", name="Continue").click()
    expect(text).not_to_have_text(before)
    expect(last.get_by_role("button", name="Copy")).to_be_visible()
    assert len(text.inner_text()) > len(before)
    assert text.inner_text().startswith(before[:20])
