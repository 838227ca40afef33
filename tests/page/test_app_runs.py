"""Train on a data set, in the page: chosen, trained in granted time, told, and there after a
reload."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.page import browser as in_browser

pytestmark = pytest.mark.slow
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def activity(page: Page):
    page.get_by_role("tab", name="Activity").click()
    return page.get_by_role("tabpanel", name="Activity")


def took_no_more_than_announced(panel: Locator) -> None:
    """As the figures of a developer say: the back end's memory and Python's own."""
    panel.get_by_label("Show every figure").check()
    told = panel.get_by_text(re.compile("Memory beside the model"))
    expect(told).to_be_visible()
    announced, used = (
        float(number.replace(",", "")) * UNITS[unit]
        for number, unit in re.findall(r"([\d.,]+) ([kMG]?B)", told.inner_text())
    )
    print(told.inner_text())
    assert announced / 4 < used <= announced
    panel.get_by_label("Show every figure").uncheck()


def use_the_original(page: Page) -> None:
    page.get_by_role("tab", name="Versions").click()
    versions = page.get_by_role("tabpanel", name="Versions")
    original = versions.get_by_role("listitem").filter(has_text="original")
    original.get_by_role("button", name="Use").click()
    expect(page.get_by_test_id("active-version")).to_have_text("v0")


def test_a_run_over_who_oneseek_is_trains_in_the_page_and_is_told_after_a_reload(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Data set")).to_contain_text("Who OneSeek is (50 examples)")
    dialog.get_by_label("Times through it").fill("2")
    dialog.get_by_role("button", name="Train", exact=True).click()
    told = panel.get_by_text(re.compile("Loss on the part held back"))
    expect(told).to_contain_text(re.compile(r"\d.*→ .*\d"), timeout=300_000)
    first, second = map(float, re.findall(r"\d+\.\d+", told.inner_text())[:2])
    assert second < first
    ended = panel.get_by_text(re.compile("Trained: v|Not used: "))
    expect(ended).to_be_visible(timeout=300_000)
    words = ended.inner_text()
    took_no_more_than_announced(panel)
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(activity(page).get_by_text(words)).to_be_visible()
    if words.startswith("Trained"):
        use_the_original(page)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["hybrid", "full"])
def test_the_last_layers_are_trained_in_the_page_as_announced_and_taken_back(page: Page, mode: str):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    takes = dialog.get_by_role("status")
    expect(takes).to_contain_text(re.compile(r"small file.*up to [\d.,]+ .?B of memory"))
    dialog.get_by_label("What it changes").select_option(mode)
    expect(takes).to_contain_text(re.compile(r"last layers.*up to [\d.,]+ .?B of memory"))
    dialog.get_by_label("Times through it").fill("2")
    dialog.get_by_role("button", name="Train", exact=True).click()
    expect(panel.get_by_text(f"({mode})")).to_be_visible()
    told = panel.get_by_text(re.compile("Loss on the part held back"))
    expect(told).to_contain_text(re.compile(r"\d.*→ .*\d"), timeout=600_000)
    first, second = map(float, re.findall(r"\d+\.\d+", told.inner_text())[:2])
    assert second < first
    version = page.get_by_test_id("active-version")
    expect(version).to_have_text("v1.0", timeout=300_000)
    took_no_more_than_announced(panel)
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(version).to_have_text("v1.0")
    use_the_original(page)
