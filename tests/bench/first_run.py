"""`build.py bench first_run`: milliseconds from opening the lab in a fresh profile until its Python
is ready, and until its first example has run all of its 40 steps on numpy."""

import statistics
import sys

from playwright.sync_api import Browser

from builder import site
from tests.bench.parts import report, start
from tests.support.page.browser import chromium, served

VISITS = 5  # or as many as --visits says
# Presses Run as soon as the lab is idle; notes when that was and when the run was over.
PRESS = """
globalThis.marks = {};
new MutationObserver(() => {
  if (document.documentElement.dataset.lab !== "idle") return;
  if (marks.ready) return (marks.ran ??= performance.now());
  marks.ready = performance.now();
  document.getElementById("devices").value = "numpy";
  document.getElementById("run").click();
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-lab"]});
"""


def visits(browser: Browser, address: str, count: int) -> list[dict]:
    rows = []
    for _ in range(count):
        with start.visitor(browser, address, PRESS) as page:
            page.goto("lab")
            page.wait_for_function("marks.ran", timeout=120_000)
            marks = page.evaluate("marks")
        rows.append({"ready_ms": marks["ready"], "first_run_ms": marks["ran"]})
        report.say(f"visit {len(rows)} of {count}:", rows[-1])
    return rows


def main() -> None:
    count = int(sys.argv[sys.argv.index("--visits") + 1]) if "--visits" in sys.argv else VISITS
    with chromium() as browser, served(site.build()) as address:
        rows = visits(browser, address, count)
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    report.write("first_run", medians, rows)


if __name__ == "__main__":
    main()
