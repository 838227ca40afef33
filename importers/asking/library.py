"""The documents that can be asked: which piece of them answers a question, or that none does.

Pieces that share words with the question, or lie near it by their meaning, are read together with
it by the memory's reader of pairs. Function words weigh nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.encoder import NOT_HERE
from oneseek.engine.learning.memory.statements.evidence import plainly
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.memory.statements.said import FUNCTION_WORDS, rarity, stems
from oneseek.importers.asking.pieces import Piece, pieces
from oneseek.importers.asking.quoting import Place, answer_from, nothing_in

READ, COMPARED = 12, 1000  # pieces that are read with a question, and whose meaning is compared
FREQUENT, LONG = 1.2, 0.75  # how much a word's repetition counts, and a piece's length (BM25)
BESIDE, AROUND = 0.4, 0.5  # what a word counts that stands beside a piece; beside an utterance
USUAL = 64  # pieces
WORDS = 0.08  # what a nat of shared words counts beside nearness
PAIR, LOW = 0.15, -6.0  # what a nat of the reader counts there, and the least that it says
WEIGHTS = {
    "at_first": -2.6,
    "near": 0.5,
    "words": 0.32,
    "covered": 1.75,
    "read": 0.65,
    "unfit": -1.1,
    "heading": -3.0,
}
ANSWERS = -2.0  # nats from where on a piece answers a question that was put to its document
NEAREST = -3.2  # from where on it is offered as the nearest place, without being an answer
# The same where nobody said that a document is asked, and how much has to stand there of it.
SURE, COVERED = -1.6, 0.36
SURROUNDING = 45  # words of the place that is quoted around a piece


@dataclass
class Document:
    id: str
    title: str
    text: str
    owner: str = ""
    pieces: list[Piece] = field(default_factory=list)
    stems: list[Counter] = field(default_factory=list)
    beside: list[frozenset[str]] = field(default_factory=list)  # stems of what it is read with
    whole: dict[int, np.ndarray] = field(default_factory=dict)  # piece -> its direction

    def __post_init__(self) -> None:
        self.pieces = pieces(self.text)
        self.stems = [Counter(stems(one.text if one.spoken else one.read)) for one in self.pieces]
        following = [*(one.text if one.spoken else "" for one in self.pieces[1:]), ""]
        self.beside = [
            frozenset(stems(f"{one.heading} {one.before} {after}"))
            for one, after in zip(self.pieces, following, strict=False)
        ]


class Library:
    def __init__(self, store, reader: Callable[[], Reader]) -> None:
        self.store, self.reader = store, reader
        self.documents: dict[str, Document] = {}
        self.loaded = False

    async def load(self) -> None:
        """Every source whose text is kept beside it."""
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
        """Keep a source; its text can be asked from now on."""
        await self.load()
        await self.store.batch([["put", "sources", record["id"], record]])
        self._take(record)

    async def remove(self, id: str) -> None:
        await self.load()
        if id not in self.documents:
            raise LookupError(f"there is no source {id[:80]!r}")
        await self.store.batch([["delete", "sources", id]])
        del self.documents[id]

    async def asked(self, source: str, user: str) -> list[Document]:
        """The documents that somebody may ask: the one that is named, or all."""
        await self.load()
        own = [one for one in self.documents.values() if one.owner in ("", user)]
        found = [one for one in own if source in ("", one.id)]
        if source and not found:
            raise LookupError(f"there is no source {source[:80]!r}")
        return found

    async def find(
        self, question: str, source: str = "", user: str = "", most: int = READ
    ) -> list[Place]:
        """The pieces that a question asks for, the likeliest first."""
        documents = await self.asked(source, user)
        ranked = by_words(question, documents)[:COMPARED]
        if not ranked:
            return []
        try:
            (alone,) = await self.reader().alone([question])
            await self._read(ranked)
        except NOT_HERE:
            return [place_of(doc, at, words) for doc, at, words in ranked[:most] if words]
        near = [float(doc.whole[at] @ alone.whole) for doc, at, _ in ranked]
        first = [n + WORDS * words for n, (_, _, words) in zip(near, ranked, strict=True)]
        best = sorted(range(len(ranked)), key=lambda i: -first[i])[: max(READ, most)]
        texts = [ranked[i][0].pieces[ranked[i][1]].read for i in best[:READ]]
        pairs = dict(zip(best, await self.reader().together(question, texts), strict=False))
        covered = Covered(question, documents)
        found: list[tuple[float, Place]] = []
        for i in best:
            doc, at, words = ranked[i]
            covers, piece = covered.of(doc, at), doc.pieces[at]
            score, order = -math.inf, first[i]
            if i in pairs:
                signs = {"near": near[i], "words": words, "read": pairs[i], "covered": covers}
                score = weighed(signs | plain(question, piece))
                order += 0.0 if piece.spoken else PAIR * max(pairs[i], LOW)
            else:
                order += 0.0 if piece.spoken else PAIR * LOW
            found.append((order, place_of(doc, at, score, covers)))
        found.sort(key=lambda one: -one[0])
        return [place for _, place in found][:most]

    async def said(self, question: str, source: str, user: str) -> tuple[str, list[dict]] | None:
        """What is said of a question with the place that it stands in; that it is not in the source
        where one was named, perhaps with what is nearest; None where nothing was found."""
        found = await self.find(question, source, user)
        best = max(found, key=lambda one: one.score, default=None)
        if best and best.score >= (ANSWERS if source else SURE):
            if source or best.covered >= COVERED:
                return answer_from(best, question), [best.told()]
        if not source:
            return None
        (document,) = await self.asked(source, user)
        nearest = best if best and best.score >= NEAREST else None
        return nothing_in(document.title, question, nearest), []

    async def _read(self, ranked: Sequence[tuple[Document, int, float]]) -> None:
        """What the pieces mean that were not compared before."""
        fresh = [(doc, at) for doc, at, _ in ranked if at not in doc.whole]
        read = await self.reader().alone([doc.pieces[at].read for doc, at in fresh])
        spoken = [(doc, at) for doc, at in fresh if doc.pieces[at].spoken]
        behind = [f"{doc.pieces[at].before} {doc.pieces[at].read}" for doc, at in spoken]
        for (doc, at), one in zip(fresh, read, strict=True):
            doc.whole[at] = one.whole
        for (doc, at), one in zip(spoken, await self.reader().alone(behind), strict=True):
            doc.whole[at] = (doc.whole[at] + one.whole) / 2


class Covered:
    """How much of what a question asks for stands in a piece or above it, rare words first."""

    def __init__(self, question: str, documents: Sequence[Document]) -> None:
        asked = set(stems(question)) - FUNCTION_WORDS
        count = max(USUAL, sum(len(doc.pieces) for doc in documents))
        held = Counter(
            stem for doc in documents for own, beside in zip(doc.stems, doc.beside, strict=True)
            for stem in asked if own[stem] or stem in beside
        )  # fmt: skip
        self.rare = {stem: rarity(held[stem], count) for stem in asked}

    def of(self, doc: Document, at: int) -> float:
        own, beside = doc.stems[at], doc.beside[at]
        has = sum(rare for stem, rare in self.rare.items() if own[stem] or stem in beside)
        return has / (sum(self.rare.values()) or 1.0)


def by_words(question: str, documents: Sequence[Document]) -> list[tuple[Document, int, float]]:
    """All pieces with what the words count that they share with a question (BM25), best first."""
    every = [(doc, at) for doc in documents for at in range(len(doc.pieces))]
    asked = set(stems(question)) - FUNCTION_WORDS
    count = max(USUAL, len(every))
    mean = sum(doc.stems[at].total() for doc, at in every) / max(1, len(every))
    own = {stem: sum(doc.stems[at][stem] > 0 for doc, at in every) for stem in asked}
    above = {stem: sum(stem in doc.beside[at] for doc, at in every) for stem in asked}
    rare = {stem: rarity(own[stem] or above[stem], count) for stem in asked}

    def words(doc: Document, at: int) -> float:
        held, total = doc.stems[at], 0.0
        length = 1 - LONG + LONG * held.total() / (mean or 1)
        for stem in asked:
            if often := held[stem]:
                total += rare[stem] * often * (FREQUENT + 1) / (often + FREQUENT * length)
            elif stem in doc.beside[at]:
                total += (AROUND if doc.pieces[at].spoken else BESIDE) * rare[stem]
        return total

    scored = [(doc, at, words(doc, at)) for doc, at in every]
    return sorted(scored, key=lambda one: -one[2])


def weighed(signs: dict[str, float]) -> float:
    return WEIGHTS["at_first"] + sum(WEIGHTS[name] * value for name, value in signs.items())


def plain(question: str, piece: Piece) -> dict[str, float]:
    """What the words say plainly: a number or time is asked for and none stands there; it is a
    heading."""
    code = guess(question)
    unfit = plainly(question, piece.read, language(code), guess(piece.read) == code)["unfit"]
    heading = not piece.heading and not piece.cells and piece.text[-1] not in ".!?"
    return {"unfit": unfit, "heading": float(heading)}


def place_of(doc: Document, at: int, score: float, covered: float = 0.0) -> Place:
    """A piece with the sentences around it in its paragraph, while they are few."""
    piece, first, last = doc.pieces[at], at, at
    words = len(piece.text.split())
    while not (piece.cells or piece.spoken):
        follows = last + 1 < len(doc.pieces) and same_block(doc, last, last + 1)
        leads = first > 0 and same_block(doc, first - 1, first)
        more = [side for side, there in ((last + 1, follows), (first - 1, leads)) if there]
        fits = [i for i in more if words + len(doc.pieces[i].text.split()) <= SURROUNDING]
        if not fits:
            break
        words += len(doc.pieces[fits[0]].text.split())
        first, last = min(first, fits[0]), max(last, fits[0])
    start, end = doc.pieces[first].start, doc.pieces[last].end
    text = " ".join(doc.text[start:end].split())
    return Place(doc.id, doc.title, piece, score, text, start, end, covered)


def same_block(doc: Document, one: int, two: int) -> bool:
    return "\n\n" not in doc.text[doc.pieces[one].start : doc.pieces[two].end]
