"""Stores and finds what the assistant knows by heart: facts, each recognised by its questions, and
statements in the person's own words.

Each is two records that are written and deleted in one transaction: its words (store `facts`, which
has statements too, the same for all models) and its encoding (store `meanings`), which belongs to
one base model and is made again for another. A fact is recognised by its question, a statement by
what it says.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.core.exchange.gathering import farewell
from oneseek.engine.core.faults import fault
from oneseek.engine.history.ledger import Change
from oneseek.engine.learning.lessons import Lesson, LessonError, fold, guess, language
from oneseek.engine.learning.lessons.forms import LONGEST as LONGEST_QUESTION
from oneseek.engine.learning.memory.aligning import Terms
from oneseek.engine.learning.memory.encoder import NOT_HERE, Encoder, Meaning
from oneseek.engine.learning.memory.oneself import asks_for_list
from oneseek.engine.learning.memory.recogniser import FactEncoding, Recogniser, Text
from oneseek.engine.learning.memory.second_look import names, plain_words
from oneseek.engine.learning.memory.statements import evidence, succession
from oneseek.engine.learning.memory.statements.groups import words_in
from oneseek.engine.learning.memory.statements.introducing import find_introduced
from oneseek.engine.learning.memory.statements.reader import Asking, Reader, sigmoid
from oneseek.engine.learning.memory.statements.rows import Person
from oneseek.engine.learning.memory.statements.said import STEM, StatementIndex, rescale
from oneseek.engine.learning.memory.statements.statement import (
    LONGEST,
    Found,
    StatementEncoding,
    check_words,
    is_for,
    is_stale,
    is_statement,
    owner_of,
    text_of,
    text_to_read,
    unpack,
)
from oneseek.engine.learning.memory.statements.succession import (
    APART,
    BESIDE,
    Pair,
    Succession,
    another,
    tells_change,
)
from oneseek.engine.learning.memory.weighing import nearness, weigh_lesson
from oneseek.engine.turns import RANKS, URGENT, urgent

# The question and user of the latest reading, the reading, and the rank of the task that began it.
Ahead = tuple[tuple[str, str], asyncio.Future | None, str]
DAY_MS = 24 * 3600 * 1000
MAY_ASK, SHARES = 0.25, 0.8  # from MAY_ASK on, a shared word raises the probability to SHARES
FIRST, CLOSE = 4, 0.5  # statements read first, at most; how far behind the nearest
NAME, NUMBER = 4, 3  # minimum length of a name with figures in it, and of one that is all figures
PAIRS = 3  # facts of another language that are read with a question, at most
NOTHING: Ahead = ("", ""), None, URGENT
REPLACED = "traces"  # by `meanings`; what is left of it in a store or a backup tells whose facts


@dataclass(frozen=True)
class Read:
    """The result of reading a question: its meaning, by which facts are found, the embedding by
    which statements are, the probabilities that it asks for something of the person's own and that
    it states something, and the features of some statements as its answer, by their ids."""

    meaning: Meaning | None
    whole: np.ndarray
    asks: float
    states: float
    evidence: dict[str, dict[str, float]]


class Memory:
    """The facts and statements that one base model knows; the encoder encodes them."""

    def __init__(self, store: Any, base: str, encoder: Encoder, clock: Callable[[], int]) -> None:
        self.store, self.base, self.encoder, self.clock = store, base, encoder, clock
        self.reader = Reader(encoder)
        self._ahead: Ahead = NOTHING
        self._changing = asyncio.Lock()  # the store and its copy here change together
        self.loaded = False
        self._clear()

    def _clear(self) -> None:
        # Facts and statements by id; a tombstone has no "answer".
        self.facts: dict[str, dict] = {}
        self.asked: dict[str, str] = {}  # folded question, as it was told -> id of its fact
        self._lessons: dict[str, Lesson] = {}
        self._people: dict[str, Person] = {}  # those that were asked for
        self._taken_back: dict[str, str] = {}  # id of a statement -> id of the one that replaces it
        self.recogniser, self.said, self.succession = Recogniser(), StatementIndex(), Succession()

    def reload(self) -> None:
        """Mark the copy here as out of date, after others changed the store. Questions that are
        being read still use it; all others wait for `load`."""
        self.loaded, self._ahead = False, NOTHING

    def list_covered(self) -> set[str]:
        """The ids of all examples whose questions are recognised: known, forgotten or corrected."""
        return {id for fact in self.facts.values() for id in (fact["id"], *fact["also"])}

    def __len__(self) -> int:
        return sum("answer" in fact for fact in self.facts.values())

    # ---- asking

    async def find_facts(self, question: str, most: int = 4, user: str = "") -> list[Found]:
        """The facts near a question of a user, the highest score first."""
        await self.load()
        if not self.facts:
            return []
        try:
            meaning = (await self.read(question, user)).meaning
            found = self.ask(meaning, question, most)
        except NOT_HERE:
            found = self._by_the_very_words(question)
        return [one for one in found if is_for(one.fact, user)]

    async def read_ahead(self, question: str) -> None:
        """Read a question while it is being typed, so that its sender does not wait for that."""
        await self.load()
        words = trim_question(question)
        if words and self.facts and self._ahead[0] != (words, ""):
            with urgent():
                await asyncio.wait({self._begin(words, "")})

    async def read(self, question: str, user: str = "") -> Read:
        """Read a question, once for all who ask for it. An answer does not share a reading that
        learning began, since learning pauses until the answer is over."""
        words = trim_question(question)
        ahead, reading, rank = self._ahead
        waits = RANKS.index(rank) > RANKS.index(self.encoder.executor.turns.rank)
        if not reading or ahead != (words, user) or (waits and not reading.done()):
            reading = self._begin(words, user)
        return await asyncio.shield(reading)

    def _begin(self, words: str, user: str) -> asyncio.Future:
        reading = asyncio.ensure_future(self._read(words, user))
        begun: Ahead = (words, user), reading, self.encoder.executor.turns.rank
        self._ahead = begun

        def over(done: asyncio.Future) -> None:
            failed = done.cancelled() or done.exception()
            if failed and self._ahead is begun:
                self._ahead = NOTHING  # the next caller tries again, and gets the fault

        reading.add_done_callback(over)
        return reading

    async def _read(self, words: str, user: str) -> Read:
        words = self.person(user).kin.name_relatives(words)
        known = self.recogniser.known  # the meaning serves facts alone
        meaning = (await self.encoder.of([words]))[0] if known else None
        whole, alone, speaks = await self._find_evidence(words, user)
        return Read(meaning, whole, alone.asks, alone.states, speaks)

    async def _find_evidence(
        self, words: str, user: str
    ) -> tuple[np.ndarray, Asking, dict[str, dict[str, float]]]:
        """The embedding of a question, the question read alone, and the features of the statements
        near it. While it is read, statements may be forgotten, and the memory may be loaded
        anew."""
        place = await self.reader.locate_question(words)
        first = self.said.nearest(words, place.whole, user, FIRST, CLOSE)
        if more := [id for id in self.succession.find_linked(list(first)) if id in self.facts]:
            first |= self.said.nearness(words, place.whole, more)
        texts = [text_to_read(self.facts[id]) for id in first]
        alone, nats = await self.reader.read_question(words, texts, place)
        if asks_for_list(words):
            alone = alone._replace(asks=max(alone.asks, SHARES))
        asks, read = alone.asks, dict(zip(first, nats, strict=True))
        speaks = await self._compute_evidence(words, place.terms, first, read, asks)
        unsure = max(map(evidence.nats_of, speaks.values()), default=-math.inf) < 0
        near = self.said.nearest(words, place.whole, user) if unsure else {}
        if asks >= MAY_ASK and not near.keys() <= first.keys():
            both = first | near
            speaks = await self._compute_evidence(words, place.terms, both, read, asks)
        return place.whole, alone, speaks

    async def _compute_evidence(
        self,
        words: str,
        terms: Terms,
        near: dict[str, float],
        read: dict[str, float],
        asks: float,
    ) -> dict[str, dict[str, float]]:
        """The features of the statements `near` a question. `read` has the cross-encoder's logits
        of the pairs that were read already; the other pairs are read and added to it."""
        texts = {id: text_to_read(self.facts[id]) for id in near if id in self.facts}
        if not texts:
            return {}
        near = {id: near[id] for id in texts}
        nearest = next(iter(texts.values()))
        if asks >= MAY_ASK and self.said.measure_shared(words, nearest) > 0:
            asks = max(asks, SHARES)
        if unread := [id for id in near if id not in read]:
            together = await self.reader.together(words, [texts[id] for id in unread])
            read.update(zip(unread, together, strict=True))
        nats, nearness = [read[id] for id in near], list(near.values())
        aligned = await self.reader.align(terms, await self._terms(texts))
        said = list(texts.values())
        unknown = self.said.count_unknown(words)
        found = evidence.signs(words, said, nats, aligned, nearness, asks, unknown)
        return dict(zip(near, found, strict=True))

    async def _terms(self, texts: dict[str, str]) -> list[Terms]:
        """The terms of some statements. Those that were stored without any are encoded again."""
        found = {id: kept for id in texts if (kept := self.said.terms.get(id))}
        lacking = [id for id in texts if id not in found]
        if lacking:
            places = await self.reader.locate_answers([texts[id] for id in lacking])
            made = {id: one.terms.pack() for id, one in zip(lacking, places, strict=True)}
            self.said.terms.update((id, terms) for id, terms in made.items() if id in self.facts)
            found |= made
        return [Terms.from_packed(found[id]) for id in texts]

    async def find_statements(self, question: str, user: str = "") -> list[Found]:
        """The statements of a user that may answer a question, the likeliest first."""
        await self.load()
        read = await self.read(question, user)
        live = [id for id in read.evidence if id in self.facts]
        if not live:
            return []
        asked = [evidence.apart(read.evidence[id]) for id in live]
        times = [self.facts[id]["time"] for id in live]
        about = succession.Question.of(trim_question(question))
        links = self.succession.matrix(live, self._time)
        named = np.array([about.names(text_of(self.facts[id])) for id in live])
        shares = succession.likely(
            about,
            np.array(asked),
            links,
            (self.clock() - np.array(times, np.float64)) / DAY_MS,
            named,
        )
        nats = np.array([evidence.nats_of(read.evidence[id]) for id in live])
        sure = sigmoid(float((nats + succession.over(about, links, named)).max()))
        found = [
            Found(
                self.facts[id],
                sure * float(share),
                sigmoid(alone),
                bool(changes),
                read.evidence[id][evidence.NEAR],
            )
            for id, share, alone, changes in zip(
                live, shares, asked, links.max(0, initial=succession.NO_LINK) > 0, strict=True
            )
        ]
        return sorted(found, key=lambda one: (-one.score, -one.fact["time"]))

    async def find_near(self, question: str, ids: Iterable[str], user: str = "") -> list[Found]:
        """Some statements with how near they lie to a question, without reading them with it."""
        whole = (await self.read(question, user)).whole
        live = [id for id in ids if id in self.said]
        near = self.said.nearness(trim_question(question), whole, live) if live else {}
        return [Found(self.facts[id], 0.0, near=near[id]) for id in live]

    def knows(self, question: str, user: str) -> bool:
        """Whether a question names somebody or something whose name the person has told."""
        question = self.person(user).kin.name_relatives(question)
        words = language(guess(question))
        named, numbers = names(question, words), set(words_in(words.code)["numbers"].split())
        for word in plain_words(question) - words.function_words - numbers:
            if is_measure(word):
                continue
            for id in self.said.find_by_stem(word[:STEM]):
                fact = self.facts.get(id)
                if fact and owner_of(fact) == user and "answer" in fact:
                    said = text_of(fact)
                    if {word, word.removesuffix("s")} & names(said, words):
                        return True
                    if word in named and word in plain_words(said):
                        return True
        return False

    def introduces(self, name: str, user: str) -> bool:
        """Whether a user introduced a name, given in small letters: "my sister Anna"."""
        facts = (self.facts.get(id) for id in self.said.find_by_stem(name[:STEM]))
        return any(
            fact and "answer" in fact and owner_of(fact) == user
            and name in find_introduced(text_of(fact), fact["language"])
            for fact in facts
        )  # fmt: skip

    async def in_another_language(self, question: str, user: str) -> list[Found]:
        """The facts told in another language that may answer a question, the likeliest first. They
        are read as pairs with it, as statements are."""
        meaning, code = (await self.read(question, user)).meaning, guess(question)
        near = (self.facts[id] for id, _ in self.recogniser.likely(meaning))
        facts = [one for one in near if "answer" in one and one["language"] != code][:PAIRS]
        if not facts:
            return []
        words, texts = (
            trim_question(question),
            [f"{one['question']} {one['answer']}" for one in facts],
        )
        place = await self.reader.locate_question(words)
        asked, read = await self.reader.read_question(words, texts, place)
        said = await self.reader.locate_answers(texts)
        aligned = await self.reader.align(place.terms, [one.terms for one in said])
        nearness = [float(rescale(one.whole @ place.whole)) for one in said]
        speaks = evidence.signs(words, texts, read, aligned, nearness, asked.asks, 0)
        found = map(Found, facts, map(evidence.weigh_signs, speaks))
        return sorted(found, key=lambda one: -one.score)

    def ask(self, meaning: Meaning | None, question: str, most: int = 4) -> list[Found]:
        """The facts near a question whose meaning is known, the highest score first."""
        found = []
        for id, signs in self.recogniser.likely(meaning):
            fact = self.facts[id]
            if "answer" in fact:
                score = weigh_lesson(self._lesson(fact), trim_question(question), signs)
            else:
                score = nearness(signs, fact["language"])
            found.append(Found(fact, score))
        if very := self._by_the_very_words(question):
            found = [*very, *(one for one in found if one.gone and one.id != very[0].id)]
        return sorted(found, key=lambda one: -one.score)[:most]

    def _by_the_very_words(self, question: str) -> list[Found]:
        id = self.asked.get(fold(question))
        return [Found(self.facts[id], 1.0)] if id in self.facts else []

    def _time(self, id: str) -> float:
        """When a statement was told, in milliseconds; infinity for a forgotten one."""
        return self.facts.get(id, {}).get("time", math.inf)

    def _lesson(self, fact: dict) -> Lesson:
        """The lesson of a fact, cached until the fact changes."""
        if fact["id"] not in self._lessons:
            self._lessons[fact["id"]] = lesson_of_fact(fact)
        return self._lessons[fact["id"]]

    # ---- remembering

    async def load(self) -> None:
        """Replace the copy here by what is stored for this base model, unless it is up to date."""
        async with self._changing:
            if self.loaded:
                return
            self.loaded = True  # `reload` clears it if others change the store meanwhile
            try:
                facts = dict(await self.store.all("facts"))
                meanings = await self.store.all("meanings")
                if keys := await self.store.keys(REPLACED):
                    await self.store.batch([["delete", REPLACED, key] for key in keys])
                self._clear()
                for key, kept in meanings:
                    if key.startswith(self.base + "/"):
                        if is_stale(kept["data"]) and kept["of"] in facts:
                            continue  # `unmade` returns it
                        gone = make_forgotten(kept["of"], kept["also"], kept["language"])
                        self.keep(facts.get(kept["of"]) or gone, unpack(kept["data"]))
            except BaseException:
                self.loaded = False
                raise

    def person(self, user: str) -> Person:
        """What a user told, cached."""
        if user not in self._people:
            told = (one for one in self.facts.values() if "answer" in one)
            self._people[user] = Person(one for one in told if owner_of(one) == user)
        return self._people[user]

    def _drop_from_person(self, id: str) -> None:
        known = self.facts.get(id, {})
        if "answer" in known and (person := self._people.get(owner_of(known))):
            person.remove(known)

    def keep(self, fact: dict, encoding: FactEncoding | StatementEncoding) -> None:
        """Add a fact to the copy here; `remember` stores it too."""
        self._drop_from_person(fact["id"])
        self.facts[fact["id"]] = fact
        if "answer" in fact and (person := self._people.get(owner_of(fact))):
            person.add(fact)
        for old in fact["source"].get("replaces", "").split():
            self._taken_back[old] = fact["id"]
        self._lessons.pop(fact["id"], None)
        self._ahead = NOTHING
        if encoding.said is not None:
            owner, terms = owner_of(fact), encoding.terms
            self.said.add(fact["id"], text_of(fact), encoding.said, owner, terms)
            self.succession.add(fact["id"], encoding.beside)
        if isinstance(encoding, StatementEncoding):
            return
        self.recogniser.add(fact["id"], encoding)
        for question in (fact["question"], *fact.get("phrasings", ())):
            if question:
                self.asked[fold(question)] = fact["id"]

    def _key(self, id: str) -> str:
        return f"{self.base}/{id}"

    async def remember(self, records: Iterable[dict]) -> list[str]:
        """Take in facts (records of the queue), each in one transaction, and return their ids. A
        fact replaces what was told before to the same question; what was told later stays, even if
        it was taken in first."""
        await self.load()
        taken = []
        for record in records:
            if record.get("kind") == STATEMENT:
                taken.append(await self._hear(record))
                continue
            lesson = memorable(record)
            fact = self._fact(record, lesson)
            if self.facts.get(fact["id"]) != fact:
                await self._take_in(fact, lesson)
            taken.append(fact["id"])
        return taken

    async def _take_in(self, fact: dict, lesson: Lesson) -> None:
        same = self._find_same_question(fact, lesson)
        if newer := [id for id in same if self.facts[id]["time"] > fact["time"]]:
            await self._put_behind(fact, max(newer, key=self._time))
            return
        encoding = await self._encode_fact(lesson, fact["source"].get("said", ""))
        if encoding.said is not None:
            encoding.beside = await self._beside(fact, encoding.said, same)
        await self._store(fact, encoding, same)

    async def _hear(self, record: dict) -> str:
        """Store a statement in place of those that it replaces, and return its id."""
        known = self.facts.get(record["id"], {})
        words = check_words(record["answer"])
        fact = {
            "id": record["id"],
            "kind": STATEMENT,
            "question": words,
            "answer": words,
            "value": words,
            "phrasings": [],
            "language": record.get("language") or guess(words),
            "source": dict(record.get("source") or {}),
            "time": known.get("time") or record.get("time") or self.clock(),
            "also": known.get("also") or record.get("also") or [],
        }
        newer = self._taken_back.get(fact["id"], "")
        if newer in self.facts and self.facts[newer]["time"] >= fact["time"]:
            await self._put_behind(fact, newer)
        elif known != fact:
            replaces = [id for id in fact["source"].get("replaces", "").split() if id in self.facts]
            (place,) = await self.reader.locate_answers([text_to_read(fact)])
            beside = await self._beside(fact, place.whole, replaces)
            encoding = StatementEncoding(place.whole, place.terms.pack(), beside)
            await self._store(fact, encoding, replaces)
        return fact["id"]

    async def _beside(
        self, fact: dict, whole: np.ndarray, replaced: Sequence[str]
    ) -> dict[str, list[float]]:
        """The features of a statement beside each one near it from another message, by their
        ids."""
        words, owner, message = text_of(fact), owner_of(fact), fact["source"].get("message")
        near = self.said.nearest(words, whole, owner, BESIDE, APART)
        others = [
            one for one in (self.facts[id] for id in near)
            if one["id"] not in (fact["id"], *replaced)
            and (not message or one["source"].get("message") != message)
        ]  # fmt: skip
        if not others:
            return {}
        pairs = [sorted((fact, one), key=lambda each: each["time"]) for one in others]
        earlier, later = ([text_of(pair[at]) for pair in pairs] for at in (0, 1))
        nearness = [self.said.near(one["id"], whole) for one in others]  # before any is forgotten
        shared = list(map(self.said.measure_shared, earlier, later))
        read = await self.reader.beside(earlier, later)
        found = {}
        each = zip(others, earlier, later, nearness, shared, read, strict=True)
        for other, a, b, close, both, (takes_back, answers) in each:
            pair = Pair(takes_back, close, answers, both, tells_change(b), another(a, b))
            found[other["id"]] = [round(x, 2) for x in pair]
        return found

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
            "also": known.get("also") or record.get("also") or [],
        }

    def _find_same_question(self, fact: dict, lesson: Lesson) -> list[str]:
        """The ids of the other facts that answer the same question."""
        others = (
            one for one in self.facts.values()
            if "answer" in one and one["id"] != fact["id"] and not is_statement(one)
        )  # fmt: skip
        return [one["id"] for one in others if lesson.same_question(self._lesson(one))]

    async def _encode_fact(self, lesson: Lesson, said: str) -> FactEncoding:
        asked = [lesson.question, *lesson.phrasings]
        read = await self.encoder.of([*asked, f"{lesson.question} {lesson.answer}"])
        texts = [Text.of(meaning) for meaning in read]
        if not said:
            return FactEncoding(texts[:-1], texts[-1])
        (place,) = await self.reader.locate_answers([said])
        return FactEncoding(texts[:-1], texts[-1], place.whole, place.terms.pack())

    async def _put_behind(self, fact: dict, newer: str) -> None:
        """Let a newer fact cover this one: its id joins those that the newer one covers, and its
        records are deleted."""
        key = self._key(newer)
        async with self._changing:
            kept = await self.store.get("meanings", key)
            if newer not in self.facts or kept is None:
                return  # it was forgotten meanwhile
            covering = self.facts[newer]
            also = list(dict.fromkeys([*covering["also"], fact["id"], *fact["also"]]))
            covering = {**covering, "also": also}
            change = Change()
            change.put("facts", newer, covering)
            change.put("meanings", key, {**kept, "also": also})
            await self._let_go(change, [fact["id"]])
            await self.store.batch(change.ops)
            self._drop([fact["id"]])
            self.facts[newer] = covering

    async def _store(
        self, fact: dict, encoding: FactEncoding | StatementEncoding, replaced: Sequence[str]
    ) -> None:
        async with self._changing:
            # those that were forgotten meanwhile are not replaced
            replaced = [old for old in replaced if old in self.facts]
            also = [id for old in replaced for id in (old, *self.facts[old]["also"])]
            fact = {**fact, "also": list(dict.fromkeys([*fact["also"], *also]))}
            change = Change()
            change.put("facts", fact["id"], fact)
            change.put("meanings", self._key(fact["id"]), record_of(fact, encoding))
            await self._let_go(change, replaced)
            fault("remember:before")
            await self.store.batch(change.ops)
            fault("remember:after")
            self._drop(replaced)
            self.keep(fact, encoding)

    # ---- letting go

    async def forget(
        self, ids: Iterable[str], learned: Iterable[str] = (), queued: Iterable[str] = ()
    ) -> list[str]:
        """Delete these facts and return their ids. Of a fact that a version has `learned`, only the
        words are deleted: until the version is replayed, the meaning keeps questions for the fact
        away from it. `queued` records are deleted too: they would be remembered again."""
        await self.load()
        async with self._changing:
            change, every = Change(), list(ids)
            change.ops += await farewell(self.store, every, self.clock())
            for id in every:  # also those that only another model knows
                change.delete("facts", id)
            ids, learned = [id for id in every if id in self.facts], set(learned)
            kept = {id for id in ids if learned & {id, *self.facts[id]["also"]}}
            await self._let_go(change, ids, kept)
            for id in queued:
                change.delete("queue", id)
            fault("let_go:before")
            await self.store.batch(change.ops)
            fault("let_go:after")
            self._drop(ids, kept)
        await self.store.scrub()
        return ids

    async def _let_go(self, change: Change, ids: Sequence[str], kept: Iterable[str] = ()) -> None:
        keys = await self.store.keys("meanings") if ids else []
        for id in ids:
            change.delete("facts", id)
            for key in keys:
                mine = key == self._key(id) and id in kept
                if key.endswith("/" + id) and not mine:
                    change.delete("meanings", key)

    def _drop(self, ids: Sequence[str], kept: Iterable[str] = ()) -> None:
        self.asked = {words: id for words, id in self.asked.items() if id not in ids}
        for id in ids:
            self._lessons.pop(id, None)
            self._drop_from_person(id)
            if id in kept and (gone := self.facts.get(id)):
                self.facts[id] = make_forgotten(id, gone["also"], gone["language"])
            elif self.facts.pop(id, None):
                self.recogniser.remove(id)
            self.said.remove(id)
            self.succession.remove(id)
        self._ahead = NOTHING

    # ---- what is still to be done

    async def unmade(self) -> list[dict]:
        """The stored facts that have no encoding for this base model, as records for `remember`."""
        await self.load()
        return [
            {"kind": "fact", **fact, "prompt": fact["question"]}
            for _, fact in await self.store.all("facts")
            if fact["id"] not in self.facts
        ]


def is_measure(word: str) -> bool:
    """Whether a word is a number of one or two figures, or figures with a short unit (10k): no name
    is."""
    figures = any(sign.isdigit() for sign in word)
    return figures and len(word) < (NUMBER if word.isdigit() else NAME)


def trim_question(question: str) -> str:
    """The end of a long message, which has the question."""
    return question[-LONGEST_QUESTION:]


def make_forgotten(id: str, also: list[str], language: str) -> dict:
    """The tombstone of a fact whose words are deleted: its id, and the ids that it covers."""
    return {"id": id, "question": "", "source": {}, "also": also, "language": language}


def record_of(fact: dict, encoding: FactEncoding | StatementEncoding) -> dict:
    kept = {"of": fact["id"], "also": fact["also"], "language": fact["language"]}
    return kept | {"data": encoding.pack()}


def memorable(record: dict) -> Lesson:
    """The lesson of a record; a LessonError says why it cannot be remembered."""
    code = record.get("language", "")
    lesson = Lesson(
        record["prompt"],
        record["answer"],
        tuple(record.get("phrasings") or ()),
        code if code in ("en", "sv") else "",
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
