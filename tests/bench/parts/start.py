"""Measures a page's start: when each part of it was over, in milliseconds since the navigation, and
the CPU seconds of the whole browser."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.support.page.acts import engine
from tests.support.page.browser import Chromium, watched

SETTLED = 3000  # milliseconds for a browser to start, and to write its compiled code

FIRST = "(name) => performance.getEntriesByType('resource').find((e) => e.name.endsWith(name))?.startTime"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
MARKED = "(name) => performance.getEntriesByName(name, 'mark')[0]?.startTime"  # web/static/page.js, workers


@contextmanager
def visitor(browser: Browser, address: str, script: str) -> Iterator[Page]:
    """A page in a fresh profile on disk, SETTLED after its browser started; `script` runs first."""
    profile = Chromium(browser.browser_type)
    with watched(profile, address, service_workers="allow") as (context, _):
        context.add_init_script(script)
        page = context.new_page()
        page.wait_for_timeout(SETTLED)
        yield page
    profile.close()


def parts(page: Page) -> dict[str, float | None]:
    """Milliseconds of each part, in order, by the page's clock; the worker's begins later."""
    worker = engine(page)
    later = worker.evaluate("performance.timeOrigin") - page.evaluate("performance.timeOrigin")

    def read_mark(step: str) -> float | None:
        at = worker.evaluate(MARKED, step)
        return at and later + at

    return {
        "first_paint_ms": page.evaluate(PAINT),
        "micropython_ms": page.evaluate(MARKED, "micropython"),
        "worker_ms": later,
        "python_ms": read_mark("python"),
        "project_ms": read_mark("project"),
        "module_ms": read_mark("module"),
    }


def cpu_seconds() -> float:
    """CPU seconds of the browser's processes below this one, ended children included."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name, fields = (folder / "stat").read_text().rsplit(")", 1)
            except OSError:
                continue  # the process ended meanwhile
            facts, pid = fields.split(), int(folder.name)
            children.setdefault(int(facts[1]), []).append(pid)
            used[pid] = sum(map(int, facts[11:15])) if "chrom" in name else 0
    waiting, ticks = [os.getpid()], 0.0
    while waiting:
        below = children.get(waiting.pop(), [])
        ticks += sum(used[pid] for pid in below)
        waiting += below
    return ticks / os.sysconf("SC_CLK_TCK")
