"""The built site must start on any host, and say so if it cannot."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from oneseek.workers.site import headers
from tests.support.page.browser import (
    Chromium,
    Watch,
    wait_for_offline,
    wait_for_state,
    watched,
)

pytestmark = pytest.mark.slow

ALIVE = ("ready", "needs-consent")
WITHOUT_HEAP = "Python starts without its heap"


class Start(NamedTuple):
    """One start of the shipped page, for the tests that only look at its result."""

    page: Page
    watch: Watch
    policy: str  # the Content-Security-Policy header
    said: list[str]  # console messages


LOOKS_ON = """globalThis.seen = [];
new MutationObserver(() => seen.push(document.documentElement.dataset.step))
  .observe(document, {subtree: true, attributes: true, attributeFilter: ["data-step"]});
globalThis.violations = [];
addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));"""


def console(page: Page) -> list[str]:
    """A list of all later console messages, also those of the workers."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    return said


@pytest.fixture(scope="module")
def started(chromium: Chromium, address: str) -> Iterator[Start]:
    with watched(chromium, address) as (context, watch):
        page = context.new_page()
        page.add_init_script(LOOKS_ON)
        said = console(page)
        answer = page.goto("/")
        assert wait_for_state(page, *ALIVE) in ALIVE
        yield Start(page, watch, answer.headers["content-security-policy"], said)


def test_the_page_comes_alive_and_tells_how_far_it_is(started: Start):
    assert {"python", "packages"} <= set(started.page.evaluate("seen"))
    assert started.page.evaluate("crossOriginIsolated")
    assert not any(WITHOUT_HEAP in text for text in started.said)


def test_R31_the_policy_does_not_rot(started: Start):
    """The header must be the designed policy, and a whole start must not violate it."""
    assert started.policy == headers.policy(headers.POLICY)
    assert "'unsafe-inline'" not in started.policy
    risky = r"'unsafe-[a-z]+'|'wasm-unsafe-eval'|blob:|data:|https?:"
    exceptions = set(re.findall(risky, started.policy))
    assert exceptions == {"'unsafe-eval'", "'wasm-unsafe-eval'", "blob:", "data:"}
    assert started.page.evaluate("violations") == []


def test_R31_what_the_policy_forbids_is_stopped(started: Start):
    started.watch.allow("Content Security Policy|another origin")
    outcome = started.page.evaluate(
        """async () => {
          const refused = async (what) => { try { await what(); return "let through"; } catch { return "refused"; } };
          const image = () => new Promise((good, bad) =>
            Object.assign(new Image(), { onload: good, onerror: bad, src: "https://example.com/x.png" }));
          const inline = () => { const s = document.createElement("script"); s.textContent = "globalThis.ran = 1";
            document.head.append(s); if (!globalThis.ran) throw 0; };
          return [await refused(() => fetch("https://example.com/")), await refused(image), await refused(inline)];
        }"""
    )
    assert outcome == ["refused"] * 3


def test_R30_an_attempt_to_send_a_byte_is_refused_and_reported(started: Start):
    """The watch of every test fails on a foreign request (tests/page/test_app_access.py makes a
    whole tour); here some are made on purpose."""
    started.watch.allow("Content Security Policy|another origin: https://example.com")
    refused = started.page.evaluate(
        """async () => {
          const violations = [];
          const both = new Promise((go) => addEventListener("securitypolicyviolation", (e) => {
            violations.push(e.effectiveDirective);
            if (violations.includes("img-src") && violations.includes("connect-src")) go();
          }));
          await fetch("https://example.com/").catch(() => 0);
          await new Promise((go) => Object.assign(new Image(), { onerror: go, onload: go, src: "https://example.com/a.png" }));
          navigator.sendBeacon("https://example.com/b");
          await both;
          return violations;
        }"""
    )
    assert {"connect-src", "img-src"} <= set(refused)


def test_R8_that_the_browser_may_clear_everything_is_said_and_a_backup_offered(
    started: Start,
):
    page = started.page
    page.evaluate("() => void (navigator.storage.persisted = async () => false)")
    page.get_by_role("button", name="Settings").click()
    dialog = page.get_by_role("dialog", name="Settings")
    expect(dialog).to_contain_text("The browser may clear it when it needs room")
    expect(dialog.get_by_role("button", name="Export everything")).to_be_visible()
    page.keyboard.press("Escape")


def test_help_leads_to_the_licences_of_every_work_the_site_carries(started: Start):
    started.watch.allow("favicon")  # browsers request an icon beside plain text
    started.page.get_by_role("button", name="Help").click()
    with started.page.context.expect_page() as opened:
        started.page.get_by_role("link", name="Third-party licences").click()
    expect(opened.value.locator("body")).to_contain_text("tld 0.13.2: MPL-1.1")
    expect(opened.value.locator("body")).to_contain_text("Mozilla Public License Version 2.0")
    opened.value.close()
    started.page.keyboard.press("Escape")


def test_every_file_has_the_type_a_browser_insists_on(started: Start, dist):
    listed = json.loads((dist / "build.json").read_text())["files"]
    for suffix, kind in {".wasm": "application/wasm", ".mjs": "text/javascript"}.items():
        path = next(path for path in listed if path.endswith(suffix))
        answer = started.page.request.get("/" + path)
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
    assert started.page.request.get("/").headers["cache-control"] == "no-cache"


