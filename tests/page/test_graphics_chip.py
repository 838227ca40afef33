"""The choice of the chip that the page computes on: with a rounded clock, without a clock, and
after a failure."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.browser import wait_for_state
from tests.support.page.wrapped_chip import (
    BROKEN,
    CLOCK_ONLY,
    NO_CLOCK,
    QUICK,
    ROUNDED,
    SLOW_TO_TELL,
    wrap,
)

pytestmark = pytest.mark.slow
CHOSEN = "computes on the graphics chip: this computer has one"


def model_details(page: Page):
    page.locator("#model-button").click()
    return page.get_by_role("dialog")


@pytest.mark.long
@pytest.mark.parametrize(
    "clock",
    [
        pytest.param(CLOCK_ONLY + ROUNDED, id="rounded"),
        pytest.param(NO_CLOCK, id="none"),
    ],
)
def test_a_quick_chip_is_chosen_whatever_its_clock_is(page: Page, clock: str):
    wrap(page, QUICK, clock)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready")
    expect(model_details(page)).to_contain_text(CHOSEN)


@pytest.mark.long
def test_a_quick_chip_is_chosen_where_work_is_told_late(page: Page):
    wrap(page, QUICK, NO_CLOCK, SLOW_TO_TELL)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready")
    expect(model_details(page)).to_contain_text(CHOSEN)


@pytest.mark.long
def test_what_fails_of_a_chip_is_told_and_it_can_be_chosen_all_the_same(page: Page):
    wrap(page, QUICK, CLOCK_ONLY, BROKEN)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready")
    told = model_details(page)
    expect(told).to_contain_text("the graphics chip failed when it was tried")
    expect(told).to_contain_text("the driver gave up")
    expect(told).to_contain_text("Settings, Compute on, Graphics chip")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings").click()
    settings = page.get_by_role("dialog")
    settings.get_by_label("Developer mode").check()
    expect(settings.locator(".device-trouble")).to_contain_text("the driver gave up")
    settings.get_by_label("Compute on").select_option("gpu")
    wrap(page, QUICK, CLOCK_ONLY)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready")
    expect(model_details(page)).to_contain_text("computes on the graphics chip: you chose it")
