"""What the host's side takes with the demo model, and what a clock or a wait makes of it.

`python3 build.py bench host [token clocks waits]`. `token`: one for which nothing is computed,
natively and in Chromium. `clocks`: steps of training in Chromium with a fine clock, with a rounded
one as ordinary Chrome has, and with none. `waits`: tokens a second where a map takes 100 ms,
and where the browser looks for finished work every 100 ms and at each submit.
"""

import contextlib
import statistics
from collections.abc import Iterator

from playwright.sync_api import Page

from builder import ROOT
from tests.bench.parts import gpu_in_tab, lab, report
from tests.support.page import browser
from tests.support.page.wrapped_chip import NO_CLOCK, POLLED, SLOW_TO_TELL, wrap

DEMO = ROOT / "engine/model/demo/tiny.gguf"
SCRIPT = "ours-gpu.mjs"
ROUNDED = "--enable-dawn-features=timestamp_quantization"
TOKENS, STEPS, STEP = 48, 6, (1, 64)
PROMPT = "Once upon a time there was a tree that"
CLOCKS = {"fine": ([], []), "rounded": ([ROUNDED], []), "none": ([], [NO_CLOCK])}
WAITS = {"short": [], "slow": [SLOW_TO_TELL, NO_CLOCK], "polled": [POLLED, NO_CLOCK]}


@contextlib.contextmanager
def opened(flags: list[str], changes: list[str]) -> Iterator[Page]:
    """The laboratory in a Chromium with such flags, whose worker finds such a chip."""
    before = [*browser.FLAGS]
    browser.FLAGS += flags
    try:
        with lab.opened(peers={}, model=DEMO) as page:
            wrap(page, *changes, worker=SCRIPT)
            lab.call(page, "ours-gpu", "load", "/model.gguf")
            yield page
    finally:
        browser.FLAGS[:] = before


def asked(page: Page, what: str, *told):
    return lab.call(page, "ours-gpu", "python", what, *told)


def token() -> tuple[dict, list]:
    ask = gpu_in_tab.natively()
    ask("load", DEMO.read_bytes())
    figures = {"native_idle_token_ms": ask("idle_token", TOKENS)}
    with opened([], []) as page:
        figures["chromium_idle_token_ms"] = asked(page, "idle_token", TOKENS)
    return figures, []


def clocks() -> tuple[dict, list]:
    figures, rows = {}, []
    for name, (flags, changes) in CLOCKS.items():
        with opened(flags, changes) as page:
            asked(page, "prepare_step", *STEP)
            spent = asked(page, "steps", STEPS)
        rows.append({"clock": name, "steps_ms": spent})
        report.say(rows[-1])
        figures[f"{name}_clock_all_ms"] = sum(spent)
        figures[f"{name}_clock_step_ms"] = statistics.median(spent[2:])
    return figures, rows


def waits() -> tuple[dict, list]:
    figures, rows = {}, []
    for name, changes in WAITS.items():
        with opened([], changes) as page:
            for _ in range(2):
                told = asked(page, "answer", PROMPT, TOKENS)
            rows.append({"waits": name} | told | asked(page, "waits"))
        report.say(rows[-1])
        figures[f"{name}_waits_tokens_per_s"] = rows[-1]["tokens_per_s"]
        figures[f"{name}_wait_ms"] = rows[-1]["wait_ms"]
    return figures, rows


PARTS = {"token": token, "clocks": clocks, "waits": waits}


def main() -> None:
    figures, rows = {}, []
    for part in report.asked(PARTS, __doc__):
        found, seen = PARTS[part]()
        figures |= found
        rows += seen
    report.write("host", figures, rows)


if __name__ == "__main__":
    main()
