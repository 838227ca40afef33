"""Teaches a skill in the page with default settings, and asks it in chats there."""

from __future__ import annotations

import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from builder import site
from tests.support.page import acts
from tests.support.page.browser import chromium, served, wait_for_state, watched

LONGEST_MS = 1_800_000  # of teaching
ENDED = re.compile(r"(\d+) of (\d+) held-back examples right")


def teach_and_ask(name: str, file: Path, asked: list[str]) -> tuple[dict, list[str]]:
    """The figures of teaching, and the answer to each prompt in a chat of its own, empty if the
    skill did not answer. Chromium computes on the processor."""
    with (
        chromium() as browser,
        served(site.build()) as address,
        watched(browser, address) as (context, _),
    ):
        page = context.new_page()
        page.goto("/?model=smollm2-135m&engine=cpu")
        wait_for_state(page, "ready", timeout=600)
        figures = teach(page, name, file)
        return figures, [ask(page, name, prompt) for prompt in asked]


def teach(page: Page, name: str, file: Path) -> dict:
    page.get_by_role("tab", name="Activity").click()
    panel = page.get_by_role("tabpanel", name="Activity")
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    with page.expect_file_chooser() as choosing:
        dialog.get_by_role("button", name="Choose a file").click()
    choosing.value.set_files(file)
    expect(dialog.get_by_label("Data set")).to_contain_text(file.name)
    dialog.get_by_label("Name of the skill").fill(name)
    began = time.monotonic()
    dialog.get_by_role("button", name="Train", exact=True).click()
    told = panel.locator("#skills").get_by_text(ENDED)
    expect(told).to_be_visible(timeout=LONGEST_MS)
    seconds = time.monotonic() - began
    wait_for_state(page, "ready", timeout=600)
    return {"seconds": round(seconds, 1), "verdict": told.inner_text()}


def ask(page: Page, name: str, prompt: str) -> str:
    acts.new_chat(page)
    acts.say(page, prompt)
    answer = acts.wait_for_answer(page)
    by_it = answer.get_by_text(f"Skill: {name}").count()
    return acts.body(answer).inner_text().strip() if by_it else ""
