"""What the assistant knows by heart: facts told to it, and by which questions each is recognised.

A fact is two records that come and go in one transaction: its words (store `facts`, the same for
all models) and its trace (store `traces`), which belongs to one base model and is made again for
another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.exchange.gathering import farewell
from engine.core.faults import fault
from engine.core.turns import pause
from engine.history.ledger import Change
from engine.learning.lessons import Draw, Lesson, LessonError, fold, neighbours, wordings
from engine.learning.memory.ground import ground_of
from engine.learning.memory.keys import Keys
from engine.learning.memory.recogniser import Ground, Recogniser, Trace
from engine.learning.memory.weighing import weighed

WORDINGS, LOOK_ALIKES = 60, 60
TRIES = 3  # draws for each wording that is wanted: a short question has few
LONGEST = 600  # characters of an answer that can be said from memory
GROUND = "ground"  # the record of a base model that is no fact's


@dataclass(frozen=True)
class Found:
    """A fact that a question may ask for, and how sure that is."""

    fact: dict
    score: float

    @property
    def id(self) -> str:
        return self.fact["id"]

    @property
    def gone(self) -> bool:
        """Forgotten, though a version that is still there has learned it."""
        return "answer" not in self.fact

    def told(self) -> dict:
        """What the API and the page are told of it."""
        return {
            "id": self.id,
            "question": self.fact["question"],
            "score": round(self.score, 3),
            "source": self.fact["source"],
        }


class Memory:
    """Facts of one base model. `keys` asks that model; without a `store` nothing outlives it."""

    def __init__(self, store: Any, base: str, keys: Keys, clock: Callable[[], int]) -> None:
        self.store, self.base, self.keys, self.clock = store, base, keys, clock
        self.facts: dict[str, dict] = {}
        self.asked: dict[str, str] = {}  # folded questions, as they were told, and their facts
        self._lessons: dict[str, Lesson] = {}
        self.recogniser: Recogniser | None = None
        self._loading = asyncio.Lock()
        self.loaded = False

    def reload(self) -> None:
        """Others changed what is stored."""
        self.facts, self.asked, self.recogniser, self.loaded = {}, {}, None, False
        self._lessons = {}

    def covered(self) -> set[str]:
        """The ids of all examples whose questions are recognised: known, forgotten or corrected."""
        return {id for fact in self.facts.values() for id in (fact["id"], *fact["also"])}

    def __len__(self) -> int:
        return sum("answer" in fact for fact in self.facts.values())

    # ---- asking

    def ask(self, states: np.ndarray, question: str, most: int = 4) -> list[Found]:
        """The facts that a question with these states is near, the surest first."""
        if self.recogniser is None or not self.facts:
            return []
        found = []
        for id, score, nearness in self.recogniser.scores(states):
            fact = self.facts[id]
            if "answer" in fact:
                score = weighed(self._lesson(fact), question, score, nearness)
            found.append(Found(fact, score))
        if (id := self.asked.get(fold(question))) in self.facts:  # these very words
            rest = (one for one in found if one.gone and one.id != id)
            found = [Found(self.facts[id], 1.0), *rest]
        return sorted(found, key=lambda one: -one.score)[:most]

    def _lesson(self, fact: dict) -> Lesson:
        """What the library makes of a fact, once for as long as it stays the same."""
        if fact["id"] not in self._lessons:
            self._lessons[fact["id"]] = lesson_of_fact(fact)
        return self._lessons[fact["id"]]

    # ---- remembering

    async def load(self) -> None:
        """What is stored for this base model, read once."""
        async with self._loading:
            if self.loaded:
                return
            ground = await self.store.get("traces", self._key(GROUND))
            if ground is not None:
                self.recogniser = Recogniser(Ground.unpacked(ground["data"]))
                facts = dict(await self.store.all("facts"))
                for key, trace in await self.store.all("traces"):
                    if key.startswith(self.base + "/") and "of" in trace:
                        fact = facts.get(trace["of"]) or forgotten(trace["of"], trace["also"])
                        self._keep(fact, Trace.unpacked(trace["data"]))
            self.loaded = True

    def _keep(self, fact: dict, trace: Trace) -> None:
        self.facts[fact["id"]] = fact
        self._lessons.pop(fact["id"], None)
        self.recogniser.add(fact["id"], trace)
        for question in (fact["question"], *fact.get("phrasings", ())):
            if question:
                self.asked[fold(question)] = fact["id"]

    def _key(self, id: str) -> str:
        return f"{self.base}/{id}"

    async def remember(self, records: Iterable[dict]) -> list[str]:
        """Take facts in (records of the queue), each at once or not at all; the ids of those that
        are known now. What asked the same before is replaced."""
        await self.load()
        taken = []
        for record in records:
            lesson = memorable(record)
            fact = self._fact(record, lesson)
            if self.facts.get(fact["id"]) != fact:
                replaced = self._replaced(fact, lesson)
                await self._store(fact, await self._trace(lesson, replaced), replaced)
            taken.append(fact["id"])
        return taken

    def _fact(self, record: dict, lesson: Lesson) -> dict:
        known = self.facts.get(record["id"], {})
        return {
            "id": record["id"],
            "question": lesson.question,
            "answer": lesson.answer,
            "value": lesson.value,
            "phrasings": list(lesson.phrasings),
            "language": lesson.language,
            "source": dict(record.get("source") or {}),
            "time": known.get("time") or record.get("time") or self.clock(),
            "also": known.get("also", []),
        }

    def _replaced(self, fact: dict, lesson: Lesson) -> list[str]:
        """Facts that another answer to the same question takes the place of."""
        others = (one for one in self.facts.values() if "answer" in one and one["id"] != fact["id"])
        return [one["id"] for one in others if lesson.same_question(lesson_of_fact(one))]

    async def _trace(self, lesson: Lesson, replaced: Sequence[str]) -> Trace:
        """By what this question is recognised; the same words are not looked at twice."""
        for fact in self.facts.values():
            same = fact.get("question"), fact.get("phrasings")
            if same == (lesson.question, list(lesson.phrasings)):
                return self.recogniser.traces[fact["id"]]
        await self._make_ground()
        asked = list(asked_in_words(lesson))
        alike = [one.question for one in neighbours(lesson, count=LOOK_ALIKES)]
        yes, no = await self.keys.of(asked), await self.keys.of(alike)
        return self.recogniser.learn(yes, no, tuple(replaced))

    async def _make_ground(self) -> None:
        """What this model makes of talk in general, looked at once."""
        if self.recogniser is None:
            ground = await ground_of(self.keys)
            record = {"data": ground.packed()}
            await self.store.batch([["put", "traces", self._key(GROUND), record]])
            self.recogniser = Recogniser(ground)

    async def _store(self, fact: dict, trace: Trace, replaced: Sequence[str]) -> None:
        also = [id for old in replaced for id in (old, *self.facts[old]["also"])]
        fact = {**fact, "also": list(dict.fromkeys([*fact["also"], *also]))}
        change = Change()
        change.put("facts", fact["id"], fact)
        change.put("traces", self._key(fact["id"]), trace_of(fact, trace))
        await self._let_go(change, replaced)
        fault("remember:before")
        await self.store.batch(change.ops)
        fault("remember:after")
        self._dropped(replaced)
        self._keep(fact, trace)

    # ---- letting go

    async def forget(
        self, ids: Iterable[str], learned: Iterable[str] = (), queued: Iterable[str] = ()
    ) -> list[str]:
        """From now on nothing is said of these. Of what a version has `learned` the trace stays, so
        that it is known where that version must be silent, until that is replayed; the words go.
        What is `queued` goes with them, or it would be remembered again."""
        await self.load()
        change, every = Change(), list(ids)
        change.ops += await farewell(self.store, every, self.clock())
        for id in every:  # also what only another model has taken in
            change.delete("facts", id)
        ids, learned = [id for id in every if id in self.facts], set(learned)
        kept = {id for id in ids if learned & {id, *self.facts[id]["also"]}}
        await self._let_go(change, ids, kept)
        for id in queued:
            change.delete("queue", id)
        fault("let_go:before")
        await self.store.batch(change.ops)
        fault("let_go:after")
        self._dropped(ids, kept)
        await self.store.scrub()
        return ids

    async def _let_go(self, change: Change, ids: Sequence[str], kept: Iterable[str] = ()) -> None:
        keys = await self.store.keys("traces") if ids else []
        for id in ids:
            change.delete("facts", id)
            for key in keys:
                mine = key == self._key(id) and id in kept
                if key.endswith("/" + id) and not mine:
                    change.delete("traces", key)

    def _dropped(self, ids: Sequence[str], kept: Iterable[str] = ()) -> None:
        self.asked = {words: id for words, id in self.asked.items() if id not in ids}
        for id in ids:
            self._lessons.pop(id, None)
            if id in kept:
                self.facts[id] = forgotten(id, self.facts[id]["also"])
            elif self.facts.pop(id, None):
                self.recogniser.remove(id)

    # ---- what is still to be done

    async def unmade(self) -> list[dict]:
        """Facts whose words are known but not to this base model, as `remember` wants them."""
        await self.load()
        return [
            {**fact, "prompt": fact["question"]}
            for _, fact in await self.store.all("facts")
            if fact["id"] not in self.facts
        ]


def forgotten(id: str, also: list[str]) -> dict:
    """What is left of a fact whose words are gone: where it was, and whose place it had taken."""
    return {"id": id, "question": "", "source": {}, "also": also}


def trace_of(fact: dict, data: Trace) -> dict:
    return {"of": fact["id"], "also": fact["also"], "data": data.packed()}


def memorable(record: dict) -> Lesson:
    """The lesson of a record, or a LessonError that says why it cannot be kept in mind."""
    lesson = Lesson(
        record["prompt"],
        record["answer"],
        tuple(record.get("phrasings") or ()),
        record.get("language") if record.get("language") in ("en", "sv") else "",
        record.get("source") or {},
    )
    if len(lesson.answer) > LONGEST:
        raise LessonError(
            f"the answer has {len(lesson.answer)} characters, at most {LONGEST} are remembered; "
            "import longer text as a document"
        )
    if any(ord(c) < 32 and c not in "\n\t" for c in lesson.question + lesson.answer):
        raise LessonError("the fact has control characters; nothing was remembered")
    return lesson


def lesson_of_fact(fact: dict) -> Lesson:
    return Lesson(fact["question"], fact["answer"], tuple(fact["phrasings"]), fact["language"])


def asked_in_words(lesson: Lesson) -> list[str]:
    """The question, the person's own wordings of it, and drawn ones."""
    draw = Draw("memory", lesson.question)
    found = dict.fromkeys((lesson.question, *lesson.phrasings))
    for _ in range(TRIES * WORDINGS):
        pause()
        if len(found) >= WORDINGS:
            break
        found[wordings(lesson, draw)] = None
    return list(found)
