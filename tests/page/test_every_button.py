"""Every button of every panel and dialog is pressed where it has something to do; none may fail.

An uncaught error in a verb goes to the console, where the profile's watch fails the test; a refusal
is a notice, and every notice is read, however briefly it is shown. The pressed verbs are counted
where the page listens for them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from builder import ROOT
from tests.support.page.acts import (
    learn_now,
    locate_queue,
    new_chat,
    panel,
    say,
    slow_down,
    tell,
    version,
    wait_for_answer,
    wait_until,
)
from tests.support.page.browser import Chromium, wait_for_state, watched
from tests.support.page.stored import light_lessons

pytestmark = pytest.mark.slow
COUNTS = """for (const kind of ["click", "change", "submit", "input"])
  document.addEventListener(kind, (event) => {
    const node = event.target.closest?.("[data-do]");
    if (node && (node.dataset.on || "click") === kind) pressed(node.dataset.do);
  }, true);
document.addEventListener("DOMContentLoaded", () => {
  const look = new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) told(node.textContent);
  });
  for (const place of ["toasts", "alarm"])
    look.observe(document.getElementById(place), {childList: true});
});"""
NOT_PRESSED = {
    "earlier": "goes away by itself: earlier messages are drawn right after the newest",
    "stop-source": "what is read here is read before it can be stopped; tests/importers stops one",
    "allow-source": "needs a text that reads like an order; tests/importers has those",
    "caption-source": "needs a picture and the text recogniser; tests/importers has those",
    "save-caption": "needs a picture and the text recogniser; tests/importers has those",
    "import-adapter": "needs an adapter file; test_scenario_23 gives it one",
    "import-everything": "needs a backup; test_scenario_24 gives it one",
    "ask-carry-out": "needs a phrase; test_exchange_in_page.py presses it and the five below",
    "carry-out": "as ask-carry-out",
    "ask-bring-in": "as ask-carry-out",
    "bring-in": "as ask-carry-out",
    "ask-exchange-with": "as ask-carry-out",
    "exchange-with": "as ask-carry-out",
    "what-became": "needs what was learned; test_app_felt.py presses it",
    "replace-told": "needs two facts told to one question; test_app_felt.py has them",
    "set-optional": "is set by a box; test_app_chat.py sets the temperature",
    "help": "stands in Settings on a phone alone; test_app_phone.py presses it",
    "privacy": "as help",
    "use-here": "needs two tabs; test_scenario_24_a_second_tab presses it",
    "show-versions": "needs an attempt that was refused; test_scenario_21 presses it",
    "learn-instead": "needs an answer that contradicts a fact; test_app_felt makes one",
    "aloud": "needs a voice on the device; test_app_face.py gives it one",
    "copy-code": "needs an answer with code; test_app_chat.py has one",
    "open-group": "needs a source of many lessons; test_app_chat.py presses all three",
    "approve-group": "as open-group",
    "skip-group": "as open-group",
    "take-as-source": "needs a message that is too long; test_app_limits.py sends one",
    "close-too-long": "as take-as-source",
    "remove-aside": "needs a record that cannot be read; test_while_it_starts.py presses it",
    "run-end": "needs a run that waits; test_app_runs.py ends one",
    "let-go": "needs a statement in the chat; test_known_at_once.py takes one back",
    "correct-known": "needs an answer said by heart; test_known_at_once.py has one of the real model",
    "install": "needs a browser that offers it; test_app_phone.py makes that offer",
    "remove-skill": "needs a skill, which is trained for a minute; test_skill_walk.py has one",
    "teach-again": "as remove-skill",
    "skill-examples": "as remove-skill",
    "save-examples": "as remove-skill",
    "answer-without": "as remove-skill",
    "read-as-text": "needs a table that is dropped; test_skill_walk.py reads one",
    "train-taste": "needs twelve choices; test_app_taste.py presses it and the four below",
    "use-taste": "as train-taste",
    "remove-choice": "as train-taste",
    "ask-remove-taste": "as train-taste",
    "remove-taste": "as train-taste",
    "run-look": "belongs to a choice of a run; test_app_runs.py makes it",
    "settings": "needs a disk that is full; test_first_minutes.py presses it",
    "run-start": "trains for a minute; test_app_runs.py presses it",
    "sift-memory": "needs facts of two languages; test_app_memory.py chooses them",
    "more-memory": "needs more than fifty facts; test_app_memory.py has a thousand",
    "forget-shown": "needs facts found by a search; test_app_memory.py forgets two",
    "move-in": "needs chats of another assistant; test_moving_in.py has them",
    "move-chat": "needs two folders or chats; test_app_chat.py moves one",
    "ask-source": "needs a text worth asking; test_app_ask.py asks one",
    "end-about": "needs a chat about a source; test_app_ask.py ends one",
    "more-about": "as end-about; test_app_ask.py chooses a second source",
    "add-about": "as more-about",
    "show-place": "needs an answer from a source; test_app_ask.py shows its place",
    "chat-thinks": "needs a model that can think; none that can is at hand here",
    "use-given": "needs a model's file; test_given_files.py gives it one",
    "stop-packing": "as use-given; test_given_files.py packs one, pauses and goes on",
    "go-on-packing": "as stop-packing",
    "drop-packing": "needs one that was paused; test_given_files.py throws it away",
    "ask-fetch": "needs another site; test_models_elsewhere.py has one, for the four below too",
    "fetch": "as ask-fetch",
    "ask-model-address": "as ask-fetch",
    "look-for-model": "as ask-fetch",
    "remove-fetched": "as ask-fetch",
    "pick-picture": "needs a model with eyes; test_pictures_in_chat.py has one, for the four below too",
    "drop-picture": "as pick-picture",
    "open-picture": "as pick-picture",
    "learn-picture": "as pick-picture",
    "save-picture": "as pick-picture",
    "not-now": "is there for the seconds of a countdown; test_scenario_18 presses it",
}
# Verbs that the tests press by other means, or fill in.
BY_NAME = {
    "count-examples", "learn-now", "save-fact", "search-memory", "set-address", "set-number",
    "set-text", "tell-fact",
}  # fmt: skip
PRESSED: set[str] = set()
TOLD: list[str] = []


def all_verbs() -> set[str]:
    """The verbs that the code registers."""
    found = set()
    for file in (ROOT / "web").rglob("*.py"):
        text = file.read_text()
        found |= set(re.findall(r'"([a-z-]+)": lambda of, el', text))
        found |= set(re.findall(r'dom\.verbs\(\{"([a-z-]+)"', text))
    return found


def open_counting_page(context: BrowserContext) -> Page:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.expose_function("pressed", lambda verb: PRESSED.add(verb))
    page.expose_function("told", lambda said: TOLD.append(said))
    page.add_init_script(COUNTS)
    return page


@pytest.fixture(scope="module")
def desk(chromium: Chromium, address: str) -> Iterator[Page]:
    """A page with the demo model, one learned fact and its version."""
    with watched(chromium, address, locale="en-US") as (context, watch):
        watch.allow("404")  # an address without a page is tried
        page = open_counting_page(context)
        light_lessons(page)
        page.goto("/?model=tiny")
        wait_for_state(page, "ready", timeout=120)
        tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
        learn_now(page)
        expect(version(page)).to_have_text("v0.1", timeout=180_000)
        yield page


@pytest.fixture(autouse=True)
def untroubled() -> Iterator[None]:
    """Fail if any notice or alarm of the test reports an error."""
    yield
    bad = re.compile(r"went wrong|Error|error|could not|has no attribute|Traceback")
    found = [said for said in TOLD if bad.search(said)]
    TOLD.clear()
    assert not found


def press(page: Page, *verbs: str) -> None:
    """Press the first visible control of each verb, in turn."""
    for verb in verbs:
        page.locator(f'[data-do="{verb}"]:visible').first.click()


def fill(page: Page, name: str, text: str) -> None:
    page.locator(f'form [name="{name}"]:visible').first.fill(text)


def submit(page: Page, verb: str) -> None:
    page.locator(f'form[data-do="{verb}"] [type=submit]').click()


def expect_no_dialog(page: Page) -> None:
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.long
def test_the_buttons_of_a_chat_and_of_the_list_of_chats(desk: Page):
    new_chat(desk)
    press(desk, "example")
    wait_for_answer(desk)
    say(desk, "What is a tree?")
    wait_for_answer(desk, 2)
    press(desk, "copy", "good", "do-it-like-this", "close-dialog", "bad", "learn", "teach")
    press(desk, "close-editor", "teach")
    submit(desk, "save-teach")
    press(desk, "edit")
    fill(desk, "text", "What is a fish?")
    submit(desk, "save-edit")
    wait_for_answer(desk)
    press(desk, "regenerate")
    wait_for_answer(desk)
    press(desk, "branch-before", "branch-after")
    slow_down(desk)
    say(desk, "What is a lighthouse?")
    expect(desk.get_by_role("button", name="Stop")).to_be_visible()
    desk.reload()
    wait_for_state(desk, "ready", "countdown", "paused", "training", timeout=120)
    press(desk, "continue")
    wait_for_answer(desk, 2)
    menu = '[data-do="chat-menu"]:visible'
    for verb in ("export-chat-md", "export-chat-json"):
        press(desk, "chat-menu")
        with desk.expect_download():
            desk.locator(f'[data-do="{verb}"]:visible').click()
    press(desk, "chat-menu", "pin-chat", "chat-menu", "instruct-chat")
    fill(desk, "text", "Answer in one sentence.")
    submit(desk, "save-instructions")
    expect_no_dialog(desk)
    press(desk, "chat-menu", "choose-folder")
    fill(desk, "folder", "Travel")
    submit(desk, "save-folder")
    expect_no_dialog(desk)
    press(desk, "fold-folder", "fold-folder", "folder-menu", "rename-folder")
    fill(desk, "folder", "Journeys")
    submit(desk, "save-folder-name")
    expect_no_dialog(desk)
    press(desk, "chat-menu", "choose-folder", "take-out-chat")
    expect_no_dialog(desk)
    press(desk, "chat-menu", "choose-folder")
    fill(desk, "folder", "Travel")
    submit(desk, "save-folder")
    expect_no_dialog(desk)
    press(desk, "folder-menu", "delete-folder")
    press(desk, "chat-menu", "rename-chat")
    fill(desk, "title", "A renamed chat")
    submit(desk, "save-title")
    expect_no_dialog(desk)
    press(desk, "chat-menu", "delete-chat", "undelete-chat", "show-chat")
    desk.get_by_role("searchbox", name="Search chats").fill("no chat has these words")
    press(desk, "clear-search")
    expect(desk.locator(menu).first).to_be_visible()


@pytest.mark.long
def test_the_buttons_of_memory_and_of_the_queue(desk: Page):
    press_pause(desk)
    memory = panel(desk, "Memory")
    memory.get_by_role("searchbox").fill("Zorbia")
    expect(memory.locator("li.item")).to_have_count(1)  # only the taught fact, none from a chat
    press(desk, "ask-fact")
    expect(memory).to_contain_text("It answers:")
    press(desk, "reword-fact")
    fill(desk, "text", "Which town is the capital of Zorbia?")
    submit(desk, "save-wording")
    expect(locate_queue(desk)).to_contain_text("The capital of Zorbia is Blimbo.")
    expect(panel(desk, "Memory").locator("li.item")).to_have_count(1)
    press(desk, "correct-fact")
    fill(desk, "text", "The capital of Zorbia is Trunto.")
    submit(desk, "save-correction")
    new_chat(desk)
    secrets = ("My password is hunter2secret99", "My password is swordfish77xyz")
    for number, secret in enumerate(secrets, 1):
        say(desk, secret)
        wait_for_answer(desk, number)
    press(desk, "chat-menu", "chat-learns", "chat-menu", "chat-learns")
    expect(locate_queue(desk)).not_to_contain_text("Blimbo")  # until the correction is drawn
    press(desk, "release-secret", "discard-secret", "edit-queued")
    submit(desk, "save-queued")
    press(desk, "skip", "undo-queue")
    desk.get_by_role("button", name="Add something to learn from").click()
    press(desk, "paste-text")
    fill(desk, "text", "The castle of Trebolin was built in 1412 by the mason Ulla Brandt. " * 3)
    submit(desk, "take-text")
    expect(desk.locator('li[data-state="ready"]')).to_have_count(1, timeout=120_000)
    panel(desk, "Activity")
    expect(desk.locator("#queue")).to_contain_text("Waiting for your yes")
    if desk.locator('[data-do="open-group"]').count():
        press(desk, "open-group")
    press(desk, "approve", "skip")


def press_pause(page: Page) -> None:
    """Pause learning, so that no control is redrawn before it is pressed."""
    panel(page, "Activity")
    press(page, "pause-learning")


@pytest.mark.long
def test_the_buttons_of_sources(desk: Page):
    panel(desk, "Sources")
    press(desk, "preview-source", "use-source", "test-source")
    expect(desk.locator("ol.tested li").first).to_be_visible(timeout=120_000)
    press(desk, "edit-source")
    fill(desk, "text", "The tower of Trebolin was built in 1512 by the mason Ulla Brandt.")
    submit(desk, "save-source")
    for number in range(12):
        press(desk, "paste-text")
        fill(desk, "text", f"The bridge number {number} of Trebolin was built in {1600 + number}.")
        submit(desk, "take-text")
    press(desk, "all-sources", "paste-text")
    fill(
        desk,
        "text",
        "The key of the bridge of Trebolin is ghp_abcdEFGH1234ijklMNOP5678qrstUVWX9012.",
    )
    submit(desk, "take-text")
    press(desk, "allow-secrets")
    press(desk, "ask-address")
    fill(desk, "address", desk.url.split("?")[0] + "nowhere.html")
    submit(desk, "take-address")
    press(desk, "retry-source", "remove-source")
    panel(desk, "Sources")
    press(desk, "pick-files", "pick-folder")


@pytest.mark.long
def test_the_buttons_of_activity_and_versions(desk: Page):
    panel(desk, "Activity")
    desk.get_by_label("Show every figure").check()
    press(desk, "train-on-data", "run-file", "close-dialog")
    press(desk, "teach-skill", "add-example", "examples-file", "drop-example")
    fill(desk, "prompt", "Buy the dog for Lindqvist")
    fill(desk, "answer", "red")
    press(desk, "try-example")
    fill(desk, "skill", "buying")
    press(desk, "keep-examples")
    expect_no_dialog(desk)
    press(desk, "probe", "switch-chart", "practise-now")  # the last one ends the pause
    wait_for_state(desk, "training", "evaluating")
    press(desk, "drop-round", "pause-learning")
    expect(desk.locator('[data-do="drop-round"]')).to_have_count(0)
    thrown = desk.locator(".toast", has_text="wait in the queue again. v0.1 is still in use.")
    thrown.locator('[data-do="close-toast"]').click()
    expect(thrown).to_have_count(0)
    panel(desk, "Versions")
    press(desk, "sort-versions", "verify", "use-version")
    press(desk, "version-details", "close-dialog", "version-details")
    for verb in ("export-peft", "export-gguf", "export-merged", "export-certified"):
        with desk.expect_download():
            desk.locator(f'[data-do="{verb}"]:visible').click()
    close_and_press(desk, "compare")
    fill(desk, "text", "What is a tree?")
    submit(desk, "compare-ask")
    expect(desk.locator('[data-do="compare-choose"]').first).to_be_enabled()
    press(desk, "compare-choose", "compare-again")
    desk.keyboard.press("Escape")


def close_and_press(page: Page, verb: str) -> None:
    page.keyboard.press("Escape")
    expect_no_dialog(page)
    press(page, verb)


@pytest.mark.long
def test_forgetting_from_memory_and_from_a_version_says_what_it_means_and_does_it(desk: Page):
    learned = panel(desk, "Memory").locator("li.item", has_text="v0.1")
    learned.locator('[data-do="forget-fact"]').click()
    dialog = desk.get_by_role("alertdialog")
    expect(dialog).to_contain_text("These versions learned from it: v0.")
    press(desk, "forget-now")
    expect(learned).to_have_count(0)
    panel(desk, "Versions")
    press(desk, "version-details", "forget-version")
    expect(desk.get_by_role("alertdialog")).to_contain_text("These versions learned from it:")
    press(desk, "close-dialog")


DISAGREE = """() => new Promise((stored) => {
  const open = indexedDB.open("oneseek");
  open.onsuccess = () => {
    const change = open.result.transaction("queue", "readwrite");
    for (const [seq, bird] of ["gull", "tern"].entries()) {
      const id = String(seq).padStart(16, "0"), about = "b".repeat(16);
      const one = {id, about, prompt: "Which bird is it?", answer: `It is a ${bird}.`};
      const told = {kind: "exchange", phrasings: [], language: "en", source: {kind: "question"}};
      const waits = {priority: "chat", why: "disagreement", state: "held", time: 1, seen: 1};
      change.objectStore("queue").put({...one, ...told, ...waits, seq, revision: 1}, id);
    }
    change.oncomplete = () => { open.result.close(); stored(); };
  };
})"""


@pytest.mark.long
def test_of_answers_that_disagree_none_may_be_right(desk: Page):
    desk.evaluate(DISAGREE)
    desk.reload()
    wait_for_state(desk, "ready", "countdown", "paused", "training", timeout=120)
    expect(locate_queue(desk)).to_contain_text("It is a tern.")
    press(desk, "choose-none")
    expect(locate_queue(desk)).not_to_contain_text("It is a tern.")


@pytest.mark.long
def test_the_controls_of_settings(desk: Page):
    desk.get_by_role("button", name="Settings").click()
    desk.get_by_role("dialog").locator('[data-do="set-check"]').first.click()
    for verb, value in (("set-language", "en"), ("set-theme", "dark"), ("set-choice", None)):
        chosen = desk.locator(f'select[data-do="{verb}"]').first
        chosen.select_option(value) if value else chosen.select_option(index=1)
    for name, value in (("set-idle_seconds", "30"), ("set-proxy", ""), ("set-system", "Be kind.")):
        desk.locator(f"#{name}").fill(value or "https://example.org/?u=")
        desk.locator(f"#{name}").press("Tab")
    desk.locator("#set-sign").check()
    press(desk, "introduce", "save-signing-key")
    desk.locator("#set-developer").check()
    box = desk.locator('[data-do="set-config"][type=number]').first
    box.press("ArrowUp")
    box.press("Tab")
    press(desk, "reset-config")
    for verb in ("export-openai", "export-sharegpt", "export-everything"):
        with desk.expect_download():
            desk.locator(f'[data-do="{verb}"]:visible').click()
    desk.get_by_role("dialog").locator('[data-do="ask-reset"]').click()
    fill(desk, "word", "RESET")
    submit_and_load(desk, "save-reset")
    desk.get_by_role("button", name="Settings").click()
    press(desk, "ask-restore", "close-dialog")
    desk.get_by_role("button", name="Settings").click()
    press(desk, "ask-delete")
    fill(desk, "word", "DELETE")
    submit_and_load(desk, "save-delete")


def submit_and_load(page: Page, verb: str) -> None:
    with page.expect_navigation():
        page.locator(f'form[data-do="{verb}"] [type=submit]').click()
    page.locator("html[data-page=ready]").wait_for(state="attached")


@pytest.mark.long
def test_the_buttons_of_a_first_visit(chromium: Chromium, address: str):
    # a service worker's own fetches cannot be intercepted
    options = {"locale": "en-US", "service_workers": "block"}
    with watched(chromium, address, **options) as (context, watch):
        watch.allow("model|Failed to load resource|ERR_")
        page = open_counting_page(context)
        low = (
            "navigator.storage.estimate = async () => ({usage: 5e6, quota: 6e6, usageDetails: {}})"
        )
        page.add_init_script(low)
        page.goto("/")
        wait_for_state(page, "needs-consent", timeout=120)
        press(page, "choose-model", "close-dialog", "pick-model")
        silent: list[Route] = []  # requests without an answer
        page.route(re.compile(r"/models-"), lambda route: silent.append(route))
        press(page, "download-unsaved", "stop-loading")
        expect(page.locator("#consent")).to_contain_text("Nothing of it was saved.")
        press(page, "download-unsaved", "stop-loading")
        silent.clear()
        press(page, "choose-model", "download")
        # the request follows the opening of the file; waiting through Playwright lets its event
        # arrive
        wait_until(lambda: page.wait_for_timeout(20) or silent)
        press(page, "stop-loading")
        expect(page.locator("#consent")).to_contain_text("Paused at 0 %What has arrived is kept.")
        page.unroute(re.compile(r"/models-"))
        page.route(re.compile(r"/models-"), lambda route: route.abort())
        page.locator('[data-do="download-again"]:visible').click()
        expect(page.locator("#consent")).to_contain_text("The model could not be loaded.")
        page.locator('[data-do="download"]:visible').first.click()
        expect(page.locator("#consent")).to_contain_text("The model could not be loaded.")
        page.unroute(re.compile(r"/models-"))
        assert any("could not be loaded" in said for said in TOLD)
        TOLD.clear()
        page.goto("/?model=tiny")
        wait_for_state(page, "ready", timeout=120)
        press(page, "first-fact")
        say(page, "My boat is called Vindil.")
        wait_for_answer(page)
        press(page, "ask-in-chat")  # appears once the fact is remembered
        expect(page.get_by_role("article", name="You said")).to_contain_text(
            ["What is my boat called?"]
        )
        wait_for_answer(page)


@pytest.mark.long
def test_every_verb_was_pressed_or_says_why_not():
    assert all_verbs() - PRESSED - set(NOT_PRESSED) == set()


def test_every_verb_is_pressed_by_a_test_above_or_says_why_not():
    """By their text: some of these tests run only with --long."""
    written = set()
    for function in ast.parse(Path(__file__).read_text("utf-8")).body:
        for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                written |= {node.value, *re.findall(r'data-do="([a-z-]+)"', node.value)}
    assert all_verbs() - written - BY_NAME - set(NOT_PRESSED) == set()
    assert set(NOT_PRESSED) <= all_verbs()
