"""Skills: what is learned under a name of its own, by an adapter of its own, which speaks where it
is asked for and nowhere else.

The encoder knows from a skill's examples what asks for it: one linear map from the direction of a
question to the skills, and to none of them, fitted anew whenever a skill comes or goes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.history.ledger import Change
from engine.history.versions import SKILL, Versions, pointer_of
from engine.learning.datasets import DataSet
from engine.learning.lessons import Draw, anchors, codes
from engine.learning.memory.encoder import Encoder
from engine.learning.rounds.dataset import file_of

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SHOWN = 200  # examples of a skill by which it is recognised
OTHERS = 96  # questions of each language that ask for no skill
KEPT_OTHERS = "skills.others"  # in `state`: their directions
STIFF = 0.3  # of the fit
SURE = 0.5  # from there on a question asks for a skill: half way from none to all


class NoSkill(LookupError):
    """There is no skill of that name; the message says which there are."""


def line_of(name: str) -> str:
    """The line of versions of a skill; ValueError where that can be no name."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} can be no name of a skill: up to 40 of the letters a to z, digits, - and _, "
            "beginning with a letter or digit. Nothing was changed"
        )
    return SKILL + name


class Skills:
    """All skills of one base model, and which of them a question asks for."""

    def __init__(self, versions: Versions, encoder: Encoder) -> None:
        self.versions, self.store, self.encoder = versions, versions.store, encoder
        self.known: dict[str, dict] = {}
        self.map: np.ndarray | None = None
        self.loaded = False

    def key(self, name: str) -> str:
        return f"skill.{self.versions.base}.{name}"

    def forgotten(self) -> None:
        """Others changed what is stored."""
        self.known, self.map, self.loaded = {}, None, False

    async def load(self) -> None:
        if self.loaded:
            return
        prefix = self.key("")
        for key in await self.store.keys("state"):
            if str(key).startswith(prefix):
                one = await self.store.get("state", key)
                self.known[one["name"]] = one
        self.loaded = True
        await self._fit()

    # ---- coming and going

    async def learn(self, name: str, record: dict) -> None:
        """Know from a data set what asks for the skill; its version is trained on its own line."""
        await self.load()
        data = DataSet(file_of(record))
        chosen = Draw("skill").sample(range(len(data)), SHOWN)
        asked = [one.history[-1]["content"] for one in map(data.__getitem__, chosen) if one.history]
        if not asked:
            raise ValueError(
                f"{record['prompt']} has no questions, by which a skill is known; nothing was "
                "changed. `oneseek train` learns plain text"
            )
        directions = await self._directions(asked)
        await self._others()
        kept = {"name": name, "data": record["id"], "examples": len(data),
                "file": record["prompt"], "directions": packed(directions)}  # fmt: skip
        await self.store.batch([["put", "state", self.key(name), kept]])
        self.known[name] = kept
        await self._fit()

    async def remove(self, name: str) -> None:
        """The skill, its examples and all that was trained by them are gone; that there was one
        stays in the ledger."""
        await self.must_be(name)
        line, change = line_of(name), Change()
        mine = [one for one in await self.versions.records() if one["line"] == line]
        for id in {id for one in mine for id in one["lessons"]} | {self.known[name]["data"]}:
            change.delete("examples", id)
            change.delete("queue", id)
        for one in mine:
            change.delete("snapshots", one["number"])
        change.delete("snapshots", f"round.{self.versions.base}.{line}")
        change.delete("state", pointer_of(self.versions.base, line))
        change.delete("state", self.key(name))
        change.tell("forget", {"skill": name, "versions": [one["number"] for one in mine]})
        await self.versions.ledger.commit(change)
        await self.store.scrub()
        del self.known[name]
        await self._fit()

    async def must_be(self, name: str) -> None:
        await self.load()
        if name not in self.known:
            there = ", ".join(sorted(self.known)) or "none"
            raise NoSkill(f"there is no skill {name!r}; there are: {there}")

    async def listed(self) -> list[dict]:
        """Every skill with the version in use, and how it did what was held back."""
        await self.load()
        found = []
        for name, one in sorted(self.known.items()):
            number = await self.number(name)
            record = await self.versions.record(number) if number else None
            found.append(
                {
                    "name": name,
                    "examples": one["examples"],
                    "file": one["file"],
                    "version": record and record["name"],
                    "doing": record and record["gate"].get("doing"),
                }
            )
        return found

    async def number(self, name: str) -> int | None:
        """The number of the version that does it."""
        return await self.versions.number(line_of(name))

    # ---- what asks for one

    async def asked_for(self, question: str) -> str:
        """The skill that a question asks for, or nothing."""
        await self.load()
        if self.map is None:
            return ""
        (direction,) = await self._directions([question])
        names = sorted(self.known)
        near = self.map @ np.append(direction, 1)
        best = int(near.argmax())
        return names[best] if near[best] >= SURE and await self.number(names[best]) else ""

    async def _directions(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([one.whole for one in await self.encoder.of(list(texts))])

    async def _others(self) -> np.ndarray:
        """Directions of questions that ask for none, read once."""
        if kept := await self.store.get("state", KEPT_OTHERS):
            return unpacked(kept["directions"])
        asked = [
            question
            for code in codes()
            for _, question in Draw("others", code).sample(anchors(code), OTHERS)
        ]
        directions = await self._directions(asked)
        kept = {"directions": packed(directions)}
        await self.store.batch([["put", "state", KEPT_OTHERS, kept]])
        return directions

    async def _fit(self) -> None:
        """One row a skill: a ridge regression to 1 on its own examples and 0 on all others, in
        which every group weighs as much as the questions that ask for none."""
        self.map = None
        if not self.known:
            return
        names = sorted(self.known)
        groups = [unpacked(self.known[name]["directions"]) for name in names]
        self.map = fitted([*groups, await self._others()])[:-1]


def fitted(groups: Sequence[np.ndarray]) -> np.ndarray:
    """[groups, width + 1]: the map that is nearest to 1 on each group's own rows, and to 0 on
    others'."""
    rows = np.concatenate([np.hstack([one, np.ones((len(one), 1))]) for one in groups])
    counts = [len(one) for one in groups]
    wanted = np.repeat(np.eye(len(groups)), counts, axis=0)
    weights = np.repeat([1 / count for count in counts], counts)[:, None]
    inner = rows.T @ (weights * rows) + STIFF * 1e-2 * np.eye(rows.shape[1])
    return np.linalg.solve(inner, rows.T @ (weights * wanted)).T


def packed(directions: np.ndarray) -> Any:
    return {"shape": list(directions.shape), "data": directions.astype(np.float16).tobytes()}


def unpacked(kept: Any) -> np.ndarray:
    flat = np.frombuffer(kept["data"], np.float16).astype(np.float64)
    return flat.reshape(kept["shape"])


def skill_record(name: str, record: dict) -> dict:
    """A data set's record as that of a skill, beside that of the same data for everything."""
    id = hashlib.sha256(f"{name} {record['id']}".encode()).hexdigest()[:16]
    return {**record, "id": id, "skill": name}
