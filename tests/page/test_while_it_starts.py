"""Clicks and keys during the start of the page, and what a start finds."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import tell
from tests.support.page.browser import Chromium, Watch, wait_for_state, watched

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_a_tab_pressed_while_the_page_starts_is_the_one_that_opens(
    chromium: Chromium, address: str
):
    """Another tab was open before; the page's Python is delayed until this tab is pressed."""
    with watched(chromium, address, locale="en-US", service_workers="block") as (context, _):
        page = context.new_page()
        page.goto("/?model=tiny&engine=cpu")
        wait_for_state(page, "ready", timeout=120)
        page.get_by_role("tab", name="Sources").click()
        expect(page.locator("#panel-sources")).to_be_visible()

        def hold_up(route) -> None:
            page.get_by_role("tab", name="Versions").click()
            route.continue_()

        context.route("**/modules.rom", hold_up)
        page.reload()
        page.locator("html[data-page=ready]").wait_for(state="attached")
        expect(page.get_by_role("tab", name="Versions")).to_have_attribute("aria-selected", "true")
        expect(page.locator("#panel-versions")).to_contain_text("original")
        expect(page.locator("#panel-sources")).to_be_hidden()


def test_what_is_pressed_while_the_page_starts_is_done_once_it_can_be(page: Page, context):
    """The page repeats a click made before its first module runs: a dialog must open and stay, and
    a switch pressed twice must switch once."""
    pressed = ["#settings-button", "#aside-toggle"]

    def hold_up(route) -> None:
        page.locator(pressed[0]).click(click_count=2)
        route.continue_()

    context.route("**/page.js", hold_up)
    page.goto("/?model=tiny&engine=cpu")
    # a module script would run only after the buttons exist
    expect(page.locator('head script[src$="/start.js"]:not([type])')).to_have_count(1)
    wait_for_state(page, "ready", timeout=120)
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    pressed.pop(0)
    open_before = page.locator("#learning").is_visible()
    page.reload()
    page.locator("html[data-page=ready]").wait_for(state="attached")
    expect(page.locator("#learning")).to_be_visible(visible=not open_before)
    expect(page.locator("#aside-toggle")).to_have_attribute("aria-expanded", "false")


@pytest.mark.long
def test_what_is_focused_while_the_page_starts_stays_so(page: Page, context):
    tab = page.get_by_role("tab", name="Sources")

    def hold_up(route) -> None:
        tab.focus()
        route.continue_()

    context.route("**/modules.rom", hold_up)
    page.goto("/?model=tiny&engine=cpu")
    page.locator("html[data-page=ready]").wait_for(state="attached")
    wait_for_state(page, "ready", timeout=120)
    expect(tab).to_be_focused()


MALFORMED = """async () => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
  const change = db.transaction(["queue", "examples"], "readwrite");
  change.objectStore("queue").put({ id: "not an id", prompt: "?", answer: "!", state: "ready" }, "not an id");
  change.objectStore("examples").put({ id: "zz", prompt: "Who?", answer: "Nobody.", kind: "fact",
    language: "en", source: { kind: "told" }, time: 1, priority: "chat", learned_in: 0 }, "zz");
  await new Promise((go) => (change.oncomplete = go));
  db.close();
}"""


@pytest.mark.long
def test_a_record_with_a_malformed_id_is_set_aside_and_said_and_the_page_starts(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("button", name="English").click()
    tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    page.evaluate(MALFORMED)
    page.reload()
    page.locator("html[data-page=ready]").wait_for(state="attached")
    said = page.get_by_text("1 stored lesson cannot be read and was set aside.")
    expect(said).to_be_visible()
    wait_for_state(page, "ready", "countdown", timeout=120)
    memory = page.get_by_role("tabpanel", name="Memory")
    expect(memory).to_contain_text("The capital of Zorbia is Blimbo.")
    page.get_by_role("button", name="Remove for good").click()
    expect(said).to_be_hidden()
    page.reload()
    wait_for_state(page, "ready", "countdown", timeout=120)
    expect(memory).to_contain_text("The capital of Zorbia is Blimbo.")
    expect(said).to_be_hidden()


FOLDERS_GO = """
navigator.storage.getDirectory = () =>
  Promise.reject(new DOMException("the state had changed since it was read", "InvalidStateError"));
"""


def test_a_page_whose_folders_are_cleared_while_it_starts_starts(page: Page):
    page.add_init_script(FOLDERS_GO)
    page.goto("/?model=tiny")
    page.locator("html[data-page=ready]").wait_for(state="attached")


LEFT = """
sessionStorage.visits = 1 + Number(sessionStorage.visits ?? 0);
if (sessionStorage.visits === "1") IDBFactory.prototype.open = () => ({});
"""


@pytest.mark.long
def test_a_first_visit_left_before_anything_could_be_stored_lost_nothing(page: Page):
    page.add_init_script(LEFT)
    page.goto("/?model=tiny")
    page.wait_for_timeout(1000)  # on this visit its store never opens
    page.reload()
    wait_for_state(page, "ready", timeout=120)
    assert page.evaluate("sessionStorage.visits") == "2"
    expect(page.get_by_text("This browser cleared what OneSeek had stored")).to_have_count(0)


def test_a_page_that_cannot_begin_says_so_at_once(page: Page, watch: Watch):
    watch.allow("incompatible .mpy file")

    def spoilt(route) -> None:
        files = route.fetch().body()
        route.fulfill(body=re.sub(rb"(?s)(app\.mpy\x02[\x80-\xff]*.M)\x06", b"\\1\x05", files))

    page.route("**/modules.rom", spoilt)
    page.goto("/?model=tiny")
    told = page.locator("#trouble-start")
    expect(told).to_contain_text("incompatible .mpy file")
    expect(told).to_contain_text("Nothing you saved is lost.")
