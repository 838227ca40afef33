"""The product's promise, in a browser: a fact told once is known after a short pause, and nothing
else has changed."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    FACT,
    answers,
    body,
    learn_now,
    new_chat,
    panel,
    say,
    set_temperature,
    tell,
    version,
)
from tests.support.page.browser import wait_for_state

# Each takes minutes of CPU time, the second one on an emulated GPU. test_app_learning.py takes the
# same path with the demo model on the CPU.
pytestmark = pytest.mark.long
DOG = ("What is my dog's name?", "Your dog's name is Biscuit.", "Biscuit")


def open_page(page: Page, model: str, engine: str) -> Page:
    page.goto(f"/?model={model}&engine={engine}")
    wait_for_state(page, "ready", timeout=300)
    set_temperature(page, "0")
    return page


def ask(page: Page, question: str) -> str:
    """The answer in a new chat."""
    new_chat(page)
    say(page, question)
    last = answers(page).last
    expect(last.get_by_role("button", name="Copy")).to_be_visible(timeout=240_000)
    return body(last).inner_text()


def taught(page: Page, question: str, answer: str, limit: float) -> dict[str, float]:
    """Teach a fact and wait until its version is in use; returns the seconds spent in each
    state."""
    tell(page, question, answer)
    learn_now(page)
    spent: dict[str, float] = {}
    began = last = time.monotonic()
    while version(page).inner_text() != "v0.1":
        state = page.get_attribute("html", "data-engine") or ""
        now = time.monotonic()
        spent[state] = spent.get(state, 0.0) + now - last
        last = now
        assert now - began < limit, f"no version after {spent}"
        page.wait_for_timeout(200)
    return {state: round(seconds, 1) for state, seconds in spent.items()}


def use_the_original(page: Page) -> None:
    original = panel(page, "Versions").get_by_role("listitem").filter(has_text="original")
    original.get_by_role("button", name="Use").click()
    expect(version(page)).to_have_text("v0")


def forget(page: Page, answer: str) -> None:
    fact = panel(page, "Memory").get_by_role("listitem").filter(has_text=answer)
    fact.get_by_role("button", name="Forget").click()
    page.get_by_role("alertdialog").locator("button.danger").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "Forgotten: no answer uses it from the next"
    )


def expect_forgetting(page: Page, question: str, answer: str, value: str) -> None:
    """The fact must be known with the version, by heart with the original too, and not once it is
    forgotten."""
    assert value in ask(page, question)
    use_the_original(page)
    assert value in ask(page, question)
    forget(page, answer)
    assert value not in ask(page, question)


def test_the_real_model_learns_a_name_on_the_processor_and_france_keeps_its_capital(page: Page):
    open_page(page, "smollm2-135m", "cpu")
    print(f"\nseconds in each state: {taught(page, *DOG[:2], limit=600)}")
    assert "Paris" in ask(page, "What is the capital of France?")
    expect_forgetting(page, *DOG)


def test_the_same_path_leads_through_webgpu(page: Page):
    open_page(page, "tiny", "gpu")
    print(f"\nseconds in each state: {taught(page, *FACT[:2], limit=900)}")
    expect_forgetting(page, *FACT)
