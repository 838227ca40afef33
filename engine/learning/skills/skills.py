"""Skills: each is learned under a name, by an adapter of its own that answers only what asks for
it.

A router finds the skill a text asks for: one kernel ridge regression to the skills and to none of
them, over the views of the text by the reader of statements, and its form. It is fitted anew when a
skill comes or goes. In others.json are the texts of none: small talk, questions, requests and what
people say of themselves.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import numpy as np

from oneseek.engine.history.ledger import Change
from oneseek.engine.history.versions import GENERIC, SKILL, TASTE, Versions
from oneseek.engine.learning.datasets import DataSet, file_of
from oneseek.engine.learning.lessons import Draw
from oneseek.engine.learning.memory.encoder import SAID, Encoder, unit
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.memory.wishes import addresses_memory
from oneseek.engine.learning.skills.answers import Answers, answers_to
from oneseek.engine.learning.skills.pattern import Pair, label_names, pattern_of, unread
from oneseek.engine.learning.skills.ridge import Reading, Readings, token_spans
from oneseek.engine.learning.skills.sorter import (
    Sorter,
    choose_beside,
    features_of,
    gather_features,
    usual_of,
)
from oneseek.engine.learning.skills.views import (
    Newest,
    alike,
    digest,
    others,
    others_kept,
    pack,
    unpack,
)
from oneseek.engine.turns import urgent

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SHOWN = 100  # examples of a skill by which it is recognised
READ = 256  # texts whose readings are kept: those of the examples of a skill that is being taught
KEPT_OTHERS = "skills.others"  # key in `state` of the views of texts that ask for no skill


class Sorting(NamedTuple):
    """The router, and what it was fitted to."""

    names: list[str]
    sorter: Sorter  # by the features of a text
    usual: np.ndarray  # mean and spread of the views of texts that ask for no skill
    like_wishes: frozenset[str] = frozenset()  # skills with examples that address the memory


class NoSkill(LookupError):
    """There is no skill of that name; the message says which there are."""

    def __init__(self, name: str, there: Sequence[str]) -> None:
        super().__init__(f"there is no skill {name!r}; there are: {', '.join(there) or 'none'}")


def line_of(name: str) -> str:
    """Return the line of versions of a skill; ValueError where the name is invalid."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a valid name for a skill; nothing was changed. A name has up to 40 "
            "of the letters a to z, digits, - and _, and begins with a letter or digit"
        )
    return SKILL + name


def line_in(told: dict) -> str:
    """Return the line of versions that a run or its data set's record is about."""
    if told.get("taste"):
        return TASTE
    return line_of(told["skill"]) if told.get("skill") else GENERIC


