"""Skills: what is learned under a name of its own, by an adapter of its own, which speaks where it
is asked for and nowhere else.

What asks for a skill is known from its examples, by their meaning, which the encoder and the reader
of statements say, and by their form: one kernel ridge regression to the skills and to none of them,
fitted anew when one comes or goes. Of none are small talk, questions, requests and what people say
of themselves, in others.json.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oneseek.engine.history.ledger import Change
from oneseek.engine.history.versions import GENERIC, SKILL, TASTE, Versions
from oneseek.engine.learning.datasets import DataSet
from oneseek.engine.learning.lessons import Draw
from oneseek.engine.learning.memory.encoder import SAID, Encoder, unit
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.rounds.dataset import file_of
from oneseek.engine.learning.skills.answers import Answers, answers_to
from oneseek.engine.learning.skills.pattern import (
    Pair,
    label_names,
    pattern_of,
    unread,
)
from oneseek.engine.learning.skills.recall import Reading, Readings, token_spans

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SHOWN = 100  # examples of a skill by which it is recognised
OTHERS = Path(__file__).with_name("others.json")  # texts that ask for no skill
KEPT_OTHERS = "skills.others"  # in `state`: their directions
THE_SAME = 0.99  # the cosine of a text's directions where the same encoder read it twice
PLACES, LETTERS = 1024, (2, 3, 4)  # of the counts of so many letters together
FIRST_WORDS, FEW_WORDS = 3, 8
NARROW = 0.1  # of the kernel: how fast likeness falls with the square of a distance
STIFF, AGAINST = 0.17, 2.0  # of the fit, and what texts that ask for none weigh beside a skill's
PIECE = 128  # rows that are compared with all before others have their turn
SURE = -0.05  # by so much more than for none, of 1, a text asks for a skill


class NoSkill(LookupError):
    """There is no skill of that name; the message says which there are."""

    def __init__(self, name: str, there: Sequence[str]) -> None:
        super().__init__(f"there is no skill {name!r}; there are: {', '.join(there) or 'none'}")


def line_of(name: str) -> str:
    """The line of versions of a skill; ValueError where that can be no name."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} can be no name of a skill: up to 40 of the letters a to z, digits, - and _, "
            "beginning with a letter or digit. Nothing was changed"
        )
    return SKILL + name


def line_in(told: dict) -> str:
    """The line of versions that a run or its data set's record is about."""
    if told.get("taste"):
        return TASTE
    return line_of(told["skill"]) if told.get("skill") else GENERIC


