"""The links of the help dialog."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_help_leads_to_the_lab(page, address):
    page.goto(address)
    page.locator("html[data-page=ready]").wait_for(state="attached")
    page.get_by_role("button", name="Help").click()
    with page.context.expect_page() as opened:
        page.get_by_role("dialog").get_by_role("link", name="The lab").click()
    expect(opened.value.get_by_role("heading", name="OneSeek Lab")).to_be_visible()
