"""The disturbances of a new user's first five minutes: each is an option of `bench minutes` and a
test of its own (tests/page/test_first_minutes.py)."""

from playwright.sync_api import expect

from tests.bench.parts.stranger import IN_USE, KNOWN, SMALL, WAIT, Stranger, open_page
from tests.support.page.browser import FILL, wait_for_offline, wait_for_state

# Slows the engine's worker ten times: each look at the clock waits nine times what passed since.
TEN_TIMES = """() => {
  const now = performance.now.bind(performance);
  let seen = now();
  performance.now = () => {
    const end = now() + 9 * Math.min(50, now() - seen);
    while (now() < end);
    return (seen = now());
  };
}"""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  const state = hidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
ROOM = {SMALL: 400_000_000, "tiny": 128_000_000}  # bytes: the page, the model and little more
MAKE_ROOM = """() => new Promise((go) => {
  indexedDB.deleteDatabase("filler").onsuccess = go; })"""


def slow(stranger: Stranger) -> None:
    """Slow the engine's worker ten times from its start."""

    def hold_up(worker) -> None:
        if not worker.url.endswith("/thread.js"):  # helper threads block: no script runs
            worker.evaluate(TEN_TIMES)

    stranger.page.on("worker", hold_up)


def hide(stranger: Stranger) -> None:
    """Hide the page, as when the person switches to another tab right after sending."""
    stranger.page.evaluate(HIDE, True)


def show(stranger: Stranger) -> None:
    if stranger.page.evaluate("document.hidden"):
        stranger.page.evaluate(HIDE, False)


def leave_network(stranger: Stranger) -> None:
    """Take the network away, also for the reload at the end."""
    wait_for_offline(stranger.page)
    stranger.page.context.set_offline(True)


def other_tab(stranger: Stranger) -> None:
    """Open a second tab, which shows everything read-only; press *Use here* and go on in it."""
    first, second = stranger.page, open_page(stranger.page.context)
    second.goto("/?engine=cpu")
    wait_for_state(second, "read-only", timeout=WAIT / 1000)
    expect(second.locator("article.user")).to_contain_text(stranger.typed[-1])
    second.locator('[data-do="use-here"]').click()
    wait_for_state(first, "read-only", timeout=WAIT / 1000)
    wait_for_state(second, *IN_USE, timeout=WAIT / 1000)
    stranger.collect()
    stranger.page = second


def small_disk(stranger: Stranger) -> None:
    room(stranger, ROOM[stranger.model])


def fill_disk(stranger: Stranger) -> None:
    """Fill the disk but for the bytes that the page keeps in reserve."""
    wait_for_offline(stranger.page)
    room(stranger, stranger.page.evaluate(FILL))


def room(stranger: Stranger, size: int) -> None:
    """Set the browser's storage quota for the page in bytes."""
    session = stranger.page.context.new_cdp_session(stranger.page)
    allowed = {"origin": stranger.address.rstrip("/"), "quotaSize": size}
    session.send("Storage.overrideQuotaForOrigin", allowed)


def make_room(stranger: Stranger) -> None:
    """Free the disk and check that after a reload no message is lost and the fact is remembered."""
    stranger.page.evaluate(MAKE_ROOM)
    assert not stranger.find_lost_messages()
    if stranger.page.locator("#nav-toggle").is_visible():
        stranger.page.locator("#nav-toggle").click()
    stranger.page.locator("#chat-list .chat-link").nth(1).click()
    expect(stranger.page.locator(KNOWN)).to_be_visible(timeout=WAIT)


UPSETS: dict[str, dict] = {
    "none": {},
    "slow": {"before": slow},
    "hidden": {"sent": hide, "over": show},
    "offline": {"amid": leave_network},
    "second-tab": {"amid": other_tab},
    "full-disk": {"before": small_disk, "amid": fill_disk, "after": make_room},
}
