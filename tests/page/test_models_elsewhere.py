"""A model of another site by one click: what is asked of whom is said, the bytes come through
outside.js alone, are checked, gone on with, and refused in words."""

import hashlib
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from oneseek.engine.model.formats.source import CHUNK
from tests.support import hub as hubs
from tests.support.page.acts import body, finished, own_chromium, say, wait_until
from tests.support.page.browser import Watch, wait_for_state
from tests.support.page.stored import stored

pytestmark = pytest.mark.slow
SIZE = 6 * CHUNK + 1000
NAME = "Demo of the hub"
LOG = """async () => {
  const hosts = performance.getEntriesByType("resource").map((one) => new URL(one.name).host);
  let refused = 0;
  self.addEventListener("securitypolicyviolation", () => refused++);
  await fetch(ADDRESS).catch(() => 0);
  return { hosts: [...new Set(hosts.filter(Boolean))], refused };
}"""


@pytest.fixture
def hub() -> Iterator[hubs.Hub]:
    content = hubs.demo(SIZE)
    with hubs.running(hubs.Hub(content, hashlib.sha256(content).hexdigest())) as hub:
        yield hub


@pytest.fixture
def beside(page: Page, watch: Watch, hub: hubs.Hub) -> Page:
    """The page with a model of the hub in its list."""
    watch.allow(f"another origin: ({hub.address}|{hub.second})")
    listed(page, hub)
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    return page


def listed(page: Page, hub: hubs.Hub, sha256: str = "") -> None:
    def with_hub(route) -> None:
        registry = route.fetch().json()
        tiny = next(one for one in registry["models"] if one["id"] == "tiny")
        row = tiny | {"id": "of-the-hub", "name": NAME, "bytes": len(hub.content)}
        row["sha256"] = sha256 or hub.sha256
        row["source"] = {"kind": "web", "url": hub.file}
        registry["models"].append(row)
        route.fulfill(body=json.dumps(registry), content_type="application/json")

    page.route(re.compile(r"/models\.json$"), with_hub)


def models(page: Page) -> Locator:
    page.locator("#model-button").click()
    return page.get_by_role("dialog", name="Models")


def asked(page: Page, name: str = NAME) -> Locator:
    """The dialog that says what is fetched from whom."""
    row = models(page).locator(".choice").filter(has_text=name)
    row.get_by_role("button", name="Fetch").click()
    return page.get_by_role("dialog", name=re.compile("^Fetch "))


def fetch(page: Page, name: str = NAME) -> None:
    asked(page, name).get_by_role("button", name="Fetch from").click()


def record(page: Page, key: str = "models/of-the-hub.gguf") -> dict:
    return stored(page, "state").get("file:" + key, {})


def of_files(hub: hubs.Hub) -> list[int]:
    return [int(span.removeprefix("bytes=").split("-")[0]) for span in hub.ranges_asked() if span]


def test_a_model_of_another_site_comes_by_one_click(beside: Page, hub: hubs.Hub, address: str):
    page, host = beside, hub.address.removeprefix("http://")
    says = asked(page)
    for fact in ("25 MB", "Apache-2.0", host, hub.sha256[:16], "Nothing you wrote leaves"):
        expect(says).to_contain_text(fact)
    assert not hub.asked, "nothing is asked before the yes"
    says.get_by_role("button", name=f"Fetch from {host}").click()
    wait_for_state(page, "ready", timeout=180)
    say(page, "Hello")
    expect(body(finished(page))).not_to_be_empty()
    assert record(page)["sha256"] == hub.sha256
    assert len(of_files(hub)) > 1, "in several ranges"
    for path, _, headers in hub.asked:
        told = {name.lower() for name in headers}
        assert path.startswith(("/acme/", "/blob/")) and not told & {"cookie", "referer"}
    own = [page, *[one for one in page.workers if "worker.mjs" in one.url]]
    site = address.removeprefix("http://").rstrip("/")
    for one in own:
        log = one.evaluate(LOG.replace("ADDRESS", json.dumps(hub.file)))
        assert log["hosts"] in ([site], []) and log["refused"] == 1
    before = len(hub.asked)
    page.reload()
    wait_for_state(page, "ready", timeout=180)
    assert len(hub.asked) == before, "what is here is not asked for again"
