"""Documents that can be asked, and the BM25 scores of their pieces for a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.second_look import content
from oneseek.engine.learning.memory.statements.said import rarity
from oneseek.importers.asking.pieces import Piece, pieces
from oneseek.importers.asking.vocabulary import Words

FREQUENT, LONG = 1.2, 0.75  # BM25: saturation of repeated words, and the weight of a piece's length
BESIDE, AROUND = 0.4, 0.5  # weight of a word beside a piece; beside an utterance
# The kind of thing that is asked for or counted.
FOCUS = re.compile(
    r"\b(?:how many|hur många|vilken|vilket|vilka|(?:what|which|who)(?:'s| is| are| was| were)?|"
    r"(?:vad|vem) (?:är|var))(?: the| a| an| our| your| my| kind of)? ([^\W\d_]{3,})",
    re.I,
)
USUAL = 64  # pieces; for rarity, a smaller collection counts as if it had so many


@dataclass
class Document:
    id: str
    title: str
    text: str
    owner: str = ""
    pieces: list[Piece] = field(default_factory=list)
    whole: dict[int, np.ndarray] = field(default_factory=dict)  # piece -> its embedding
    folded: str = ""  # title and text in lower case, to compare with names
    _words: dict[str, Words] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pieces = pieces(self.text)
        self.folded = f"{self.title} {self.text}".lower()

    def words(self, code: str) -> Words:
        if code not in self._words:
            self._words[code] = Words(self.pieces, language(code))
        return self._words[code]


class Wording:
    """Scores the pieces of some documents by the words that they share with a question."""

    def __init__(self, question: str, documents: Sequence[Document]) -> None:
        code = guess(question)
        asked = sorted(content(question, language(code)))
        focus = FOCUS.search(question)
        self.focus = focus[1].lower() if focus else ""
        self.asked, self.documents = asked, documents
        self.found = {}  # document -> of each word its counts by piece, in it and beside it
        for number, doc in enumerate(documents):
            words = doc.words(code)
            self.found[number] = [
                (words.own.count_by_text(a), words.beside.count_by_text(a)) for a in asked
            ]
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
        self.absent = sum(missing) / self.whole  # share of the question that no document holds

    def rank(self) -> list[tuple[Document, int, float, float, bool]]:
        """All pieces, the best first: document, index, BM25 score, covered share of the question,
        and whether the piece lacks the kind of thing that is asked for."""
        every = [
            (doc, at, *self.of(number, at)) for number, doc in enumerate(self.documents)
            for at in range(len(doc.pieces))
        ]  # fmt: skip
        return sorted(every, key=lambda one: -one[2])

    def of(self, number: int, at: int) -> tuple[float, float, bool]:
        total, covered, lacks = 0.0, 0.0, False
        length = 1 - LONG + LONG * self.lengths[number][at] / self.mean
        beside = AROUND if self.documents[number].pieces[at].spoken else BESIDE
        for word, rare, (own, around) in zip(
            self.asked, self.rare, self.found[number], strict=True
        ):
            if often := own[at]:
                total += rare * often * (FREQUENT + 1) / (often + FREQUENT * length)
            elif around[at]:
                total += beside * rare
            holds = own[at] or around[at]
            covered += rare if holds else 0.0
            lacks |= word == self.focus and not holds
        return total, covered / self.whole, lacks
