"""The first minute: the page must be useful at once, fetch nothing without consent, and have no
dead end."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from oneseek.engine.model.formats.source import CHUNK
from oneseek.workers.site import host
from tests.support.answering import run_server
from tests.support.offered import DEVICES, tells
from tests.support.page.acts import (
    body,
    engine,
    say,
    set_temperature,
    slow_down,
    wait_for_answer,
    wait_until,
)
from tests.support.page.browser import Chromium, wait_for_state, watched
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow
MODEL = re.compile(r"/models-[0-9a-f]+/")


@pytest.fixture
def asked_for(context: BrowserContext) -> list[str]:
    """The requested addresses of model files."""
    found: list[str] = []
    context.on("request", lambda r: found.append(r.url) if MODEL.search(r.url) else None)
    return found


@pytest.mark.long
def test_what_is_focused_in_the_choice_stays_so_when_more_is_known_of_the_device(page: Page):
    page.add_init_script(tells(DEVICES["phone"]["pace"]))
    page.goto("/")
    card, download = page.locator("#consent"), page.get_by_role("button", name="Download 131 MB")
    others = card.get_by_text("Recommended")
    for focused in (card, download):
        expect(download).to_be_visible(timeout=120_000)
        assert not others.count(), "before it is known"
        focused.focus()
        expect(others).to_be_visible(timeout=120_000)
        expect(focused).to_be_focused()
        page.reload()


def test_scenario_1_the_chosen_model_is_fetched_with_progress_and_answers(
    page: Page, asked_for: list[str]
):
    """Before that the page must be useful, ask before it fetches, and keep a draft, which is sent
    by itself when the model is there."""
    page.add_init_script(
        """window.shares = [];
        new MutationObserver(() => { const bar = document.querySelector("#consent progress");
          const note = document.querySelector("#consent .note")?.textContent ?? "";
          if (bar && note.includes("131 MB")) shares.push(bar.value / bar.max); })
          .observe(document, {subtree: true, childList: true, attributes: true});"""
    )
    page.goto("/")
    heading = page.get_by_role("heading", name="Chat that runs and learns on this device")
    expect(heading).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_be_editable()
    wait_for_state(page, "needs-consent", timeout=120)
    card = page.locator("#consent")
    expect(card).to_contain_text("SmolLM2 135M Instruct")
    for fact in ("98 MB", "Apache-2.0", "English"):
        expect(card).to_contain_text(fact)
    assert not asked_for
    page.get_by_text("How should I answer?", exact=True).click()
    page.get_by_role("button", name="New chat").click()
    how = page.get_by_label("How should I answer?")
    expect(how).to_be_visible()  # an unfolded part stays so when the chat is redrawn
    field = page.get_by_role("textbox", name="Message")
    field.fill("Remember this draft")
    field.press("Enter")
    expect(page.locator("#consent")).to_be_focused()
    expect(field).to_have_value("Remember this draft")
    assert not asked_for
    wait_until(lambda: "Remember this draft" in str(read_store(page, "drafts")))
    how.fill("In one sentence.")
    field.focus()
    wait_until(lambda: "In one sentence." in str(read_store(page, "settings")))
    page.reload()
    expect(field).to_have_value("Remember this draft")
    page.get_by_text("How should I answer?", exact=True).click(timeout=120_000)
    expect(how).to_have_value("In one sentence.")
    how.fill("")
    field.focus()
    wait_until(lambda: "In one sentence." not in str(read_store(page, "settings")))
    assert not asked_for
    wait_for_state(page, "needs-consent", timeout=120)
    field.press("Enter")
    expect(page.get_by_text("Your message is sent when the model is there.")).to_be_visible()
    page.get_by_role("button", name="Download 131 MB").click()
    wait_for_state(page, "ready", timeout=180)
    expect(page.locator("article.user")).to_contain_text("Remember this draft")
    expect(field).to_have_value("")
    wait_for_answer(page)
    shares = page.evaluate("shares")
    fetched = shares[: shares.index(max(shares)) + 1]
    assert len(set(shares)) >= 3 and fetched == sorted(fetched)
    assert asked_for
    set_temperature(page, "0")
    say(page, "What is the capital of France?")
    expect(body(wait_for_answer(page, 2))).to_contain_text("Paris")


# Pretends to be Swedish; a really Swedish browser needs a profile of its own: test_by_ear.py, with
# --long.
SWEDISH = """for (const [name, told] of [["language", "sv-SE"], ["languages", ["sv-SE", "sv"]]])
  Object.defineProperty(navigator, name, {get: () => told});"""


def test_swedish_browsers_are_greeted_in_swedish_and_so_is_the_guide(page: Page):
    page.add_init_script(SWEDISH)
    page.goto("/")
    expect(page.get_by_role("heading", name="En assistent som svarar och lär sig")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "sv")
    page.get_by_role("button", name="Hjälp").click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Handledningen").click()
    guide = opened.value
    expect(guide.get_by_role("heading", level=2)).to_have_count(12)
    picture = guide.get_by_role("img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("img => img.naturalWidth") > 300
    guide.get_by_role("link", name="In English").click()
    expect(guide.get_by_role("heading", level=1)).to_contain_text("The guide")


@pytest.mark.long
def test_scenario_6_too_little_room_is_said_and_it_runs_without_saving(
    page: Page, asked_for: list[str]
):
    page.add_init_script(
        "navigator.storage.estimate = async () => ({ usage: 5e6, quota: 15e6, usageDetails: {} })"
    )
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    warning = page.locator("#consent [role=alert]")
    expect(warning).to_contain_text("The model needs 131 MB; this browser has room for 10 MB more.")
    assert not asked_for
    warning.get_by_role("button", name="Run without saving").click()
    wait_for_state(page, "ready", timeout=180)
    set_temperature(page, "0")
    say(page, "What is the capital of France?")
    expect(body(wait_for_answer(page))).to_contain_text("Paris")
    page.reload()
    wait_for_state(page, "needs-consent", timeout=120)


class Breaking(host.Handler):
    """Sends a little more than two chunks of a model, then hangs up; while `broken`, sends nothing
    more."""

    broken = True
    asked: list[str] = []

    def copyfile(self, source, outputfile) -> None:
        if not MODEL.search(self.path):
            super().copyfile(source, outputfile)
            return
        Breaking.asked.append(self.headers.get("Range", ""))
        if not Breaking.broken:
            super().copyfile(source, outputfile)
            return
        if len(Breaking.asked) == 1:
            outputfile.write(source.read(2 * CHUNK + 100_000))
            time.sleep(3)  # a browser drops bytes that are unread when the connection breaks
        self.close_connection = True


@pytest.fixture
def breaking(dist: Path) -> Iterator[str]:
    Breaking.broken, Breaking.asked = True, []
    with run_server(host.Server(("127.0.0.1", 0), host.handler(dist, Breaking))) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.long
def test_scenario_5_a_broken_download_resumes(chromium: Chromium, breaking: str):
    with watched(chromium, breaking, locale="en-US") as (context, watch):
        watch.allow("Failed to load resource|ERR_|ServiceWorker")
        page = context.new_page()
        page.goto("/")
        wait_for_state(page, "needs-consent", timeout=120)
        page.get_by_role("button", name="Download 131 MB").click()
        card = page.locator("#consent")
        expect(card).to_contain_text(re.compile(r"Stopped at [1-9]\d?\s%"))
        expect(card).to_contain_text("what was downloaded are kept")
        for name in ("Start over", "Other model"):
            expect(card.get_by_role("button", name=name)).to_be_visible()
        Breaking.broken, before = False, len(Breaking.asked)
        card.get_by_role("button", name="Resume").click()
        wait_for_state(page, "ready", timeout=180)
    again, encoder = Breaking.asked[before:]
    assert encoder == ""  # the encoder comes after the model, and none of it was stored
    kept = int(again.removeprefix("bytes=").removesuffix("-"))
    assert kept > 0 and kept % CHUNK == 0  # the amount before the break depends on the network


@pytest.mark.long
def test_a_pause_in_the_instant_the_file_is_being_opened_leaves_it_free(page: Page):
    """The browser completes the opening after the pause; a handle left open would lock the file
    until the page closes."""
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    worker = engine(page)
    worker.evaluate(
        """() => { const made = FileSystemFileHandle.prototype,
          opens = made.createSyncAccessHandle;
          made.createSyncAccessHandle = async function() {
            globalThis.opening = true;
            await new Promise(done => setTimeout(done, 1000));
            return opens.call(this) }; }"""
    )
    page.get_by_role("button", name="Download 131 MB").click()
    wait_until(lambda: worker.evaluate("globalThis.opening === true"))
    card = page.locator("#consent")
    card.get_by_role("button", name="Pause").click()
    card.get_by_role("button", name="Start over").click()
    expect(card.get_by_role("button", name="Pause")).to_be_visible()
    expect(card).to_contain_text(re.compile(r"[1-9]\d*\sMB\sof"))


def is_kept(page: Page, model: str) -> bool:
    """True if the whole file of the model is stored."""
    return bool(read_store(page, "state").get(f"file:models/{model}.gguf", {}).get("sha256"))


LOOKED_AT = """window.lookedAt = 0;
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (said, ...more) {
    if (said.text && JSON.parse(said.text).type === "Hear")
      this.addEventListener("message", ({ data }) => {
        if (data.number === said.number) window.lookedAt++;
      });
    return post.call(this, said, ...more);
  };"""


@pytest.mark.long
def test_scenario_4_a_reload_keeps_everything(page: Page, asked_for: list[str]):
    """Two chats, one of them in the middle of an answer."""
    page.add_init_script(LOOKED_AT)
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", timeout=120)
    say(page, "What is the capital of Norway?")
    wait_for_answer(page)
    wait_until(lambda: is_kept(page, "encoder"))  # it is fetched while nobody waits for it
    page.wait_for_function("lookedAt")  # and loaded: after the slow-down that takes a minute
    answer = page.get_by_role("article", name="OneSeek said")
    slow_down(page, 40)  # so that the answer is unfinished at the reload
    page.get_by_role("button", name="New chat").click()
    expect(answer).to_have_count(0)
    say(page, "What is the capital of Spain?")
    expect(body(answer)).not_to_be_empty()
    so_far = body(answer).inner_text()[:3]
    asked_for.clear()
    page.reload()
    chats = page.get_by_role("navigation", name="Conversations")
    for title in ("What is the capital of Norway?", "What is the capital of Spain?"):
        expect(chats.get_by_role("button", name=title, exact=True)).to_be_visible()
    expect(answer).to_contain_text("This answer was interrupted.")
    assert body(answer).inner_text().startswith(so_far)
    wait_for_state(page, "ready", timeout=120)
    set_temperature(page, "0")
    answer.get_by_role("button", name="Continue").click()
    wait_for_answer(page)
    assert body(answer).inner_text().startswith(so_far)
    expect(body(answer)).to_contain_text("Madrid")
    assert not asked_for


@pytest.mark.long
def test_nothing_waits_for_the_person_to_allow_the_browser_to_keep_things(page: Page):
    """Firefox asks a person, and its promise may never settle, so lessons never began there."""
    page.add_init_script("navigator.storage.persist = () => new Promise(() => {})")
    page.goto("/?model=tiny&debug=1")
    begun = re.compile(r'"is_scheduled": true')
    expect(page.locator("html")).to_have_attribute("data-scheduler", begun, timeout=120_000)
