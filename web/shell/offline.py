"""Keeps the page for when there is no network, and says when a newer build is there.

A new build is fetched whole and checked by sw.js, then waits; only the person's Reload makes every
open tab use it, so nothing is ever interrupted by an update.
"""

import asyncio

from pyscript import window

from oneseek.web.shell import isolation

container = window.navigator.serviceWorker


def has_build():
    """Whether this visit is served from what an earlier one kept."""
    return bool(container and container.controller)


async def start(on_new_build):
    """Register the service worker; `on_new_build(use)` is called when `use()` would change
    builds."""
    if not container:
        return
    controlled = has_build()

    def on_controller(event):
        """The first build to take charge of a page came with it; a later one was asked for."""
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
