"""The documents that can be asked: which of their pieces answers a question, or that none does.

Pieces that share words with the question, or lie near it by embedding, are read together with it by
the memory's pair reader. Function words have no weight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.lessons.values import lacks
from oneseek.engine.learning.memory.encoder import NOT_HERE
from oneseek.engine.learning.memory.second_look import names
from oneseek.engine.learning.memory.statements.reader import Place as Encoded
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.importers.asking.documents import Document, Wording
from oneseek.importers.asking.pieces import Piece
from oneseek.importers.asking.quoting import Place, answer_from, explain_absence

READ, COMPARED = 12, 1000  # pieces read together with a question, and pieces compared by embedding
OF_ANY = 200  # COMPARED if no document is named; each shares a word with the question
FAR, SPREAD = 0.54, 6.5  # typical cosine of an answer, and the weight of a difference from it
WORDS = 0.05  # weight of a nat of shared words in the sum with nearness
UNREAD = 1000.0  # subtracted from the sort key of an unread piece
# Fitted by tests/bench/weigh_places.py. WEIGHTS score one piece, also by how far it is behind the
# nearest. ASKED and ASKED_OF_ALL score a question, put to one document or to all: by its best
# piece, by all pieces together, and by the share of the question that no document holds.
WEIGHTS = {
    "at_first": -6.0,
    "near": -0.15,
    "words": 0.02,
    "read": -0.08,
    "covered": 4.12,
    "near_behind": 0.65,
    "mapped": 7.2,
    "both": 0.65,
    "heading": -3.23,
    "lacks": -1.65,
    "focus": 0.18,
    "strange": -0.05,
    "elsewhere": -0.78,
}
ASKED = {"at_first": 1.06, "best": 2.05, "all": -1.24, "absent": 2.23}
ASKED_OF_ALL = {"at_first": 1.03, "best": 1.99, "all": -0.95, "absent": 0.78}
ANSWERS = 0.6  # least score, in nats, of an answer from a named document
NEAREST = -1.5  # least score of a place that is offered as nearest, without being an answer
SURE = 0.2  # least score of an answer if no document was named
CLOSE = 1.1  # difference of score, at most, of a second place that is quoted too
Source = str | Sequence[str]  # ids of the documents to ask; empty for all
WORD = re.compile(r"[^\W_]+")
SURROUNDING = 45  # words of the place that is quoted around a piece


class Looked(NamedTuple):
    """A place, its sort key, and the features of its score; no features if it was not read."""

    order: float
    place: Place
    signs: dict[str, float]


class Library:
    def __init__(self, store, reader: Callable[[], Reader]) -> None:
        self.store, self.reader = store, reader
        self.documents: dict[str, Document] = {}
        self.loaded = False

    async def load(self) -> None:
        """Load every source that was stored with its text."""
        if self.loaded:
            return
        for _, record in await self.store.all("sources"):
            self._take(record)
        self.loaded = True

    def _take(self, record: dict) -> None:
        text = (record.get("texts") or {}).get(".txt")
        if text:
            owner = record.get("user", "")
            self.documents[record["id"]] = Document(record["id"], record["title"], text, owner)

    async def add(self, record: dict) -> None:
        """Store a source; its text can be asked from now on."""
        await self.load()
        await self.store.batch([["put", "sources", record["id"], record]])
        self._take(record)

    async def remove(self, id: str) -> None:
        await self.load()
        if id not in self.documents:
            raise LookupError(f"there is no source {id[:80]!r}")
        await self.store.batch([["delete", "sources", id]])
        del self.documents[id]

    async def find_documents(self, source: Source, user: str) -> list[Document]:
        """The documents that the user may ask: the named ones, or all. Raises LookupError for a
        name that is not among them."""
        await self.load()
        own = {one.id: one for one in self.documents.values() if one.owner in ("", user)}
        named = [source] if isinstance(source, str) else source
        for id in named if source else ():
            if id not in own:
                raise LookupError(f"there is no source {id[:80]!r}")
        return [own[id] for id in dict.fromkeys(named)] if source else list(own.values())

    async def find(
        self, question: str, source: Source = "", user: str = "", most: int = READ
    ) -> list[Place]:
        """The pieces that may answer a question, the likeliest first."""
        looked, absent = await self.look(question, source, user, most)
        looked.sort(key=lambda one: -one.order)
        places = [one.place for one in looked]
        read = any(one.signs for one in looked)
        return (judge(places, absent, source) if read else places)[:most]

    async def look(
        self, question: str, source: Source = "", user: str = "", most: int = READ
    ) -> tuple[list[Looked], float]:
        """The pieces that may answer a question, and the share of the question that no document
        holds."""
        wording = Wording(question, await self.find_documents(source, user))
        ranked = wording.rank()[:COMPARED]
        if not source and not any(doc.pieces[at].spoken for doc, at, *_ in ranked[:1]):
            ranked = [one for one in ranked[:OF_ANY] if one[2]]
        if not ranked:
            return [], wording.absent
        try:
            asked = await self._place_of(question)
            await self._read(ranked)
        except NOT_HERE:
            some = [one for one in ranked[:most] if one[2]]
            return [Looked(words, place_of(doc, at, words), {}) for doc, at, words, *_ in some], 0.0
        near = [SPREAD * (float(doc.whole[at] @ asked.unmapped) - FAR) for doc, at, *_ in ranked]
        first = [n + WORDS * one[2] for n, one in zip(near, ranked, strict=True)]
        best = sorted(range(len(ranked)), key=lambda i: -first[i])[: max(READ, most)]
        read = await self._read_together(question, asked, [ranked[i][:2] for i in best[:READ]])
        pairs = dict(zip(best, read, strict=False))
        found = []
        for i in best:
            doc, at, words, covers, lacks_kind = ranked[i]
            place, signs, order = place_of(doc, at, -math.inf, covers), {}, first[i]
            if i in pairs:
                nats, mapped = pairs[i]
                signs = {"near": near[i], "words": words, "read": nats, "covered": covers}
                signs["near_behind"] = near[i] - max(near[j] for j in pairs)
                signs |= {"mapped": mapped, "both": mapped * nats}
                signs |= {"focus": float(lacks_kind), **plain(question, place, doc)}
                place = replace(place, score=weigh(WEIGHTS, signs))
            if not place.piece.spoken:
                order = place.score if signs else first[i] - UNREAD
            found.append(Looked(order, place, signs))
        return found, wording.absent

    async def answer(
        self, question: str, source: Source, user: str
    ) -> tuple[str, list[dict]] | None:
        """The answer with its place. If the named source has no answer, a reply that says so,
        perhaps with the nearest places; None if no source was named."""
        found = await self.find(question, source, user)
        found.sort(key=lambda one: -one.score)
        best = found[0] if found else None
        also = next((one for one in found[1:] if best and stands_beside(one, best)), None)
        near = [one for one in (best, also) if one]
        if best and best.score >= (ANSWERS if source else SURE):
            return answer_from(best, question, also), [one.to_dict() for one in near]
        if not source:
            return None
        titles = [one.title for one in await self.find_documents(source, user)]
        offered = [one for one in near if one.score >= NEAREST]
        return explain_absence(titles, question, offered), []

    async def _read(self, ranked: Sequence[tuple[Document, int, float, float, bool]]) -> None:
        """Embed the pieces that have no embedding yet; that of an utterance is averaged with one
        that includes the utterance before it."""
        fresh = [(doc, at) for doc, at, *_ in ranked if at not in doc.whole]
        read = await self._directions_of([doc.pieces[at].placed for doc, at in fresh])
        spoken = [(doc, at) for doc, at in fresh if doc.pieces[at].spoken]
        behind = [f"{doc.pieces[at].before} {doc.pieces[at].read}" for doc, at in spoken]
        for (doc, at), one in zip(fresh, read, strict=True):
            doc.whole[at] = one
        for (doc, at), one in zip(spoken, await self._directions_of(behind), strict=True):
            doc.whole[at] = (doc.whole[at] + one) / 2

    async def _place_of(self, question: str) -> Encoded:
        return await self.reader().locate_question(question)

    async def _directions_of(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [one.unmapped for one in await self.reader().locate_answers(texts)]

    async def _read_together(
        self, question: str, asked: Encoded, pieces: Sequence[tuple[Document, int]]
    ) -> list[tuple[float, float]]:
        """For each piece, the pair reader's log-odds that it answers the question, and how near it
        lies behind the maps."""
        nats = await self._nats_of(question, [doc.pieces[at].read for doc, at in pieces])
        whole = np.stack([doc.whole[at] for doc, at in pieces])
        near = self.reader().map_answers(whole) @ asked.whole
        return list(zip(nats, near.tolist(), strict=True))

    async def _nats_of(self, question: str, texts: Sequence[str]) -> list[float]:
        """For each text, the log-odds by the pair reader that it answers the question, in nats."""
        return await self.reader().together(question, texts)


def stands_beside(second: Place, first: Place) -> bool:
    """Whether the second place is nearly as likely, and not a part of the first."""
    apart = second.source != first.source or second.start >= first.end or second.end <= first.start
    return apart and first.score - second.score <= CLOSE


def weigh(weights: dict[str, float], signs: dict[str, float]) -> float:
    return weights["at_first"] + sum(weights[name] * value for name, value in signs.items())


def plain(question: str, place: Place, doc: Document) -> dict[str, float]:
    """The features that words alone decide: the piece is a heading; the place lacks the kind of
    value that is asked for; a name in the question is missing from the document, or stands only
    elsewhere in it."""
    piece, around = place.piece, f"{place.title} {place.text}".lower()
    heading = not piece.heading and not piece.cells and piece.text[-1] not in ".!?"
    asked = names(question, language(guess(question)))
    around += f" {piece.heading} {piece.before}".lower()
    missing = [one for one in asked if one not in around and one[:-1] not in around]
    strange = any(one not in doc.folded and one[:-1] not in doc.folded for one in missing)
    return {
        "heading": float(heading),
        "lacks": float(lacks(question, f"{place.text} {values_of(piece)}")),
        "strange": float(strange),
        "elsewhere": float(bool(missing) and not strange),
    }


def values_of(piece: Piece) -> str:
    """The values of a row, each followed by the words of its column: "1000 cm höjd" for a column
    `höjd_cm`."""
    return ", ".join(f"{value} {' '.join(reversed(WORD.findall(name)))}"
                     for name, value in piece.cells if value)  # fmt: skip


def judge(places: list[Place], absent: float, source: Source) -> list[Place]:
    """The places with final scores, which take all of them into account."""
    every = float(np.logaddexp.reduce([one.score for one in places]))
    asked, weights = {"all": every, "absent": absent}, ASKED if source else ASKED_OF_ALL
    return [replace(one, score=weigh(weights, {"best": one.score, **asked})) for one in places]


def place_of(doc: Document, at: int, score: float, covered: float = 0.0) -> Place:
    """The place of a piece: with neighbours of its paragraph or list, up to SURROUNDING words; a
    piece that leans on the one before it takes that one before the next."""
    piece, first, last = doc.pieces[at], at, at
    words = len(piece.text.split())
    while not (piece.cells or piece.spoken):
        follows = last + 1 < len(doc.pieces) and stand_together(doc, last, last + 1)
        leads = first > 0 and stand_together(doc, first - 1, first)
        more = [side for side, there in ((last + 1, follows), (first - 1, leads)) if there]
        more = more[::-1] if piece.leans else more
        fits = [i for i in more if words + len(doc.pieces[i].text.split()) <= SURROUNDING]
        if not fits:
            break
        words += len(doc.pieces[fits[0]].text.split())
        first, last = min(first, fits[0]), max(last, fits[0])
    start, end = doc.pieces[first].start, doc.pieces[last].end
    text = " ".join(doc.text[start:end].split())
    return Place(doc.id, doc.title, piece, score, text, start, end, covered)


def stand_together(doc: Document, one: int, two: int) -> bool:
    """True if two neighbouring pieces belong to one paragraph, or to the list of one line."""
    first, second = doc.pieces[one], doc.pieces[two]
    hangs = second.before[-1:] == ":" and second.before in (first.text, first.before)
    return hangs or "\n\n" not in doc.text[first.start : second.end]
