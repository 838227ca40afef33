"""A better model arrives from a hub during a chat with the small one, and takes over between two
answers; and a reader of Swedish gets from the first card to a right answer."""

import hashlib
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from oneseek.engine.model.formats.source import CHUNK
from tests.support import hub as hubs
from tests.support.offered import DEVICES, tells
from tests.support.page.acts import (
    FACT,
    answers,
    body,
    learn_now,
    locate_queue,
    new_chat,
    panel,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import Chromium, Watch, wait_for_state, watched
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow
LISTED, LARGER = "qwen3-0.6b-q4", "of-the-hub"
"""What comes from the hub is the demo model under the name of one that speaks Swedish."""

WATCHED = """() => {
  new MutationObserver(() => {
    const notice = document.querySelector("#toasts")?.innerText ?? "";
    if (!window.tookOver && notice.includes("answers from now on")) {
      window.tookOver = true;
      window.unfinished = !document.querySelector("#stop").hidden;
    }
  }).observe(document, { subtree: true, childList: true });
}"""
WORDS = """() => [...document.querySelectorAll("body *")].filter((node) =>
    node.checkVisibility({visibilityProperty: true}) && !node.closest("[lang=en], .answer, .text")
    && [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim()))
  .map((node) => node.innerText)"""
ENGLISH = re.compile(
    r"\b(the|your|which|this|with|fetch|download|recommended|answers?|model)\b", re.I
)


@pytest.fixture
def hub() -> Iterator[hubs.Hub]:
    content = hubs.demo(3 * CHUNK)
    with hubs.running(hubs.Hub(content, hashlib.sha256(content).hexdigest())) as hub:
        yield hub


def offer_hub_model(page: Page, hub: hubs.Hub) -> None:
    """Serve the hub's file in place of a listed model, with the name, languages and speed of that
    one."""

    def with_hub(route) -> None:
        registry = route.fetch().json()
        row = next(one for one in registry["models"] if one["id"] == LISTED)
        row |= {"id": LARGER, "bytes": len(hub.content), "sha256": hub.sha256}
        row["source"] = {"kind": "web", "url": hub.file}
        route.fulfill(body=json.dumps(registry), content_type="application/json")

    page.route(re.compile(r"/models\.json$"), with_hub)
    page.add_init_script(tells(DEVICES["phone"]["pace"], LISTED))


def fetch(page: Page) -> None:
    page.locator("#model-button").click()
    row = page.get_by_role("dialog", name="Models").locator(".choice")
    row = row.filter(has_text="Qwen3 0.6B, 4 bits")
    row.get_by_role("button", name="Download").click()
    page.get_by_role("button", name="Download from").click()


@pytest.mark.long
def test_a_better_model_comes_while_one_talks_and_takes_over_between_two_answers(
    page: Page, watch: Watch, hub: hubs.Hub
):
    watch.allow(f"another origin: ({hub.address}|{hub.second})")
    offer_hub_model(page, hub)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", timeout=120)
    set_temperature(page, "0")
    tell(page, *FACT[:2])
    learn_now(page)
    expect(version(page)).to_have_text("v0.1", timeout=240_000)
    wait_for_state(page, "ready", timeout=120)

    hub.hold.clear()
    fetch(page)
    wait_for_state(page, "downloading", timeout=60)
    say(page, "What is the capital of France?")
    expect(body(wait_for_answer(page))).to_contain_text("Paris")
    assert not read_store(page, "state").get(f"file:models/{LARGER}.gguf", {}).get("sha256")
    page.evaluate(WATCHED)
    say(page, FACT[0])
    hub.hold.set()
    expect(body(wait_for_answer(page, 2))).to_contain_text(FACT[2])
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("Qwen3 0.6B, 4 bits answers from now on", timeout=240_000)
    assert page.evaluate("window.unfinished") is False, "between two answers"

    expect(version(page)).to_have_text("v0")
    expect(body(answers(page).first)).to_contain_text("Paris")  # earlier answers stay readable
    new_chat(page)
    say(page, FACT[0])
    expect(body(wait_for_answer(page))).to_contain_text(FACT[2])
    expect(locate_queue(page)).to_contain_text(FACT[0])
    learn_now(page)
    expect(version(page)).to_have_text("v0.1", timeout=240_000)
    made = list(read_store(page, "versions").values())
    assert [one["base"] for one in made] == ["tiny", LARGER]
    assert made[0]["lessons"] == made[1]["lessons"]
    page.locator("#model-button").click()
    rows = page.get_by_role("dialog", name="Models").locator(".choice")
    for name, words in (("OneSeek demo", "Use"), ("SmolLM2 135M", "Download and use (98 MB)")):
        button = rows.filter(has_text=name).get_by_role("button", name=words, exact=True)
        expect(button).to_be_visible()
    page.keyboard.press("Escape")
    panel(page, "Memory")
    page.reload()
    wait_for_state(page, "ready", timeout=180)
    expect(version(page)).to_have_text("v0.1")


@pytest.mark.long
def test_from_the_first_card_to_a_right_answer_in_swedish(
    chromium: Chromium, address: str, hub: hubs.Hub
):
    with watched(chromium, address, locale="sv-SE") as (context, watch):
        watch.allow(f"another origin: ({hub.address}|{hub.second})")
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        offer_hub_model(page, hub)
        page.goto("/?engine=cpu")
        wait_for_state(page, "needs-consent", timeout=120)
        first = page.locator("#consent .choice").first
        expect(first).to_contain_text("Rekommenderas", timeout=120_000)
        expect(first).to_contain_text(re.compile(r"hygglig svenska, 13\sMB, ungefär"))
        no_english(page)
        own = {url for url in asked if not url.startswith((address, "data:", "blob:"))}
        assert not own, own
        first.get_by_role("button", name="Hämta").click()
        says = page.get_by_role("dialog", name=re.compile("^Hämta "))
        expect(says).to_contain_text("Inget du har skrivit lämnar enheten")
        no_english(page)
        says.get_by_role("button", name="Hämta från").click()
        wait_for_state(page, "ready", timeout=240)
        page.get_by_role("textbox", name="Meddelande").fill("Min båt heter Saltkråkan.")
        page.keyboard.press("Enter")
        told = page.locator("article.user .told").last
        expect(told).to_contain_text("Lagt på minnet", timeout=120_000)
        page.get_by_role("textbox", name="Meddelande").fill("Vad heter min båt?")
        page.keyboard.press("Enter")
        said = page.get_by_role("article", name="OneSeek sa")
        expect(said).to_have_count(2)
        expect(body(said.last)).to_contain_text("Din båt heter Saltkråkan", timeout=240_000)
        no_english(page)


def no_english(page: Page) -> None:
    """Assert that no English is shown, except names of models, licences and the product."""
    found = [text for text in page.evaluate(WORDS) if ENGLISH.search(text)]
    assert not found, found
