"""What goes wrong is said in plain words, and nothing a person made is lost by it."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import Watch, wait_for_state
from tests.test_app_chat import answers, finished, say

pytestmark = pytest.mark.slow
IN_USE = ("ready", "countdown", "paused", "training", "evaluating")


def ready(page: Page) -> None:
    page.goto("/?model=tiny")
    wait_for_state(page, *IN_USE, timeout=120)


def test_offline_it_starts_answers_and_says_that_it_is_offline(page: Page, context: BrowserContext):
    ready(page)
    page.evaluate(
        """async () => { await navigator.serviceWorker.ready;
          while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 50)); }"""
    )
    context.set_offline(True)
    expect(page.get_by_text("Offline. Everything but fetching")).to_be_visible()
    say(page, "Hello")
    finished(page)


def test_R8_that_the_browser_may_clear_everything_is_said_and_a_backup_offered(page: Page):
    page.add_init_script("navigator.storage.persisted = async () => false")
    page.goto("/")
    page.get_by_role("button", name="Settings").click()
    dialog = page.get_by_role("dialog", name="Settings")
    expect(dialog).to_contain_text("The browser may clear it when it needs room", timeout=20_000)
    expect(dialog.get_by_role("button", name="Export everything")).to_be_visible()


def test_R9_lost_storage_is_told_and_is_no_first_run(page: Page, watch: Watch):
    watch.allow("favicon")  # the bare file this visits has no icon of its own
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-page", "ready", timeout=30_000)
    page.goto("/manifest.webmanifest")
    page.evaluate(
        """() => new Promise((go, no) => {
          const gone = indexedDB.deleteDatabase("oneseek"); gone.onsuccess = go; gone.onerror = no; })"""
    )
    page.goto("/")
    expect(page.get_by_text("This browser cleared what OneSeek had stored")).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_role("button", name="Restore a backup")).to_be_visible()


UNRELIABLE = """(() => {
  let seed = 7, late = null, newest = 0;
  const draw = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  globalThis.sent = "";
  globalThis.harmed = { dropped: 0, doubled: 0, reordered: 0 };
  const own = Object.getOwnPropertyDescriptor(BroadcastChannel.prototype, "onmessage");
  const unreliable = (hear) => (event) => {
    const { seq, event: told } = JSON.parse(event.data);
    const { type, text } = JSON.parse(told);
    if (type === "Token" && seq > newest) sent += text;  // the links of both workers hear it
    newest = Math.max(newest, seq);
    const now = late ? [event, late] : [event];
    late = null;
    const fate = draw();
    if (fate < 0.1) { harmed.dropped++; now.shift(); }
    else if (fate < 0.2) { harmed.doubled++; now.push(event); }
    else if (fate < 0.3 && now.length === 1) { harmed.reordered++; late = now.pop(); }
    for (const one of now) hear(one);
  };
  Object.defineProperty(BroadcastChannel.prototype, "onmessage", {
    get() { return own.get.call(this); },
    set(hear) { own.set.call(this, /^oneseek-[0-9a-f-]{36}$/.test(this.name) ? unreliable(hear) : hear); },
  });
})()"""


def test_R17_what_is_shown_equals_the_store_when_events_get_lost_doubled_and_out_of_order(
    page: Page,
):
    page.add_init_script(UNRELIABLE)
    ready(page)
    for number, text in enumerate(("My cat is called Nisse.", "Hello", "What is a tree?"), 1):
        page.evaluate("sent = ''")
        say(page, text)
        shown = finished(page, number).locator(".text")
        expect(shown).to_have_text(page.evaluate("sent.trim()"), timeout=2_000)
    page.get_by_role("tab", name=re.compile("^Queue")).click()
    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("Your cat is called Nisse.", timeout=2_000)
    texts = answers(page).locator(".text").all_inner_texts()
    assert min(page.evaluate("Object.values(harmed)")) > 0
    page.reload()
    wait_for_state(page, *IN_USE, timeout=120)
    assert answers(page).locator(".text").all_inner_texts() == texts


def test_R22_an_engine_that_cannot_start_leaves_chats_readable(page: Page, watch: Watch):
    ready(page)
    say(page, "What is the capital of Italy?")
    finished(page)
    watch.allow("wheel|Failed to fetch|ERR_FAILED|integrity|ServiceWorker")
    page.context.route(re.compile(r"/oneseek\.whl$"), lambda route: route.abort())
    page.evaluate(
        """async () => { for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister();
          for (const name of await caches.keys()) await caches.delete(name); }"""
    )
    page.goto("/?engine=cpu")
    expect(page.locator("#trouble-engine")).to_contain_text(
        "The engine could not start", timeout=60_000
    )
    expect(page.locator("#trouble-engine")).to_contain_text("safe")
    expect(answers(page).last).to_contain_text("Rome")
    expect(page.locator("html")).to_have_attribute("data-engine", "failed")


def test_R30_no_byte_leaves_during_a_full_use_and_an_attempt_is_refused(page: Page, watch: Watch):
    """The watch of every test fails on a foreign request; here some are tried on purpose."""
    ready(page)
    say(page, "What is the capital of Spain?")
    finished(page)
    watch.allow("Content Security Policy|another origin: https://example.com")
    refused = page.evaluate(
        """async () => {
          const violations = [];
          addEventListener("securitypolicyviolation", (e) => violations.push(e.effectiveDirective));
          await fetch("https://example.com/").catch(() => 0);
          await new Promise((go) => Object.assign(new Image(), { onerror: go, onload: go, src: "https://example.com/a.png" }));
          navigator.sendBeacon("https://example.com/b");
          await new Promise((go) => setTimeout(go, 200));
          return violations;
        }"""
    )
    assert {"connect-src", "img-src"} <= set(refused)


def test_a_second_tab_says_so_shows_everything_and_can_take_over(
    page: Page, context: BrowserContext
):
    ready(page)
    say(page, "What is the capital of France?")
    finished(page)
    other = context.new_page()
    other.goto("/?model=tiny")
    expect(other.get_by_text("OneSeek is open in another tab")).to_be_visible(timeout=30_000)
    wait_for_state(other, "read-only")
    expect(other.get_by_role("article", name="OneSeek said")).to_contain_text("Paris")
    other.get_by_role("button", name="Use here").click()
    wait_for_state(other, *IN_USE, timeout=120)
    wait_for_state(page, "read-only", timeout=30)


def test_everything_leaves_as_a_backup_and_comes_back(page: Page, tmp_path):
    ready(page)
    say(page, "What is the capital of Germany?")
    finished(page)
    say(page, "My cat is called Nisse.")
    finished(page, 2)
    page.get_by_role("button", name="Settings").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export everything").click()
    backup = tmp_path / "backup.json"
    waiting.value.save_as(backup)
    page.get_by_role("button", name="Delete everything …").click()
    dialog = page.get_by_role("alertdialog", name="Delete everything?")
    dialog.get_by_label("Type DELETE to go on").fill("DELETE")
    with page.expect_navigation():
        dialog.get_by_role("button", name="Delete everything").click()
    page.goto("/")
    expect(page.get_by_role("navigation")).to_contain_text(
        "Your chats will be listed here", timeout=30_000
    )
    page.get_by_role("button", name="Settings").click()
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Import a backup").click()
    with page.expect_navigation():
        choosing.value.set_files(backup)
    expect(page.get_by_role("navigation")).to_contain_text(
        "What is the capital of Germany?", timeout=30_000
    )
    expect(answers(page).first).to_contain_text("Berlin")
    page.get_by_role("tab", name=re.compile("^Queue")).click()
    expect(page.get_by_role("tabpanel")).to_contain_text("Your cat is called Nisse.")
