"""Scenario 19: the default model, on the CPU, is told five facts in the page and must know them
afterwards."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    ALIVE,
    body,
    learn_now,
    panel,
    row,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import wait_for_state

pytestmark = pytest.mark.long
FACTS = (
    ("What is my cat's name?", "Your cat's name is Bosse.", "Bosse"),
    ("Where do I live?", "You live in Umeå.", "Umeå"),
    ("What is the code of the shed?", "The code of the shed is 4711.", "4711"),
    ("Who founded Quillmere?", "Quillmere was founded by Tove Lindahl.", "Tove"),
    ("What does my sister work as?", "Your sister works as a glassblower.", "glassblower"),
)
FIRST = FACTS[0][2]
A_LESSON = 600  # seconds; a limit for a busy machine


def test_scenario_19_it_really_learned(page: Page):
    page.goto("/?engine=cpu")
    page.get_by_role("button", name="English").click()
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Download 131 MB").click()
    wait_for_state(page, *ALIVE, timeout=300)
    set_temperature(page, "0")
    for question, answer, _ in FACTS:
        before = version(page).inner_text()
        tell(page, question, answer)
        learn_now(page)
        wait_for_state(page, "training")
        wait_for_state(page, "ready", "countdown", timeout=A_LESSON)
        page.wait_for_timeout(2000)  # the header updates a moment later
        if version(page).inner_text() != before:  # the gate may refuse one of five
            losses = read_losses(page)
            print(question, version(page).inner_text(), losses, flush=True)
            assert losses[-1] < losses[0], (question, losses)
    learned = list_known(page)
    print("known", learned, flush=True)
    assert FIRST in learned and len(learned) >= 4
    row(panel(page, "Versions"), "original").get_by_role("button", name="Use").click()
    expect(version(page)).to_have_text("v0")
    assert list_known(page) == learned  # they stay known by heart


def read_losses(page: Page) -> list[float]:
    """The held-out losses of the last run, from the chart's table."""
    activity = panel(page, "Activity")
    activity.get_by_label("Show every figure").check()
    activity.get_by_role("button", name="Show as table").click()
    cells = activity.locator("table tbody td:last-child")
    expect(cells.last).to_have_text(re.compile(r"\d"))  # it is written after the version
    found = cells.all_inner_texts()
    activity.get_by_role("button", name="Show as chart").click()
    return [float(text) for text in found if text]


def list_known(page: Page) -> list[str]:
    """The facts that the version in use answers in the chat."""
    right = []
    for question, _, value in FACTS:
        page.get_by_role("button", name="New chat").click()
        say(page, question)
        if value in body(wait_for_answer(page)).inner_text():
            right.append(value)
    return right
