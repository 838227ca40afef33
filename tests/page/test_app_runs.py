"""Train on a data set, in the page: chosen, trained in granted time, told, and there after a
reload."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page import browser as in_browser

pytestmark = pytest.mark.slow


def activity(page: Page):
    page.get_by_role("tab", name="Activity").click()
    return page.get_by_role("tabpanel", name="Activity")


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
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(activity(page).get_by_text(words)).to_be_visible()


def begun(page: Page, epochs: int):
    """A run over who OneSeek is that has passed its first epoch; the panel, and the run's row."""
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Times through it").fill(str(epochs))
    dialog.get_by_role("button", name="Train", exact=True).click()
    row = panel.get_by_role("listitem").filter(has_text=re.compile(r"run-\d{8}"))
    expect(row).to_contain_text(re.compile("Loss on the part held back"), timeout=300_000)
    return panel, row


def test_a_run_that_is_paused_resumed_and_thrown_away_is_told_as_it_is(page: Page):
    panel, row = begun(page, epochs=50)
    line, version = panel.locator("#state-line"), page.get_by_test_id("active-version")
    expect(row).to_contain_text("Training now.")
    panel.get_by_role("button", name="Pause", exact=True).click()
    expect(line).to_contain_text("Paused (by you)")
    panel.get_by_role("button", name="Resume", exact=True).click()
    expect(row).to_contain_text("Training now.")
    expect(line).not_to_contain_text("Paused")
    panel.get_by_role("button", name="Throw away").click()
    expect(row).to_contain_text("Ended by you. Nothing was changed.")
    expect(line).to_contain_text("Nothing to learn right now")
    expect(panel.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(version).to_have_text("v0")
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(activity(page).get_by_text("Ended by you. Nothing was changed.")).to_be_visible()
    expect(line).to_contain_text("Nothing to learn right now")


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
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(version).to_have_text("v1.0")
    page.get_by_role("tab", name="Versions").click()
    versions = page.get_by_role("tabpanel", name="Versions")
    versions.get_by_role("listitem").filter(has_text="original").get_by_role(
        "button", name="Use"
    ).click()
    expect(version).to_have_text("v0")
