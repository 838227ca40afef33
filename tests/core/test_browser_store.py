"""IndexedDB in real Chromium must keep the promises of engine/core/storage/store.py; the page's own
MicroPython drives it."""

import json
import time

import pytest
from playwright.sync_api import Page

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import STEPS
from tests.support.page import bare_page
from tests.support.page.acts import wait_until
from tests.support.page.browser import served, watched

pytestmark = pytest.mark.slow

OPEN = """
import json, js
from oneseek.engine.core.storage.store import *
from oneseek.engine.core.storage import store as stores
told = []
store = await open_browser_store(js.storeModule, told=lambda what: told.append(what))
def say(value):
    print(json.dumps(value))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(bare_page.write_site(tmp_path_factory.mktemp("bare"))) as address:
        yield address


@pytest.fixture
def tabs(chromium, site):
    """A function that opens pages of one profile, each with a store of its own."""
    with watched(chromium, site) as (context, _):

        def open(code=OPEN):
            page = context.new_page()
            bare_page.start(page)
            bare_page.run(page, code)
            return page

        yield open


@pytest.fixture
def page(tabs):
    return tabs()


def run(page, code):
    return bare_page.run(page, code)


def at_once(coroutine):
    """Run a coroutine that never suspends, as those of the native store; asyncio cannot run here,
    because Playwright's loop occupies this thread."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


SCRIPT = [
    ([["put", "state", "a", {"n": 1, "f": 0.5, "t": 'å\u2028"', "l": [None, True]}]], []),
    ([["put", "state", "a", {"n": 2}], ["put", "queue", "q", {}]], [["state", "a", "n", 3]]),
    ([["put", "state", "a", {"n": 2}], ["put", "queue", "q", {}]], [["state", "a", "n", 1]]),
    ([["put", "ledger", 1, {"x": -0.25}]], [["ledger", 1, None, False]]),
    ([["put", "ledger", 1, {"x": 2}]], [["ledger", 1, None, False]]),
    ([["put", "ledger", 10, {}], ["put", "ledger", 2, {}]], [["ledger", 1, None, True]]),
    ([["delete", "queue", "q"], ["put", "messages", "é", {"m": "1"}]], [["state", "b", "n", None]]),
    ([["delete", "queue", "never there"]], []),
    ([["put", "oqt_metrics", "m", {"loss": None}]], []),
]


def test_the_same_changes_leave_the_same_records_in_both_hosts(page, tmp_path):
    native = SqliteStore(tmp_path / "s.db")
    expected = [at_once(native.batch(*one)) for one in SCRIPT]
    script = json.dumps(SCRIPT)
    found = run(page, f"for one in json.loads({script!r}): say(await store.batch(*one))")
    assert found == expected == [True, False, True, True, False, True, True, True, True]
    for name in STEPS[0]:
        rows = run(page, f"say(await store.all({name!r})); say(await store.keys({name!r}))")
        assert rows == [at_once(native.all(name)), at_once(native.keys(name))], name
    pages = [("None, 2, False", (None, 2, False)), ("1, 0, False", (1, 0, False))]
    for text, arguments in [*pages, ("10, 1, True", (10, 1, True))]:
        (rows,) = run(page, f"say(await store.all('ledger', {text}))")
        assert rows == at_once(native.all("ledger", *arguments))
    assert run(page, "say(await store.count('ledger')); say(await store.get('state', 'none'))") == [
        3,
        None,
    ]


def test_bytes_and_text_come_back_as_they_were(page):
    code = """
    data = bytes(range(256))
    await store.batch([["put", "snapshots", "s", {"data": data, "more": [{"b": b""}, "text"]}]])
    found = await store.get("snapshots", "s")
    say([found["data"] == data, found["more"] == [{"b": b""}, "text"]])
    """
    assert run(page, code) == [[True, True]]


