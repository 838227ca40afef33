"""The taste of one person: their choices, the adapter trained on them, and whether it is in use.

The adapter answers only where the base otherwise would: the memory, a skill, a document and a
version that was asked for come before it. While it is off, every answer is the base's to the bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any

from oneseek.engine.core.collecting import choices
from oneseek.engine.core.collecting.hint import guess
from oneseek.engine.history.ledger import Change
from oneseek.engine.history.round_plan import DATA_SET
from oneseek.engine.history.versions import TASTE, Versions

NAME = "taste"  # what its data is called among data sets
TEXTS = ("prompt", "chosen", "rejected")


class TooFew(ValueError):
    """There is too little to learn a taste from; the message says how much is missing."""


class NoChoice(LookupError):
    """There is no choice of that id."""


class Taste:
    """The choices of a store, and the line of versions that learned from them."""

    def __init__(self, versions: Versions) -> None:
        self.versions, self.store = versions, versions.store

    @property
    def key(self) -> str:
        return f"taste.{self.versions.base}"

    # ---- what was chosen

    async def add(self, given: Iterable[dict], time: int) -> dict:
        """Store choices, {prompt, chosen, rejected} each; return how many are new, known already,
        or hold what looks like a secret. All are checked before the first is stored."""
        records = []
        for one in given:
            prompt, chosen, rejected = (str(one.get(name) or "") for name in TEXTS)
            records.append(choices.choice_of(prompt, chosen, rejected, choices.GIVEN, time))
        secret = [one for one in records if choices.secrets_of(one)]
        new = [await choices.keep(self.store, one) for one in records]
        counts = {"added": sum(new), "secret": len(secret)}
        return counts | {"known": len(records) - sum(counts.values())}

    # ---- what was learned of it

    async def number(self) -> int | None:
        """Return the number of the version in use; None while there is none, or it is off."""
        number = await self.versions.number(TASTE)
        return None if number and await self.is_off() else number

    async def is_off(self) -> bool:
        return bool((await self.store.get("state", self.key) or {}).get("off"))

    async def switch(self, on: bool) -> None:
        """Use the trained taste, or the base as it is."""
        await self.store.batch([["put", "state", self.key, {"off": not on}]])

    async def describe(self) -> dict:
        """Return the choices, the version that learned from them, and what it learned in words."""
        number = await self.versions.number(TASTE)
        record = await self.versions.record(number) if number else None
        return {
            "choices": await choices.load_choices(self.store),
            "least": choices.FEWEST,
            "version": record and record["name"],
            "number": number,
            "used": bool(number) and not await self.is_off(),
            "taste": record and record["gate"].get("taste"),
        }

    async def remove(self, ids: Collection[str] = ()) -> list[int]:
        """Delete these choices, or all, and every version of the taste if one learned from any of
        them; the ledger records that there was one. Return the numbers of the versions."""
        there = await self.must_have(ids)
        gone = set(ids) or set(there)
        records = [one for one in await self.versions.records() if one["line"] == TASTE]
        numbers: list[int] = []
        if not ids or await self._has_learned_from([there[id] for id in gone], records):
            change = Change()
            for id in gone:
                change.delete(choices.STORE, id)
            forgotten, numbers = await self.versions.removal(change, TASTE)
            change.delete("state", self.key)
            told = {"examples": forgotten, "versions": numbers, "retrained": [], "taste": len(gone)}
            change.tell("forget", told)
            await self.versions.ledger.commit(change)
        else:  # nothing learned from them: the ledger knows of neither
            await self.store.batch([["delete", choices.STORE, id] for id in gone])
        await self.store.scrub()
        return numbers

    async def must_have(self, ids: Collection[str]) -> dict[str, dict]:
        """Return all choices by their ids; NoChoice where one of these is missing."""
        there = {one["id"]: one for one in await choices.load_choices(self.store)}
        if missing := [id for id in ids if id not in there]:
            raise NoChoice(f"there is no choice {missing[0]!r}; nothing was removed")
        return there

    async def _has_learned_from(self, gone: list[dict], records: list[dict]) -> bool:
        texts = [{name: one[name] for name in TEXTS} for one in gone]
        for id in {id for one in records for id in one["lessons"]}:
            data: Any = await self.store.get("examples", id) or {}
            if any(one in texts for one in data.get("choices", ())):
                return True
        return False


async def taste_record(store: Any) -> dict:
    """Return all choices as the data of one training."""
    found = [{name: one[name] for name in TEXTS} for one in await choices.load_choices(store)]
    if len(found) < choices.FEWEST:
        raise TooFew(
            f"there are {len(found)} choices, and a taste needs at least {choices.FEWEST}; nothing "
            "was trained. Edit or rate more answers, or give choices in a file"
        )
    text = json.dumps(found, ensure_ascii=False)
    id = hashlib.sha256(f"{NAME} {text}".encode()).hexdigest()[:16]
    return {
        "id": id, "kind": DATA_SET, "prompt": NAME, "answer": f"{len(found)} choices",
        "language": guess(text) or "und", "source": {"kind": "text"}, "about": id,
        "examples": len(found), "forms": ["choices"], "taste": True, "choices": found,
        "state": "run",
    }  # fmt: skip


def is_taste(record: dict) -> bool:
    """Whether the record of a data set, or what is known of a run, is about a taste."""
    return bool(record.get("taste"))
