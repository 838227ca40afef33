"""The chat as people know it: a quiet start, a place that is kept, words that are found, code one
can use."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    answers,
    drop,
    new_chat,
    say,
    store_chat,
    wait_for_answer,
    wait_until,
)
from tests.support.page.browser import Chromium, wait_for_state, watched
from tests.support.page.stored import chat_of, light_lessons, read_store

pytestmark = pytest.mark.slow
QUIET = ("ready", "countdown", "paused", "training", "evaluating")
CODE = "def sail(boat):\n    return 42  # knots"
LINE = "Line {n} of a long conversation about the sea.\n\n```python\n" + CODE + "\n```"
STORED = chat_of(*(LINE.replace("{n}", str(number)) for number in range(120)))


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
        )  # as one who never touched it
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


SLOW_TO_TELL = """() => {
  const estimate = navigator.storage.estimate.bind(navigator.storage);
  const asked = new Promise((go) => (globalThis.tell = go));
  navigator.storage.estimate = async () => (await asked, estimate());
}"""
OPENED = "() => (document.querySelector('#settings-button').click(), !!document.querySelector('dialog')?.open)"


def test_settings_open_at_once_and_escape_closes_them_before_the_browser_told_of_its_room(
    chat: Page,
):
    chat.evaluate(SLOW_TO_TELL)
    assert chat.evaluate(OPENED)
    chat.keyboard.press("Escape")
    expect(chat.get_by_role("dialog")).to_have_count(0)
    assert chat.evaluate(OPENED)
    chat.evaluate("tell()")
    expect(chat.locator("#storage-told")).to_contain_text("used")
    chat.keyboard.press("Escape")
    expect(chat.get_by_role("dialog")).to_have_count(0)


def test_what_is_being_typed_outlives_a_change_of_another_setting(chat: Page):
    chat.get_by_role("button", name="Settings").click()
    field = chat.get_by_label("Starts after (seconds of quiet)")
    field.focus()
    chat.keyboard.press("Control+A")
    chat.keyboard.type("4")
    other = chat.locator("#set-voice")
    chat.evaluate(  # in one go, for it may be drawn again at any time
        "() => { const node = document.querySelector('#set-voice'); node.dataset.old = ''; node.click(); }"
    )
    expect(chat.locator("#set-voice[data-old]")).to_have_count(0)  # the dialog was drawn again
    chat.keyboard.type("5")
    expect(field).to_have_value("45")
    chat.keyboard.press("Tab")
    chat.keyboard.press("Escape")
    chat.get_by_role("button", name="Settings").click()
    expect(field).to_have_value("45")
    expect(other).to_be_checked()
    other.uncheck()
    chat.keyboard.press("Escape")


FIRST_IN_SIGHT = """() => { const top = document.querySelector("#log").getBoundingClientRect().top;
  return [...document.querySelectorAll("article.message")]
    .find((node) => node.getBoundingClientRect().bottom > top)?.id; }"""


def test_code_has_colours_and_is_copied_exactly_and_a_search_jumps_to_the_words_it_found(
    chat: Page,
):
    chat.get_by_role("button", name="Stored chat", exact=True).click()
    block = answers(chat).last.locator(".code")
    expect(block.locator(".hljs-keyword").first).to_have_text("def")
    block.get_by_role("button", name="Copy the code").click()
    expect(chat.get_by_role("region", name="Notices")).to_contain_text("Copied")
    assert chat.evaluate("navigator.clipboard.readText()").strip() == CODE
    new_chat(chat)
    chat.get_by_role("searchbox", name="Search chats").fill("Line 7 of")
    chat.get_by_role("navigation").get_by_role(
        "button", name="Stored chat", exact=True
    ).first.click()
    found = chat.locator("article.found")
    expect(found).to_contain_text("Line 7 of")
    expect(found).to_be_in_viewport()
    chat.get_by_role("searchbox", name="Search chats").fill("")


def test_an_editor_is_as_wide_as_the_chat_and_enter_means_what_it_means_below(chat: Page):
    say(chat, "What is a tree?")
    wait_for_answer(chat)
    question = chat.get_by_role("article", name="You said")
    question.hover()
    chat.get_by_role("button", name="Edit").click()
    form = chat.locator("form.editor")
    expect(form.get_by_role("textbox")).to_have_value("What is a tree?")
    expect(question.locator(".text")).to_be_hidden()  # the field stands in its place
    column = chat.locator(".log-column").bounding_box()["width"]
    assert form.bounding_box()["width"] >= 0.98 * column
    area = form.get_by_role("textbox")
    area.fill("What is")
    area.press("Shift+Enter")
    area.type("a fish?")
    expect(area).to_have_value("What is\na fish?")
    area.press("Enter")
    expect(form).to_have_count(0)
    expect(chat.get_by_role("article", name="You said")).to_contain_text("a fish?")
    wait_for_answer(chat)


TEXT = """The lighthouse of Quillmere was built in 1871 by Ida Falk. It is 32 metres tall. The keeper of the
lighthouse is called Ole Brandt. The boat of the keeper is called Havsvind. The dog of the keeper is called Trym."""


def test_what_one_file_taught_is_approved_or_left_out_in_one_go(chat: Page):
    drop(chat, "lighthouse.txt", TEXT)
    expect(chat.get_by_role("tabpanel").get_by_text("ready")).to_be_visible()
    chat.get_by_role("tab", name=re.compile("^Activity")).click()
    group = chat.locator("#queue .group")
    expect(group).to_have_count(1)
    expect(group).to_contain_text("lighthouse")
    count = int(re.search(r"(\d+) lessons", group.inner_text())[1])
    expect(group.get_by_role("listitem")).to_have_count(0)
    group.get_by_role("button", name="Show the lessons").click()
    expect(group.get_by_role("listitem")).to_have_count(count)
    group.get_by_role("button", name="Approve all").click()
    expect(chat.get_by_role("region", name="Notices")).to_contain_text(f"{count} lessons approved")
    expect(group.get_by_role("button", name="Approve all")).to_have_count(0)
    group.get_by_role("button", name="Skip all").click()
    expect(group).to_have_count(0)


BADLY_READ = """The mill of Oxby was built in 1802 by Nils Ek. The cat of the miller is called Tass.
The horse of the miller is called SjÃ¶bjÃ¶rn. The wife of the miller is called Karin Ek."""


def test_what_is_poor_is_told_sorted_first_and_left_out_of_a_yes_to_all(chat: Page):
    drop(chat, "mill.txt", BADLY_READ)
    source = chat.get_by_role("tabpanel").locator("li.item").filter(has_text="mill")
    expect(source).to_contain_text(re.compile(r"Quality \d\d of 100 · \d+ poor"), timeout=90_000)
    expect(chat.get_by_role("button", name="Poorest first")).to_be_visible()
    poor = int(re.search(r"(\d+) poor", source.inner_text())[1])
    chat.get_by_role("tab", name=re.compile("^Activity")).click()
    group = chat.locator("#queue .group")
    every = int(re.search(r"(\d+) lessons", group.inner_text())[1])
    group.get_by_role("button", name="Show the lessons").click()
    expect(group.get_by_role("listitem").first).to_contain_text("Quality 100 of 100")
    chat.locator("#queue").get_by_role("button", name="Poorest first").click()
    worst = group.get_by_role("listitem").first
    expect(worst).to_contain_text("Quality 10 of 100: it cannot be read")
    group.get_by_role("button", name="Approve all").click()
    said = chat.get_by_role("region", name="Notices")
    expect(said).to_contain_text(f"{every - poor} lessons approved")
    expect(said).to_contain_text("wait")
    waiting = chat.locator("#queue section").filter(has_text="Waiting for your yes")
    expect(waiting).to_contain_text("SjÃ¶bjÃ¶rn")
    expect(group.get_by_role("button", name="Approve all")).to_have_count(0)
    chat.locator("#queue").get_by_role("button", name="Skip all").click()
    left = chat.locator("#queue").get_by_role("button", name="Skip", exact=True)
    for count in range(poor, 0, -1):
        expect(left).to_have_count(count)
        left.first.click()
    expect(left).to_have_count(0)


def test_notices_do_not_pile_up(chat: Page):
    for number, text in enumerate(("One", "Two", "Three", "Four", "Five"), 1):
        say(chat, f"My {text} is called Saltkråkan.")
        wait_for_answer(chat, number)
    chat.evaluate("document.querySelector('#theme').click()")
    chat.evaluate("document.querySelector('#theme').click()")
    chat.evaluate("document.querySelector('#theme').click()")
    chat.wait_for_timeout(500)
    assert chat.locator(".toast").count() <= 2


def test_a_second_tab_does_not_look_as_if_one_could_write_in_it(chat: Page):
    other = chat.context.new_page()
    other.goto("/?model=tiny")
    wait_for_state(other, "read-only")
    field = other.get_by_role("textbox", name="Message")
    expect(field).to_have_attribute("placeholder", "Chatting happens in the other tab")
    assert field.evaluate("node => node.readOnly")
    expect(other.get_by_role("button", name="Send")).to_be_disabled()
    other.get_by_role("tab", name="Memory").click()
    expect(other.get_by_role("button", name="Tell it a fact")).to_be_hidden()
    other.close()


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
        page.get_by_label("Speak and dictate").check()
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
        if language == "sv":  # its only Swedish voice is elsewhere
            expect(page.get_by_role("region", name="Notices")).to_contain_text(
                "no voice of its own"
            )
        else:
            page.wait_for_function("window.spoken?.voice.localService")
        page.get_by_role("button", name="Svenska").click()
        expect(page.get_by_role("button", name="Diktera")).to_be_hidden()
