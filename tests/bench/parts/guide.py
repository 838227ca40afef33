"""Takes the guide's pictures, of the real page with the demo model, in both languages: `build.py
bench page --guide` writes them to web/guide/pictures, `--guide sv` those of one language."""

import io
import json
import re
from collections.abc import Callable, Sequence

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from builder import ROOT, guide
from tests.bench.parts import report
from tests.support.page.browser import wait_for_state, watched

FOLDER = guide.GUIDE / "pictures"
LOOK = {"viewport": {"width": 1120, "height": 700}, "color_scheme": "light"}
QUALITY, WIDTH = 62, 900
SECONDS = 300
FACTS = {"en": ("My boat is called Saltkråkan.", "What is my boat called?"),
         "sv": ("Min båt heter Saltkråkan.", "Vad heter min båt?")}  # fmt: skip
LOCALES = {"en": "en-US", "sv": "sv-SE"}
Say = Callable[[str], str]


def take(browser: Browser, address: str, languages: Sequence[str]) -> list[dict]:
    FOLDER.mkdir(exist_ok=True)
    rows = []
    for language in languages or guide.PAGES:
        words = json.loads((ROOT / f"web/static/i18n/{language}.json").read_text("utf-8"))
        with watched(browser, address, locale=LOCALES[language], **LOOK) as (context, watch):
            watch.allow("")
            page = context.new_page()
            page.goto("/?model=tiny&engine=cpu")
            wait_for_state(page, "ready", timeout=SECONDS)
            for name, act in TOUR.items():
                act(page, words.__getitem__, language)
                page.evaluate("for (const one of document.querySelectorAll('.toast')) one.remove()")
                page.wait_for_timeout(400)
                rows.append(save_picture(page.screenshot(), f"{name}.{language}.webp"))
                report.say(rows[-1])
    return rows


def save_picture(picture: bytes, name: str) -> dict:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.resize(
        (WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS
    )
    image.save(FOLDER / name, quality=QUALITY, method=6)
    return {"picture": name, "bytes": (FOLDER / name).stat().st_size}


def panel(page: Page, t: Say, name: str) -> None:
    page.get_by_role("tab", name=re.compile("^" + t("tab." + name))).click()


def ask(page: Page, t: Say, text: str) -> None:
    box = page.locator("textarea").first
    box.fill(text)
    box.press("Enter")
    expect(page.locator("html[data-engine=generating]")).to_have_count(0, timeout=SECONDS * 1000)


def fact(page: Page, t: Say, language: str) -> None:
    told, question = FACTS[language]
    ask(page, t, told)
    expect(page.get_by_text(t("note.remembered")).first).to_be_visible(timeout=SECONDS * 1000)
    page.get_by_role("button", name=t("nav.new")).first.click()
    ask(page, t, question)
    expect(page.get_by_text("Saltkråkan").last).to_be_visible(timeout=SECONDS * 1000)
    panel(page, t, "memory")


def data(page: Page, t: Say, language: str) -> None:
    panel(page, t, "activity")
    page.get_by_role("button", name=t("runs.title")).click()
    page.get_by_role("dialog").get_by_label(t("tune.label")).select_option("2")
    expect(page.get_by_role("status").filter(has_text=re.compile("[0-9] .?B"))).to_be_visible()


def tries(page: Page, t: Say, language: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=t("runs.start"), exact=True).click()
    plot = page.locator(".tries svg")
    expect(plot).to_be_visible(timeout=SECONDS * 1000)
    chosen = page.locator(".tries svg polyline.chosen")
    expect(chosen).to_have_count(1, timeout=SECONDS * 1000)
    wait_for_state(page, "ready", timeout=SECONDS)  # the plot is not redrawn any more
    page.locator(".tries").evaluate("box => box.scrollIntoView({block: 'center'})")


def versions(page: Page, t: Say, language: str) -> None:
    panel(page, t, "versions")


TOUR = {"fact": fact, "data": data, "tries": tries, "versions": versions}
