"""The first minute: useful at once, nothing fetched before a yes, and no dead end."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import wait_for_state, watched
from tests.test_app_chat import body, finished, say, set_temperature

pytestmark = pytest.mark.slow
MODEL = re.compile(r"/models-[0-9a-f]+/")


@pytest.fixture
def asked_for(context: BrowserContext) -> list[str]:
    """The addresses of model files that were requested."""
    found: list[str] = []
    context.on("request", lambda r: found.append(r.url) if MODEL.search(r.url) else None)
    return found


def test_the_page_is_useful_at_once_and_asks_before_it_fetches(page: Page, asked_for: list[str]):
    page.goto("/")
    heading = page.get_by_role("heading", name="Chat that runs and learns on this device")
    expect(heading).to_be_visible(timeout=10_000)
    expect(page.get_by_role("textbox", name="Message")).to_be_editable()
    wait_for_state(page, "needs-consent", timeout=120)
    card = page.locator("#consent")
    expect(card).to_contain_text("SmolLM2 135M Instruct")
    for fact in ("98 MB", "Apache-2.0", "English"):
        expect(card).to_contain_text(fact)
    assert not asked_for


def test_sending_before_a_choice_shows_the_choice_and_keeps_the_draft(
    page: Page, asked_for: list[str]
):
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    field = page.get_by_role("textbox", name="Message")
    field.fill("Remember this draft")
    field.press("Enter")
    expect(page.locator("#consent")).to_be_focused()
    expect(field).to_have_value("Remember this draft")
    assert not asked_for
    page.wait_for_timeout(700)
    page.reload()
    expect(field).to_have_value("Remember this draft", timeout=20_000)


def test_the_chosen_model_is_fetched_with_progress_and_answers(page: Page, asked_for: list[str]):
    page.add_init_script(
        """window.shares = [];
        new MutationObserver(() => { const bar = document.querySelector("#consent progress");
          const note = document.querySelector("#consent .note")?.textContent ?? "";
          if (bar && note.includes("98 MB")) shares.push(bar.value / bar.max); })
          .observe(document, {subtree: true, childList: true, attributes: true});"""
    )
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Download 98 MB").click()
    wait_for_state(page, "ready", timeout=180)
    shares = page.evaluate("shares")
    fetched = shares[: shares.index(max(shares)) + 1]
    assert len(set(shares)) >= 3 and fetched == sorted(fetched)
    assert asked_for
    set_temperature(page, "0")
    say(page, "What is the capital of France?")
    expect(body(finished(page))).to_contain_text("Paris", timeout=60_000)


def test_swedish_browsers_are_greeted_in_swedish(chromium, address):
    with watched(chromium, address, locale="sv-SE") as (context, _):
        page = context.new_page()
        page.goto("/")
        expect(
            page.get_by_role("heading", name="En assistent som svarar och lär sig")
        ).to_be_visible(timeout=20_000)
        expect(page.locator("html")).to_have_attribute("lang", "sv")


def test_too_little_room_is_said_with_both_numbers_before_anything_is_fetched(
    page: Page, asked_for: list[str]
):
    page.add_init_script(
        "navigator.storage.estimate = async () => ({ usage: 5e6, quota: 15e6, usageDetails: {} })"
    )
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    warning = page.locator("#consent [role=alert]")
    expect(warning).to_contain_text("It needs 98 MB; the browser allows 10 MB more.")
    assert not asked_for
    expect(warning.get_by_role("button", name="Run without saving")).to_be_visible()


def test_a_model_that_does_not_come_leaves_three_ways_on(chromium, address):
    with watched(chromium, address, service_workers="block") as (context, watch):
        watch.allow("Failed to load resource|ERR_FAILED|ServiceWorker")
        page = context.new_page()
        page.route(MODEL, lambda route: route.abort())
        page.goto("/")
        wait_for_state(page, "needs-consent", timeout=120)
        page.get_by_role("button", name="Just look around").click()
        card = page.locator("#consent")
        expect(card).to_contain_text("Stopped at 0 %", timeout=60_000)
        expect(card).to_contain_text("What you have is kept.")
        for name in ("Resume", "Start over", "Other model"):
            expect(card.get_by_role("button", name=name)).to_be_visible()
        page.unroute(MODEL)
        card.get_by_role("button", name="Resume").click()
        wait_for_state(page, "ready", timeout=120)


def test_the_chosen_model_is_there_again_after_a_reload_and_the_chats_too(page: Page):
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Just look around").click()
    wait_for_state(page, "ready", timeout=120)
    say(page, "What is the capital of Norway?")
    finished(page)
    page.reload()
    wait_for_state(page, "ready", timeout=120)
    expect(page.get_by_role("article", name="OneSeek said")).to_contain_text("Oslo")
    expect(page.get_by_role("navigation")).to_contain_text("What is the capital of Norway?")
