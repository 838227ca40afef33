"""Times the lesson of one fact, from telling it in the chat until it is in use: `python3 build.py
bench lesson [WAY]`.

A WAY is `now` (*Learn now* is pressed as soon as it can be), `away` (nobody is there; the lesson
waits for quiet first) or `here` (somebody is there and only moves the pointer).  It measures the
seconds of each part, the share of time that the scheduler asks for and uses, and the remaining time
that the page shows beside the time it really took.  ONESEEK_BENCH_MODEL names another model than
the default, ONESEEK_BENCH_ENGINE what computes (`cpu`, the default, or `gpu`), and
ONESEEK_BENCH_SECONDS the longest time of a lesson.
"""

import json
import os
import re
import time

from playwright.sync_api import Browser, Page

from builder import site
from tests.bench.parts import report
from tests.support.page.browser import chromium, served, wait_for_state, watched

MODEL = os.environ.get("ONESEEK_BENCH_MODEL", "smollm2-135m")
ENGINE = os.environ.get("ONESEEK_BENCH_ENGINE", "cpu")
LIMIT = float(os.environ.get("ONESEEK_BENCH_SECONDS", "1800"))
FACT = "My boat is called Saltkråkan."
EVERY = {"now": 1.0, "away": 5.0, "here": 5.0}  # way: seconds between two looks
UNITS = {"s": 1, "min": 60, "h": 3600}
LEFT = re.compile(r"About ([\d.,]+)\s(s|min|h) left")
PARTS = ("getting ready", "practising", "checking")


def parse_seconds_left(line: str) -> float | None:
    """The seconds left by the page's own line; None if it does not say."""
    found = LEFT.search(line)
    return float(found[1].replace(",", ".")) * UNITS[found[2]] if found else None


def look(page: Page, began: float) -> dict:
    facts = json.loads(page.get_attribute("html", "data-scheduler") or "{}")
    line = page.locator("#state-line").inner_text()
    return {
        "at": time.monotonic() - began,
        "state": page.get_attribute("html", "data-engine"),
        "part": next((part for part in PARTS if part in line), ""),
        "left": parse_seconds_left(line),
        "used": facts.get("used_ms", 0.0) / 1000,
        "asked": facts.get("duty_asked"),
        "line": line,
    }


def read_device(page: Page) -> str:
    """The page's own words for what computes."""
    page.locator("#model-button").click()
    said = page.get_by_text("computes on").first.inner_text()
    page.keyboard.press("Escape")
    return said


def lesson(browser: Browser, address: str, way: str) -> list[dict]:
    with watched(browser, address, locale="en-US") as (context, watch):
        watch.allow("")
        page = context.new_page()
        page.goto(f"/?model={MODEL}&debug=1&engine={ENGINE}")
        wait_for_state(page, "ready", timeout=600)
        on = read_device(page)
        page.get_by_role("tab", name="Activity").click()
        field = page.get_by_role("textbox", name="Message")
        field.fill(FACT)
        field.press("Enter")
        began, rows = time.monotonic(), []
        if way == "now":
            page.locator('[data-do="learn-now"]').first.click()
        while time.monotonic() - began < LIMIT:
            page.wait_for_timeout(EVERY[way] * 1000)
            if way == "here":
                page.mouse.move(400 + len(rows) % 2, 300)
            rows.append(look(page, began) | {"on": on})
            report.say(rows[-1])
            worked = any(row["part"] for row in rows)
            if worked and not rows[-1]["part"] and rows[-1]["state"] == "ready":
                break
    return rows


def figures(rows: list[dict], every: float) -> dict:
    at_work = [row for row in rows if row["part"]]
    if len(at_work) < 2:
        return {"seconds": None}
    first, last = at_work[0], at_work[-1]
    asked = [row["asked"] for row in at_work[1:] if row["asked"]]
    found = {
        "seconds": rows[-1]["at"],
        "computing_s": rows[-1]["used"] - rows[0]["used"],
        "share_used": (last["used"] - first["used"]) / (last["at"] - first["at"]),
        "share_asked": sum(asked) / max(1, len(asked)),
    }
    for part in PARTS:
        found[part.replace(" ", "_") + "_s"] = every * sum(row["part"] == part for row in rows)
    for share in (0.25, 0.5, 0.75):
        row = at_work[int(share * (len(at_work) - 1))]
        found[f"told_at_{share:.2f}"] = row["left"]
        found[f"took_at_{share:.2f}"] = rows[-1]["at"] - row["at"]
    return found


def main() -> None:
    ways = report.parse_parts(EVERY, __doc__)
    with served(site.build()) as address, chromium() as browser:
        for way in ways:
            rows = lesson(browser, address, way)
            report.write(f"lesson_{way}", figures(rows, EVERY[way]), rows, {})


if __name__ == "__main__":
    main()
