"""Reads statements: what kind of sentence one is, where it lies, and whether it answers a question.

The lower half of the encoder's layers, tuned for it by tests/golden/tune_reader.py, reads what kind
of sentence one is, and, behind a question, whether it answers that.  By the whole of the encoder,
whose upper layers and two maps are tuned by tests/golden/tune_finder.py, a sentence lies near the
questions that it answers, also those in other words; what its first layers, as they were published,
make of each alone is held against each other word by word (`aligning`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from oneseek.engine.learning.memory.aligning import Terms
from oneseek.engine.learning.memory.encoder import (
    BEFORE,
    BEFORE_SAID,
    FIND,
    SAID,
    Encoder,
    groups,
    unit,
)
from oneseek.engine.learning.memory.statements import stating

ALONE, ASKED, ANSWERING = 96, 48, 80  # tokens that are read of a sentence, a question, its answer


class Sentence(NamedTuple):
    """Of one text: its direction, and how likely it states something of the person's own, or asks
    for something of the kind."""

    whole: np.ndarray  # [width]
    states: float
    asks: float


class Place(NamedTuple):
    """Where a text lies: its direction near what answers it or what it answers, its terms, and the
    direction before the maps, by which passages of documents are found."""

    whole: np.ndarray  # [width]
    terms: Terms
    unmapped: np.ndarray  # [width]


class Reader:
    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.stating, self.asks = stating.load_weights(), stating.load_weights(stating.ASKS)

    async def alone(self, texts: Sequence[str]) -> list[Sentence]:
        await self.encoder.load()
        rows = [self._row(self._tokens(text, ALONE)) for text in texts]
        means = await self._means(rows)
        return [self._sentence(text, mean) for text, mean in zip(texts, means, strict=True)]

    async def read_question(
        self, question: str, sentences: Sequence[str]
    ) -> tuple[Sentence, list[float]]:
        """What a question is by itself, and what reading it with each of some sentences says for
        its being the answer, in nats; all in one run."""
        await self.encoder.load()
        rows = [self._row(self._tokens(question, ALONE))]
        rows += [self._pair(question, one) for one in sentences]
        mean, *means = await self._means(rows)
        nats = self._head("pair", np.stack(means))[:, 0].tolist() if means else []
        return self._sentence(question, mean), nats

    async def locate_question(self, question: str) -> Place:
        """Where a question lies, near to which what answers it lies."""
        (found,) = await self._locate([question], BEFORE, "asked")
        return found

    async def locate_answers(self, texts: Sequence[str]) -> list[Place]:
        """Where what may answer questions lies."""
        return await self._locate(texts, BEFORE_SAID, "said")

    async def _locate(self, texts: Sequence[str], before: str, way: str) -> list[Place]:
        await self.encoder.load()
        begin = self._tokens(before, ALONE)
        rows = [self._row([*begin, *self._tokens(text, ALONE)]) for text in texts]
        read = [await self.encoder.read_published(group) for group in groups(rows)]
        weight, bias = (self.encoder.heads[f"{FIND}{way}.{part}"] for part in ("weight", "bias"))
        found = ((unit(states.mean(0)), terms) for some in read for states, terms in some)
        return [Place(unit(weight @ whole + bias), terms, whole) for whole, terms in found]

    async def align(self, asked: Terms, said: Sequence[Terms]) -> list[float]:
        """What holding a question against each of some sentences, word by word, says for its being
        the answer, in nats."""
        return await self.encoder.align(asked, said)

    async def together(self, question: str, sentences: Sequence[str]) -> list[float]:
        """What reading a question with each of some sentences says for its being the answer, in
        nats."""
        return await self._pairs([(question, one) for one in sentences], "pair")

    async def beside(self, earlier: Sequence[str], later: Sequence[str]) -> list[list[float]]:
        """Of pairs of statements: what reading them says for the later one's taking back the
        earlier, and for its answering what that is about; in nats."""
        read = await self._read(list(zip(earlier, later, strict=True)))
        return [
            list(both)
            for both in zip(
                *(self._head(h, read)[:, 0].tolist() for h in ("replaces", "pair")), strict=True
            )
        ]

    async def takes_back(self, before: str, message: str) -> float:
        """How likely a message corrects or ends what was said right before it."""
        (nats,) = await self._pairs([(before, message)], "change")
        return sigmoid(nats)

    async def _pairs(self, pairs: Sequence[tuple[str, str]], head: str) -> list[float]:
        return self._head(head, await self._read(pairs))[:, 0].tolist()

    async def _read(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        await self.encoder.load()
        return np.stack(await self._means([self._pair(one, two) for one, two in pairs]))

    def _pair(self, one: str, two: str) -> list[int]:
        end = self.encoder.end
        return self._row([*self._tokens(one, ASKED), end, end, *self._tokens(two, ANSWERING)])

    def _tokens(self, text: str, most: int) -> list[int]:
        words = self.encoder.words  # what lies beyond the longest `most` pieces is not looked at
        return words.encode(text[: most * words.longest])[:most]

    def _row(self, tokens: list[int]) -> list[int]:
        return [self.encoder.before[0], *tokens, self.encoder.end]

    async def _means(self, rows: list[list[int]]) -> list[np.ndarray]:
        read = [await self.encoder.states(group, SAID) for group in groups(rows)]
        return [states.mean(0) for group in read for states in group]

    def _head(self, name: str, states: np.ndarray) -> np.ndarray:
        weight, bias = (self.encoder.heads[f"{SAID}{name}.{part}"] for part in ("weight", "bias"))
        return states @ weight.T + bias

    def _sentence(self, text: str, mean: np.ndarray) -> Sentence:
        whole = unit(mean)
        return Sentence(whole, self.stating.likely(whole, text), self.asks.likely(whole, text))


def sigmoid(nats: float) -> float:
    return 1 / (1 + math.exp(-nats))
