"""A picture of every state of the page, in light, dark and on a phone: `build.py bench page --shots
[FOLDER]`.

All of it is the real page with the demo model; nothing is staged but what a person could do.
"""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect

from tests.bench.parts import report
from tests.support.page.browser import wait_for_state, watched

LOOKS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "has_touch": True,
    },
}
QUIET = ("ready", "countdown", "paused", "training", "evaluating")
LESSON_SECONDS = 240


def take(browser: Browser, address: str, folder: Path) -> list[dict]:
    """One tour a look; the rows say which pictures there are."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, look in LOOKS.items():
        with watched(browser, address, locale="en-US", **look) as (context, watch):
            watch.allow("")
            page = context.new_page()
            page.goto("/")
            for state, act in TOUR:
                rows.append(shot(page, folder / f"{name}-{state}.png", state, act))
                report.say(name, state, rows[-1].get("why", ""))
    return rows


def shot(page: Page, path: Path, state: str, act: Callable[[Page], None]) -> dict:
    """Do one step of the tour and picture where it leads; a step that fails is pictured as well."""
    row = {"picture": path.name, "state": state}
    try:
        act(page)
    except (Error, AssertionError) as error:
        row["why"] = str(error).splitlines()[0]
    page.wait_for_timeout(350)
    page.screenshot(path=path)
    return row


def press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name).first.click()


def say(text: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role("textbox", name="Message").fill(text)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Answer again").last).to_be_visible(timeout=60_000)

    return act


def panel(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        opens = page.get_by_role("button", name="Learning panel")
        if opens.get_attribute("aria-expanded") == "false":  # a tab may still slide out of view
            opens.click()
        page.get_by_role("tab", name=re.compile("^" + name)).click()

    return act


def leave(page: Page) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")


def demo(page: Page) -> None:
    press("Just look around")(page)
    wait_for_state(page, "ready", timeout=120)


def told(page: Page) -> None:
    panel("Memory")(page)
    press("Tell it a fact")(page)
    page.get_by_label("When asked …").fill("What is the capital of Zorbia?")
    page.get_by_label("… it should say").fill("The capital of Zorbia is Blimbo.")


def teaching(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Teach", exact=True).click()
    panel("Activity")(page)
    press("Learn now")(page)
    expect(page.get_by_test_id("train-step")).to_have_text(
        re.compile(r"^([89]|\d\d) / "), timeout=LESSON_SECONDS * 1000
    )


def learned(page: Page) -> None:
    expect(page.get_by_test_id("active-version")).not_to_have_text(
        "v0", timeout=LESSON_SECONDS * 1000
    )


def developer(page: Page) -> None:
    leave(page)
    press("Settings")(page)
    page.get_by_label("Developer mode").check()
    page.get_by_text("learning_rate").first.scroll_into_view_if_needed()


def swedish(page: Page) -> None:
    page.locator("#set-language").select_option("sv")
    leave(page)


def pasted(page: Page) -> None:
    panel("Sources")(page)
    press("Paste text")(page)
    text = "The lighthouse of Quillmere was built in 1871 by Ida Falk. It is 32 metres tall."
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("tabpanel").get_by_text("ready")).to_be_visible(timeout=90_000)


def opened(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        leave(page)
        press(name)(page)

    return act


def second_answer(page: Page) -> None:
    leave(page)
    say("Min hund heter Biscuit.")(page)


TOUR = (
    ("consent", lambda page: wait_for_state(page, "needs-consent", timeout=120)),
    ("models", press("Other model")),
    ("welcome", lambda page: (leave(page), demo(page))),
    ("chat", say("What is the capital of Sweden?")),
    ("teach", press("Correct")),
    ("fact", second_answer),
    ("tell", told),
    ("training", teaching),
    ("learned", learned),
    ("memory", panel("Memory")),
    ("versions", panel("Versions")),
    ("version", press("Details")),
    ("sources", lambda page: (leave(page), pasted(page))),
    ("settings", opened("Settings")),
    ("developer", developer),
    ("swedish", swedish),
)
