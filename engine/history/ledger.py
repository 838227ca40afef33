"""The ledger of the weights: a chain of hashes, in which an edit, a gap or a swap shows itself.

A chain cannot show a tail that was cut off or a rewrite from the start; only a head kept elsewhere
(an export, a signature with a key the user holds) can. Order is `seq`; clocks may lie.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from collections.abc import Callable, Iterable
from typing import Any

KINDS = (
    "example",
    "version",
    "promotion",
    "rejection",
    "rollback",
    "forget",
    "reset",
    "dna",
    "import",
)
GENESIS: dict[str, Any] = {"seq": 0, "hash": "0" * 64}

Entry = dict[str, Any]


def canonical(value: Any) -> str:
    """Return one text for one meaning, also after a trip through JavaScript, which gives 1.0 back
    as 1 and keeps NaN and infinity as null."""
    return json.dumps(
        _even(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _even(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _even(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_even(part) for part in value]
    return value


def entry_hash(entry: Entry) -> str:
    signed = {key: entry[key] for key in ("seq", "time", "kind", "body", "previous")}
    return hashlib.sha256(canonical(signed).encode()).hexdigest()


def chain(head: Entry, events: Iterable[tuple[str, dict]], time: int) -> list[Entry]:
    """The entries that record these events after `head`."""
    entries = []
    for kind, body in events:
        if kind not in KINDS:
            raise ValueError(f"the ledger has no entries of kind {kind!r}")
        entry: Entry = {"seq": head["seq"] + 1, "time": time, "kind": kind, "body": body}
        entry["previous"] = head["hash"]
        entry["hash"] = entry_hash(entry)
        entries.append(entry)
        head = entry
    return entries


def problems(entries: list[Entry], head: Entry | None = None) -> list[str]:
    """Return the errors in these entries, in words; also against a kept `head` if there is one."""
    found = []
    previous = GENESIS
    for entry in entries:
        where = f"entry {entry.get('seq')}"
        if entry.get("seq") != previous["seq"] + 1:
            found.append(f"{where} follows entry {previous['seq']}: entries are missing or moved")
        if entry.get("previous") != previous["hash"]:
            found.append(f"{where} does not continue the entry before it")
        try:
            if entry_hash(entry) != entry["hash"]:
                found.append(f"{where} ({entry['kind']}) was changed after it was written")
        except (KeyError, TypeError, ValueError) as reason:
            found.append(f"{where} is not a ledger entry: {reason!r}")
            return found
        previous = entry
    if head and head["seq"]:
        kept = entries[head["seq"] - 1] if head["seq"] <= len(entries) else None
        if kept is None:
            found.append(f"the kept head is entry {head['seq']}, but only {len(entries)} are left")
        elif kept["hash"] != head["hash"]:
            found.append(f"entry {head['seq']} is not the one the kept head names: rewritten")
    return found


class Ledger:
    """The chain in the store.  Each addition names the head it continues, so it cannot fork; a
    `signer` (`public_key`, `sign(bytes)`) signs each new head."""

    def __init__(
        self,
        store: Any,
        clock: Callable[[], int],
        signer: Any = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.signer = signer

    def sign_with(self, signer: Any) -> None:
        """Sign from the next head on; None signs no more."""
        self.signer = signer

    async def head(self) -> Entry:
        return await self.store.get("state", "ledger") or GENESIS

    async def commit(self, change: Change) -> None:
        """Store the change and the entries that tell of it, as one; or raise, with nothing
        stored."""
        while True:
            head = await self.head()
            entries = chain(head, change.events, self.clock())
            if self.signer:
                await self._sign(entries[-1])
            ops = [["put", "ledger", entry["seq"], entry] for entry in entries]
            last = {"seq": entries[-1]["seq"], "hash": entries[-1]["hash"]}
            ops.append(["put", "state", "ledger", last])
            known = ["hash", head["hash"]] if head["seq"] else [None, False]
            expect = [*change.expect, ["state", "ledger", *known]]
            if await self.store.batch([*change.ops, *ops], expect):
                return
            if (await self.head()) == head:
                event = change.events[0][0]
                raise Overtaken(f"{event}: its records changed meanwhile; nothing was stored")

    async def _sign(self, entry: Entry) -> None:
        """Sign with the person's own key; the hash of the last entry covers all before it."""
        signature = self.signer.sign(entry["hash"].encode())
        entry["signature"] = await signature if inspect.isawaitable(signature) else signature
        entry["signed_by"] = self.signer.public_key

    async def entries(self) -> list[Entry]:
        return [entry for _, entry in await self.store.all("ledger")]

    async def problems(self, head: Entry | None = None) -> list[str]:
        """Check against the head in the store as well as one kept elsewhere."""
        entries = await self.entries()
        found = problems(entries, await self.head())
        return found + [one for one in problems(entries, head) if one not in found]


class Overtaken(Exception):
    """The store changed under a change, nothing of which is stored."""


class Change:
    """One logical change in preparation: its writes, its preconditions, its entries in the
    ledger."""

    def __init__(self) -> None:
        self.ops: list[list] = []
        self.expect: list[list] = []
        self.events: list[tuple[str, dict]] = []

    def put(self, store: str, key: str | int, value: dict) -> None:
        self.ops.append(["put", store, key, value])

    def delete(self, store: str, key: str | int) -> None:
        self.ops.append(["delete", store, key])

    def add(self, ops: list[list]) -> None:
        """Add another's writes to the same change."""
        self.ops += ops

    def require(self, store: str, key: str | int, field: str | None, value: Any) -> None:
        self.expect.append([store, key, field, value])

    def tell(self, kind: str, body: dict) -> None:
        self.events.append((kind, body))
