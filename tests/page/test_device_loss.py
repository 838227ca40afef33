"""The GPU process dies, as drivers make it: the answer must go on, and nothing stored may be
lost."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.page.acts import (
    FACT,
    body,
    learn_now,
    panel,
    say,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import Chromium, launched, wait_for_state, watched

pytestmark = pytest.mark.slow
ALIVE = ("ready", "countdown", "paused", "training", "evaluating")


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browser]:
    """A browser of its own: after some GPU crashes Chromium stops using the GPU."""
    with launched(chromium.browser_type) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with watched(browser, address) as (context, _):
        yield context.new_page()


def crash_the_graphics(browser: Browser) -> None:
    browser.new_browser_cdp_session().send("Browser.crashGpuProcess")


@pytest.mark.long
def test_R21_R22_an_answer_survives_a_lost_device_and_a_second_loss_moves_to_the_processor(
    page: Page, browser: Browser
):
    page.goto("/?model=tiny&engine=gpu")
    wait_for_state(page, "ready", timeout=240)
    say(page, "Hello")
    first = body(wait_for_answer(page)).inner_text()
    crash_the_graphics(browser)
    say(page, "Who are you?")
    assert body(wait_for_answer(page, 2)).inner_text().strip()
    crash_the_graphics(browser)
    say(page, "What is a tree?")
    assert body(wait_for_answer(page, 3)).inner_text().strip()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("processor")
    assert body(page.get_by_role("article", name="OneSeek said").first).inner_text() == first


@pytest.mark.long  # an emulated GPU takes seconds for a step
def test_scenario_25_R21_a_lesson_survives_a_lost_device(page: Page, browser: Browser):
    page.goto("/?model=tiny&engine=gpu")
    wait_for_state(page, "ready", timeout=240)
    tell(page, *FACT[:2])
    learn_now(page)
    expect(page.get_by_test_id("train-step")).to_have_text(
        re.compile(r"^([3-9]|\d\d) / \d+"), timeout=300_000
    )
    crash_the_graphics(browser)
    wait_for_state(page, "recovering")
    expect(page.get_by_text("The graphics chip was reset. Restoring")).to_be_visible()
    expect(version(page)).to_have_text("v0.1", timeout=900_000)
    expect(panel(page, "Memory")).to_contain_text(FACT[1])
