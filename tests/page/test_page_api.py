"""The HTTP API of the page: requested with fetch, answered by the engine's worker."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

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
