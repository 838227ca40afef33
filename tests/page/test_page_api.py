"""The HTTP API of the page: asked with fetch, answered by the engine's worker."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import say, wait_for_answer, wait_until
from tests.support.page.browser import wait_for_offline, wait_for_state
from tests.support.page.stored import light_lessons

pytestmark = [pytest.mark.slow, pytest.mark.kept_offline]

ASK = """async ([path, body]) => {
  const options = body ? {method: "POST", body: JSON.stringify(body), headers: {"content-type": "application/json"}} : {};
  const answer = await fetch(path, options);
  return [answer.status, await answer.text()];
}"""


@pytest.fixture
def open_page(page: Page) -> Page:
    light_lessons(page)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", "countdown", "training", "paused")
    wait_for_offline(page)
    return page


@pytest.mark.long
def test_a_question_posted_to_the_page_goes_through_both_stages(open_page: Page):
    said = [{"model": name, "response": "The capital of Zorbia is Blimbo."} for name in "ab"]
    question = {"question": "What is the capital of Zorbia?", "raw_responses": said}
    status, text = open_page.evaluate(ASK, ["/api/training/micro", question])
    assert status in (200, 202), text
    open_page.get_by_role("tab", name=re.compile("^Activity")).click()
    open_page.get_by_role("button", name="Learn now").click()
    activity = open_page.get_by_role("tabpanel")
    expect(activity).to_contain_text("the answer was learned", timeout=180_000)
    status = json.loads(open_page.evaluate(ASK, ["/api/training/micro/status", None])[1])
    assert status["waiting"] == 0
    assert {"stage1_complete", "stage2_complete"} <= {event["type"] for event in status["events"]}
    assert open_page.get_by_test_id("active-version").inner_text() in ("v0.1", "v0.2")


def test_every_question_of_the_chat_leaves_both_stages_and_teaches_nothing_unasked(open_page: Page):
    say(open_page, "Hello")
    wait_for_answer(open_page)

    def read_stats() -> dict:
        told = json.loads(open_page.evaluate(ASK, ["/api/training/micro/stats", None])[1])
        return told if told["stage_counts"]["stage2"] else {}

    stats = wait_until(read_stats)
    assert stats["total_runs"] == 1 and stats["stage_counts"] == {"stage1": 1, "stage2": 1}
    tab = open_page.get_by_role("tab", name=re.compile("^Activity"))
    expect(tab).to_have_text("Activity")
    tab.click()
    activity, said = open_page.get_by_role("tabpanel"), "“Hello”: the answers were compared"
    expect(activity).not_to_contain_text(said)
    activity.get_by_label("Show every figure").check()
    expect(activity).to_contain_text(said + ", nothing was learned")
    expect(activity.get_by_test_id("questions")).to_have_text(str(stats["total_runs"]))
    expect(activity.get_by_test_id("compared")).to_have_text(str(stats["stage_counts"]["stage1"]))
