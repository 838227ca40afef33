"""The HTTP API of the page: asked with fetch, answered by the engine's worker."""

import pytest
from playwright.sync_api import Page

from tests.browser import kept_offline, wait_for_state

pytestmark = pytest.mark.slow

ASK = """async ([path, body]) => {
  const options = body ? {method: "POST", body: JSON.stringify(body), headers: {"content-type": "application/json"}} : {};
  const answer = await fetch(path, options);
  return [answer.status, await answer.text()];
}"""


@pytest.fixture
def open_page(page: Page) -> Page:
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", "countdown", "training", "paused")
    kept_offline(page)
    return page


def test_the_page_answers_openais_requests_itself(open_page: Page):
    status, text = open_page.evaluate(ASK, ["/v1/models", None])
    assert status == 200, text
    assert "tiny" in text
    question = {
        "model": "tiny",
        "max_tokens": 4,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    status, text = open_page.evaluate(ASK, ["/v1/chat/completions", question])
    assert status == 200, text
    assert "chat.completion" in text
    status, text = open_page.evaluate(ASK, ["/v1/chat/completions", question | {"stream": True}])
    assert status == 200, text
    assert text.startswith("data: ")
    assert text.rstrip().endswith("data: [DONE]")


def test_what_the_api_does_not_know_is_refused_by_it(open_page: Page, watch):
    watch.allow("404|400")
    assert open_page.evaluate(ASK, ["/v1/nothing", None])[0] == 404
    assert open_page.evaluate(ASK, ["/api/training/micro", {"question": ""}])[0] == 400
