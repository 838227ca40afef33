"""A model of another site by one click: the page must say what it asks of whom; the bytes must come
through outside.js alone, be checked, resumed, and refused in words."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from oneseek.engine.model.formats.source import CHUNK
from tests.support import eyes
from tests.support import hub as hubs
from tests.support.page.acts import body, own_chromium, say, wait_for_answer, wait_until
from tests.support.page.browser import Chromium, Watch, wait_for_state, watched
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow
SIZE = 6 * CHUNK + 1000
NAME = "Demo of the hub"
LOG = """async () => {
  const hosts = performance.getEntriesByType("resource").map((one) => new URL(one.name).host);
  const refused = new Promise((go) => self.addEventListener("securitypolicyviolation", go));
  await fetch(ADDRESS).catch(() => 0);
  return { hosts: [...new Set(hosts.filter(Boolean))], refused: (await refused).effectiveDirective };
}"""
"""What a page or a worker asked for, and what refuses it another site."""


@pytest.fixture
def hub() -> Iterator[hubs.Hub]:
    content = hubs.demo(SIZE)
    with hubs.running(hubs.Hub(content, hashlib.sha256(content).hexdigest())) as hub:
        yield hub


@pytest.fixture
def beside(page: Page, watch: Watch, hub: hubs.Hub) -> Page:
    """The page with a model of the hub in its list."""
    watch.allow(f"another origin: ({hub.address}|{hub.second})|Failed to load resource|ERR_")
    offer_hub_model(page, hub)
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    return page


def offer_hub_model(page: Page, hub: hubs.Hub, sha256: str = "", **more) -> None:
    def with_hub(route) -> None:
        registry = route.fetch().json()
        tiny = next(one for one in registry["models"] if one["id"] == "tiny")
        row = tiny | {"id": "of-the-hub", "name": NAME, "bytes": len(hub.content)} | more
        row["sha256"] = sha256 or hub.sha256
        row["source"] = {"kind": "web", "url": hub.file}
        registry["models"].append(row)
        route.fulfill(body=json.dumps(registry), content_type="application/json")

    page.route(re.compile(r"/models\.json$"), with_hub)


def models(page: Page) -> Locator:
    page.locator("#model-button").click()
    return page.get_by_role("dialog", name="Models")


def open_fetch_dialog(page: Page, name: str = NAME) -> Locator:
    """Open the dialog that says what is fetched from whom."""
    row = models(page).locator(".choice").filter(has_text=name)
    row.get_by_role("button", name="Download").click()
    return page.get_by_role("dialog", name=re.compile("^Download "))


def fetch(page: Page, name: str = NAME) -> None:
    open_fetch_dialog(page, name).get_by_role("button", name="Download from").click()


def record(page: Page, key: str = "models/of-the-hub.gguf") -> dict:
    return read_store(page, "state").get("file:" + key, {})


def of_files(hub: hubs.Hub) -> list[int]:
    return [int(span.removeprefix("bytes=").split("-")[0]) for span in hub.ranges_asked() if span]


def test_a_model_of_another_site_comes_by_one_click(
    beside: Page, watch: Watch, hub: hubs.Hub, address: str
):
    watch.allow("Content Security Policy")
    page, host = beside, hub.address.removeprefix("http://")
    says = open_fetch_dialog(page)
    for fact in ("25 MB", "Apache-2.0", host, hub.sha256[:16], "Nothing you wrote leaves"):
        expect(says).to_contain_text(fact)
    assert not hub.asked, "nothing is asked before the yes"
    says.get_by_role("button", name=f"Download from {host}").click()
    wait_for_state(page, "ready", timeout=180)
    say(page, "Hello")
    expect(body(wait_for_answer(page))).not_to_be_empty()
    assert record(page)["sha256"] == hub.sha256
    assert len(of_files(hub)) > 1, "in several ranges"
    for path, _, headers in hub.asked:
        told = {name.lower() for name in headers}
        assert path.startswith(("/acme/", "/blob/")) and not told & {"cookie", "referer"}
    own = [page, *[one for one in page.workers if "worker.mjs" in one.url]]
    site = address.removeprefix("http://").rstrip("/")
    for one in own:
        log = one.evaluate(LOG.replace("ADDRESS", json.dumps(hub.file)))
        assert log["hosts"] in ([site], []) and log["refused"] == "connect-src"


@pytest.mark.long
def test_a_model_comes_with_its_eyes_by_one_click(page: Page, watch: Watch, hub: hubs.Hub):
    watch.allow(f"another origin: ({hub.address}|{hub.second})|Failed to load resource|ERR_")
    hub.content, file = eyes.language(), "mmproj-demo-Q8_0.gguf"
    hub.sha256, hub.more = hashlib.sha256(hub.content).hexdigest(), {file: eyes.eyes("Q8_0")}
    seeing = {"file": file, "bytes": len(hub.more[file]), "url": hub.file.replace(hubs.FILE, file)}
    seeing["sha256"] = hashlib.sha256(hub.more[file]).hexdigest()
    offer_hub_model(page, hub, eyes=seeing)
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    says = open_fetch_dialog(page)
    expect(says).to_contain_text("Sees pictures: its eyes are")
    says.get_by_role("button", name="Download from").click()
    wait_for_state(page, "ready", timeout=180)
    assert record(page, f"inbox/acme_demo-GGUF_{file}")["sha256"] == seeing["sha256"]
    before = len(hub.asked)
    page.reload()
    wait_for_state(page, "ready", timeout=180)
    page.locator("#add").click()
    expect(page.get_by_role("button", name="Add a picture")).to_be_visible()
    assert len(hub.asked) == before, "what is here is not asked for again"


@pytest.mark.long
def test_what_was_cut_off_ten_times_and_asked_to_wait_is_whole(beside: Page, hub: hubs.Hub):
    hub.faults = [(429, 1), *[0.3] * 10, 503]
    fetch(beside)
    wait_for_state(beside, "ready", timeout=180)
    assert record(beside)["sha256"] == hub.sha256
    assert len(of_files(hub)) >= 13
    assert set(of_files(hub)) - {0}, "gone on with, where it broke off"


@pytest.mark.long
def test_a_download_goes_on_after_the_tab_was_killed(
    chromium: Chromium, address: str, hub: hubs.Hub, tmp_path: Path
):
    """The whole browser is killed in the middle: nothing is flushed."""

    def visit(at: str) -> Page:
        browser = chromium.browser_type.connect_over_cdp(at)
        page = browser.contexts[0].new_page()
        offer_hub_model(page, hub)
        page.goto(address)
        return page

    hub.rate = 4e6
    with own_chromium(tmp_path) as (_, at):
        page = visit(at)
        wait_for_state(page, "needs-consent", timeout=120)
        fetch(page)
        wait_until(lambda: len(record(page).get("chunks", ())) >= 2)
    hub.rate, before = 0, len(of_files(hub))
    with own_chromium(tmp_path) as (_, at):
        page = visit(at)
        wait_for_state(page, "ready", timeout=180)
        assert record(page)["sha256"] == hub.sha256
    assert min(of_files(hub)[before:]) >= 2 * CHUNK, "what had come was not fetched again"


@pytest.mark.long
def test_a_pause_holds_over_a_reload_and_goes_on(beside: Page, hub: hubs.Hub):
    page = beside
    hub.rate = 4e6
    fetch(page)
    wait_until(lambda: len(record(page).get("chunks", ())) >= 1)
    page.locator("#consent").get_by_role("button", name="Pause").click()
    expect(page.locator("#consent")).to_contain_text("Paused at")
    page.reload()
    card = page.locator("#consent")
    expect(card).to_contain_text(re.compile(r"Paused at [1-9]\d?\s%"), timeout=120_000)
    hub.rate, before = 0, len(of_files(hub))
    card.get_by_role("button", name="Resume").click()
    wait_for_state(page, "ready", timeout=180)
    assert min(of_files(hub)[before:]) >= CHUNK


@pytest.mark.long
def test_a_file_with_another_hash_is_thrown_away_and_said(page: Page, watch: Watch, hub: hubs.Hub):
    watch.allow(f"another origin: ({hub.address}|{hub.second})")
    offer_hub_model(page, hub, sha256="5" * 64)
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    fetch(page)
    card = page.locator("#consent.bad")
    expect(card).to_contain_text("the downloaded file is not the expected one", timeout=180_000)
    expect(card).to_contain_text("deleted and not used")
    assert record(page) == {}


@pytest.mark.long
@pytest.mark.parametrize(
    "trouble, words",
    [
        ("no CORS", "lets no other site read this file"),
        ("busy", "asks to wait 3600 s"),
        ("missing", "answered 404: it has no such file"),
        ("longer", "bytes instead of"),
    ],
)
def test_what_another_site_refuses_is_said_and_may_be_tried_again(
    beside: Page, watch: Watch, hub: hubs.Hub, trouble: str, words: str
):
    watch.allow("CORS|ERR_FAILED|404|429|Failed to load resource")
    if trouble == "no CORS":
        hub.cors = False
    if trouble == "longer":
        hub.content += b"more"
    hub.faults = {"busy": [(429, 3600)], "missing": [404]}.get(trouble, [])
    fetch(beside)
    card = beside.locator("#consent.bad")
    expect(card).to_contain_text(words, timeout=60_000)
    hub.cors, hub.content = True, hub.content[:SIZE]
    card.get_by_role("button", name="Resume").click()
    wait_for_state(beside, "ready", timeout=180)


@pytest.mark.long
def test_a_pasted_repository_is_looked_at_then_fetched_then_kept(
    page: Page, context: BrowserContext, watch: Watch, hub: hubs.Hub
):
    watch.allow(f"another origin: ({hub.address}|{hub.second})")
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    models(page).get_by_role("button", name="From an address").click()
    field = page.get_by_label("Address of the file, or owner/name of a repository")
    look = page.get_by_role("button", name="List the files")
    field.fill("nothing of the kind")
    look.click()
    expect(page.locator("#model-address")).to_contain_text("neither the address")
    assert not hub.asked
    field.fill(f"{hub.address}/{hubs.REPOSITORY}/tree/main")
    look.click()
    found = page.get_by_role("dialog", name="Models found")
    for fact in (hubs.FILE, "25 MB", "apache-2.0"):
        expect(found).to_contain_text(fact)
    assert not hub.ranges_asked(), "no file was fetched yet"
    found.get_by_role("button", name="Download").click()
    says = page.get_by_role("dialog", name=re.compile("^Download "))
    expect(says).to_contain_text(f"The site states the hash of this file (sha256 {hub.sha256[:16]}")
    says.get_by_role("button", name="Download from").click()
    wait_for_state(page, "ready", timeout=180)
    key = "inbox/acme_demo-GGUF_demo-Q4_1.gguf"
    assert record(page, key)["sha256"] == hub.sha256
    page.reload()
    wait_for_state(page, "ready", timeout=180)
    row = models(page).locator(".choice").filter(has_text=hubs.FILE)
    expect(row).to_contain_text(f"sha256 {hub.sha256[:16]}")
    expect(row).to_contain_text("in use")


@pytest.mark.long
def test_a_pasted_file_without_a_known_hash_shows_the_one_of_what_came(
    page: Page, watch: Watch, hub: hubs.Hub
):
    watch.allow(f"another origin: ({hub.address}|{hub.second})")
    expected = hub.sha256
    hub.ranges = False
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    models(page).get_by_role("button", name="From an address").click()
    page.get_by_label("Address of the file").fill(f"{hub.second}/blob/{hubs.FILE}")
    page.get_by_role("button", name="List the files").click()
    page.get_by_role("dialog", name="Models found").get_by_role("button", name="Download").click()
    says = page.get_by_role("dialog", name=re.compile("^Download "))
    expect(says).to_contain_text("This file has no published hash")
    says.get_by_role("button", name="Download from").click()
    wait_for_state(page, "ready", timeout=180)
    row = models(page).locator(".choice").filter(has_text=hubs.FILE)
    expect(row).to_contain_text(f"The file that came has sha256 {expected[:16]}")


@pytest.mark.long
def test_what_was_agreed_to_and_not_wanted_any_more_is_removed(
    page: Page, watch: Watch, hub: hubs.Hub
):
    watch.allow(f"another origin: ({hub.address}|{hub.second})")
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    models(page).get_by_role("button", name="From an address").click()
    page.get_by_label("Address of the file").fill(hub.file)
    page.get_by_role("button", name="List the files").click()
    page.get_by_role("dialog", name="Models found").get_by_role("button", name="Download").click()
    hub.rate = 4e6
    page.get_by_role("dialog", name=re.compile("^Download ")).get_by_role(
        "button", name="Download from"
    ).click()
    key = "inbox/acme_demo-GGUF_demo-Q4_1.gguf"
    wait_until(lambda: len(record(page, key).get("chunks", ())) >= 1)
    page.locator("#consent").get_by_role("button", name="Pause").click()
    expect(page.locator("#consent")).to_contain_text("Paused at")
    row = models(page).locator(".choice").filter(has_text=hubs.FILE)
    row.get_by_role("button", name="Remove").click()
    expect(page.locator("#consent")).to_contain_text("SmolLM2 135M")
    expect(models(page).locator(".choice").filter(has_text=hubs.FILE)).to_have_count(0)
    assert record(page, key) == {}


@pytest.mark.long
def test_a_mirror_is_asked_in_place_of_the_hub(page: Page, watch: Watch, hub: hubs.Hub):
    """The mirror has another file under the name of a listed model, which must be refused."""
    watch.allow(f"another origin: ({hub.address}|{hub.second})|404|Failed to load resource")
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("A mirror for models").fill(hub.address)
    page.get_by_label("A mirror for models").press("Tab")
    page.keyboard.press("Escape")
    says = open_fetch_dialog(page, "Qwen3 0.6B, 8 bits")
    expect(says).to_contain_text(hub.address.removeprefix("http://"))
    says.get_by_role("button", name="Download from").click()
    card = page.locator("#consent.bad")
    expect(card).to_contain_text("the server has another file than expected")
    expect(card).to_contain_text("bytes instead of 639446688")
    assert all("Qwen3-0.6B-Q8_0" in path for path, _, _ in hub.asked if "/resolve/" in path)


@pytest.mark.long
def test_in_swedish_it_is_said_and_refused_in_swedish(
    chromium: Chromium, address: str, hub: hubs.Hub
):
    with watched(chromium, address, locale="sv-SE") as (context, watch):
        watch.allow(f"another origin: ({hub.address}|{hub.second})|404|Failed to load resource")
        page = context.new_page()
        offer_hub_model(page, hub)
        page.goto("/")
        wait_for_state(page, "needs-consent", timeout=120)
        page.locator("#model-button").click()
        row = page.get_by_role("dialog", name="Modeller").locator(".choice").filter(has_text=NAME)
        row.get_by_role("button", name="Hämta").click()
        says = page.get_by_role("dialog", name=re.compile("^Hämta "))
        expect(says).to_contain_text("Inget du har skrivit lämnar enheten")
        hub.faults = [404]
        says.get_by_role("button", name="Hämta från").click()
        card = page.locator("#consent.bad")
        expect(card).to_contain_text("svarade 404: filen finns inte")
        card.get_by_role("button", name="Fortsätt").click()
        wait_for_state(page, "ready", timeout=180)
