"""Accessibility: axe must find nothing serious in any panel, and a keyboard must be enough for
everything."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.page.acts import answers, row, say, wait_for_answer
from tests.support.page.axe import serious
from tests.support.page.browser import Chromium, Watch, wait_for_state, watched
from tests.support.page.stored import light_lessons

pytestmark = [pytest.mark.slow, pytest.mark.long]
PANELS = ("Memory", "Activity", "Sources", "Versions")
DIALOGS = {
    "Settings": "Settings",
    "Help": "Help",
    "OneSeek demo": "Models",
    "Everything stays on this device": "Everything stays on this device",
    "Add something to learn from": "Add something to learn from",
}


def tab_to(
    page: Page, name: str | re.Pattern, role: str = "button", within: Locator | None = None
) -> None:
    """Press Tab until the control with this name has the focus; fail if it never does or is out of
    view."""
    wanted = (within or page).get_by_role(role, name=name).first
    for _ in range(90):
        if wanted.evaluate("node => node === document.activeElement"):
            expect(wanted).to_be_in_viewport()
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {name}")


@pytest.fixture(scope="module")
def visit(chromium: Chromium, address: str) -> Iterator[tuple[Page, Watch]]:
    """A first visit with its watch; the tests of this file share it."""
    with watched(chromium, address, locale="en-US") as (context, watch):
        page = context.new_page()
        light_lessons(page)
        page.goto("/")
        wait_for_state(page, "needs-consent", timeout=120)
        yield page, watch


@pytest.fixture
def visitor(visit: tuple[Page, Watch]) -> Page:
    return visit[0]


def test_R30_from_first_run_to_a_rollback_by_keyboard_alone_and_no_byte_leaves(
    visit: tuple[Page, Watch],
):
    """Without mouse or error: choose, chat, mark, skip, teach, learn, look, roll back and undo
    that."""
    page, watch = visit
    keys = page.keyboard
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    keys.type("Hello")
    keys.press("Enter")
    expect(page.locator("#consent")).to_be_focused()
    tab_to(page, "Just look around")
    keys.press("Enter")
    wait_for_state(page, "ready", timeout=120)
    tab_to(page, "Message", "textbox")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Hello")
    keys.press("Enter")
    wait_for_answer(page)
    tab_to(page, "Good answer: learn it")
    keys.press("Space")
    expect(page.get_by_role("button", name="Good answer: learn it")).to_have_attribute(
        "aria-pressed", "true"
    )
    tab_to(page, "Memory", "tab")
    keys.press("ArrowRight")
    expect(page.get_by_role("tab", name=re.compile("^Activity"))).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("Hello")
    tab_to(page, "Skip")
    keys.press("Enter")
    expect(page.get_by_role("tabpanel")).to_contain_text("Nothing waits.")
    teach_by_keyboard(page)
    roll_back_by_keyboard(page)
    keys.press("Control+k")
    expect(page.get_by_role("searchbox", name="Search chats")).to_be_focused()
    keys.press("Control+Shift+o")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    keys.press("Escape")
    tab_to(page, "Help")
    keys.press("Enter")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("button", name="Help")).to_be_focused()
    watch.check()


def teach_by_keyboard(page: Page) -> None:
    """Teach a fact from the Memory tab and learn it at once."""
    keys = page.keyboard
    tab_to(page, re.compile("^Activity"), "tab")
    keys.press("ArrowLeft")
    tab_to(page, "Tell it a fact")
    keys.press("Enter")
    expect(page.get_by_label("When asked …")).to_be_focused()
    keys.type("What is the capital of Zorbia?")
    keys.press("Tab")
    keys.type("The capital of Zorbia is Blimbo.")
    tab_to(page, "Teach", within=page.get_by_role("dialog"))
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    tab_to(page, "Memory", "tab")
    keys.press("ArrowRight")
    tab_to(page, "Learn now")
    keys.press("Enter")
    expect(page.get_by_test_id("active-version")).to_have_text("v0.1", timeout=180_000)


def roll_back_by_keyboard(page: Page) -> None:
    keys = page.keyboard
    tab_to(page, re.compile("^Activity"), "tab")
    keys.press("End")
    expect(page.get_by_role("tab", name="Versions")).to_be_focused()
    tab_to(page, "Use", within=page.get_by_role("tabpanel"))
    keys.press("Enter")
    expect(page.get_by_test_id("active-version")).to_have_text("v0")
    versions = page.get_by_role("tabpanel", name="Versions")
    expect(row(versions, "original")).to_contain_text("in use")  # wait until the list is redrawn
    tab_to(page, "Use", within=page.get_by_role("tabpanel"))
    keys.press("Enter")
    expect(page.get_by_test_id("active-version")).to_have_text("v0.1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_panel_or_dialog(visitor: Page, scheme: str):
    visitor.emulate_media(color_scheme=scheme)
    if not answers(visitor).count():
        visitor.goto("/?model=tiny")
        wait_for_state(visitor, "ready", timeout=120)
        say(visitor, "My dog is called Biscuit.")
        wait_for_answer(visitor)
    problems = []
    for name in PANELS:
        visitor.get_by_role("tab", name=re.compile("^" + name)).click()
        visitor.wait_for_timeout(400)
        problems += [f"{name}, {scheme}: {one}" for one in serious(visitor)]
    for opener, title in DIALOGS.items():
        visitor.get_by_role("button", name=opener).first.click()
        expect(visitor.get_by_role("dialog", name=title)).to_be_visible()
        visitor.wait_for_timeout(200)
        problems += [f"{title}, {scheme}: {one}" for one in serious(visitor)]
        visitor.keyboard.press("Escape")
        expect(visitor.get_by_role("dialog")).to_have_count(0)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("width", [390, 900])
def test_narrow_screens_have_sheets_that_open_and_close(visitor: Page, width: int):
    visitor.set_viewport_size({"width": width, "height": 844})
    try:
        visitor.get_by_role("button", name="Learning panel").click()
        expect(visitor.get_by_role("tab", name="Activity")).to_be_visible()
        visitor.wait_for_timeout(300)
        assert not serious(visitor)
        visitor.get_by_role("complementary").get_by_role("button", name="Close").click()
        expect(visitor.get_by_role("tab", name="Activity")).to_be_hidden()
        if width < 700:
            visitor.get_by_role("button", name="Conversations").click()
            expect(visitor.get_by_role("button", name="New chat")).to_be_visible()
            visitor.keyboard.press("Escape")
            expect(visitor.get_by_role("button", name="New chat")).to_be_hidden()
        assert visitor.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        visitor.set_viewport_size({"width": 1280, "height": 720})


def test_every_control_has_a_name(visitor: Page):
    nameless = visitor.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, [role=tab]")]
          .filter((node) => node.checkVisibility() && !(node.ariaLabel || node.textContent.trim() ||
            node.labels?.length || node.title)).map((node) => node.outerHTML)"""
    )
    assert not nameless