def test_R3_every_store_is_written_with_the_durability_it_needs(page):
    page.evaluate(
        """() => {
          globalThis.modes = [];
          const make = IDBDatabase.prototype.transaction;
          IDBDatabase.prototype.transaction = function (stores, mode, options) {
            const made = make.call(this, stores, mode, options);
            if (mode === "readwrite") modes.push([[...stores].sort(), made.durability]);
            return made;
          };
        }"""
    )
    for name in STEPS[0]:
        run(page, f"await store.batch([['put', {name!r}, 'k', {{}}]])")
    run(page, "await store.batch([['put', 'drafts', 'k', {}], ['put', 'messages', 'k', {}]])")
    run(page, "await store.batch([['put', 'drafts', 'k', {}]], [['state', 'none', None, False]])")
    found = {tuple(stores): mode for stores, mode in page.evaluate("modes")}
    relaxed = {("drafts",), ("metrics",), ("events",), ("settings",)}
    assert {stores for stores, mode in found.items() if mode == "relaxed"} == relaxed
    assert all(mode == "strict" for stores, mode in found.items() if stores not in relaxed)


def test_R4_one_logical_change_is_one_transaction(page):
    code = """
    await store.batch([["put", "state", "a", {"n": 1}]])
    for ops in ([["put", "state", "a", {"n": 2}], ["put", "state", "b", {"bad": object}]],
                [["put", "state", "a", {"n": 3}], ["put", "nowhere", "b", {}]],
                [["put", "state", "a", {"n": 4}], ["put", "state", True, {}]]):
        try:
            await store.batch(ops)
            say("stored")
        except Exception as fault:
            say(type(fault).__name__)
    say(await store.get("state", "a"))
    await store.batch([["put", "state", "a", {"n": 5}]])
    say(await store.get("state", "a"))
    """
    found = run(page, code)
    assert found[:2] == ["TypeError", "ValueError"] and found[2] != "stored"
    assert found[3:] == [{"n": 1}, {"n": 5}]


def test_R4_an_error_inside_the_transaction_stores_nothing(page):
    code = """
    from oneseek.engine.core.storage.store import _js_blobs
    ops = json.dumps([["put", "state", "a", {"n": 9}], ["put", "state", {}, {"n": 9}]])
    try:
        await store.handle.batch(ops, "[]", _js_blobs([]), "strict")
        say("stored")
    except Exception as fault:
        say(fault.args[1])
    say(await store.get("state", "a"))
    """
    assert run(page, code) == ["DataError", None]


QUEUE = (
    OPEN
    + """
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.queue.saved import SavedQueue
saved = SavedQueue(TrainingQueue(lambda: 1000), store)
await saved.load()
def example(words, priority="chat"):
    return {"prompt": words, "answer": "yes", "priority": priority, "language": "en"}
"""
)


def test_R5_two_tabs_that_change_one_item_lose_no_update(tabs):
    one = tabs(QUEUE)
    (id,) = run(one, 'say((await saved.change(lambda q: q.add(example("shared"))))["id"])')
    two = tabs(QUEUE)
    run(one, f"await saved.change(lambda q: q.prefer({id!r}, 'approved'))")
    (record,) = run(two, 'say(await saved.change(lambda q: q.add(example("shared"))))')
    assert (record["priority"], record["seen"], record["revision"]) == ("approved", 2, 3)
    (stats,) = run(two, "say(saved.queue.get_stats())")
    assert stats["by_priority"] == {"approved": 1} and stats["total"] == 1


@pytest.mark.long
def test_R5_two_tabs_adding_at_once_keep_everything(tabs):
    pages = [tabs(QUEUE), tabs(QUEUE)]
    start = """(name) => { globalThis.done = mp.runPythonAsync(`
for i in range(40):
    await saved.change(lambda q: q.add(example("shared %d" % (i % 20), "approved")))
    await saved.change(lambda q: q.add(example("${name} %d" % i)))
`); return true; }"""
    for name, page in zip(("left", "right"), pages, strict=True):
        page.evaluate(start, name)
    for page in pages:
        page.evaluate("done.then(() => true)")
    (rows,) = run(tabs(QUEUE), "say([r for _, r in await store.all('queue')])")
    shared = [row for row in rows if row["prompt"].startswith("shared")]
    assert len(rows) == 20 + 2 * 40 and len(shared) == 20
    assert sum(row["seen"] for row in shared) == 2 * 40