class Skills:
    """All skills of one base model, and which of them a question asks for."""

    def __init__(self, versions: Versions, encoder: Encoder) -> None:
        self.versions, self.store = versions, versions.store
        self.encoder, self.reader = encoder, Reader(encoder)
        self.known: dict[str, dict] = {}
        self.sorter: Sorter | None = None  # by the features of a text
        self.loaded = False

    def key(self, name: str) -> str:
        return f"skill.{self.versions.base}.{name}"

    def forgotten(self) -> None:
        """Others changed what is stored."""
        self.known, self.sorter, self.loaded = {}, None, False

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
        examples = [one for one in map(data.__getitem__, chosen) if one.history]
        asked = [one.history[-1]["content"] for one in examples]
        pairs = [(q, one.answer) for q, one in zip(asked, examples, strict=True)]
        readings = await self.examples_read(pairs)
        directions = np.stack([one.whole for one in readings.each])
        pattern = pattern_of(pairs, readings)
        kept = {"name": name, "data": record["id"], "examples": len(data),
                "file": record["prompt"], "asked": asked, "of": digest("\n".join(asked)),
                "pattern": pattern,
                "directions": packed(directions)}  # fmt: skip
        await self.store.batch([["put", "state", self.key(name), kept]])
        self.known[name] = kept
        await self._fit()

    async def remove(self, name: str) -> None:
        """The skill, its examples and all that was trained by them are gone; that there was one
        stays in the ledger."""
        await self.must_be(name)
        change, data = Change(), self.known[name]["data"]
        ids, numbers = await self.versions.removal(change, line_of(name))
        for store in ("examples", "queue"):
            change.delete(store, data)
        change.delete("state", self.key(name))
        told = {
            "examples": sorted({*ids, data}),
            "versions": numbers,
            "retrained": [],
            "skill": name,
        }
        change.tell("forget", told)
        await self.versions.ledger.commit(change)
        await self.store.scrub()
        del self.known[name]
        await self._fit()

    async def must_be(self, name: str) -> None:
        await self.load()
        if name not in self.known:
            raise NoSkill(name, sorted(self.known))

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

    async def grammar(self, name: str, question: str) -> Answers | None:
        """What its answer to a question may look like; None where its examples have no pattern."""
        await self.load()
        pattern = self.known.get(name, {}).get("pattern")
        if not pattern:
            return None
        (reading,) = await self.read([question])
        return answers_to(pattern, question, reading)

    # ---- what asks for one

    async def asked_for(self, question: str) -> str:
        """The skill that a question asks for, or nothing."""
        await self.load()
        (name,) = await self.like([question])
        return name if name and await self.number(name) else ""

    async def like(self, texts: Sequence[str]) -> list[str]:
        """Of each text the skill whose examples it is like, or nothing."""
        if self.sorter is None:
            return [""] * len(texts)
        near = self.sorter.near(self._features(texts, await self._directions(texts)))
        best, names = near[:, :-1].argmax(1), sorted(self.known)
        sure = near[:, :-1].max(1) - near[:, -1] >= SURE
        return [names[at] if enough else "" for at, enough in zip(best, sure, strict=True)]

    async def _directions(self, texts: Sequence[str]) -> np.ndarray:
        """[texts, 2 x width]: what the encoder says of each, and the reader of statements."""
        meant = [one.whole for one in await self.encoder.of(list(texts))]
        stated = [one.whole for one in await self.reader.alone(list(texts))]
        return np.hstack([np.stack(meant), np.stack(stated)])

    async def examples_read(self, pairs: Sequence[Pair]) -> Readings:
        """What the encoder reads of the questions of examples, and of their labels' names."""
        names = label_names(pairs)
        meant = await self._directions(names) if names else ()
        each = await self.read([question for question, _ in pairs])
        return Readings(each, dict(zip(names, meant, strict=True)))

    async def read(self, texts: Sequence[str]) -> list[Reading]:
        """What the encoder reads of each text, and of each of its tokens."""
        directions = await self._directions(texts)
        read = await self.encoder.tokens(texts, SAID)
        return [
            Reading(whole, token_spans(text, pieces), states)
            for text, whole, (pieces, states) in zip(texts, directions, read, strict=True)
        ]

    async def _known_directions(self, key: str, kept: dict, texts: list[str]) -> np.ndarray:
        """The directions that are kept of some texts under a key; read anew where there are none,
        or the encoder is another one by now."""
        found = unpacked(kept["directions"]) if kept.get("of") == digest("\n".join(texts)) else None
        (now,) = await self._directions(texts[:1])
        if found is None or not alike(found[0], now):
            found = await self._directions(texts)
            kept.update({"of": digest("\n".join(texts)), "directions": packed(found)})
            if kept.get("pattern"):
                kept["pattern"] = unread(kept["pattern"])
            await self.store.batch([["put", "state", key, kept]])
        return found

    async def _fit(self) -> None:
        self.sorter = None
        if not self.known:
            return
        texts = others()
        kept = await self.store.get("state", KEPT_OTHERS)
        directions = await self._known_directions(KEPT_OTHERS, kept or {}, texts)
        self.middle = directions.mean(0)
        groups = []
        for name, one in sorted(self.known.items()):
            read = await self._known_directions(self.key(name), one, one["asked"])
            groups.append(self._features(one["asked"], read))
        self.sorter = await Sorter.fitted([*groups, self._features(texts, directions)])

    def _features(self, texts: Sequence[str], directions: np.ndarray) -> np.ndarray:
        """What is known of texts: their meaning, of which most is the same for all, their letters
        and their form."""
        meant = [unit(half) for half in np.split(directions - self.middle, 2, axis=1)]
        letters = np.stack([letters_of(text) for text in texts])
        return np.hstack([*meant, letters, np.array([form_of(text) for text in texts])])


