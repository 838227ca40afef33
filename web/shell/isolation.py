"""Threads need a cross-origin isolated page. The service worker adds the headers that a host leaves
out. It takes control during the first visit, so the page is then loaded again, once, as soon as
nothing is under way."""

import asyncio

from pyscript import document, window

ONCE = "oneseek-loaded-again"
QUIET = ("needs-consent", "ready", "paused")  # states in which a reload loses nothing


def is_missing():
    """Whether this page is not isolated and has not been loaded again for it yet."""
    return not window.crossOriginIsolated and not window.sessionStorage.getItem(ONCE)


def is_quiet():
    """Whether nobody writes, reads a dialog or waits; a text without focus is kept as a draft."""
    active = document.activeElement
    writes = active and active.tagName in ("INPUT", "TEXTAREA") and active.value
    return (
        document.documentElement.dataset.engine in QUIET
        and not writes
        and not document.querySelector("dialog[open]")
    )


async def load_again():
    """Reload once it was quiet twice, a second apart. In between, the text in the message field is
    stored: it may have been written before anybody listened."""
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
