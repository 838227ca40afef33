"""Checks a page with axe once it is at rest, because a dialog that still fades in has too little
contrast."""

import functools

from playwright.sync_api import Page

from builder import fetch, wheels

GRAVE = ("serious", "critical")
RESTS = """() => Promise.all(
  document.getAnimations()
    .filter((one) => one.playState === "running")
    .filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime))
    .map((one) => one.finished.catch(() => null))
)"""


@functools.cache
def axe() -> str:
    return wheels.unpack(fetch.part("npm/axe-core"), ".")["axe.min.js"].decode()


def violations(page: Page) -> list[tuple[str, str]]:
    """(impact, description with the place) of each violation."""
    page.evaluate(axe())
    page.evaluate(RESTS)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        (one["impact"], f"{one['id']}: {node['target']} {node['failureSummary']}")
        for one in found
        for node in one["nodes"]
    ]


def serious(page: Page) -> list[str]:
    return [said for impact, said in violations(page) if impact in GRAVE]
