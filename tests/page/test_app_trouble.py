"""Failures must be told in plain words, and nothing a person made may be lost."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.acts import answers, body, new_chat, say, wait_for_answer, wait_until
from tests.support.page.browser import Watch, wait_for_state
from tests.support.page.stored import learns_when_asked

pytestmark = pytest.mark.slow
IN_USE = ("ready", "countdown", "paused", "training", "evaluating")


def ready(page: Page) -> None:
    page.goto("/?model=tiny")
    wait_for_state(page, *IN_USE, timeout=120)


UNRELIABLE = """(() => {
  let seed = 7, late = null;
  const draw = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  globalThis.sent = "";
  globalThis.harmed = { dropped: 0, doubled: 0, reordered: 0 };
  const own = Object.getOwnPropertyDescriptor(BroadcastChannel.prototype, "onmessage");
  const unreliable = (hear) => (event) => {
    const { type, text } = JSON.parse(JSON.parse(event.data).event);
    if (type === "Token") sent += text;
    const now = late ? [event, late] : [event];
    late = null;
    const fate = draw();
    if (fate < 0.1) { harmed.dropped++; now.shift(); }
    else if (fate < 0.2) { harmed.doubled++; now.push(event); }
    else if (fate < 0.3 && now.length === 1) { harmed.reordered++; late = now.pop(); }
    for (const one of now) hear(one);
  };
  Object.defineProperty(BroadcastChannel.prototype, "onmessage", {
    get() { return own.get.call(this); },
    set(hear) { own.set.call(this, /^oneseek-[0-9a-f-]{36}-engine-/.test(this.name) ? unreliable(hear) : hear); },
  });
})()"""


DIES_AT_A_TOKEN = """
let tokens = 0;
const mortal = self.name === "engine-1";
const post = BroadcastChannel.prototype.postMessage;
BroadcastChannel.prototype.postMessage = function (said) {
  if (tokens > 5) return;
  post.call(this, said);
  tokens += mortal && JSON.parse(JSON.parse(said).event).type === "Token";
  if (tokens > 5) close();
};
"""


def test_R17_what_is_shown_equals_the_store_and_R22_an_engine_that_dies_is_replaced(
    page: Page, context: BrowserContext
):
    """First, events are lost, doubled and reordered. In a second tab the engine dies at the sixth
    word of an answer: the part so far must be kept, and the next question must be answered."""
    learns_when_asked(page)
    page.add_init_script(UNRELIABLE)
    ready(page)
    for number, text in enumerate(("My cat is called Nisse.", "Hello", "What is a tree?"), 1):
        page.evaluate("sent = ''")
        say(page, text)
        shown = wait_for_answer(page, number).locator(".text")
        # the last word may arrive after the end of the answer
        wait_until(lambda shown=shown: shown.inner_text().split() == page.evaluate("sent").split())
    page.get_by_role("tab", name=re.compile("^Activity")).click()
    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("Your cat is called Nisse.")
    texts = answers(page).locator(".text").all_inner_texts()
    assert min(page.evaluate("Object.values(harmed)")) > 0
    page.close()

    def make_mortal(route):
        script = route.fetch()
        route.fulfill(response=script, body=DIES_AT_A_TOKEN + script.text())

    page = context.new_page()
    page.route(re.compile(r"/worker\.mjs"), make_mortal)
    ready(page)
    expect(answers(page).locator(".text")).to_have_text(texts)
    new_chat(page)
    say(page, "Tell me a long story.")
    expect(body(answers(page).last)).not_to_be_empty()
    wait_for_state(page, "recovering")
    expect(page.get_by_text("The engine stopped answering and is started again.")).to_be_visible()
    cut = answers(page).last
    expect(cut).to_contain_text("This answer was interrupted. The engine was restarted meanwhile.")
    kept = body(cut).inner_text()
    assert kept
    wait_for_state(page, *IN_USE)
    say(page, "What is the capital of Italy?")
    expect(body(wait_for_answer(page, 2))).to_contain_text("Rome")
    assert body(answers(page).first).inner_text() == kept


@pytest.mark.long
def test_R22_an_engine_that_cannot_start_leaves_chats_readable(page: Page, watch: Watch):
    ready(page)
    say(page, "What is the capital of Italy?")
    wait_for_answer(page)
    watch.allow("wheel|Failed to fetch|ERR_FAILED|integrity|ServiceWorker")
    page.context.route(re.compile(r"/oneseek\.bin$"), lambda route: route.abort())
    page.evaluate(
        """async () => { for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister();
          for (const name of await caches.keys()) await caches.delete(name); }"""
    )
    page.goto("/?engine=cpu")
    expect(page.locator("#trouble-engine")).to_contain_text("The engine could not start")
    expect(page.locator("#trouble-engine")).to_contain_text("safe")
    expect(answers(page).last).to_contain_text("Rome")
    expect(page.locator("html")).to_have_attribute("data-engine", "failed")


@pytest.mark.long
def test_scenario_24_a_second_tab_says_so_shows_everything_and_can_take_over(
    page: Page, context: BrowserContext
):
    ready(page)
    say(page, "What is the capital of France?")
    wait_for_answer(page)
    other = context.new_page()
    other.goto("/?model=tiny")
    expect(other.get_by_text("OneSeek is open in another tab")).to_be_visible()
    wait_for_state(other, "read-only")
    expect(other.get_by_role("article", name="OneSeek said")).to_contain_text("Paris")
    other.get_by_role("button", name="Use here").click()
    wait_for_state(other, *IN_USE, timeout=120)
    wait_for_state(page, "read-only")