def quota(page: Page, extra: int | None) -> None:
    """Allow the origin `extra` bytes more than it uses, or any number (None). Call it before the
    first write: Chromium caches the quota for half a minute."""
    session = page.context.new_cdp_session(page)
    usage = page.evaluate("navigator.storage.estimate().then((found) => found.usage)")
    limit = {} if extra is None else {"quotaSize": usage + extra}
    origin = page.evaluate("location.origin")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, **limit})


NOISE = """globalThis.noise = (size) => {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
  return bytes;
}"""
PROMOTE = """
async def promote(name, size):
    try:
        blobs = js.Array.new()
        blobs.push(js.noise(size))
        ops = [["put", "snapshots", name, {"data": {"$bytes": 0}}]]
        ops.append(["put", "state", "current", {"is": name}])
        await store.handle.batch(json.dumps(ops), "[]", blobs, "strict")
        return "stored"
    except Exception as fault:
        return type(stores._as_python_error(fault)).__name__
"""


def test_R6_a_full_disk_never_harms_what_is_saved(page):
    page.evaluate(NOISE)
    quota(page, 5_000_000)
    run(page, PROMOTE + "say(await promote('v1', 1024 * 1024))")
    assert run(page, "say(await promote('v2', 64 * 1024 * 1024))") == ["StorageFull"]
    code = """
    say(await store.get("state", "current"))
    say(len((await store.get("snapshots", "v1"))["data"]))
    say(await store.get("snapshots", "v2"))
    """
    assert run(page, code) == [{"is": "v1"}, 1024 * 1024, None]
    quota(page, None)
    assert run(page, "say(await promote('v2', 1024 * 1024)); say(await promote('v3', 1024))") == [
        "stored",
        "stored",
    ]


def test_R7_a_message_is_saved_when_the_disk_is_full(page):
    """After messages have filled the disk until one was refused, that one must be saved."""
    page.evaluate(NOISE)
    quota(page, 4_000_000)
    run(page, "await store.reserve(1024 * 1024)")
    code = """
    refused = None
    for i in range(40):
        text = {"text": js.store_noise(200000), "i": i}
        try:
            await store.batch([["put", "messages", "m%d" % i, text]])
        except StorageFull:
            refused = "m%d" % i
            break
    say(refused is not None and await store.get("messages", refused) is None)
    say(await save_anyway(store, [["put", "messages", refused, text]]))
    say((await store.get("messages", refused)) == text)
    """
    page.evaluate("globalThis.store_noise = (n) => Array.from(noise(n), (b) => b % 10).join('')")
    assert run(page, code) == [True, True, True]


def test_R9_lost_storage_is_told_apart_from_a_first_visit(tabs):
    page = tabs()
    assert run(page, "say(store.lost)") == [False]
    assert run(tabs(), "say(store.lost)") == [False]
    page = tabs(OPEN + "await store.close()\n")
    for other in page.context.pages:
        if other is not page:
            other.close()
    origin = page.evaluate("location.origin")
    session = page.context.new_cdp_session(page)
    what = {"origin": origin, "storageTypes": "indexeddb"}
    session.send("Storage.clearDataForOrigin", what)
    assert run(tabs(), "say(store.lost)") == [True]


def test_a_connection_the_browser_closed_is_opened_again(page):
    code = """
    await store.batch([["put", "state", "a", {"n": 1}]])
    (await store.handle.connect()).close()
    await store.batch([["put", "state", "b", {"n": 2}]])
    (await store.handle.connect()).close()
    say(await store.get("state", "a"))
    say(await store.count("state"))
    """
    assert run(page, code) == [{"n": 1}, 2]


