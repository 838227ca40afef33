"""Facts through the page: remembered within seconds, attributed, and forgotten from the next
question on."""

import contextlib
import time

import pytest
from playwright.sync_api import Error, Page, expect

from tests.support.page.acts import (
    ALIVE,
    answers,
    body,
    fault,
    learn_now,
    locate_note,
    new_chat,
    panel,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import Watch, wait_for_state
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow


def facts(page: Page) -> list[str]:
    """The facts known by heart, from the store."""
    return [fact["answer"] for fact in read_store(page, "facts").values()]


def open_page(page: Page, model: str) -> None:
    page.goto(f"/?model={model}&engine=cpu")
    wait_for_state(page, "ready", timeout=300)
    set_temperature(page, "0")


def entry(page: Page, words: str):
    return panel(page, "Memory").get_by_role("listitem").filter(has_text=words)


@pytest.mark.long
def test_what_is_told_is_remembered_before_any_lesson_and_taken_back_at_once(page: Page):
    open_page(page, "tiny")
    say(page, "My boat is called Vindil.")
    wait_for_answer(page)
    expect(locate_note(page)).to_contain_text("Remembered. 1 lesson waits.")
    assert facts(page) == ["Your boat is called Vindil."]
    expect(version(page)).to_have_text("v0")
    boat = entry(page, "Your boat is called Vindil.")
    expect(boat).to_contain_text("by heart")
    expect(boat).to_contain_text("not practised yet")
    page.reload()
    wait_for_state(page, "ready", "countdown", "training", timeout=120)
    expect(locate_note(page)).to_contain_text("Remembered.")
    locate_note(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "Forgotten: no answer uses it from the next"
    )
    expect(locate_note(page)).to_have_count(0)
    assert facts(page) == []


TELLS_REQUESTS = """globalThis.requests = [];
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (...sent) {
  requests.push(JSON.stringify(sent[0]));
  return post.apply(this, sent);
};"""


@pytest.mark.long
def test_a_question_is_read_while_it_is_typed_and_answered_where_that_fails(page: Page):
    page.add_init_script(TELLS_REQUESTS)
    page.goto("/?model=tiny&engine=cpu&faults=1")
    wait_for_state(page, "ready", timeout=120)
    tell(page, "What is my boat called?", "Your boat is called Vindil.")
    expect(entry(page, "Vindil")).to_contain_text("by heart")
    page.get_by_role("textbox", name="Message").fill("Do you remember the name of my boat?")
    page.wait_for_function(
        "requests.some((one) => /ReadAhead/.test(one) && /name of my boat/.test(one))"
    )
    fault(page, "fail ReadAhead")
    page.get_by_role("textbox", name="Message").fill("What is my boat called?")
    page.wait_for_timeout(500)
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(body(wait_for_answer(page))).to_contain_text("Vindil")
    expect(page.locator("#alarm")).to_be_empty()


@pytest.mark.long
def test_what_is_too_long_to_say_by_heart_says_so_and_waits_for_its_lesson(page: Page):
    open_page(page, "tiny")
    tell(page, "What do I sing?", "You sing la " + "la " * 250)
    refused = entry(page, "You sing la la")
    expect(refused).to_contain_text("not by heart")
    expect(refused).to_contain_text("at most 600 are remembered")
    assert facts(page) == []


@pytest.mark.long
def test_an_answer_shows_what_it_was_said_by_also_after_a_reload(page: Page):
    """With the real model, a fact is told, asked and corrected in new chats, then forgotten and
    asked again."""
    open_page(page, "smollm2-135m")
    say(page, "My boat is called Saltkråkan.")
    expect(locate_note(page)).to_contain_text("Remembered.", timeout=240_000)
    assert "Saltkråkan" in ask(page)
    page.reload()
    wait_for_state(page, "ready", "countdown", "training", timeout=300)
    because = answers(page).last.locator("details.because")
    because.get_by_text("By heart: you told it").click()
    expect(because).to_contain_text("From a chat")
    because.get_by_role("button", name="Correct").click()
    page.get_by_role("textbox", name="Correct").fill("Your boat is called Vindil.")
    entry(page, "Saltkråkan").get_by_role("button", name="Correct", exact=True).first.click()
    expect(entry(page, "Your boat is called Vindil.")).to_contain_text("by heart")
    said = ask(page)
    assert "Vindil" in said and "Saltkråkan" not in said
    because = answers(page).last.locator("details.because")
    because.get_by_text("By heart: you told it").click()
    because.get_by_role("button", name="Forget").click()
    dialog = page.get_by_role("alertdialog").or_(page.get_by_role("dialog"))
    dialog.get_by_role("button", name="Forget").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "Forgotten: no answer uses it from the next"
    )
    said = ask(page)
    assert "Vindil" not in said and "Saltkråkan" not in said
    expect(answers(page).last.locator("details.because")).to_have_count(0)


def ask(page: Page) -> str:
    new_chat(page)
    say(page, "What is my boat called?")
    last = answers(page).last
    expect(last.get_by_role("button", name="Copy")).to_be_visible(timeout=240_000)
    return body(last).inner_text()


SOON = 10.0  # seconds until it is remembered


def crash_tab(page: Page) -> Page:
    """Kill the tab and open it again in the same profile."""
    context, address = page.context, page.url
    with contextlib.suppress(Error):
        page.goto("chrome://crash")
    again = context.new_page()
    page.close()
    again.goto(address)
    wait_for_state(again, *ALIVE, timeout=300)
    return again


@pytest.mark.long
def test_told_asked_corrected_learned_and_forgotten_with_the_tab_killed_between(
    page: Page, watch: Watch
):
    """With the real model on the CPU: each change must hold from the next question on, and after a
    kill."""
    watch.allow("Target crashed|chrome://")
    open_page(page, "smollm2-135m")
    say(page, "My boat is called Saltkråkan.")
    wait_for_answer(page)
    began = time.monotonic()
    expect(locate_note(page)).to_contain_text("Remembered.")
    assert time.monotonic() - began <= SOON
    page = crash_tab(page)
    assert "Saltkråkan" in ask(page)

    because = answers(page).last.locator("details.because")
    because.get_by_text("By heart: you told it").click()
    because.get_by_role("button", name="Correct").click()
    page.get_by_role("textbox", name="Correct").fill("Your boat is called Vindil.")
    entry(page, "Saltkråkan").get_by_role("button", name="Correct", exact=True).first.click()
    began = time.monotonic()
    expect(entry(page, "Your boat is called Vindil.")).to_contain_text("by heart")
    assert time.monotonic() - began <= SOON
    page = crash_tab(page)
    said = ask(page)
    assert "Vindil" in said and "Saltkråkan" not in said

    learn_now(page)
    expect(version(page)).to_have_text("v0.1", timeout=600_000)
    assert "Vindil" in ask(page)
    page = crash_tab(page)
    entry(page, "Vindil").get_by_role("button", name="Forget").first.click()
    page.get_by_role("alertdialog").or_(page.get_by_role("dialog")).get_by_role(
        "button", name="Forget"
    ).click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "Forgotten: no answer uses it from the next"
    )
    assert "Vindil" not in ask(page)
    page = crash_tab(page)
    said = ask(page)
    assert "Vindil" not in said and "Saltkråkan" not in said
