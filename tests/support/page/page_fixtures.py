"""Fixtures for tests that need the page: the built site, Chromium, and a page that tolerates no
error."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from builder import site
from tests.support.page import browser as in_browser
from tests.support.page.acts import new_chat
from tests.support.page.stored import learns_when_asked

# A busy machine is slow, so waits are long: a working page ends them early, a broken one fails
# anyway.
expect.set_options(timeout=60_000)  # against a hang, not against slowness


@pytest.fixture(scope="session")
def dist(request: pytest.FixtureRequest) -> Path:
    """The site as it ships; for shared runs build.py has made it before."""
    return site.DIST if request.config.getoption("--shared", None) else site.build()


@pytest.fixture(scope="session")
def address(dist: Path) -> Iterator[str]:
    with in_browser.served(dist) as address:
        yield address


RUNNING = contextlib.ExitStack()
BROWSERS: list[in_browser.Chromium] = []
AT: list[Path] = []  # the modules reached so far


@pytest.fixture(scope="module")
def chromium() -> in_browser.Chromium:
    """Profiles for a module's tests; each is empty when a test gets it."""
    if not BROWSERS:
        playwright = RUNNING.enter_context(sync_playwright())
        browsers = in_browser.Chromium(playwright.chromium)
        BROWSERS.append(RUNNING.enter_context(contextlib.closing(browsers)))
    return BROWSERS[0]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Keep browsers for the next module that uses them; otherwise close them, because a test's own
    event loop cannot run beside Playwright's."""
    if AT[-1:] != [item.path]:
        AT.append(item.path)
        if "chromium" not in item.fixturenames:
            pytest_sessionfinish()


def pytest_sessionfinish():
    RUNNING.close()
    BROWSERS.clear()


@pytest.fixture
def profile(
    request: pytest.FixtureRequest, chromium: in_browser.Chromium, address: str
) -> Iterator[tuple[BrowserContext, in_browser.Watch]]:
    """An empty profile and its watch, which fails the test on a foreign request, a console error or
    an uncaught error, unless `watch.allow(pattern)` permits it."""
    kept = request.node.get_closest_marker("kept_offline")
    options = {"service_workers": "allow"} if kept else {}
    with in_browser.watched(chromium, address, **options) as found:
        yield found


@pytest.fixture
def context(profile: tuple[BrowserContext, in_browser.Watch]) -> BrowserContext:
    return profile[0]


@pytest.fixture
def watch(profile: tuple[BrowserContext, in_browser.Watch]) -> in_browser.Watch:
    return profile[1]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def home(
    request: pytest.FixtureRequest, chromium: in_browser.Chromium, address: str
) -> Iterator[Page]:
    """One profile with the demo model, shared by the tests of a module; it learns only when asked,
    and starts with the module's records STORED."""
    records = getattr(request.module, "STORED", ())
    before = partial(learns_when_asked, records=records)
    with in_browser.demo(chromium, address, before=before) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield page


@pytest.fixture
def chat(home: Page) -> Page:
    """A new, empty chat in English."""
    home.get_by_role("button", name="English").click()
    new_chat(home)
    return home