@pytest.mark.long
@pytest.mark.kept_offline
def test_it_works_offline_after_the_first_visit(page: Page, context: BrowserContext):
    page.goto("/")
    wait_for_state(page, *ALIVE)
    wait_for_offline(page)
    context.set_offline(True)
    page.reload()
    assert wait_for_state(page, *ALIVE) in ALIVE


def worker_without_webgpu(page: Page) -> None:
    """Remove WebGPU in the worker, whose navigator is its own, with a first line of code."""

    def without(route):
        answer = route.fetch()
        route.fulfill(
            response=answer,
            body="delete WorkerNavigator.prototype.gpu;\n" + answer.text(),
        )

    page.route(re.compile(r"/worker\.mjs$"), without)


CORES_TO_SPARE = """
Object.defineProperty(navigator, "hardwareConcurrency", {get: () => 4});
globalThis.engines = [];
globalThis.Worker = class extends Worker {
  constructor(address, options) {
    super(address, options);
    if (options.name?.startsWith("engine-")) engines.push(document.documentElement.dataset.page ?? "");
  }
};
const told = new Promise((done) => {
  globalThis.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      if (name.endsWith("-engine-1")) this.addEventListener("message", done, {once: true});
    }
  };
});
const now = fetch;
globalThis.fetch = async (address, ...rest) => {
  if (String(address).includes("modules")) await told;
  return now(address, ...rest);
};"""
"""The page's own Python comes when the engine has told something."""


@pytest.fixture(scope="module")
def second_start(started: Start) -> Start:
    """A second start in the same tab, after the tests of the first: with cores to spare, without
    the stored heap, without WebGPU."""
    page, watch = started.page, started.watch
    watch.check()
    watch.allow("heap.bin|ERR_FAILED")
    page.add_init_script(CORES_TO_SPARE)
    page.route(re.compile(r"/heap\.bin$"), lambda route: route.abort())
    worker_without_webgpu(page)
    said = console(page)
    page.goto("/")
    assert wait_for_state(page, *ALIVE) in ALIVE
    return started._replace(said=said)


def test_with_cores_to_spare_the_engine_begins_with_the_page_and_is_heard_from_its_first_word(
    second_start: Start,
):
    assert second_start.page.evaluate("engines") == [""]  # one, before the page was ready


def test_a_browser_that_cannot_take_pythons_heap_starts_from_nothing(second_start: Start):
    assert any(WITHOUT_HEAP in text for text in second_start.said)


# True if the unfolded details show these words.
IN_DETAILS = """words => {
  const details = document.querySelector("#consent-details");
  if (details) details.open = true;
  return details?.innerText.includes(words);
}"""


@pytest.mark.parametrize(
    ("agent", "advice"),
    [
        ("Chrome/112.0 Safari/537.36", "113"),
        ("Chrome/156.0 Safari/537.36", "graphics acceleration"),
        ("Firefox/140.0", "141"),
        ("Firefox/150.0", "about:config"),
        ("Version/18.3 Safari/605", "26"),
        ("Version/26.0 Safari/605", ""),
    ],
)
def test_a_browser_without_webgpu_is_told_what_helps_in_it_and_no_more(
    second_start: Start, agent: str, advice: str
):
    """The advice must be redrawn with each change of language, for the current browser."""
    page = second_start.page
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setUserAgentOverride", {"userAgent": "Mozilla/5.0 " + agent})
    page.get_by_role("button", name="Svenska").click()
    page.wait_for_function(IN_DETAILS, arg="räknar på processorn")
    page.get_by_role("button", name="English").click()
    said = "computes on the processor: this browser has no WebGPU"
    page.wait_for_function(IN_DETAILS, arg=said)
    assert page.locator(".banner").count() == 0
    told = page.locator(".device-advice")
    if advice:
        expect(told).to_contain_text(advice)
    else:
        expect(told).to_have_count(0)
    session.detach()


@pytest.fixture
def alone(started: Start) -> Iterator[Page]:
    """A new tab with no other one open, for the tests at the end of the file."""
    started.page.close()
    started.watch.check()
    page = started.page.context.new_page()
    yield page
    page.close()


def test_R9_lost_storage_is_told_and_is_no_first_run(alone: Page, started: Start):
    page = alone
    started.watch.allow("favicon")  # the bare file has no icon
    page.goto("/manifest.webmanifest")
    page.evaluate(
        """() => new Promise((go, no) => {
          const gone = indexedDB.deleteDatabase("oneseek"); gone.onsuccess = go; gone.onerror = no; })"""
    )
    page.goto("/")
    expect(page.get_by_text("This browser cleared what OneSeek had stored")).to_be_visible()
    expect(page.get_by_role("button", name="Restore a backup")).to_be_visible()


def test_a_worker_that_cannot_start_says_so_in_plain_words(alone: Page, started: Start):
    page = alone
    started.watch.allow("wheel|Failed to fetch|ERR_FAILED|integrity")
    page.route(re.compile(r"/oneseek\.bin$"), lambda route: route.abort())
    page.goto("/")
    panel = page.locator("#trouble-engine")
    expect(panel).to_contain_text("The engine could not start.")
    expect(panel).to_contain_text("Your chats and everything learned are safe")
    panel.get_by_text("Technical details").click()
    expect(panel.locator("pre")).to_contain_text("fetch")


def test_a_file_that_does_not_arrive_is_told_without_any_python(alone: Page, started: Start):
    page = alone
    started.watch.allow("")
    page.route(re.compile(r"/micropython\.wasm$"), lambda route: route.abort())
    page.goto("/")
    expect(page.locator("#trouble-start")).to_contain_text("Nothing you saved is lost.")
