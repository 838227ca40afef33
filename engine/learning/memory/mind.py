"""The two memories of one assistant together: what it knows by heart, and what its versions
learned.

Facts are taken in before any lesson about them, and let go of before any version without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from oneseek.engine.core.exchange import INTENT
from oneseek.engine.history.round_plan import DATA_SET
from oneseek.engine.history.versions import GUARDED, Versions, ancestors, behind
from oneseek.engine.learning.lessons import LessonError, language
from oneseek.engine.learning.memory.encoder import NOT_HERE, Encoder
from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.speaking import Speaking, decided
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model

TO_REMEMBER = ("ready", "rejected")  # a refused lesson costs nothing that is known by heart
ALONE = re.compile(r"[^?]*\?\W*\w*\W*")  # one question and no wish beside it, thanks at most
REMEMBERED, REFUSED = "remembered", "not remembered"


class Mind:
    def __init__(self, model: Model, encoder: Encoder, versions: Versions) -> None:
        self.versions, self.tokenizer = versions, model.tokenizer
        self.memory = Memory(versions.store, versions.base, encoder, versions.clock)
        self._learned: dict[int, frozenset[str]] = {}

    # ---- who answers

    async def learned(self, number: int | None) -> frozenset[str]:
        """What a version has learned and stands by."""
        if not number:
            return frozenset()
        if number not in self._learned:
            chain = ancestors(number, await self.versions.records())
            pool = await self.versions.pool(chain=chain)
            self._learned[number] = frozenset(one["id"] for one in pool)
        return self._learned[number]

    async def guards(self, number: int) -> bool:
        """Whether a version speaks only near what it learned: one that was judged so, or was made
        for it and all of its facts are recognised here."""
        record = await self.versions.record(number) if number else {}
        if record.get("guard") != GUARDED:
            return False
        await self.memory.load()
        known = self.memory.covered() | await self._to_forget()
        return behind(record) or await self.learned(number) <= known

    async def speaking(
        self,
        number: int,
        question: str,
        version: Generator | None = None,
        pushes: bool = True,
        always: bool = False,
    ) -> Speaking:
        """Who is to answer a question: found out before anything of it is read."""
        found = await self.memory.asked_for(question)
        learned = await self.learned(number)
        languages = {one.fact["language"] for one in found}
        briefly = any(language(code).briefly.search(question) for code in languages)
        alone = ALONE.fullmatch(question) is not None
        return decided(found, self.tokenizer, version, learned, pushes, always, briefly, alone)

    # ---- taking in

    async def remember(self, ids: Iterable[str] = ()) -> dict:
        """Take in records of the queue, or without any all that waits: how that ended."""
        waiting = [await self._record(id) for id in ids] if ids else await self.waiting()
        kept = [await self.keep(record) for record in waiting]
        taken = [id for one in kept for id in one["facts"]]
        reason = next((one["reason"] for one in kept if one["reason"]), "")
        outcome = REFUSED if reason and not taken else REMEMBERED
        return {"outcome": outcome, "reason": reason, "version": None, "facts": taken}

    async def keep(self, record: dict) -> dict:
        """Take one fact in, or say why it cannot be kept in mind."""
        try:
            taken, reason = await self.memory.remember([record]), ""
        except (LessonError, *NOT_HERE) as fault:
            taken, reason = [], f"{record['prompt'][:80]}: {fault}"
        return {"outcome": REMEMBERED if taken else REFUSED, "reason": reason, "facts": taken}

    async def _record(self, id: str) -> dict:
        for store in ("queue", "examples"):
            if record := await self.versions.store.get(store, id):
                return record
        raise KeyError(f"the queue holds no example {id!r} any more")

    async def waiting(self) -> list[dict]:
        """What was told and is not known by heart yet, to this base model; what was told last comes
        first."""
        await self.memory.load()
        queue = [one for _, one in await self.versions.store.all("queue")]
        told = [r for r in queue if r["state"] in TO_REMEMBER and r["kind"] != DATA_SET]
        gone = await self._to_forget()
        learned = [r for r in await self.versions.pool() if r["id"] not in gone]
        told += [r for r in learned if r["kind"] != DATA_SET]
        told += await self.memory.unmade()
        told.sort(key=lambda record: -(record.get("time") or 0))
        known = self.memory.covered()
        fresh = {one["id"]: one for one in told if one["id"] not in known}
        return list(fresh.values())

    async def _to_forget(self) -> set[str]:
        """What versions are still to be trained again without."""
        return set((await self.versions.store.get("state", INTENT) or {"ids": ()})["ids"])

    # ---- letting go

    async def let_go(self, ids: list[str]) -> list[str]:
        """From the next question on nothing of these comes out; which were known. What versions
        have learned of them stays behind the guard until it is forgotten there too."""
        learned: set[str] = set()
        for record in await self.versions.records():
            learned |= await self.learned(record["number"])
        queued = [id for id in ids if await self.versions.store.get("queue", id)]
        return await self.memory.forget(ids, learned, queued)

    def forgotten(self) -> None:
        """The versions were replayed or removed: what is known of them and of facts is read
        anew."""
        self._learned.clear()
        self.memory.reload()
