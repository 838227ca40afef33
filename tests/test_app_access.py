"""Everyone can use it: axe finds nothing serious in any panel, and a keyboard is all one needs."""

import re

import pytest
from playwright.sync_api import Page, expect

from builder import fetch, wheels
from tests.browser import wait_for_state
from tests.test_app_chat import answers, finished, say

pytestmark = pytest.mark.slow
PANELS = ("Activity", "Memory", "Queue", "Sources", "Versions")
DIALOGS = {
    "Settings": "Settings",
    "Help": "Help",
    "OneSeek-1M-Zero": "Models",
    "Everything stays on this device": "Everything stays on this device",
    "Add something to learn from": "Add something to learn from",
}


@pytest.fixture(scope="module")
def axe() -> str:
    return wheels.unpacked(fetch.part("npm/axe-core"), ".")["axe.min.js"].decode()


def serious(page: Page, axe: str) -> list[str]:
    """What axe calls serious or critical in what is shown now."""
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_panel_or_dialog(home: Page, axe: str, scheme: str):
    home.emulate_media(color_scheme=scheme)
    if not answers(home).count():
        say(home, "My dog is called Biscuit.")
        finished(home)
    problems = []
    for name in PANELS:
        home.get_by_role("tab", name=re.compile("^" + name)).click()
        home.wait_for_timeout(400)
        problems += [f"{name}, {scheme}: {one}" for one in serious(home, axe)]
    for opener, title in DIALOGS.items():
        home.get_by_role("button", name=opener).first.click()
        expect(home.get_by_role("dialog", name=title)).to_be_visible()
        home.wait_for_timeout(200)
        problems += [f"{title}, {scheme}: {one}" for one in serious(home, axe)]
        home.keyboard.press("Escape")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("width", [390, 900])
def test_narrow_screens_have_sheets_that_open_and_close(home: Page, axe: str, width: int):
    home.set_viewport_size({"width": width, "height": 844})
    try:
        home.get_by_role("button", name="Learning panel").click()
        expect(home.get_by_role("tab", name="Activity")).to_be_visible()
        home.wait_for_timeout(300)
        assert not serious(home, axe)
        home.get_by_role("complementary").get_by_role("button", name="Close").click()
        expect(home.get_by_role("tab", name="Activity")).to_be_hidden()
        if width < 700:
            home.get_by_role("button", name="Conversations").click()
            expect(home.get_by_role("button", name="New chat")).to_be_visible()
            home.keyboard.press("Escape")
            expect(home.get_by_role("button", name="New chat")).to_be_hidden()
        assert home.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        home.set_viewport_size({"width": 1280, "height": 720})


def tab_to(page: Page, name: str | re.Pattern, role: str = "button") -> None:
    """Press Tab until the control with this name has the focus; it must come, and be seen."""
    wanted = page.get_by_role(role, name=name).first
    for _ in range(90):
        if wanted.evaluate("node => node === document.activeElement"):
            expect(wanted).to_be_in_viewport()
            return
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement !== document.body || true")
    raise AssertionError(f"Tab never reaches {name}")


def test_from_first_run_to_a_lesson_by_keyboard_alone(page: Page):
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    expect(page.locator("#consent")).to_be_focused()
    tab_to(page, "Just look around")
    page.keyboard.press("Enter")
    wait_for_state(page, "ready", timeout=120)
    tab_to(page, "Message", "textbox")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Hello")
    page.keyboard.press("Enter")
    finished(page)
    tab_to(page, "Good answer: learn it")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Good answer: learn it")).to_have_attribute(
        "aria-pressed", "true"
    )
    tab_to(page, "Activity", "tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name=re.compile("^Queue"))).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("Hello")
    tab_to(page, "Skip")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tabpanel")).to_contain_text("Nothing to learn yet")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox", name="Search chats")).to_be_focused()
    page.keyboard.press("Control+Shift+o")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.press("Escape")
    tab_to(page, "Help")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Help")).to_be_focused()


def test_every_control_has_a_name(home: Page):
    nameless = home.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, [role=tab]")]
          .filter((node) => node.checkVisibility() && !(node.ariaLabel || node.textContent.trim() ||
            node.labels?.length || node.title)).map((node) => node.outerHTML)"""
    )
    assert not nameless
