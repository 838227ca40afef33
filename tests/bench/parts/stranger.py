"""Somebody at a page they have never seen: the path of the first five minutes, step by step."""

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
FETCHES = re.compile("Fetching|Downloading|Hämtar")
WATCH = "\n".join(
    (Path(__file__).parent / name).read_text() for name in ("watch_page.js", "watch_truth.js")
)


def open_page(context: BrowserContext) -> Page:
    """A page that keeps all it ever shows."""
    page = context.new_page()
    page.add_init_script(WATCH)
    return page


def skip(stranger: "Stranger") -> None:
    """What most strangers meet."""


class Stranger:
    """`taken` is how long each step took, `said` what was answered, `typed` all they sent; `upsets`
    are what comes between: before the page is opened, amid (after the first question), after (the
    fact was asked for), whenever something was sent, and when a step is over."""

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
        """The answer to what is said, once it is whole."""
        before = self.page.locator("article.assistant").count()
        self.page.locator("#composer-text").fill(text)
        self.page.locator("#composer-text").press("Enter")
        self.typed.append(text)
        self.upset("sent")
        expect(self.page.locator("article.assistant")).to_have_count(before + 1, timeout=WAIT)
        expect(self.page.locator("article.assistant[aria-busy]")).to_have_count(0, timeout=WAIT)
        return self.page.locator("article.assistant .text").last.inner_text()

    def anew(self) -> None:
        """A new chat, by keyboard or through the menu, as the width has it."""
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
        """Until it is known by heart, or known why not, by the page's own word."""
        self.say(self.words["fact"])
        expect(self.page.locator(DECIDED)).to_be_visible(timeout=WAIT)

    def ask(self) -> None:
        self.anew()
        self.said["ask"] = self.say(self.words["asked"])

    def correct(self) -> None:
        """What was said is replaced in the queue, and the new one is known by heart."""
        self.say(self.words["correction"])
        said = self.page.locator("article.user").last  # above it may stand what it corrects
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
        """What was sent and is not there after a reload, by the store's word and the page's."""
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
        """What was seen on the page so far; a page that is loaded anew begins with nothing."""
        seen = self.page.evaluate("watched()")
        self.texts += seen["texts"]
        self.untrue += self.page.evaluate("untrue()")
        if seen["still"] > self.silence:
            self.silence, self.silent_while = seen["still"], seen["where"]
