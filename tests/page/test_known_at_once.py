"""Told is known, through the page: remembered in seconds, said by whom, forgotten from the next
question on."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    answers,
    body,
    finished,
    new_chat,
    panel,
    say,
    set_temperature,
    tell,
    told,
    version,
)
from tests.support.page.browser import wait_for_state
from tests.support.page.stored import stored

pytestmark = pytest.mark.slow


def facts(page: Page) -> list[str]:
    """What is known by heart, by the store's own word."""
    return [fact["answer"] for fact in stored(page, "facts").values()]


def opened(page: Page, model: str) -> None:
    page.goto(f"/?model={model}&engine=cpu")
    wait_for_state(page, "ready", timeout=300)
    set_temperature(page, "0")


def entry(page: Page, words: str):
    return panel(page, "Memory").get_by_role("listitem").filter(has_text=words)


def test_what_is_told_is_remembered_before_any_lesson_and_taken_back_at_once(page: Page):
    opened(page, "tiny")
    say(page, "My boat is called Vindil.")
    finished(page)
    expect(told(page)).to_contain_text("Remembered. 1 lesson waits.")
    assert facts(page) == ["Your boat is called Vindil."]
    expect(version(page)).to_have_text("v0")
    boat = entry(page, "Your boat is called Vindil.")
    expect(boat).to_contain_text("by heart")
    expect(boat).to_contain_text("not practised yet")
    page.reload()
    wait_for_state(page, "ready", "countdown", "training", timeout=120)
    expect(told(page)).to_contain_text("Remembered.")
    told(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Gone: from the next")
    expect(told(page)).to_have_count(0)
    assert facts(page) == []


def test_what_is_too_long_to_say_by_heart_says_so_and_waits_for_its_lesson(page: Page):
    opened(page, "tiny")
    tell(page, "What do I sing?", "You sing la " + "la " * 250)
    refused = entry(page, "You sing la la")
    expect(refused).to_contain_text("not by heart")
    expect(refused).to_contain_text("at most 600 are remembered")
    assert facts(page) == []


@pytest.mark.long
def test_an_answer_shows_what_it_was_said_by_also_after_a_reload(page: Page):
    """The real model: told, asked in a new chat, right; forgotten there, asked, gone."""
    opened(page, "smollm2-135m")
    say(page, "My boat is called Saltkråkan.")
    expect(told(page)).to_contain_text("Remembered.", timeout=240_000)
    assert "Saltkråkan" in asked(page)
    page.reload()
    wait_for_state(page, "ready", "countdown", "training", timeout=300)
    because = answers(page).last.locator("details.because")
    because.get_by_text("By heart: you told it").click()
    expect(because).to_contain_text("From a chat")
    because.get_by_role("button", name="Correct").click()
    page.get_by_role("textbox", name="Correct").fill("Your boat is called Vindil.")
    entry(page, "Saltkråkan").get_by_role("button", name="Correct", exact=True).first.click()
    expect(entry(page, "Your boat is called Vindil.")).to_contain_text("by heart")
    said = asked(page)
    assert "Vindil" in said and "Saltkråkan" not in said
    because = answers(page).last.locator("details.because")
    because.get_by_text("By heart: you told it").click()
    because.get_by_role("button", name="Forget").click()
    dialog = page.get_by_role("alertdialog").or_(page.get_by_role("dialog"))
    dialog.get_by_role("button", name="Forget").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Gone: from the next")
    said = asked(page)
    assert "Vindil" not in said and "Saltkråkan" not in said
    expect(answers(page).last.locator("details.because")).to_have_count(0)


def asked(page: Page) -> str:
    new_chat(page)
    say(page, "What is my boat called?")
    last = answers(page).last
    expect(last.get_by_role("button", name="Copy")).to_be_visible(timeout=240_000)
    return body(last).inner_text()
