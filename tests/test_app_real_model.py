"""Scenario 19: the default model, on the processor, is told five facts in the page and knows them afterwards."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import wait_for_state
from tests.test_app_chat import body, finished, say, set_temperature
from tests.test_app_learning import ALIVE, learn_now, panel, row, tell, version

pytestmark = pytest.mark.long
FACTS = (
    ("What is my cat's name?", "Your cat's name is Bosse.", "Bosse"),
    ("Where do I live?", "You live in Umeå.", "Umeå"),
    ("What is the code of the shed?", "The code of the shed is 4711.", "4711"),
    ("Who founded Quillmere?", "Quillmere was founded by Tove Lindahl.", "Tove"),
    ("What does my sister work as?", "Your sister works as a glassblower.", "glassblower"),
)
A_LESSON = 600_000  # milliseconds at most, on a machine that does other things too


def test_scenario_19_it_really_learned(page: Page):
    page.goto("/?engine=cpu")
    page.get_by_role("button", name="English").click()
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Download 98 MB").click()
    wait_for_state(page, *ALIVE, timeout=300)
    set_temperature(page, "0")
    for number, (question, answer, _) in enumerate(FACTS, 1):
        tell(page, question, answer)
        learn_now(page)
        expect(version(page)).to_have_text(f"v0.{number}", timeout=A_LESSON)
        losses = held_out(page)
        assert losses[-1] < losses[0], (question, losses)
    assert known(page) >= 4
    row(panel(page, "Versions"), "original").get_by_role("button", name="Use").click()
    expect(version(page)).to_have_text("v0")
    assert known(page) == 0


def held_out(page: Page) -> list[float]:
    """The held-out losses of the last run, as the chart's table tells them."""
    activity = panel(page, "Activity")
    activity.get_by_role("button", name="Show as table").click()
    cells = activity.locator("table tbody td:last-child")
    expect(cells.last).to_have_text(re.compile(r"\d"), timeout=30_000)  # comes after the version
    found = cells.all_inner_texts()
    activity.get_by_role("button", name="Show as chart").click()
    return [float(text) for text in found if text]


def known(page: Page) -> int:
    """How many of the facts the version in use answers with in the chat."""
    right = 0
    for question, _, value in FACTS:
        page.get_by_role("button", name="New chat").click()
        say(page, question)
        right += value in body(finished(page)).inner_text()
    return right
