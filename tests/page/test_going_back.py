"""Going back in the page: a version whose weights were cleared away must still be usable, checkable
and exportable."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import download, learn_now, panel, row, tell, version
from tests.support.page.browser import wait_for_state

pytestmark = [pytest.mark.slow, pytest.mark.long]
CLEAR_AWAY = """(number) => new Promise((done, failed) => {
  const opening = indexedDB.open("oneseek");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const change = opening.result.transaction("snapshots", "readwrite");
    change.objectStore("snapshots").delete(number);
    change.oncomplete = () => (opening.result.close(), done());
    change.onerror = failed;
  };
})"""
CAPITALS = (("Zorbia", "Blimbo"), ("Quillmere", "Harrow"))


def verify(page: Page) -> None:
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("All hashes hold.")


def test_every_version_is_used_verified_and_exported_also_after_a_reload(page: Page):
    """The rule clears the oldest weights after twelve lessons; here the test clears them as the
    rule does."""
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=120)
    for number, (land, town) in enumerate(CAPITALS, 1):
        tell(page, f"What is the capital of {land}?", f"The capital of {land} is {town}.")
        learn_now(page)
        expect(version(page)).to_have_text(f"v0.{number}", timeout=600_000)
    whole = {}
    versions = panel(page, "Versions")
    for label in ("v0.1", "v0.2"):
        row(versions, label).get_by_role("button", name="Details").click()
        whole[label] = download(page, "Adapter (PEFT)")
        page.keyboard.press("Escape")
    page.evaluate(CLEAR_AWAY, 1)
    page.reload()
    wait_for_state(page, "ready", timeout=120)
    versions = panel(page, "Versions")
    expect(row(versions, "v0.1")).to_contain_text("1 lesson is practised again")
    row(versions, "v0.1").get_by_role("button", name="Use").click()
    expect(version(page)).to_have_text("v0.1", timeout=600_000)
    for label in ("v0.2", "v0.1"):
        row(versions, label).get_by_role("button", name="Details").click()
        dialog = page.get_by_role("dialog", name=re.compile(label))
        expect(dialog).to_be_visible()
        assert download(page, "Adapter (PEFT)") == whole[label], label
        verify(page)
        page.keyboard.press("Escape")
    row(versions, "v0.2").get_by_role("button", name="Use").click()
    expect(version(page)).to_have_text("v0.2", timeout=600_000)
    versions.get_by_role("button", name="Reset learning").click()
    page.get_by_role("alertdialog").or_(page.get_by_role("dialog")).get_by_role("textbox").fill(
        "RESET"
    )
    with page.expect_navigation():
        page.locator('form[data-do="save-reset"] [type=submit]').click()
    wait_for_state(page, "ready", timeout=120)
    expect(version(page)).to_have_text("v0")
