"""The first click works, and whatever fails is told in words: no raw exception text reaches a
person."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from builder import ROOT
from oneseek.engine.core import messages
from oneseek.engine.core.messages import Request
from tests.support.page.acts import (
    fault,
    learn_now,
    new_chat,
    panel,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import Chromium, wait_for_state, watched
from tests.support.page.stored import light_lessons

pytestmark = pytest.mark.slow
RAW = re.compile(r"NoneType|Error\b|Traceback|object has no|failed:|Exception|None\b|\{|\}")
SAFE = re.compile(
    r"kept|as it was|not changed|Nothing was changed|still|safe|waits|Nothing is lost|Nothing stored|unsigned"
)
TO_DO = re.compile(
    r"Try|try|Press|press|Choose|choose|Reload|reload|paste|Turn|turn|Free|free|wait|make it"
)


@pytest.mark.long
def test_download_pressed_as_soon_as_the_page_reacts_waits_for_its_turn_and_works(page: Page):
    """The engine takes seconds to start; the button is there after one."""
    page.goto("/?engine=cpu")
    page.locator("html[data-page=ready]").wait_for(state="attached")
    page.get_by_role("button", name="Just look around").click()
    assert page.get_attribute("html", "data-engine") == "booting", "pressed too late to tell"
    card = page.locator("#consent")
    expect(card).to_contain_text("It begins by itself when the engine has started. Now:")
    expect(card.get_by_role("progressbar")).to_be_visible()
    wait_for_state(page, "ready", timeout=120)
    set_temperature(page, "0")
    say(page, "What is the capital of France?")
    expect(wait_for_answer(page).locator(".text")).to_contain_text("Paris")


@pytest.mark.long
def test_another_model_chosen_while_one_is_on_its_way_waits_too(page: Page):
    page.goto("/?engine=cpu")
    page.locator("html[data-page=ready]").wait_for(state="attached")
    page.get_by_role("button", name="Just look around").click()
    expect(page.locator("#model-button")).not_to_contain_text("Choose a model")
    page.locator("#model-button").click()
    page.get_by_role("dialog").get_by_role("button", name="Use").first.click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text(
        "A model is being loaded already."
    )
    wait_for_state(page, "ready", timeout=120)


@pytest.fixture(scope="module")
def broken(chromium: Chromium, address: str) -> Iterator[Page]:
    """A page whose requests can be made to fail, with a fact learned so that there is something to
    ask for."""
    with watched(chromium, address, locale="en-US") as (context, _):
        page = open_page(context)
        tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
        learn_now(page)
        expect(version(page)).to_have_text("v0.1", timeout=180_000)
        yield page


def open_page(context: BrowserContext) -> Page:
    page = context.new_page()
    light_lessons(page)
    page.goto("/?model=tiny&faults=1&engine=cpu")
    wait_for_state(page, "ready", timeout=120)
    return page


def do(verb: str) -> Callable[[Page], None]:
    return lambda page: page.locator(f'[data-do="{verb}"]:visible').first.click()


def on(tab: str, *verbs: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        panel(page, tab)
        for verb in verbs:
            do(verb)(page)

    return act


def in_settings(act: Callable[[Page], None]) -> Callable[[Page], None]:
    def inside(page: Page) -> None:
        page.get_by_role("button", name="Settings").click()
        act(page)

    return inside


def reset(page: Page) -> None:
    page.get_by_role("dialog").locator('[data-do="ask-reset"]').click()  # Versions has one too
    page.get_by_label("Type RESET to go on").fill("RESET")
    page.get_by_role("button", name="Reset", exact=True).click()


def paste_text(page: Page) -> None:
    panel(page, "Sources")
    do("paste-text")(page)
    page.locator("#paste-text").fill("The castle of Trebolin was built in 1412.")
    page.get_by_role("dialog").get_by_role("button", name="Read it").click()


def a_question(page: Page) -> None:
    new_chat(page)
    say(page, "What is a tree?")


def a_lesson(page: Page) -> None:
    tell(page, "Who founded Quillmere?", "Quillmere was founded by Tove Lindahl.")
    learn_now(page)


def an_adapter(page: Page) -> None:
    panel(page, "Versions")
    with page.expect_file_chooser() as chosen:
        do("import-adapter")(page)
    chosen.value.set_files({"name": "a.zip", "mimeType": "application/zip", "buffer": b"PK"})


def another_model(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Model|OneSeek|Tiny|tiny")).first.click()
    do("download")(page)


ACTS = {
    "Ask": a_question,
    "Use": on("Versions", "use-version"),
    "Recall": on("Memory", "ask-fact"),
    "Forget": on("Memory", "forget-fact"),
    "Export": on("Versions", "version-details", "export-peft"),
    "Verify": on("Versions", "verify"),
    "Sign": in_settings(lambda page: page.locator("#set-sign").check()),
    "Introduce": in_settings(do("introduce")),
    "Reset": in_settings(reset),
    "ImportText": paste_text,
    "ImportAdapter": an_adapter,
    "BackUp": in_settings(do("export-everything")),
    "Learn": a_lesson,
}


@pytest.mark.parametrize("name", ACTS)
def test_a_request_that_fails_says_what_happened_what_is_safe_and_what_to_do(
    broken: Page, name: str
):
    page = broken
    page.evaluate("document.querySelectorAll('.toast, dialog').forEach((one) => one.remove())")
    page.evaluate("document.querySelector('#alarm').textContent = ''")
    fault(page, f"fail {name}")
    try:
        ACTS[name](page)
        alarm = page.locator("#alarm")
        if name == "ImportText":
            alarm = page.locator('li[data-state="failed"] .why').first
        expect(alarm).not_to_be_empty()
        said = alarm.inner_text()
        assert not RAW.search(said), said
        assert SAFE.search(said) and TO_DO.search(said), said
        shown = page.evaluate(VISIBLE)
        assert "NoneType" not in shown and "Traceback" not in shown, shown
    finally:
        fault(page, "mend")
        page.keyboard.press("Escape")


VISIBLE = """() => {  // what a person sees before unfolding anything
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("details:not([open]) > :not(summary), [hidden], script, style, template").forEach((n) => n.remove());
  return copy.textContent;
}"""


def test_every_request_has_words_for_its_failure():
    """A cause it knows has words of its own; all others are told by what was asked."""
    table = (ROOT / "web/lib/failures.py").read_text()
    named = set(re.findall(r'"([A-Z][A-Za-z]+)"', table))
    requests = {
        name
        for name, kind in vars(messages).items()
        if isinstance(kind, type) and issubclass(kind, Request) and kind is not Request
    }
    silent = {"Ping", "Break", "ReadAhead", "CallApi", "LeaveApi"}  # no person asks these
    assert requests - silent <= named, requests - silent - named
