"""The parts of a start: when each was over, in milliseconds since the page was asked for, and the
processor seconds that all of the browser took until then."""

import os
from pathlib import Path

from playwright.sync_api import Page

FIRST = "(name) => performance.getEntriesByType('resource').find((e) => e.name.endsWith(name))?.startTime"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# Each step of the engine, as the page was told of it.
STEPS = """
globalThis.steps = {};
new MutationObserver(() => (steps[document.documentElement.dataset.step] ??= performance.now()))
  .observe(document, {subtree: true, attributes: true, attributeFilter: ["data-step"]});
"""


def parts(page: Page) -> dict[str, float | None]:
    """In their order; the worker's own clock begins later than the page's."""
    worker = page.workers[0]
    steps = page.evaluate("steps")
    later = worker.evaluate("performance.timeOrigin") - page.evaluate("performance.timeOrigin")
    asked = worker.evaluate(FIRST, "/oneseek.bin")
    return {
        "first_paint_ms": page.evaluate(PAINT),
        "micropython_ms": page.evaluate(FIRST, "/boot.py"),
        "worker_ms": later,
        "python_ms": asked and later + asked,
        "unpacked_ms": steps.get("packages"),
        "imports_begin_ms": steps.get("module"),
    }


def cpu_seconds() -> float:
    """Of every process below this one that is the browser's, ended ones included."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name, fields = (folder / "stat").read_text().rsplit(")", 1)
            except OSError:
                continue  # it has ended meanwhile
            facts, pid = fields.split(), int(folder.name)
            children.setdefault(int(facts[1]), []).append(pid)
            used[pid] = sum(map(int, facts[11:15])) if "chrom" in name else 0
    waiting, ticks = [os.getpid()], 0.0
    while waiting:
        below = children.get(waiting.pop(), [])
        ticks += sum(used[pid] for pid in below)
        waiting += below
    return ticks / os.sysconf("SC_CLK_TCK")