def others() -> list[str]:
    """Texts that ask for no skill, in every language there is."""
    return [text for some in json.loads(OTHERS.read_text("utf-8")).values() for text in some]


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the same text was read by the same encoder."""
    return one.shape == other.shape and float(unit(one) @ unit(other)) > THE_SAME


def letters_of(text: str) -> np.ndarray:
    """Which letters stand together in a text, and its first words; a digit is a digit."""
    counts, plain = np.zeros(PLACES), re.sub(r"\d", "0", f" {text.lower()} ")
    for length in LETTERS:
        for piece in {plain[at : at + length] for at in range(len(plain) - length + 1)}:
            counts[zlib.crc32(piece.encode()) % PLACES] += 1
    for word in re.findall(r"\w+|[^\w\s]", plain)[:FIRST_WORDS]:
        counts[zlib.crc32(f"^{word}".encode()) % PLACES] += 2
    counts = np.sqrt(counts)
    return counts / max(1e-9, float(np.linalg.norm(counts)))


def form_of(text: str) -> list[float]:
    """How a text is written, and a constant."""
    ends = [text.strip().endswith(sign) for sign in "?.!"]
    holds = [sign in text for sign in "\n:,"]
    digits, capital = any(map(str.isdigit, text)), text[:1].isupper()
    few, long = len(text.split()) < FEW_WORDS, np.log1p(len(text)) / 2
    return [*map(float, (*ends, *holds, digits, capital, few)), float(long), 0.3]


class Sorter:
    """Tells groups of rows apart: the kernel ridge regression to 1 on each group's own rows and 0
    on others'. The groups weigh the same, and the last, which is none of them, more."""

    def __init__(self, groups: Sequence[np.ndarray], near: np.ndarray | None = None) -> None:
        """`near` is how near each of all rows is to each, where that is known."""
        counts = [len(one) for one in groups]
        self.rows = np.concatenate(groups).astype(np.float32)
        wanted = np.repeat(np.eye(len(groups)), counts, axis=0)
        shares = [len(self.rows) / len(groups) / count for count in counts]
        shares[-1] *= AGAINST
        softness = np.diag(STIFF / np.repeat(shares, counts))
        near = likeness(self.rows, self.rows) if near is None else near
        self.weights = np.linalg.solve(near + softness, wanted)

    @classmethod
    async def fitted(cls, groups: Sequence[np.ndarray]) -> Sorter:
        """The same in pieces, between which others have their turn: all of it takes a slow tab
        longer than an engine may be silent."""
        rows = np.concatenate(groups).astype(np.float32)
        near = []
        for first in range(0, len(rows), PIECE):
            near.append(likeness(rows[first : first + PIECE], rows))
            await asyncio.sleep(0)
        return cls(groups, np.concatenate(near))

    def near(self, rows: np.ndarray) -> np.ndarray:
        """[rows, groups]: how much each row is of each group."""
        return likeness(rows.astype(np.float32), self.rows) @ self.weights


def likeness(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[some, others]: 1 for the same row, falling with the distance."""
    squares = [(one * one).sum(1, dtype=np.float64) for one in (some, others)]
    apart = squares[0][:, None] + squares[1][None] - 2.0 * (some @ others.T)
    return np.exp(-NARROW * np.maximum(apart, 0.0))


def packed(directions: np.ndarray) -> Any:
    return {"shape": list(directions.shape), "data": directions.astype(np.float16).tobytes()}


def unpacked(kept: Any) -> np.ndarray:
    flat = np.frombuffer(kept["data"], np.float16).astype(np.float64)
    return flat.reshape(kept["shape"])


def skill_record(name: str, record: dict) -> dict:
    """A data set's record as that of a skill, beside that of the same data for everything."""
    if record["forms"] == ["text"]:
        raise ValueError(
            f"{record['prompt']} has no questions, by which a skill is known; nothing was changed. "
            "`oneseek train` learns plain text"
        )
    return {**record, "id": digest(f"{name} {record['id']}"), "skill": name}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
