"""The chat's face: a quiet start, a remembered place, and speech that stays on the device.

Tests that share a start are in test_app_chat.py.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    say,
    store_chat,
    wait_for_answer,
    wait_until,
)
from tests.support.page.browser import Chromium, wait_for_state, watched
from tests.support.page.stored import light_lessons, read_store

pytestmark = pytest.mark.slow
QUIET = ("ready", "countdown", "paused", "training", "evaluating")


@pytest.mark.long
def test_a_newcomer_sees_the_chat_alone_until_something_is_learned(
    chromium: Chromium, address: str
):
    with watched(chromium, address, viewport={"width": 1280, "height": 720}) as (context, _):
        page = context.new_page()
        light_lessons(page)
        page.goto("/?model=tiny")
        wait_for_state(page, "ready", timeout=120)
        panel = page.get_by_role("complementary", name="Learning")
        expect(panel).to_be_hidden()
        say(page, "My boat is called Saltkråkan.")
        wait_for_answer(page)
        page.get_by_role("button", name="Learning panel").click()
        page.get_by_role("tab", name=re.compile("^Activity")).click()
        page.get_by_role("button", name="Learn now").click()
        page.get_by_role("button", name="Learning panel").click()
        expect(panel).to_be_hidden()
        page.evaluate(
            """async () => { const open = indexedDB.open("oneseek");
            const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
            const change = db.transaction("settings", "readwrite");
            const store = change.objectStore("settings"), asked = store.get("page");
            asked.onsuccess = () => store.put({...asked.result, aside: null}, "page");
            await new Promise((go) => (change.oncomplete = go)); db.close(); }"""
        )  # as for a person who never used the panel's button
        expect(page.get_by_test_id("active-version")).to_have_text("v0.1", timeout=240_000)
        page.reload()
        wait_for_state(page, *QUIET, timeout=120)
        expect(panel).to_be_visible()
        expect(page.get_by_role("tab", name=re.compile("^Activity"))).to_have_attribute(
            "aria-selected", "true"
        )


SLOW_DISK = """() => {
  const get = IDBObjectStore.prototype.get;
  IDBObjectStore.prototype.get = function (key) {
    if (this.name === "drafts") for (let i = 0; i < 50_000; i++) get.call(this, i);
    return get.call(this, key);
  };
}"""


@pytest.mark.long
def test_where_one_was_reading_outlives_a_reload_also_from_a_slow_disk(page: Page):
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", timeout=120)
    store_chat(page, 60, "Line {n} of a long conversation. " + "More words follow here. " * 12)
    log = page.get_by_role("log")
    expect(page.get_by_role("article").first).to_contain_text("Line 36")
    log.evaluate("node => node.scrollTop = node.scrollHeight / 2")
    seen = page.evaluate(FIRST_IN_SIGHT)
    wait_until(lambda: read_store(page, "settings").get("place", {}).get("turn") == seen)
    page.add_init_script(f"({SLOW_DISK})()")
    page.reload()
    wait_for_state(page, *QUIET, timeout=120)
    page.wait_for_function(f"({FIRST_IN_SIGHT})() === {seen!r}")


FIRST_IN_SIGHT = """() => { const top = document.querySelector("#log").getBoundingClientRect().top;
  return [...document.querySelectorAll("article.message")]
    .find((node) => node.getBoundingClientRect().bottom > top)?.id; }"""


SPEECH = """() => {
  const voice = {localService: true, lang: "en-GB", name: "Here"}, far = {localService: false, lang: "sv-SE"};
  Object.defineProperty(window, "speechSynthesis", {value: {
    speaking: false, getVoices: () => [far, voice], cancel() {}, speak: (words) => (window.spoken = words)}});
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  window.SpeechRecognition = class extends EventTarget {
    static async available(asked) { return asked.processLocally && asked.langs[0] === "en" ? "available" : "unavailable"; }
    start() { window.listening = this; }
    stop() { this.dispatchEvent(new Event("end")); }
  };
}"""


@pytest.mark.long
def test_speech_is_off_by_default_and_then_only_what_stays_here(chromium: Chromium, address: str):
    with watched(chromium, address, locale="en-US") as (context, _):
        page = context.new_page()
        page.add_init_script(f"({SPEECH})()")
        page.goto("/?model=tiny")
        wait_for_state(page, "ready", timeout=120)
        say(page, "Hello, how are you?")
        answer = wait_for_answer(page)
        expect(page.get_by_role("button", name="Dictate")).to_be_hidden()
        expect(answer.get_by_role("button", name="Read aloud")).to_be_hidden()
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Read aloud and dictate").check()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Dictate").click()
        page.evaluate(
            """() => { const event = new Event("result");
            const one = {item: () => ({transcript: " a boat "})};
            event.results = {length: 1, item: () => one};
            listening.dispatchEvent(event); listening.stop(); }"""
        )
        expect(page.get_by_role("textbox", name="Message")).to_have_value("a boat")
        language = page.evaluate("document.querySelector('article.assistant .text').lang")
        answer.get_by_role("button", name="Read aloud").click()
        if language == "sv":  # its only Swedish voice is a remote one
            expect(page.get_by_role("region", name="Notices")).to_contain_text(
                "no voice of its own"
            )
        else:
            page.wait_for_function("window.spoken?.voice.localService")
        page.get_by_role("button", name="Svenska").click()
        expect(page.get_by_role("button", name="Diktera")).to_be_hidden()
