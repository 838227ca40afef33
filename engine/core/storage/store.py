"""The named stores of OneSeek, with one durability each, and IndexedDB as their host.

`batch(ops, expect)` is the only way to write: it stores everything or nothing, and nothing when one
expectation about what is stored does not hold. engine/core/storage/sqlite.py does the same
natively.
"""

import json

STEPS = [
    [
        "chats",
        "messages",
        "drafts",
        "settings",
        "state",
        "queue",
        "examples",
        "snapshots",
        "versions",
        "ledger",
        "samples",
        "events",
        "metrics",
        "sources",
    ],
    ["facts", "traces"],
    ["forgotten"],
    ["meanings"],
    ["choices"],
]
"""The stores each schema version adds; a step is never changed once it was released."""

KEPT = tuple(name for step in STEPS for name in step if name != "drafts")
"""What a backup holds."""

RELAXED = ("drafts", "metrics", "events", "settings")
"""What may be lost in a power cut; everything else is on the disk before `batch` returns."""

ALIASES = {
    "oqt_queries": "samples",
    "oqt_training_events": "events",
    "oqt_metrics": "metrics",
    "oqt_provenance": "versions",
    "oqt_ledger": "ledger",
}
"""Names of an earlier system that still find what they used to hold."""

BALLAST_BYTES = 8 * 1024 * 1024


class StorageFull(Exception):
    """The browser or the disk allows no more; nothing of the change was stored."""


class StoreRetired(Exception):
    """A newer OneSeek is open in another tab; this one must be reloaded before it may write."""


def store_named(name):
    name = ALIASES.get(name, name)
    for step in STEPS:
        if name in step:
            return name
    raise ValueError("there is no store called %r" % (name,))


def durability(stores):
    for name in stores:
        if name not in RELAXED:
            return "strict"
    return "relaxed"


class Pieces:
    """Bytes given as buffers, one after the other, so that large ones are stored without a copy."""

    def __init__(self, parts):
        self.parts = list(parts)

    def __len__(self):
        return sum(len(part) for part in self.parts)

    def join(self):
        return b"".join(self.parts)


