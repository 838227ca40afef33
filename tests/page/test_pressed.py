"""A control that is redrawn while it is pressed must still act: no click may be lost."""

import pytest
from playwright.sync_api import ElementHandle, Page, expect

from tests.support.page.acts import panel

pytestmark = [pytest.mark.slow, pytest.mark.long]


def redraw(page: Page, tab: str, control: ElementHandle) -> None:
    """Let the panel redraw itself, as it does whenever its data changes."""
    page.locator(f"#tab-{tab}").evaluate("tab => tab.click()")
    page.wait_for_function("control => !control.isConnected", arg=control)


def press_down(page: Page, name: str) -> ElementHandle:
    """Press the mouse button on the control; returns the control that is there then, since a just
    opened page may redraw it."""
    control = page.get_by_role("button", name=name)
    control.hover()
    page.mouse.down()
    return control.element_handle()


def test_a_button_drawn_anew_under_the_mouse_is_clicked_once(home: Page):
    panel(home, "Memory")
    for before_the_release in (True, False):
        control = press_down(home, "Tell it a fact")
        if before_the_release:
            redraw(home, "memory", control)
        home.mouse.up()
        expect(home.get_by_role("dialog")).to_have_count(1)
        expect(home.get_by_label("When asked …")).to_be_focused()
        home.keyboard.press("Escape")
        expect(home.get_by_role("dialog")).to_have_count(0)


def test_a_button_whose_row_is_moved_under_the_mouse_is_clicked_once(home: Page):
    """The panel of sources moves unchanged rows into a new list."""
    panel(home, "Memory")
    control = press_down(home, "Tell it a fact")
    control.evaluate(
        """control => { const before = control.parentNode, anew = before.cloneNode();
          anew.append(...before.childNodes); before.replaceWith(anew) }"""
    )
    home.mouse.up()
    expect(home.get_by_role("dialog")).to_have_count(1)
    home.keyboard.press("Escape")
    expect(home.get_by_role("dialog")).to_have_count(0)


def test_a_button_drawn_anew_under_the_space_bar_is_clicked(home: Page):
    panel(home, "Memory")
    control = home.get_by_role("button", name="Tell it a fact")
    control.focus()
    home.keyboard.down(" ")
    redraw(home, "memory", control.element_handle())
    home.keyboard.up(" ")
    expect(home.get_by_role("dialog")).to_have_count(1)
    home.keyboard.press("Escape")
    expect(home.get_by_role("dialog")).to_have_count(0)


def test_what_says_something_else_by_then_is_not_clicked(home: Page):
    """The button changed its meaning during the press, so the person did not mean the new one."""
    panel(home, "Activity")
    control = press_down(home, "Pause")
    home.locator('[data-do="pause-learning"]').evaluate("button => button.click()")
    expect(home.get_by_role("button", name="Resume")).to_be_visible()
    home.wait_for_function("control => !control.isConnected", arg=control)
    home.mouse.up()
    home.wait_for_timeout(300)
    home.get_by_role("button", name="Resume").click()
    expect(home.get_by_role("button", name="Pause")).to_be_visible()
