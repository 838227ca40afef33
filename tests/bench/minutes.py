"""The first five minutes of a stranger, without a GPU: `python3 build.py bench minutes [FOLDER]`.

A fresh profile, English and Swedish, desktop and phone: Download is pressed at the first moment it
can be, one question, one fact, asked in a new chat, corrected, forgotten.  Told: the seconds of
each step, the longest silence, and in FOLDER (shots/minutes unless told) every text on the way and
a picture of each step.
"""

import os
import re
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from builder import ROOT, site
from tests.bench.parts import report
from tests.support.page.browser import chromium, served, wait_for_state, watched

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
LOOKS = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
ALL = "en-desktop en-phone sv-desktop sv-phone"
OLD, NEW = "Saltkråkan", "Vindil"
DOWNLOAD = '#consent button.primary[data-do="download"]'
KNOWN = ", ".join(f'.told[data-state="{one}"]' for one in ("remembered", "learning", "learned"))
WAIT = 300_000
RAW = re.compile(r"Traceback|\bNone\b|undefined|\bNaN\b|\[object|\w+Error\b|Exception|\{[a-z_]+\}")
WATCH = (Path(__file__).parent / "parts/watch_page.js").read_text()


class Stranger:
    """Somebody at a page they have never seen; `taken` is how long each step took."""

    def __init__(self, page: Page, language: str, folder: Path):
        self.page, self.words, self.folder = page, SPOKEN[language], folder
        self.taken: dict[str, float] = {}
        self.said: dict[str, str] = {}

    def step(self, name: str, act) -> None:
        began = time.monotonic()
        act()
        self.taken[name] = time.monotonic() - began
        self.page.screenshot(path=self.folder / f"{len(self.taken)}-{name}.png")
        report.say(self.folder.name, name, f"{self.taken[name]:.1f} s", self.said.get(name, ""))

    def say(self, text: str) -> str:
        """The answer to what is said, once it is whole."""
        before = self.page.locator("article.assistant").count()
        self.page.locator("#composer-text").fill(text)
        self.page.locator("#composer-text").press("Enter")
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

    def walk(self) -> None:
        for name in (
            "open",
            "download",
            "question",
            "tell",
            "ask",
            "correct",
            "ask_again",
            "forget",
        ):
            self.step(name, getattr(self, name))
        self.step("ask_last", self.ask_last)

    def open(self) -> None:
        self.page.goto("/?engine=cpu")
        expect(self.page.locator(DOWNLOAD)).to_be_enabled(timeout=WAIT)

    def download(self) -> None:
        self.page.locator(DOWNLOAD).click()
        wait_for_state(self.page, "ready", timeout=WAIT / 1000)

    def question(self) -> None:
        self.said["question"] = self.say(self.words["question"])

    def tell(self) -> None:
        """Until it is known by heart, by the page's own word."""
        self.say(self.words["fact"])
        expect(self.page.locator(KNOWN)).to_be_visible(timeout=WAIT)

    def ask(self) -> None:
        self.anew()
        self.said["ask"] = self.say(self.words["asked"])

    def correct(self) -> None:
        """What was said is replaced in the queue, and the new one is known by heart."""
        self.say(self.words["correction"])
        expect(self.page.locator(KNOWN).last).to_be_visible(timeout=WAIT)

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


def path(browser: Browser, address: str, language: str, look: str, folder: Path) -> dict:
    folder.mkdir(parents=True, exist_ok=True)
    locale = {"en": "en-US", "sv": "sv-SE"}[language]
    with watched(browser, address, locale=locale, **LOOKS[look]) as (context, watch):
        context.add_init_script(WATCH)
        page = context.new_page()
        stranger = Stranger(page, language, folder)
        stranger.walk()
        seen = page.evaluate("watched()")
        found = list(watch.problems)
        watch.allow("")
    lines = [f"{one['at'] / 1000:8.1f} s  {one['text']}" for one in seen["texts"]]
    (folder / "texts.txt").write_text("\n".join(lines) + "\n")
    said = stranger.said
    return {
        "path": folder.name,
        "seconds": stranger.taken,
        "said": said,
        "told_to_right": stranger.taken["tell"] + stranger.taken["ask"],
        "right": OLD in said["ask"],
        "corrected": NEW in said["ask_again"] and OLD not in said["ask_again"],
        "forgotten": NEW not in said["ask_last"] and OLD not in said["ask_last"],
        "silence": seen["still"] / 1000,
        "silent_while": seen["where"],
        "raw": [one["text"] for one in seen["texts"] if RAW.search(one["text"])],
        "errors": found,
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "shots/minutes"
    chosen = os.environ.get("ONESEEK_BENCH_PATHS", ALL).split()
    rows: list[dict] = []
    with served(site.build()) as address, chromium() as browser:
        for one in chosen:
            language, look = one.split("-")
            rows.append(path(browser, address, language, look, folder / one))
    figures = {
        "paths": len(rows),
        "right": sum(row["right"] for row in rows),
        "corrected": sum(row["corrected"] for row in rows),
        "forgotten": sum(row["forgotten"] for row in rows),
        "raw_texts": sum(len(row["raw"]) for row in rows),
        "errors": sum(len(row["errors"]) for row in rows),
        "longest_silence_s": max(row["silence"] for row in rows),
        "told_to_right_s": max(row["told_to_right"] for row in rows),
    }
    report.write("minutes", figures, rows)


if __name__ == "__main__":
    main()