VERSIONED = """
import json, js
from oneseek.engine.core.storage.store import *
told = []
def say(value):
    print(json.dumps(value))
async def opened(*steps):
    return await open_browser_store(js.storeModule, told=told.append, steps=list(steps))
"""


def test_R13_an_older_store_is_upgraded_and_a_failed_upgrade_changes_nothing(tabs):
    page = tabs(VERSIONED)
    code = """
    old = await opened(["messages"])
    await old.batch([["put", "messages", "m", {"text": "hej"}]])
    await old.close()
    try:
        await opened(["messages"], ["queue"], ["messages"])
        say("upgraded")
    except Exception as fault:
        say(str(fault.args[1]))
    again = await opened(["messages"])
    say(await again.get("messages", "m"))
    await again.close()
    new = await opened(["messages"], ["queue"], ["ledger"])
    say(await new.get("messages", "m"))
    say(await new.batch([["put", "queue", "q", {}], ["put", "ledger", 1, {}]]))
    """
    assert run(page, code) == ["ConstraintError", {"text": "hej"}, {"text": "hej"}, True]


def test_R14_an_old_tab_makes_way_for_a_new_build_and_writes_nothing(tabs):
    old, new = tabs(VERSIONED), tabs(VERSIONED)
    run(old, 'store = await opened(["messages"])')
    run(new, 'store = await opened(["messages"], ["queue"])')
    code = """
    try:
        await store.batch([["put", "messages", "m", {}]])
        say("stored")
    except StoreRetired as reason:
        say(str(reason))
    say(told)
    """
    reason, told = run(old, code)
    assert "reload" in reason and told == ["reload"]
    assert run(new, "say(await store.count('messages'))") == [0]
    late = tabs(VERSIONED)
    code = """
    try:
        await opened(["messages"])
    except Exception as fault:
        from oneseek.engine.core.storage.store import _as_python_error
        say(type(_as_python_error(fault)).__name__)
    """
    assert run(late, code) == ["StoreRetired"]


ELECTION = (
    OPEN
    + """
from oneseek.engine.core.storage.election import Election
channel = js.BroadcastChannel.new("oneseek-trainer")
terms = []
def now():
    return js.performance.now() * 4
election = Election(
    store,
    js.lockModule.hold,
    lambda text: channel.postMessage(text),
    now,
    js.crypto.randomUUID(),
    lambda epoch: terms.append(epoch),
    lambda: terms.append(None),
)
channel.onmessage = lambda event: election.hear(event.data)
election.stand()
import asyncio
ticking = True
async def tick():
    while ticking:
        await election.tick()
        await asyncio.sleep(0.05)
ticker = asyncio.create_task(tick())
async def train(n):
    return await FencedStore(store, terms[0]).batch([["put", "state", "trained", {"n": n}]])
"""
)


HANG = """(milliseconds) => void setTimeout(() => {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}, 0)"""


def terms(page):
    return run(page, "say(terms)")[0]


@pytest.mark.long
def test_R15_and_R16_a_frozen_trainer_is_robbed_a_crashed_one_replaced_and_neither_can_write(tabs):
    """The election's clock runs four times faster, so its 15 seconds of silence take less than
    four."""
    first = tabs(ELECTION)
    wait_until(lambda: terms(first) == [1])
    second, third = tabs(ELECTION), tabs(ELECTION)
    assert run(first, "say(await train(1))") == [True]
    time.sleep(2)
    assert terms(second) == terms(third) == []
    first.evaluate(HANG, 12_000)
    heir = wait_until(lambda: next((tab for tab in (second, third) if terms(tab)), None))
    other = third if heir is second else second
    assert terms(heir) == [2]
    assert run(heir, "say(await train(2))") == [True]
    assert run(first, "say(await train(3))") == [False]
    wait_until(lambda: terms(first) == [1, None])
    heir.close()
    survivor = wait_until(lambda: next((t for t in (first, other) if terms(t)[-1:] == [3]), None))
    assert run(survivor, "say(await store.get('state', 'trained'))") == [{"n": 2}]
