"""The first five minutes with the demo model and with disturbances: everything a person reads must
agree with the engine's stores, nothing may be raw or lost."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.bench.minutes import path
from tests.bench.parts.upsets import FILL, MAKE_ROOM, ROOM, UPSETS
from tests.support.page.acts import answers, say, wait_for_answer
from tests.support.page.browser import Chromium, Watch, wait_for_offline, wait_for_state

pytestmark = pytest.mark.slow


@pytest.mark.long
@pytest.mark.parametrize("upset", UPSETS)
def test_what_a_stranger_reads_is_true_and_nothing_is_lost(
    chromium: Chromium, address: str, tmp_path: Path, upset: str
):
    name = "sv-phone" if upset == "offline" else "en-desktop"
    walked = path(chromium, address, name, tmp_path, upset, "tiny")
    assert walked["untrue"] == []
    assert walked["lost"] == []
    assert walked["raw"] == []
    assert walked["errors"] == []
    assert walked["forgotten"]


@pytest.mark.long
@pytest.mark.kept_offline
def test_without_any_room_it_says_so_and_saves_what_was_written_once_there_is_some(
    page: Page, watch: Watch, address: str
):
    """The page's reserve must not help either: the quota is below what is stored already."""
    watch.allow("StorageFull")
    session = page.context.new_cdp_session(page)
    room = {"origin": address.rstrip("/"), "quotaSize": ROOM["tiny"]}
    session.send("Storage.overrideQuotaForOrigin", room)
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("button", name="English").click()
    wait_for_offline(page)
    page.evaluate(FILL)
    session.send("Storage.overrideQuotaForOrigin", room | {"quotaSize": 1_000_000})
    say(page, "What is the capital of Norway?")
    wait_for_answer(page)
    banner = page.get_by_text("No room is left in the browser’s storage.")
    expect(banner).to_contain_text("kept while this page is open and saved once there is room")
    page.get_by_role("button", name="Free space").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    page.evaluate(MAKE_ROOM)
    session.send("Storage.overrideQuotaForOrigin", room)
    expect(banner).to_be_hidden()
    expect(page.locator("#state-banners")).to_be_empty()
    page.reload()
    wait_for_state(page, "ready", timeout=120)
    expect(page.locator("article.user")).to_contain_text("What is the capital of Norway?")
    expect(answers(page)).to_have_count(1)
