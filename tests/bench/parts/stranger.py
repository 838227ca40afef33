"""Plays a new user's first five minutes on the page, step by step."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.bench.parts import report
from tests.support.page.browser import wait_for_state

SPOKEN = {
    "en": {
        "question": "What is the capital of France?",
        "fact": "My boat is called Saltkråkan.",
        "asked": "What is my boat called?",
        "correction": "No, it is called Vindil.",
    },
    "sv": {
        "question": "Vad heter huvudstaden i Frankrike?",
        "fact": "Min båt heter Saltkråkan.",
        "asked": "Vad heter min båt?",
        "correction": "Nej, den heter Vindil.",
    },
}
OLD, NEW = "Saltkråkan", "Vindil"
SMALL = "smollm2-135m"
KNOWN = ", ".join(f'.told[data-state="{one}"]' for one in ("remembered", "learning", "learned"))
DECIDED = KNOWN + ', .told[data-state="not-by-heart"]'
IN_USE = ("ready", "countdown", "training", "evaluating", "paused")
STEPS = (
    "open",
    "download",
    "question",
    "tell",
    "ask",
    "correct",
    "ask_again",
    "forget",
    "ask_last",
)
WAIT = 300_000
FETCHES = re.compile("Downloading|Hämtar")
WATCH = "\n".join(
    (Path(__file__).parent / name).read_text() for name in ("watch_page.js", "watch_truth.js")
)


def open_page(context: BrowserContext) -> Page:
    """A page that records every text it shows."""
    page = context.new_page()
    page.add_init_script(WATCH)
    return page


def skip(stranger: "Stranger") -> None:
    """The disturbance that does nothing."""


class Stranger:
    """A new user. `taken` holds the seconds of each step, `said` the answers, `typed` all messages.
    `upsets` are disturbances by their moment: `before` the page is opened, `amid` (after the first
    question), `after` (the fact was asked for), `sent` (each message) and `over` (each step)."""

    def __init__(
        self, page: Page, address: str, language: str, folder: Path, model: str, upsets: dict
    ):
        self.page, self.address, self.words = page, address, SPOKEN[language]
        self.folder, self.model = folder, model
        self.upsets: dict[str, Callable] = upsets
        self.taken: dict[str, float] = {}
        self.said: dict[str, str] = {}
        self.typed: list[str] = []
        self.texts: list[dict] = []
        self.untrue: list[str] = []
        self.silence, self.silent_while = 0.0, ""

    def upset(self, when: str) -> None:
        self.upsets.get(when, skip)(self)

    def walk(self) -> None:
        self.upset("before")
        for name in STEPS:
            self.step(name, getattr(self, name))
            if name in ("question", "ask"):
                when = {"question": "amid", "ask": "after"}[name]
                if when in self.upsets:
                    self.step(when, lambda when=when: self.upset(when))

    def step(self, name: str, act) -> None:
        began = time.monotonic()
        act()
        self.upset("over")
        self.taken[name] = time.monotonic() - began
        self.page.screenshot(path=self.folder / f"{len(self.taken)}-{name}.png")
        report.say(self.folder.name, name, f"{self.taken[name]:.1f} s", self.said.get(name, ""))

    def say(self, text: str) -> str:
        """Send a message; return its complete answer."""
        before = self.page.locator("article.assistant").count()
        self.page.locator("#composer-text").fill(text)
        self.page.locator("#composer-text").press("Enter")
        self.typed.append(text)
        self.upset("sent")
        expect(self.page.locator("article.assistant")).to_have_count(before + 1, timeout=WAIT)
        expect(self.page.locator("article.assistant[aria-busy]")).to_have_count(0, timeout=WAIT)
        return self.page.locator("article.assistant .text").last.inner_text()

    def anew(self) -> None:
        """Open a new chat, through the menu if the page is narrow."""
        if not self.page.locator("#new-chat").is_visible():
            self.page.locator("#nav-toggle").click()
        self.page.locator("#new-chat").click()
        expect(self.page.locator("article")).to_have_count(0)

    # ---------------------------------------------------------------------------- the path

    def open(self) -> None:
        self.page.goto("/?engine=cpu")
        expect(self.yes()).to_be_enabled(timeout=WAIT)

    def yes(self):
        return self.page.locator(f'#consent [data-do="download"][data-of="{self.model}"]')

    def download(self) -> None:
        self.yes().click()
        wait_for_state(self.page, "ready", timeout=WAIT / 1000)

    def question(self) -> None:
        self.said["question"] = self.say(self.words["question"])

    def tell(self) -> None:
        """Tell the fact; wait until the page says that it is known by heart, or why not."""
        self.say(self.words["fact"])
        expect(self.page.locator(DECIDED)).to_be_visible(timeout=WAIT)

    def ask(self) -> None:
        self.anew()
        self.said["ask"] = self.say(self.words["asked"])

    def correct(self) -> None:
        """Correct the fact; wait until the page says that the correction is known."""
        self.say(self.words["correction"])
        said = self.page.locator("article.user").last  # the message above may be the corrected one
        expect(said.locator(KNOWN)).to_be_visible(timeout=WAIT)

    def ask_again(self) -> None:
        self.anew()
        self.said["ask_again"] = self.say(self.words["asked"])

    def forget(self) -> None:
        because = self.page.locator("details.because").last
        because.locator("summary").click()
        because.locator('[data-do="forget-fact"]').click()
        self.page.locator('[role="alertdialog"] button.danger').click()
        expect(self.page.locator(".toast").last).to_be_visible(timeout=WAIT)

    def ask_last(self) -> None:
        self.anew()
        self.said["ask_last"] = self.say(self.words["asked"])

    # --------------------------------------------------------------------------- what is kept

    def find_lost_messages(self) -> list[str]:
        """The messages that are missing from the store after a reload, and those not done."""
        self.collect()
        self.page.reload()
        wait_for_state(self.page, *IN_USE, timeout=WAIT / 1000)
        again = [one["text"] for one in self.page.evaluate("watched()")["texts"]]
        self.untrue += [f"fetched already: {text}" for text in again if FETCHES.search(text)]
        stored = self.page.evaluate("oneseekStored('messages')")
        kept = [one["text"] for one in stored if one["role"] == "user"]
        gone = [text for text in set(self.typed) if kept.count(text) < self.typed.count(text)]
        expect(self.page.locator("article.user").last).to_contain_text(self.typed[-1])
        return gone + [one["text"] for one in stored if one["state"] != "done"]

    def collect(self) -> None:
        """Collect what the page recorded so far; a reload clears it."""
        seen = self.page.evaluate("watched()")
        self.texts += seen["texts"]
        self.untrue += self.page.evaluate("untrue()")
        if seen["still"] > self.silence:
            self.silence, self.silent_while = seen["still"], seen["where"]
