"""Measures a new user's first five minutes without a GPU: `python3 build.py bench minutes [FOLDER]
[--upset NAME]`.

With a fresh profile, in English and Swedish, on a desktop and a phone: Download is pressed as soon
as it can be; a question is asked; a fact is told, asked for in a new chat, corrected and forgotten;
the page is reloaded.  It measures the seconds of each step and the longest silence, and lists texts
that contradicted the engine's stores and messages that were lost.  FOLDER, by default
shots/minutes, gets every text that was shown and a picture of each step.  NAME is a disturbance:
slow, hidden, offline, second-tab or full-disk (tests/bench/parts/upsets.py).
"""

import argparse
import os
import re
from pathlib import Path

from playwright.sync_api import Browser

from builder import ROOT, site
from tests.bench.parts import report
from tests.bench.parts.stranger import NEW, OLD, SMALL, Stranger, open_page
from tests.bench.parts.upsets import UPSETS
from tests.support.page.browser import Chromium, chromium, served, watched

LOOKS = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
LOCALES = {"en": "en-US", "sv": "sv-SE"}
ALL = "en-desktop en-phone sv-desktop sv-phone"
RAW = re.compile(r"Traceback|\bNone\b|undefined|\bNaN\b|\[object|\w+Error\b|Exception|\{[a-z_]+\}")


def path(
    browser: Browser | Chromium,
    address: str,
    name: str,
    folder: Path,
    upset: str = "none",
    model: str = SMALL,
) -> dict:
    """The figures of one walk; `name` is its language and device, such as `en-phone`."""
    language, look = name.split("-")
    folder.mkdir(parents=True, exist_ok=True)
    options = {"locale": LOCALES[language], "service_workers": "allow", **LOOKS[look]}
    with watched(browser, address, **options) as (context, watch):
        stranger = Stranger(open_page(context), address, language, folder, model, UPSETS[upset])
        stranger.walk()
        lost = stranger.find_lost_messages()
        stranger.collect()
        found = list(watch.problems)
        watch.allow("")
    lines = [f"{one['at'] / 1000:8.1f} s  {one['text']}" for one in stranger.texts]
    (folder / "texts.txt").write_text("\n".join(lines) + "\n")
    said = stranger.said
    return {
        "path": name,
        "upset": upset,
        "seconds": stranger.taken,
        "said": said,
        "told_to_right": stranger.taken["tell"] + stranger.taken["ask"],
        "right": OLD in said["ask"],
        "corrected": NEW in said["ask_again"] and OLD not in said["ask_again"],
        "forgotten": NEW not in said["ask_last"] and OLD not in said["ask_last"],
        "silence": stranger.silence / 1000,
        "silent_while": stranger.silent_while,
        "untrue": stranger.untrue,
        "lost": lost,
        "raw": [one["text"] for one in stranger.texts if RAW.search(one["text"])],
        "errors": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "shots/minutes")
    parser.add_argument("--upset", choices=UPSETS, default="none")
    options = parser.parse_args()
    chosen = os.environ.get("ONESEEK_BENCH_PATHS", ALL).split()
    rows: list[dict] = []
    with served(site.build()) as address, chromium() as browser:
        for one in chosen:
            rows.append(path(browser, address, one, options.folder / one, options.upset))
    counted = ("raw", "errors", "untrue", "lost")
    figures = {
        "paths": len(rows),
        "right": sum(row["right"] for row in rows),
        "corrected": sum(row["corrected"] for row in rows),
        "forgotten": sum(row["forgotten"] for row in rows),
        **{name: sum(len(row[name]) for row in rows) for name in counted},
        "longest_silence_s": max(row["silence"] for row in rows),
        "told_to_right_s": max(row["told_to_right"] for row in rows),
    }
    report.write("minutes", figures, rows)


if __name__ == "__main__":
    main()
