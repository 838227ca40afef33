"""The first click must work, and every failure must be told in words: no raw exception text may
reach a person."""

import re

import pytest
from playwright.sync_api import Page, expect

from builder import ROOT
from oneseek.engine.core import messages
from oneseek.engine.core.messages import Request
from tests.support.page.acts import say, set_temperature, wait_for_answer
from tests.support.page.browser import wait_for_state

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_download_pressed_as_soon_as_the_page_reacts_waits_for_its_turn_and_works(page: Page):
    """The engine takes seconds to start, but the button is there after one second."""
    page.goto("/?engine=cpu")
    page.locator("html[data-page=ready]").wait_for(state="attached")
    page.get_by_role("button", name="Just look around").click()
    assert page.get_attribute("html", "data-engine") == "booting", "pressed too late to tell"
    card = page.locator("#consent")
    expect(card).to_contain_text("It begins by itself when the engine has started. Now:")
    expect(card.get_by_role("progressbar")).to_be_visible()
    wait_for_state(page, "ready", timeout=120)
    set_temperature(page, "0")
    say(page, "What is the capital of France?")
    expect(wait_for_answer(page).locator(".text")).to_contain_text("Paris")


@pytest.mark.long
def test_another_model_chosen_while_one_is_on_its_way_waits_too(page: Page):
    page.goto("/?engine=cpu")
    page.locator("html[data-page=ready]").wait_for(state="attached")
    page.get_by_role("button", name="Just look around").click()
    expect(page.locator("#model-button")).not_to_contain_text("Choose a model")
    page.locator("#model-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Use").first.click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "A model is being loaded already."
    )
    wait_for_state(page, "ready", timeout=120)


def test_every_request_has_words_for_its_failure():
    """Known causes have words of their own; every other failure is described by its request."""
    table = (ROOT / "web/lib/failures.py").read_text()
    named = set(re.findall(r'"([A-Z][A-Za-z]+)"', table))
    requests = {
        name
        for name, kind in vars(messages).items()
        if isinstance(kind, type) and issubclass(kind, Request) and kind is not Request
    }
    silent = {"Ping", "Break", "ReadAhead", "CallApi", "LeaveApi"}  # these are not sent by a person
    assert requests - silent <= named, requests - silent - named