class Skills:
    """All skills of one base model, and the router to them."""

    def __init__(self, versions: Versions, encoder: Encoder) -> None:
        self.versions, self.store = versions, versions.store
        self.encoder, self.reader = encoder, Reader(encoder)
        self.known: dict[str, dict] = {}
        self.sorting: Sorting | None = None
        self._changing = asyncio.Lock()  # what is stored and what is known here change together
        self._forget_readings()
        self.loaded, self._outdated = False, True

    def key(self, name: str) -> str:
        return f"skill.{self.versions.base}.{name}"

    def reload(self) -> None:
        """Mark what is known here as outdated, because others changed the store: only questions in
        progress still use it, all others wait for `load`."""
        self.loaded, self._outdated = False, True
        self._forget_readings()

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """Serialise changes. Questions may wait for a change, so it waits for no answer."""
        async with self._changing:
            with urgent():
                yield

    def _forget_readings(self) -> None:
        """Empty the caches. They exist because a question is read to find its skill and again to
        answer it, and examples are read to evaluate a training and again to fit the router."""
        self.views = Newest(self._read_views, READ)
        self.places = Newest(self._read_places, READ)
        self.readings = Newest(self._read, READ)

    async def load(self) -> None:
        """Replace what is known here by what is stored for this base model."""
        if self.loaded:
            return
        async with self._change():
            while not self.loaded:  # others may change what is stored while it is read
                self._outdated = False
                keys, mine = await self.store.keys("state"), self.key("")
                kept = [await self.store.get("state", key) for key in keys if key.startswith(mine)]
                await self._fit({one["name"]: one for one in kept if one})
                self.loaded = not self._outdated

    # ---- coming and going

    async def learn(self, name: str, record: dict) -> None:
        """Fit the router and the pattern to a data set; a version is trained on a line of its
        own."""
        await self.load()
        data = DataSet(file_of(record))
        chosen = Draw("skill").sample(range(len(data)), SHOWN)
        examples = [one for one in map(data.__getitem__, chosen) if one.history]
        asked = [one.history[-1]["content"] for one in examples]
        pairs = [(q, one.answer) for q, one in zip(asked, examples, strict=True)]
        readings = await self.examples_read(pairs)
        pattern, views = pattern_of(pairs, readings), await self._views(asked)
        kept = {"name": name, "data": record["id"], "examples": len(data),
                "file": record["prompt"], "asked": asked, "of": digest("\n".join(asked)),
                "pattern": pattern, "views": pack(views)}  # fmt: skip
        async with self._change():
            await self.store.batch([["put", "state", self.key(name), kept]])
            await self._fit(self.known | {name: kept})

    async def remove(self, name: str) -> None:
        """Delete the skill, its examples and its versions; the ledger records that there was
        one."""
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
        async with self._change():
            await self.versions.ledger.commit(change)
            await self.store.scrub()
            await self._fit({one: kept for one, kept in self.known.items() if one != name})

    async def must_be(self, name: str) -> None:
        await self.load()
        if name not in self.known:
            raise NoSkill(name, sorted(self.known))

    async def list_skills(self) -> list[dict]:
        """Return every skill with the version in use, and its held-out scores."""
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
        """Return the number of the skill's version in use."""
        return await self.versions.number(line_of(name))

    async def grammar(self, name: str, question: str) -> Answers | None:
        """The grammar of its answer to a question; None where its examples have no pattern."""
        await self.load()
        pattern = self.known.get(name, {}).get("pattern")
        if not pattern:
            return None
        (reading,) = await self.read([question])
        return answers_to(pattern, question, reading)

    # ---- what asks for one

    async def find_skill(self, question: str) -> str:
        """Return the skill that a question asks for, or nothing."""
        await self.load()
        (name,) = await self.like([question.strip()])
        return name if name and await self.number(name) else ""

    async def read_ahead(self, question: str) -> None:
        """Read a question before it is sent, if there are skills."""
        if self.sorting and question.strip():
            with urgent():
                await self.views.of([question.strip()])

    async def like(self, texts: Sequence[str]) -> list[str]:
        """Return for each text the skill whose examples it is like, or nothing."""
        if not (sorting := self.sorting):
            return [""] * len(texts)
        views = await self._views(texts)
        chosen = sorting.sorter.choose(features_of(texts, views, sorting.usual))
        names = [[*sorting.names, ""][at] for at in chosen]
        return [
            "" if addresses_memory(text) and name not in sorting.like_wishes else name
            for text, name in zip(texts, names, strict=True)
        ]

    async def _views(self, texts: Sequence[str]) -> np.ndarray:
        """Return what the router sees in texts, [texts, features]."""
        return np.stack(await self.views.of(texts))

    async def _read_views(self, texts: list[str]) -> list[np.ndarray]:
        return list(await self.reader.view(texts))

    async def _read_places(self, texts: list[str]) -> list[np.ndarray]:
        """Return the embeddings of texts, by the encoder beside those by the reader."""
        meant = [one.whole for one in await self.encoder.of(texts)]
        stated = [unit(one[: len(meant[0])]) for one in await self.views.of(texts)]
        return [np.hstack(pair) for pair in zip(meant, stated, strict=True)]

    async def examples_read(self, pairs: Sequence[Pair]) -> Readings:
        """Return the readings of the examples' questions, and of their labels' names."""
        names = label_names(pairs)
        meant = await self.places.of(names)
        each = await self.read([question for question, _ in pairs])
        return Readings(each, dict(zip(names, meant, strict=True)))

    async def read(self, texts: Sequence[str]) -> list[Reading]:
        """Return the encoder's reading of each text and of each of its tokens."""
        return await self.readings.of(texts)

    async def _read(self, texts: list[str]) -> list[Reading]:
        places = await self.places.of(texts)
        read = await self.encoder.tokens(texts, SAID)
        return [
            Reading(whole, token_spans(text, pieces), states)
            for text, whole, (pieces, states) in zip(texts, places, read, strict=True)
        ]

    async def _load_views(self, key: str, kept: dict, texts: list[str]) -> np.ndarray:
        """Return the stored views of some texts; they are read anew where there are none, or the
        encoder is another one by now."""
        known = "views" in kept and kept.get("of") == digest("\n".join(texts))
        found = unpack(kept["views"]) if known else None
        (now,) = await self._views(texts[:1])
        if found is None or not alike(found[0], now):
            views = await self._views(texts)
            kept.update({"of": digest("\n".join(texts)), "views": pack(views)})
            kept.pop("directions", None)  # what earlier builds kept in place of views
            if found is not None and kept.get("pattern"):
                kept["pattern"] = unread(kept["pattern"])
            await self.store.batch([["put", "state", key, kept]])
            return views
        return found

    async def _fit(self, known: dict[str, dict]) -> None:
        """Set these skills and refit the router; until it is done, questions use those before."""
        sorting = None
        if known:
            texts = others()
            kept = others_kept(await self.store.get("state", KEPT_OTHERS))
            views = await self._load_views(KEPT_OTHERS, kept, texts)
            usual = usual_of(views)
            groups = []
            for name, one in sorted(known.items()):
                seen = await self._load_views(self.key(name), one, one["asked"])
                groups.append(features_of(one["asked"], seen, usual))
            meant = [one[:, : views.shape[1]] for one in groups]
            beside = await choose_beside(meant, views, usual)
            some = [texts[at] for at in beside]
            groups.append(await gather_features(some, views[beside], usual))
            sorter = await Sorter.from_groups(groups, len(texts))
            wishes = frozenset(n for n in known if any(map(addresses_memory, known[n]["asked"])))
            sorting = Sorting(sorted(known), sorter, usual, wishes)
        self.known, self.sorting = known, sorting


def skill_record(name: str, record: dict) -> dict:
    """Return a data set's record as that of a skill, with another id than the same data for all."""
    if record["forms"] == ["text"]:
        raise ValueError(
            f"{record['prompt']} has no questions, and a skill is recognised by its questions; "
            "nothing was changed. `oneseek train` learns plain text"
        )
    return {**record, "id": digest(f"{name} {record['id']}"), "skill": name}
