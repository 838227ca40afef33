"""Keeps the page for use without a network, and tells when a newer build is there.

A new build is fetched whole and checked by sw.js, then waits; only the person's Reload makes every
open tab use it, so an update never interrupts anything.
"""

import asyncio

from pyscript import window

from oneseek.web.shell import isolation

container = window.navigator.serviceWorker


def has_build():
    """Whether a service worker serves this visit from an earlier one's cache."""
    return bool(container and container.controller)


async def start(on_new_build):
    """Register the service worker; `on_new_build(use)` is called when `use()` changes builds."""
    if not container:
        return
    controlled = has_build()

    def on_controller(event):
        """Reload for a build that the person chose; the first one is the page's own."""
        nonlocal controlled
        if controlled:
            window.location.reload()
        elif isolation.is_missing():
            asyncio.create_task(isolation.load_again())
        controlled = True

    container.addEventListener("controllerchange", on_controller)
    registration = await container.register("sw.js")
    if not registration:
        return

    def offer():
        if registration.waiting and container.controller:
            on_new_build(lambda: registration.waiting.postMessage("use-new-build"))

    def on_update(event):
        registration.installing.addEventListener("statechange", lambda event: offer())

    registration.addEventListener("updatefound", on_update)
    offer()