def plain(value):
    """A copy that both hosts store alike: JSON's types and bytes; NaN and infinity become null."""
    if value is None or isinstance(value, (bool, int, str, bytes, Pieces)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or key == "$bytes":
                raise TypeError("a stored record cannot have the key %r" % (key,))
        return {key: plain(part) for key, part in value.items()}
    raise TypeError("a %s cannot be stored: %r" % (type(value).__name__, value))


def plain_change(ops, expect):
    """Check and normalise what `batch` was given, the same way on every host."""
    checked = []
    for op in list(ops) + list(expect):
        if not isinstance(op[2 if op[0] in ("put", "delete") else 1], (str, int)):
            raise TypeError("a key is a string or a whole number: %r" % (op,))
    for op in ops:
        if op[0] == "put" and len(op) == 4:
            checked.append(["put", store_named(op[1]), op[2], plain(op[3])])
        elif op[0] == "delete" and len(op) == 3:
            checked.append(["delete", store_named(op[1]), op[2]])
        else:
            raise ValueError("an operation is [put, store, key, value] or [delete, store, key]")
    return checked, [[store_named(e[0]), e[1], e[2], plain(e[3])] for e in expect]


def absent(store, key):
    """Return the expectation that nothing is stored under this key."""
    return [store, key, None, False]


class FencedStore:
    """A store that takes writes only while its epoch is the trainer's; those of an outdated trainer
    are refused, like any write whose expectations do not hold."""

    def __init__(self, store, epoch):
        self.store = store
        self.fence = ["state", "trainer", "epoch", epoch]
        self.get, self.all, self.keys, self.count = store.get, store.all, store.keys, store.count

    async def batch(self, ops, expect=()):
        return await self.store.batch(ops, [self.fence] + list(expect))


async def new_epoch(store, holder):
    """Become the one trainer; return the number that fences off every earlier one."""
    while True:
        record = await store.get("state", "trainer")
        epoch = record["epoch"] if record else 0
        expect = [["state", "trainer", "epoch", epoch]] if record else [absent("state", "trainer")]
        taken = {"epoch": epoch + 1, "holder": holder}
        if await store.batch([["put", "state", "trainer", taken]], expect):
            return epoch + 1


WIPED_AT_ONCE = 100


async def wipe(store):
    """Remove every record of every store."""
    for name in KEPT + ("drafts",):
        keys = await store.keys(name)
        for start in range(0, len(keys), WIPED_AT_ONCE):
            await store.batch(
                [["delete", name, key] for key in keys[start : start + WIPED_AT_ONCE]]
            )


async def save_anyway(store, ops, expect=()):
    """Store what must not be lost: when there is no room, the reserve is given up first. It was
    made with `store.reserve(BALLAST_BYTES)` while there was room."""
    try:
        return await store.batch(ops, expect)
    except StorageFull:
        await store.release()
        return await store.batch(ops, expect)


class BrowserStore:
    """IndexedDB behind web/static/store.js; runs in MicroPython (page) and Pyodide (workers)."""

    def __init__(self, handle):
        self.handle = handle
        self.lost = handle.lost

    async def batch(self, ops, expect=()):
        ops, expect = plain_change(ops, expect)
        if not ops:
            return True
        blobs = []
        text = json.dumps(_without_bytes(ops, blobs))
        stores = [op[1] for op in ops] + [e[0] for e in expect]
        try:
            failed = await self.handle.batch(
                text, json.dumps(expect), _js_blobs(blobs), durability(stores)
            )
        except Exception as fault:
            raise _as_python_error(fault)
        return failed == -1

    async def get(self, store, key):
        return _from_js(self.handle, await self.handle.get(store_named(store), key))

    async def all(self, store, after=None, limit=0, newest=False):
        return _from_js(
            self.handle, await self.handle.all(store_named(store), after, limit, newest)
        )

    async def keys(self, store):
        return json.loads(await self.handle.keys(store_named(store)))

    async def count(self, store):
        return await self.handle.count(store_named(store))

    async def reserve(self, size):
        await self.handle.reserve(size)

    async def release(self):
        await self.handle.release()

    async def scrub(self):
        """The browser compacts its files by itself; a page has no way to make it."""

    async def close(self):
        await self.handle.close()


async def open_browser_store(module, name="oneseek", told=None, steps=STEPS):
    """Open the store; `module` is web/static/store.js as the host imported it, `told` receives
    "reload" and "blocked"."""
    return BrowserStore(await module.openStore(name, json.dumps(steps), told))


def _without_bytes(value, blobs):
    if isinstance(value, (bytes, Pieces)):
        blobs.append(value)
        return {"$bytes": len(blobs) - 1}
    if isinstance(value, list):
        return [_without_bytes(part, blobs) for part in value]
    if isinstance(value, dict):
        return {key: _without_bytes(part, blobs) for key, part in value.items()}
    return value


def _js_blobs(blobs):
    import js

    array = js.Array.new()
    for blob in blobs:
        array.push(_js_bytes(blob))
    return array


def _js_bytes(blob):
    try:
        from pyodide.ffi import to_js
    except ImportError:
        return blob.hex()
    return _js_whole(blob) if isinstance(blob, Pieces) else to_js(blob)


def _js_whole(pieces):
    import js

    whole, end = js.Uint8Array.new(len(pieces)), 0
    for part in pieces.parts:
        begin, end = end, end + len(part)
        if end > begin:
            whole.subarray(begin, end).assign(part)
    return whole


def _from_js(handle, packed):
    blobs = [packed[i] for i in range(1, packed.length)]
    return _with_bytes(handle, json.loads(packed[0]), blobs)


def _with_bytes(handle, value, blobs):
    if isinstance(value, dict):
        if "$bytes" in value:
            blob = blobs[value["$bytes"]]
            if hasattr(blob, "to_bytes"):
                return blob.to_bytes()
            return bytes.fromhex(handle.asText(blob))
        return {key: _with_bytes(handle, part, blobs) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_bytes(handle, part, blobs) for part in value]
    return value


def _as_python_error(fault):
    """The Python exception for a JavaScript one, which each interpreter presents differently."""
    name = getattr(fault, "name", None) or (fault.args[1] if len(fault.args) > 1 else "")
    if name == "QuotaExceededError":
        return StorageFull("no more room: the browser allows this page no more storage")
    if name == "VersionError":
        return StoreRetired("a newer OneSeek is open in another tab: reload this one")
    return fault
