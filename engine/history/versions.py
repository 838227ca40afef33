"""Every promoted set of weights, the pointer to the one in use, and rollback.

A version is a record that is never deleted and a snapshot that may be. `state/current.BASE.LINE`
says which version a line ("generic", "sv", "en") uses; promoting, rolling back and forgetting move
that pointer in the same transaction that writes everything else they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oneseek.engine.core.faults import fault
from oneseek.engine.history.ledger import Change, Ledger
from oneseek.engine.history.naming import BOTH, LANGUAGES, name_version
from oneseek.engine.history.round_plan import (
    IMPORT,
    LESSON,
    OUTSIDE_SCOPE,
    PRACTICE,
    TRAINING,
    Plan,
    ids_of,
    pool_sha256,
)
from oneseek.engine.history.snapshot import Arrays, SnapshotDamaged, pack, unpack, weights_sha256

GENERIC = "generic"
SKILL = "skill."  # the lines of skills begin with it; their names follow
TASTE = "taste"  # the line of what was learned from choices
GUARDED, ALWAYS = "facts", "always"  # adapter scope: facts it learned, or everything
DAY_MS = 24 * 3600 * 1000
PAGE = 64
AGAIN = "learned before"  # why such an example waits
LEARNED = ("learned_in", "earlier", "why", "revision")  # what a round adds to an example
KEEP_LAST, KEEP_DAYS, KEEP_WEEKS = 3, 7, 4


class Versions:
    def __init__(
        self, store: Any, ledger: Ledger, base: str, family: str, clock: Callable[[], int]
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.base = base
        self.family = family
        self.clock = clock

    def through(self, store: Any) -> Versions:
        """The same versions, written through a store of the caller's (a fenced one)."""
        ledger = Ledger(store, self.ledger.clock, self.ledger.signer)
        return Versions(store, ledger, self.base, self.family, self.clock)

    # --------------------------------------------------------------------------------- looking

    async def records(self) -> list[dict]:
        """All versions of this base, oldest first."""
        return [one for _, one in await self.store.all("versions") if one["base"] == self.base]

    async def record(self, number: int) -> dict:
        record = await self.store.get("versions", number)
        if record is None:
            raise KeyError(f"there is no version number {number}")
        return record

    async def current(self, line: str = GENERIC) -> dict | None:
        """The version in use; a language without its own falls back to the generic one."""
        number = await self.number(line) or await self.number(GENERIC)
        return await self.record(number) if number else None

    async def number(self, line: str) -> int | None:
        pointer = await self.store.get("state", pointer_of(self.base, line))
        return pointer["number"] if pointer else None

    async def lines(self) -> list[str]:
        """Return the lines that may have versions: the languages', the taste's, and those of the
        skills there are."""
        before = pointer_of(self.base, SKILL)
        names = [str(key) for key in await self.store.keys("state")]
        skills = [name[len(before) - len(SKILL) :] for name in names if name.startswith(before)]
        return [GENERIC, *LANGUAGES, TASTE, *sorted(skills)]

    async def weights(self, number: int) -> Arrays:
        """The verified adapter of a version, SnapshotDamaged when it is not what was promoted."""
        record = await self.record(number)
        stored = await self.store.get("snapshots", number)
        if stored is None:
            raise SnapshotDamaged(f"{record['name']} has no snapshot any more: retrain it exactly")
        arrays, _ = unpack(stored, record["name"])
        if weights_sha256(arrays) != record["weights_sha256"]:
            raise SnapshotDamaged(f"{record['name']} holds other weights than were promoted")
        return arrays

    async def chain(self, line: str = GENERIC) -> list[dict]:
        """The versions the current one was built on, oldest first, itself last."""
        number = await self.number(line)
        return ancestors(number, await self.records()) if number else []

    async def pool(self, line: str = GENERIC, chain: list[dict] | None = None) -> list[dict]:
        """Return what this line has learned and still stands by, in the order it was learned."""
        chain = await self.chain(line) if chain is None else chain
        examples = dict(await self.store.all("examples")) if chain else {}
        order = [(id, version["number"]) for version in chain for id in version["lessons"]]
        return drop_superseded(as_learned(examples[id], n) for id, n in order if id in examples)

    # -------------------------------------------------------------------------------- changing

    async def promotion(
        self,
        change: Change,
        line: str,
        parent: dict | None,
        plan: Plan,
        weights: Arrays,
        gate: dict,
        keep: bool = True,
    ) -> dict:
        """Add to `change` everything that makes these weights a version; returns its record."""
        record = await self._describe(change, line, parent, plan, weights, gate)
        number = record["number"]
        change.require("versions", number, None, False)
        if keep:
            change.put("snapshots", number, pack(weights, {"version": record["name"]}))
        change.put("versions", number, record)
        for example in plan.lessons:
            learned = {**example, "state": "learned", "learned_in": number}
            learned["earlier"] = await self._earlier(change, example["id"])
            change.put("examples", example["id"], learned)
            change.delete("queue", example["id"])
            about = {"source": example["source"]["kind"], "round": plan.kind}
            change.tell("example", {"id": example["id"], **about})
        told = ("number", "name", "line", "parent", "kind", "lessons", "pool", "weights_sha256")
        change.tell("version", {key: record[key] for key in told})
        change.tell("promotion", {"number": number, "line": line, "gate": gate})
        return record

    def point(self, change: Change, line: str, before: int | None, number: int | None) -> None:
        """Add to `change` that this line uses `number`, on condition that it still uses
        `before`."""
        change.require("state", pointer_of(self.base, line), "number", before)
        change.put("state", pointer_of(self.base, line), {"number": number})

    async def promote(
        self,
        line: str,
        parent: dict | None,
        plan: Plan,
        weights: Arrays,
        gate: dict,
        meanwhile: Sequence[dict] = (),
    ) -> dict:
        """Store the end of a round, all of it or none. Raises Overtaken when a lesson was edited or
        removed meanwhile; then the weights must be dropped. The lessons of versions that were made
        on the parent `meanwhile` wait to be learned once more, on this one."""
        change = Change()
        record = await self.promotion(change, line, parent, plan, weights, gate)
        newest = meanwhile[-1]["number"] if meanwhile else record["parent"]
        self.point(change, line, newest, record["number"])
        for version in meanwhile:
            await self._learn_again(change, version)
        for example in plan.lessons:
            if example.get("revision"):
                change.require("queue", example["id"], "revision", example["revision"])
        key = round_of(self.base, line, plan.kind)
        change.delete("state", key)
        change.delete("snapshots", key)
        fault("promote:before")
        await self.ledger.commit(change)
        fault("promote:after")
        return record

    async def removal(self, change: Change, line: str) -> tuple[list[str], list[int]]:
        """Add to `change` the removal of a line except its records; return the ids of its examples
        and the numbers of its versions."""
        mine = [one for one in await self.records() if one["line"] == line]
        ids, numbers = (
            {id for one in mine for id in one["lessons"]},
            [one["number"] for one in mine],
        )
        for id in ids:
            change.delete("examples", id)
            change.delete("queue", id)
        for key in (*numbers, round_of(self.base, line, TRAINING)):
            change.delete("snapshots", key)
        change.delete("state", pointer_of(self.base, line))
        return sorted(ids), numbers

    async def rollback(self, line: str, number: int | None) -> None:
        """Use an older version again, or the base model (None); nothing is deleted."""
        target = await self.record(number) if number else None
        if number:
            await self.weights(number)
        change = Change()
        before = await self.current(line)
        self.point(change, line, await self.number(line), number)
        names = {"from": before and before["name"], "to": target and target["name"]}
        change.tell("rollback", {"line": line, **names})
        fault("rollback:before")
        await self.ledger.commit(change)

    async def clear_old_snapshots(self) -> list[int]:
        """Delete the snapshots no rule keeps: in use, last three, last of each of seven days and
        four weeks.  Their records stay, and exact replay can bring the weights back."""
        records = await self.records()
        kept = await self._choose_kept(records)
        stored = set(await self.store.keys("snapshots"))
        gone = [n for one in records if (n := one["number"]) in stored and n not in kept]
        if gone:
            await self.store.batch([["delete", "snapshots", number] for number in gone])
        return gone

    async def storage(self) -> dict:
        """How much the snapshots take, for the storage panel."""
        sizes = {key: one["bytes"] for key, one in await self.store.all("snapshots")}
        return {"snapshots": len(sizes), "bytes": sum(sizes.values())}

    # ---------------------------------------------------------------------------------- inside

    async def _latest(self, change: Change) -> tuple[int, dict]:
        """The next number, and the latest version of this base, counting those in `change`."""
        made = [op[3] for op in change.ops if op[:2] == ["put", "versions"]]
        newest = await self.store.all("versions", limit=1, newest=True)
        number = (made[-1]["number"] if made else newest[0][0] if newest else 0) + 1
        last, after = made[-1] if made else None, None
        while last is None:
            page = await self.store.all("versions", after, PAGE, newest=True)
            last = next((one for _, one in page if one["base"] == self.base), None)
            if len(page) < PAGE:
                break
            after = page[-1][0]
        return number, last or {"major": 0, "micro": 0}

    async def _describe(
        self,
        change: Change,
        line: str,
        parent: dict | None,
        plan: Plan,
        weights: Arrays,
        gate: dict,
    ) -> dict:
        number, last = await self._latest(change)
        time = self.clock()
        sha256 = weights_sha256(weights)
        major, micro = last["major"], last["micro"] + 1
        if plan.kind in (PRACTICE, TRAINING):
            major, micro = major + 1, 0
        sources = {one["source"]["kind"] for one in (*plan.pool, *plan.lessons)}
        language = language_of(line, plan, parent)
        name = name_version(self.family, (major, micro), language, sources, sha256, time)
        return {
            "number": number,
            "name": str(name),
            "major": major,
            "micro": micro,
            "base": self.base,
            "line": line,
            "language": language,
            "parent": parent["number"] if parent else None,
            "kind": plan.kind,
            "lessons": ids_of(plan.lessons),
            "pool": pool_sha256(plan.pool),
            "pool_size": len(plan.pool),
            "seed": plan.seed,
            "plan": plan.identity(),
            "guard": GUARDED if plan.kind in (LESSON, PRACTICE) else ALWAYS,
            "config": plan.config,
            "weights_sha256": sha256,
            "gate": gate,
            "time": time,
        }

    async def _learn_again(self, change: Change, version: dict) -> None:
        """Queue the lessons of a version again; what was forgotten stays forgotten."""
        for id in version["lessons"]:
            example = await self.store.get("examples", id)
            if example and example.get("learned_in") == version["number"]:
                change.put("queue", id, as_waiting(example))

    async def _earlier(self, change: Change, id: str) -> list[dict]:
        """Return the same example as versions before learned it, perhaps with fewer wordings:
        without these they could not be retrained."""
        made = [op[3] for op in change.ops if op[:3] == ["put", "examples", id]]
        before = made[-1] if made else await self.store.get("examples", id)
        if before is None:
            return []
        plain = {key: value for key, value in before.items() if key != "earlier"}
        return [*before.get("earlier", ()), plain]

    async def _choose_kept(self, records: list[dict]) -> set[int | None]:
        kept = {await self.number(line) for line in await self.lines()}
        kept |= {one["number"] for one in records[-KEEP_LAST:]}
        kept |= {one["number"] for one in records if one["kind"] == IMPORT}  # cannot be retrained
        for span, count in ((DAY_MS, KEEP_DAYS), (7 * DAY_MS, KEEP_WEEKS)):
            last_of = {one["time"] // span: one["number"] for one in records}
            kept |= {last_of[period] for period in sorted(last_of)[-count:]}
        return kept


def language_of(line: str, plan: Plan, parent: dict | None) -> str:
    """The language of a version: that of its line, or the only one of everything it learned."""
    learned = {one["language"] for one in (*plan.pool, *plan.lessons)}
    if parent and plan.kind in (LESSON, TRAINING):
        learned.add(parent["language"])
    found = line if line in LANGUAGES else learned.pop() if len(learned) == 1 else BOTH
    return found if found in LANGUAGES else BOTH


def round_of(base: str, line: str, kind: str = "") -> str:
    """Return the key of a round under way. A run over a data set has one of its own, because
    lessons go between its epochs."""
    return f"round.{base}.{line}{'/run' if kind == TRAINING else ''}"


def pointer_of(base: str, line: str) -> str:
    """Return the key in `state` of the version that a line of a base model uses."""
    return f"current.{base}.{line}"


def label(record: dict | None) -> str:
    """How people call a version: v1.7, and v0 for the untouched model."""
    return f"v{record['major']}.{record['micro']}" if record else "v0"


def as_waiting(example: dict) -> dict:
    """Return a learned example as it waits in the queue to be learned again."""
    plain = {name: example[name] for name in example if name not in LEARNED}
    again = {"state": "ready", "why": AGAIN, "revision": example.get("revision", 0) + 1}
    return plain | again


def as_learned(example: dict, number: int) -> dict:
    """Return the example in the words that this version learned."""
    earlier = example.get("earlier", ())
    return next((one for one in earlier if one["learned_in"] == number), example)


def ancestors(number: int, records: Iterable[dict]) -> list[dict]:
    """This version and all it was built on, oldest first."""
    known = {one["number"]: one for one in records}
    found = []
    at: int | None = number
    while at:
        found.append(known[at])
        at = known[at]["parent"]
    return found[::-1]


def drop_superseded(examples: Iterable[dict]) -> list[dict]:
    """Return the examples without those that a later correction of the same question replaced."""
    found: dict[str, dict] = {}
    for example in examples:
        about = example.get("about", example["id"])
        if example.get("priority") == "correction":
            found = {id: one for id, one in found.items() if one.get("about", id) != about}
        found[example["id"]] = example
    return list(found.values())


def skill_of(line: str) -> str:
    """The name of the skill whose line this is, or nothing."""
    return line[len(SKILL) :] if line.startswith(SKILL) else ""


def behind(record: dict) -> bool:
    """Whether a version was evaluated behind a memory, and answers only within its adapter
    scope."""
    return OUTSIDE_SCOPE in (record.get("config") or {})
