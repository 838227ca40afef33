"""Chromium for tests: a site on its own port, and a watch that reports every error and every
foreign request."""

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, BrowserType, Error, Page, sync_playwright

from oneseek.workers.site import host
from tests.support.answering import run_server

CHROMIUM = "/usr/bin/chromium"
DYING = 10  # seconds that a browser may take to end
LEAVING_S = 60  # seconds that workers may outlive their page
STARTING_MS = 120_000  # starting limit, beside other browsers
FLAGS = [
    "--enable-unsafe-webgpu",
    "--disable-gpu-watchdog",  # on a busy machine an emulated GPU looks hung
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]


@contextlib.contextmanager
def served(folder: Path, plain: bool = False) -> Iterator[str]:
    """Yield the address of a folder served on a free port; `plain` sends no special headers."""
    with run_server(host.server(folder, 0, host.Plain if plain else host.Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright.chromium) as browser:
        yield browser


@contextlib.contextmanager
def launched(browser_type: BrowserType) -> Iterator[Browser]:
    browser = browser_type.launch(executable_path=CHROMIUM, args=FLAGS, timeout=STARTING_MS)
    process = process_of(browser)
    try:
        yield browser
    finally:
        end(browser, process)


def process_of(browser: Browser) -> int:
    session = browser.new_browser_cdp_session()
    running = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return next(process["id"] for process in running if process["type"] == "browser")


def end(browser: Browser | BrowserContext, process: int) -> None:
    """Close a browser; kill it if it does not end, because Playwright would wait forever."""
    late = threading.Timer(DYING, os.kill, (process, signal.SIGKILL))
    late.start()
    try:
        browser.close()
    finally:
        late.cancel()


class Chromium:
    """Lends browser profiles to tests; a returned one is emptied and lent again.

    It then holds nothing of the last test except what the browser fetched and compiled, which is
    half the cost of loading the page. The service worker costs as much again, so only tests that
    ask for it get it.
    """

    IDLE = 3  # browsers kept for tests with the same options; each takes memory

    def __init__(self, browser_type: BrowserType):
        self.browser_type = browser_type
        self.idle: list[tuple[str, BrowserContext]] = []
        self.processes: dict[BrowserContext, int] = {}

    @contextlib.contextmanager
    def lent(self, address: str, **options) -> Iterator[BrowserContext]:
        """Lend a profile with these options. Scripts belong on pages, because one added to the
        profile would stay in it."""
        options.setdefault("service_workers", "block")
        kind = json.dumps(options, sort_keys=True)
        context = self.take(kind)
        if context is None:
            context = self.browser_type.launch_persistent_context(
                "", executable_path=CHROMIUM, args=FLAGS, timeout=STARTING_MS, **options
            )
            assert context.browser is not None
            self.processes[context] = process_of(context.browser)
        try:
            yield context
        except BaseException:
            self.end(context)  # its state is unknown
            raise
        try:
            empty(context, address)
        except Error:  # it cannot be used again
            self.end(context)
            return
        self.idle.append((kind, context))
        for _, oldest in self.idle[: -self.IDLE]:
            self.end(oldest)
        self.idle = self.idle[-self.IDLE :]

    def take(self, kind: str) -> BrowserContext | None:
        for found in reversed(self.idle):
            if found[0] == kind:
                self.idle.remove(found)
                return found[1]
        return None

    def end(self, context: BrowserContext) -> None:
        end(context, self.processes.pop(context))

    def close(self) -> None:
        for _, context in self.idle:
            self.end(context)
        self.idle = []


HELD = "async () => (await navigator.locks.query()).held.length"
FILES = """async () => {
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle("tried", { create: true });
  await (await file.createWritable()).close();
  await root.removeEntry("tried");
}"""


def empty(context: BrowserContext, address: str) -> None:
    """Clear a profile: pages, stored data, permissions, routes.

    Waits until no worker holds a lock, as each does while it lives: a write after the clearing
    would leave Chromium with a folder that it has deleted.
    """
    first, *pages = context.pages
    for page in pages:
        page.close()
    context.unroute_all()
    context.set_offline(False)
    context.clear_permissions()
    first.goto(address + "build.json")
    until = time.monotonic() + LEAVING_S
    while first.evaluate(HELD):
        if time.monotonic() > until:
            raise Error("a worker of a page that was left goes on")
        first.wait_for_timeout(20)
    session = context.new_cdp_session(first)
    stored = {"origin": address.rstrip("/"), "storageTypes": "all"}
    session.send("Storage.clearDataForOrigin", stored)
    session.detach()
    first.evaluate(FILES)
    first.goto("about:blank")


class Watch:
    """Records the errors of a browser context; a test allows those that it provokes on purpose."""

    def __init__(self, context: BrowserContext, address: str):
        self.address = address
        self.problems: list[str] = []
        self.allowed: list[str] = []
        self.heard: dict[Any, Any] = {
            "request": self.request,
            "console": self.console,
            "weberror": self.error,
            "page": self.on_page,
        }
        self.context = context
        for event, hear in self.heard.items():
            context.on(event, hear)

    def over(self) -> None:
        for event, hear in self.heard.items():
            self.context.remove_listener(event, hear)

    def request(self, request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:", "about:")):
            self.note(f"request to another origin: {request.url}")

    def on_page(self, page: Page) -> None:
        """Listen for file choosers at once: Playwright starts catching them only then, which may be
        too late right before one opens."""
        page.on("filechooser", lambda chooser: None)

    def error(self, error) -> None:
        self.note(f"page error: {error.error}")

    def console(self, message) -> None:
        if message.type == "error":
            self.note(f"console error: {message.text} ({message.location})")

    def note(self, problem: str) -> None:
        self.problems.append(problem)

    def allow(self, pattern: str) -> None:
        """Allow errors that match the pattern."""
        self.allowed.append(pattern)

    def check(self) -> None:
        found = [p for p in self.problems if not any(re.search(a, p) for a in self.allowed)]
        assert not found, "\n".join(found)


@contextlib.contextmanager
def watched(
    browser: Browser | Chromium, address: str, **options
) -> Iterator[tuple[BrowserContext, Watch]]:
    """Yield an empty profile and its watch, whose errors fail the test."""
    options.setdefault("viewport", {"width": 1440, "height": 900})  # opens the learning panel
    options.setdefault("locale", "en-US")
    options["base_url"] = address
    if isinstance(browser, Chromium):
        profile = browser.lent(address, **options)
    else:
        profile = contextlib.closing(browser.new_context(**options))
    with profile as context:
        context.set_default_timeout(120_000)
        watch = Watch(context, address)
        yield context, watch
        watch.over()
    watch.check()


@contextlib.contextmanager
def demo(
    browser: Browser | Chromium,
    address: str,
    options: str = "",
    before: Callable[[Page], None] = lambda page: None,
) -> Iterator[Page]:
    """A fresh English profile with the demo model loaded; `before` runs on the page first."""
    with watched(browser, address, locale="en-US") as (context, _):
        page = context.new_page()
        before(page)
        page.goto("/?model=tiny" + options)
        wait_for_state(page, "ready", timeout=120)
        yield page


def record_states(page: Page) -> None:
    """Have the page put each new engine state into its global list `states`."""
    page.add_init_script(
        """globalThis.states = [];
        new MutationObserver(() => states.push(document.documentElement.dataset.engine))
          .observe(document, {subtree: true, attributes: true, attributeFilter: ["data-engine"]});"""
    )


def wait_for_state(page: Page, *states: str, timeout: float = 240) -> str:
    """Wait until the engine's state in <html data-engine> is one of these; returns it."""
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


def wait_for_offline(page: Page) -> None:
    """Wait until the service worker has cached this build and controls the page."""
    page.evaluate(
        """async () => {
          await navigator.serviceWorker.ready;
          while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 50));
        }"""
    )
