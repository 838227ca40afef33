"""Chromium for tests: a site on a port of its own, and a watch that lets no error and no byte slip
away."""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from builder import serve

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--enable-unsafe-webgpu",
    "--disable-gpu-watchdog",  # on a busy machine a GPU played by the CPU looks hung
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]


@contextlib.contextmanager
def served(folder: Path, plain: bool = False) -> Iterator[str]:
    """The address of a folder served on a free port; `plain` as a host without special headers
    does."""
    running = serve.server(folder, 0, plain)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/"
    finally:
        running.shutdown()
        running.server_close()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watch:
    """What went wrong in one browser context; a test names beforehand what it means to provoke."""

    def __init__(self, context: BrowserContext, address: str):
        self.address = address
        self.problems: list[str] = []
        self.allowed: list[str] = []
        context.on("request", lambda request: self.same_origin(request.url))
        context.on("console", self.console)
        context.on("weberror", lambda error: self.note(f"page error: {error.error}"))

    def same_origin(self, url: str) -> None:
        if not url.startswith((self.address, "blob:", "data:", "about:")):
            self.note(f"request to another origin: {url}")

    def console(self, message) -> None:
        if message.type == "error":
            self.note(f"console error: {message.text} ({message.location})")

    def note(self, problem: str) -> None:
        self.problems.append(problem)

    def allow(self, pattern: str) -> None:
        """An error this test causes on purpose."""
        self.allowed.append(pattern)

    def check(self) -> None:
        found = [p for p in self.problems if not any(re.search(a, p) for a in self.allowed)]
        assert not found, "\n".join(found)


@contextlib.contextmanager
def watched(browser: Browser, address: str, **options) -> Iterator[tuple[BrowserContext, Watch]]:
    """A fresh profile whose errors fail the test that uses it."""
    options.setdefault("viewport", {"width": 1440, "height": 900})  # the learning panel is open
    context = browser.new_context(base_url=address, **options)
    context.set_default_timeout(120_000)
    watch = Watch(context, address)
    try:
        yield context, watch
    finally:
        context.close()
    watch.check()


@contextlib.contextmanager
def demo(browser: Browser, address: str, options: str = "") -> Iterator[Page]:
    """A fresh profile in English in which the demo model is loaded."""
    with watched(browser, address, locale="en-US") as (context, _):
        page = context.new_page()
        page.goto("/?model=tiny" + options)
        wait_for_state(page, "ready", timeout=120)
        yield page


def wait_for_state(page: Page, *states: str, timeout: float = 240) -> str:
    """Until the engine's state, as <html data-engine> tells it, is one of these."""
    wanted = ", ".join(f'html[data-engine="{state}"]' for state in states)
    page.wait_for_selector(wanted, state="attached", timeout=timeout * 1000)
    return page.get_attribute("html", "data-engine") or ""


FILL = """async () => {
  const open = indexedDB.open("filler");
  open.onupgradeneeded = () => open.result.createObjectStore("filler", {autoIncrement: true});
  const db = await new Promise((go) => { open.onsuccess = () => go(open.result); });
  for (let size = 1 << 24; size >= 1 << 12;) {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
    const stored = await new Promise((go) => {
      const writing = db.transaction("filler", "readwrite");
      writing.oncomplete = () => go(true);
      writing.onabort = () => go(false);
      writing.objectStore("filler").put(bytes);
    });
    if (!stored) size /= 8;
  }
  db.close();
  return (await navigator.storage.estimate()).usage;
}"""
"""Fills the room that is left; how much is used then."""


def kept_offline(page: Page) -> None:
    """Until the service worker has this build and the page."""
    page.evaluate(
        """async () => {
          await navigator.serviceWorker.ready;
          while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 50));
        }"""
    )
