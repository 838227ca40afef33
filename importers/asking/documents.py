"""Documents as they are asked, and what the words of a question count in their pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.second_look import content
from oneseek.engine.learning.memory.statements.said import rarity
from oneseek.importers.asking.pieces import Piece, pieces
from oneseek.importers.asking.vocabulary import Vocabulary, Words

FREQUENT, LONG = 1.2, 0.75  # how much a word's repetition counts, and a piece's length (BM25)
BESIDE, AROUND = 0.4, 0.5  # what a word counts that stands beside a piece; beside an utterance
USUAL = 64  # pieces; what a word counts in fewer of them is brought to this many


@dataclass
class Document:
    id: str
    title: str
    text: str
    owner: str = ""
    pieces: list[Piece] = field(default_factory=list)
    whole: dict[int, np.ndarray] = field(default_factory=dict)  # piece -> its direction
    _words: dict[str, Words] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pieces = pieces(self.text)

    def words(self, code: str) -> Words:
        if code not in self._words:
            self._words[code] = Words(self.pieces, self.title, language(code))
        return self._words[code]


class Worded(NamedTuple):
    """A piece, what the words count that it shares with a question (BM25), and how much of the
    question stands in it or beside it, in it alone, in its document, and in the title of that."""

    doc: Document
    at: int
    words: float
    covered: float
    own: float
    held: float
    titled: float


class Wording:
    """What the words of a question count in the pieces of some documents."""

    def __init__(self, question: str, documents: Sequence[Document]) -> None:
        code = guess(question)
        asked = sorted(content(question, language(code)))
        self.documents = documents
        self.found = {}  # document -> for each word, in which of its pieces it stands, and beside
        for number, doc in enumerate(documents):
            words = doc.words(code)
            self.found[number] = [(words.own.holding(a), words.beside.holding(a)) for a in asked]
        count = sum(len(doc.pieces) for doc in documents)
        total = sum(sum(doc.words(code).own.lengths) for doc in documents)
        self.lengths = [doc.words(code).own.lengths for doc in documents]
        self.mean = total / max(1, count) or 1.0
        held = [
            sum(len(some[i][0]) for some in self.found.values())
            or sum(len(some[i][1]) for some in self.found.values())
            for i in range(len(asked))
        ]
        self.rare = [rarity(some, max(USUAL, count)) for some in held]
        self.whole = sum(self.rare) or 1.0
        missing = (rare for rare, some in zip(self.rare, held, strict=True) if not some)
        self.absent = sum(missing) / self.whole  # how much of it no document holds
        each = [list(zip(self.rare, self.found[number], strict=True)) for number in self.found]
        self.held = [sum(rare for rare, (own, _) in some if own) / self.whole for some in each]
        self.titled = [self._titled(doc.words(code).title, asked) for doc in documents]

    def _titled(self, title: Vocabulary, asked: Sequence[str]) -> float:
        """How much of the question stands in a title."""
        held = zip(self.rare, asked, strict=True)
        return sum(rare for rare, word in held if title.holding(word)) / self.whole

    def ranked(self) -> list[Worded]:
        """All pieces, the one with the most of the question's words first."""
        every = [
            self.of(number, at) for number, doc in enumerate(self.documents)
            for at in range(len(doc.pieces))
        ]  # fmt: skip
        return sorted(every, key=lambda one: -one.words)

    def of(self, number: int, at: int) -> Worded:
        total, covered, itself = 0.0, 0.0, 0.0
        doc = self.documents[number]
        length = 1 - LONG + LONG * self.lengths[number][at] / self.mean
        beside = AROUND if doc.pieces[at].spoken else BESIDE
        for rare, (own, around) in zip(self.rare, self.found[number], strict=True):
            if often := own[at]:
                total += rare * often * (FREQUENT + 1) / (often + FREQUENT * length)
                itself += rare
            elif around[at]:
                total += beside * rare
            covered += rare if own[at] or around[at] else 0.0
        shares = covered / self.whole, itself / self.whole
        return Worded(doc, at, total, *shares, self.held[number], self.titled[number])
