"""Two builds and their users: files must never be mixed, and nothing may change before the person
asks for it."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from builder import licenses, site
from tests.support.page.browser import served, wait_for_offline, wait_for_state, watched

pytestmark = pytest.mark.slow
ALIVE = ("ready", "needs-consent")

UPDATE = """async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration.update();
  const worker = registration.installing;
  if (!worker) return registration.waiting ? "installed" : "none";
  await new Promise((done) => { worker.onstatechange = () => worker.state === "installing" || done(); });
  return worker.state;
}"""


@pytest.fixture
def builds(dist: Path, tmp_path, monkeypatch) -> tuple[Path, Path]:
    """Two builds of the site that differ in their style sheet."""
    real = site.page_files
    monkeypatch.setattr(site, "page_files", lambda: {**real(), "style.css": b"/* new */"})
    monkeypatch.setattr(licenses, "document", (dist / licenses.FILE).read_bytes)
    monkeypatch.setattr(site, "DIST", tmp_path / "new")
    return dist, site.build()


def deploy(build: Path, live: Path) -> None:
    """Put a build into the served folder, as a copy to a host would."""
    shutil.rmtree(live, ignore_errors=True)
    shutil.copytree(build, live, copy_function=place)


def place(file: str, there: str) -> None:
    try:
        os.link(file, there)
    except OSError:  # the folder is on another disk
        shutil.copy2(file, there)


def build_of(page: Page) -> str:
    return page.evaluate("JSON.parse(document.querySelector('#site').textContent).build")


@pytest.mark.long
def test_R18_no_page_is_ever_made_of_two_builds(chromium, builds, tmp_path):
    old, new = builds
    live = tmp_path / "live"
    deploy(old, live)
    with (
        served(live) as address,
        watched(chromium, address, service_workers="allow") as (context, watch),
    ):
        watch.allow("is not of this build|Failed to update a ServiceWorker")
        page = context.new_page()
        page.goto("/")
        wait_for_state(page, *ALIVE)
        wait_for_offline(page)
        before = build_of(page)

        deploy(new, live)  # mid-deployment: the list of files is new, but one file is old
        half = next(live.glob("page-*/page.js"))
        half.unlink()
        half.write_text("print('half of another build')\n")
        assert page.evaluate(UPDATE) == "redundant"
        assert page.evaluate("caches.keys()") == [f"oneseek-{before}"]

        context.set_offline(True)
        page.reload()
        assert wait_for_state(page, *ALIVE) in ALIVE
        assert build_of(page) == before


def wait_until_isolated(page: Page) -> list[Page]:
    """Wait until the page has reloaded itself with the headers that its service worker adds; typed
    text must be kept. Returns the list of its loads."""
    loads: list[Page] = []
    page.on("load", lambda page: loads.append(page))
    page.goto("/")
    page.wait_for_selector("html[data-page=ready]", state="attached")
    assert not page.evaluate("crossOriginIsolated")
    page.get_by_role("textbox").first.fill("Half a question")
    page.wait_for_function("document.activeElement.blur() ?? navigator.serviceWorker.controller")
    page.wait_for_function("crossOriginIsolated", timeout=120_000)
    wait_for_state(page, *ALIVE)
    expect(page.get_by_role("textbox").first).to_have_value("Half a question")
    wait_for_offline(page)
    return loads


def test_R19_a_new_build_waits_until_it_is_asked_for_and_then_comes_to_every_tab(
    chromium, builds, tmp_path
):
    """On a host without special headers, which must work too."""
    old, new = builds
    live = tmp_path / "live"
    deploy(old, live)
    with (
        served(live, plain=True) as address,
        watched(chromium, address, service_workers="allow") as (context, _),
    ):
        first, second = context.new_page(), context.new_page()
        loads = wait_until_isolated(first)
        second.goto("/")
        wait_for_state(second, *ALIVE, "read-only")
        wait_for_offline(second)
        assert len(loads) == 2  # no further reload
        before = build_of(first)
        for page in first, second:
            page.evaluate("globalThis.untouched = true")

        deploy(new, live)
        assert first.evaluate(UPDATE) == "installed"
        banner = first.locator("#new-build")
        expect(banner).to_contain_text("A newer version of OneSeek is here.")
        for page in first, second:
            assert page.evaluate("globalThis.untouched") is True
            assert build_of(page) == before

        banner.get_by_role("button", name="Reload").click()
        for page in first, second:
            page.wait_for_function("() => !globalThis.untouched")
            wait_for_state(page, *ALIVE, "read-only")
            assert build_of(page) != before
