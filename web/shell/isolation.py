"""Several threads need a page that is isolated from other origins. A host that sends no headers for
it leaves that to our service worker, which takes charge during the first visit: the page is then
loaded again, once, as soon as nothing is under way.
"""

import asyncio

from pyscript import document, window

ONCE = "oneseek-loaded-again"
QUIET = ("needs-consent", "ready", "paused")  # states in which nothing is lost by it


def is_missing():
    """Whether loading again may bring what this visit lacks."""
    return not window.crossOriginIsolated and not window.sessionStorage.getItem(ONCE)


def is_quiet():
    """Nobody writes, reads a dialog or waits; what was written before is kept as a draft."""
    active = document.activeElement
    writes = active and active.tagName in ("INPUT", "TEXTAREA") and active.value
    return (
        document.documentElement.dataset.engine in QUIET
        and not writes
        and not document.querySelector("dialog[open]")
    )


async def load_again():
    """Twice quiet with a second between, in which what stands in the message field is stored: it
    may have been written before anybody listened."""
    quiet = False
    while True:
        before, quiet = quiet, is_quiet()
        if quiet and not before:
            document.getElementById("composer-text").dispatchEvent(window.Event.new("input"))
        elif quiet:
            window.sessionStorage.setItem(ONCE, "1")
            window.location.reload()
            return
        await asyncio.sleep(1)
