"""Checks what must be true of the stores after any crash; `check_store` names everything that is
not."""

from typing import Any

from oneseek.engine.history.ledger import Ledger
from oneseek.engine.history.round_plan import DATA_SET
from oneseek.engine.history.snapshot import SnapshotDamaged, unpack, weights_sha256


async def check_store(store: Any, kept_head: dict | None = None) -> list[str]:
    versions = {number: one for number, one in await store.all("versions")}
    found = await Ledger(store, lambda: 0).problems(kept_head)
    found += await _pointers(store, versions)
    found += await _snapshots(store, versions)
    found += await _check_ledger(store, versions)
    found += await _examples(store, versions)
    return found


async def _pointers(store: Any, versions: dict[int, dict]) -> list[str]:
    found = []
    stored = set(await store.keys("snapshots"))
    for key, pointer in await store.all("state"):
        number = pointer["number"] if key.startswith("current.") else None
        if number is None:
            continue
        if number not in versions:
            found.append(f"{key} is version {number}, which is not recorded")
        elif number not in stored:
            found.append(f"{key} is version {number}, whose snapshot is missing")
        while number in versions and versions[number]["parent"]:
            number = versions[number]["parent"]
            if number not in versions:
                found.append(f"{key} was built on version {number}, which is not recorded")
    return found


async def _snapshots(store: Any, versions: dict[int, dict]) -> list[str]:
    found = []
    for key, stored in await store.all("snapshots"):
        try:
            arrays, _ = unpack(stored, f"snapshot {key}")
        except SnapshotDamaged as reason:
            found.append(str(reason))
            continue
        if not isinstance(key, int):
            continue
        if key not in versions:
            found.append(f"snapshot {key} belongs to no version")
        elif weights_sha256(arrays) != versions[key]["weights_sha256"]:
            found.append(f"snapshot {key} holds other weights than its version says")
    return found


async def _check_ledger(store: Any, versions: dict[int, dict]) -> list[str]:
    """Check that versions and the ledger's entries on versions match, in both directions."""
    entries = [entry for _, entry in await store.all("ledger")]
    since = max((i for i, entry in enumerate(entries) if entry["kind"] == "reset"), default=-1)
    told = {e["body"]["number"]: e["body"] for e in entries[since + 1 :] if e["kind"] == "version"}
    found = [f"version {n} is in the ledger but not recorded" for n in told if n not in versions]
    for number, record in versions.items():
        if number not in told:
            found.append(f"version {number} is not in the ledger")
        elif any(record[key] != told[number][key] for key in told[number]):
            found.append(f"version {number} is not what the ledger says it is")
    return found


async def _examples(store: Any, versions: dict[int, dict]) -> list[str]:
    found = []
    examples = dict(await store.all("examples"))
    for id, example in examples.items():
        number = example["learned_in"]
        if number not in versions or id not in versions[number]["lessons"]:
            found.append(f"example {id} names version {number}, which did not learn it")
    for id, queued in await store.all("queue"):
        again = queued.get("priority") == "correction" or queued["kind"] == DATA_SET
        if id in examples and not again:
            found.append(f"example {id} was learned and would be learned again")
    return found
