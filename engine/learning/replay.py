"""Exact replay: the weights as if an example had never been there, or as they were before damage.

Every round since the last untouched version is retrained from the remaining examples, the rejected
ones too. The result equals, bit for bit, that of a history without the example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.exchange.arriving import put_intent
from oneseek.engine.core.exchange.gathering import farewell
from oneseek.engine.core.faults import fault
from oneseek.engine.history.ledger import Change
from oneseek.engine.history.round_plan import IMPORT, Plan, Trainer, make_plan, resolve
from oneseek.engine.history.snapshot import Arrays, SnapshotDamaged, pack, weights_sha256
from oneseek.engine.history.versions import Versions, ancestors, as_learned, drop_superseded
from oneseek.engine.learning.training_engine import rejection, train

OnProgress = Callable[[float, int], None]  # how many rounds are done, of how many


@dataclass
class Replayed:
    """One round of the new history; `gate["accepted"]` says whether it made a version."""

    old: dict
    plan: Plan
    weights: Arrays
    gate: dict


class History:
    def __init__(self, versions: Versions, trainer: Trainer) -> None:
        self.versions = versions
        self.store = versions.store
        self.trainer = trainer

    async def find_versions(self, ids: Iterable[str]) -> list[dict]:
        """Return the versions that learned these examples, and all versions built on those."""
        touched: dict[int, dict] = {}
        for record in await self.versions.records():
            if record["parent"] in touched or set(record["lessons"]) & set(ids):
                touched[record["number"]] = record
        return list(touched.values())

    async def forget(self, ids: Iterable[str]) -> dict:
        """Retrain every line without these examples; delete them and every record that held them.

        The intent is stored first, so that `resume` finishes the work after a tab died.
        """
        ids = sorted(set(ids))
        await self.store.batch([await put_intent(self.store, ids, self.versions.base)])
        fault("forget:intended")
        touched = {one["number"] for one in await self.find_versions(ids)}
        change = Change()
        made = []
        for line in await self.versions.lines():
            if await self.versions.number(line) in touched:
                made += await self._retrain(change, line, touched, set(ids))
        stored = await self.store.keys("snapshots")
        for key in stored:
            if key in touched or str(key).startswith(f"round.{self.versions.base}."):
                change.delete("snapshots", key)
        change.add(await farewell(self.store, ids, self.versions.clock()))
        await self._purge(change, set(ids))
        intent = await self.store.get("state", INTENT)
        if later := [id for id in intent["ids"] if id not in ids]:  # asked for meanwhile
            change.put("state", INTENT, {**intent, "ids": later})
        else:
            change.delete("state", INTENT)
        change.tell("forget", {"examples": ids, "versions": sorted(touched), "retrained": made})
        fault("forget:before")
        await self.versions.ledger.commit(change)
        fault("forget:after")
        await self.store.scrub()
        return {"versions": sorted(touched), "retrained": made}

    async def resume(self) -> dict | None:
        """Finish an interrupted `forget`."""
        intent = await self.store.get("state", INTENT)
        if intent and intent["base"] == self.versions.base:
            return await self.forget(intent["ids"])
        return None

    async def repair(
        self, number: int, on_progress: OnProgress = lambda done, rounds: None
    ) -> Arrays:
        """Bring back the exact weights of a version whose snapshot is damaged or was cleared."""
        record = await self.versions.record(number)
        chain = ancestors(number, await self.versions.records())
        start, weights = await self._newest_good(chain[:-1])
        pool = await self.versions.pool(chain=chain[:start])
        rounds = await self._replay(weights, pool, chain[start:], set(), on_progress)
        if not rounds or weights_sha256(rounds[-1].weights) != record["weights_sha256"]:
            raise SnapshotDamaged(
                f"{record['name']} cannot be retrained exactly: its examples have changed, or it "
                "was trained on another kind of device (graphics chip or processor). No other "
                "version is affected; use another one"
            )
        weights = rounds[-1].weights
        stored = pack(weights, {"version": record["name"]})
        await self.store.batch([["put", "snapshots", number, stored]])
        return weights

    # ---------------------------------------------------------------------------------- inside

    async def _retrain(
        self, change: Change, line: str, touched: set[int], ids: set[str]
    ) -> list[str]:
        chain = await self.versions.chain(line)
        clean = [one for one in chain if one["number"] not in touched]
        start, weights = await self._newest_good(clean)
        pool = await self.versions.pool(chain=chain[:start])
        rounds = await self._replay(weights, pool, await self._attempts(line, chain, start), ids)
        return await self._write(change, line, chain, start, rounds)

    async def _newest_good(self, chain: list[dict]) -> tuple[int, Arrays]:
        """Return how many versions of the chain can be kept, and the weights after them."""
        for count in range(len(chain), 0, -1):
            try:
                return count, await self.versions.weights(chain[count - 1]["number"])
            except SnapshotDamaged:
                continue
        return 0, await resolve(self.trainer.fresh())

    async def _attempts(self, line: str, chain: list[dict], start: int) -> list[dict]:
        """The rounds after the first `start` versions in the order they happened, rejected too."""
        numbers = [one["number"] for one in chain]
        origin = [numbers[start - 1] if start else None, *numbers[start:]]
        found = []
        for entry in await self.versions.ledger.entries():
            body = entry["body"]
            if entry["kind"] == "version" and body["number"] in numbers[start:]:
                found.append(chain[numbers.index(body["number"])])
            elif entry["kind"] == "rejection" and body["line"] == line and body["parent"] in origin:
                found.append(body)
        return found

    async def _replay(
        self,
        weights: Arrays,
        pool: list[dict],
        attempts: list[dict],
        without: set[str],
        on_progress: OnProgress = lambda done, rounds: None,
    ) -> list[Replayed]:
        learned, rounds = pool, []
        for past, old in enumerate(attempts):
            version = old.get("number", 0)
            words = [await self._words(id, version) for id in old["lessons"] if id not in without]
            lessons = [one for one in words if one]
            if not lessons and (old["lessons"] or not learned):
                continue
            if old["kind"] == IMPORT:  # an imported adapter cannot be retrained without an example
                continue
            plan = make_plan(old["kind"], weights, lessons, learned, old["config"])
            listen = partial(_report, on_progress, past, len(attempts))
            after, gate = await train(self.trainer, weights, plan, listen)
            rounds.append(Replayed(old, plan, after, gate))
            if gate["accepted"]:
                weights, learned = after, drop_superseded([*learned, *lessons])
        return rounds

    async def _words(self, id: str, version: int) -> dict | None:
        if example := await self.store.get("examples", id):
            return as_learned(example, version)
        return await self.store.get("queue", id)

    async def _write(
        self, change: Change, line: str, chain: list[dict], start: int, rounds: list[Replayed]
    ) -> list[str]:
        """Write the versions of the new history, of which only the last keeps a snapshot; return
        their names."""
        parent = chain[start - 1] if start else None
        last = [one for one in rounds if one.gate["accepted"]][-1:]
        made: list[str] = []
        for one in rounds:
            if not one.gate["accepted"]:
                number = parent["number"] if parent else None
                change.tell("rejection", rejection(line, number, one.plan, one.gate))
                continue
            parent = await self.versions.promotion(
                change, line, parent, one.plan, one.weights, one.gate, keep=one in last
            )
            made.append(parent["name"])
        number = parent["number"] if parent else None
        self.versions.point(change, line, chain[-1]["number"], number)
        return made

    async def _purge(self, change: Change, ids: set[str]) -> None:
        for id in ids:
            change.delete("examples", id)
            change.delete("queue", id)
            change.delete("facts", id)
        for key in await self.store.keys("meanings"):
            if str(key).rpartition("/")[2] in ids:
                change.delete("meanings", key)
        for store in ("samples", "events"):
            for key, record in await self.store.all(store):
                if ids & set(record.get("examples", ())):
                    change.delete(store, key)


def _report(on_progress: OnProgress, past: int, rounds: int, share: float) -> None:
    on_progress(past + share, rounds)


def must_be_reset(typed: str) -> None:
    if typed != "RESET":
        raise ValueError("nothing was deleted: type RESET to delete all versions and examples")


async def reset(versions: Versions, typed: str) -> None:
    """Return to the base model: delete every version, example and snapshot, and enter that into the
    ledger."""
    must_be_reset(typed)
    store = versions.store
    change = Change()
    kept_states = ("ledger", "ballast", "trainer")
    for name in ("versions", "snapshots", "examples", "queue", "facts", "meanings", "choices",
                 "samples", "metrics", "events"):  # fmt: skip
        for key in await store.keys(name):
            change.delete(name, key)
    for key in await store.keys("state"):
        if key not in kept_states:
            change.delete("state", key)
    counts: dict[str, Any] = {name: await store.count(name) for name in ("versions", "examples")}
    change.tell("reset", counts)
    fault("reset:before")
    await versions.ledger.commit(change)
    await store.scrub()
