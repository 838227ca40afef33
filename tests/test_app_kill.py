"""The whole page, killed while it learns: after each restart it answers, and all that is stored is whole."""

import os
import random
import re
import signal
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import wait_for_state
from tests.test_app_chat import finished, say
from tests.test_app_learning import ALIVE, learn_now, panel, tell, version
from tests.test_browser_kill import own_chromium

pytestmark = pytest.mark.long


def opened(chromium, port: str, address: str) -> Page:
    browser = chromium.browser_type.connect_over_cdp(port)
    page = browser.contexts[0].new_page()
    page.set_default_timeout(60_000)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address + "?model=tiny")
    wait_for_state(page, *ALIVE, timeout=180)
    page.get_by_role("button", name="English").click()
    return page


def number(page: Page) -> tuple[int, ...]:
    expect(version(page)).to_have_text(re.compile(r"^v\d"))
    return tuple(int(part) for part in re.findall(r"\d+", version(page).inner_text()))


def is_whole(page: Page) -> None:
    """check_store() in the worker, over every store and the ledger."""
    panel(page, "Versions").get_by_role("button", name="Verify all").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("All hashes hold.")


def kill_while_learning(chromium, address: str, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    last: tuple[int, ...] = (0,)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for life in range(kills):
            with own_chromium(Path(folder)) as (process, port):
                page = opened(chromium, port, address)
                assert number(page) >= last
                is_whole(page)
                place = f"Place {life}"
                tell(page, f"What is the capital of {place}?", f"It is City {life}.")
                learn_now(page)
                page.wait_for_timeout(draw.uniform(0, 8000))
                last = number(page)
                os.killpg(process.pid, signal.SIGKILL)
        with own_chromium(Path(folder)) as (_, port):
            page = opened(chromium, port, address)
            assert number(page) >= last
            is_whole(page)
            say(page, "Hello")
            finished(page)
            learn_now(page)
            notices = page.get_by_role("region", name="Notices")
            expect(notices).to_contain_text(re.compile("is in use|Not used:"), timeout=300_000)
            is_whole(page)


def test_R1_and_R2_a_browser_killed_a_hundred_times_while_it_learns_comes_back_whole(
    chromium, address
):
    kill_while_learning(chromium, address, 100, 2)
