"""Reads statements: whether a sentence is one, its embedding, and whether it answers a question.

The lower half of the encoder's layers, tuned by tests/golden/tune_reader.py, classifies a sentence,
and is the cross-encoder that scores it behind a question. The whole encoder is the bi-encoder:
tests/golden/tune_finder.py tunes its upper layers and two linear maps, so that a sentence lies near
the questions that it answers, also those in other words. Its first layers, as published, give the
terms by which both are compared token by token (`aligning`).
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
    VIEWED,
    Encoder,
    groups,
    unit,
)
from oneseek.engine.learning.memory.statements import stating

ALONE, ASKED, ANSWERING = 96, 48, 80  # tokens read, at most: of a text alone, question, answer
LATEST = 16  # texts whose places stay at hand
FEW, VIEWS = 4, 3 + len(VIEWED)  # first and last tokens that are a view of a text; its views


class Sentence(NamedTuple):
    """The classification of one text: its embedding, and the probability that it states something
    of the person's own."""

    whole: np.ndarray  # [width]
    states: float


class Asking(NamedTuple):
    """The classification of a question: the probabilities that it states something of the person's
    own, and that it asks for that."""

    states: float
    asks: float


class Place(NamedTuple):
    """The encoding of a text for retrieval: its embedding, near what answers it or what it answers;
    its terms; the embedding before the maps, by which passages of documents are found; and the mean
    of a middle layer, which tells kinds of texts apart."""

    whole: np.ndarray  # [width]
    terms: Terms
    unmapped: np.ndarray  # [width]
    middle: np.ndarray  # [width]


class Reader:
    """The three models of statements, on one encoder: the reader (`alone`, `view`, `read_question`,
    `together`, `beside`, `takes_back`), the finder (`locate_question`, `locate_answers`) and the
    aligner (`align`)."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.stating, self.asks = stating.load_weights(), stating.load_weights(stating.ASKS)
        self._located: dict[str, Place] = {}  # by their texts, the latest last

    async def view(self, texts: Sequence[str]) -> np.ndarray:
        """What tells kinds of texts apart, [texts, VIEWS x width]: the mean of the reader's states
        over all tokens, the first and the last few, and of the published layers VIEWED."""
        await self.encoder.load()
        parts = slice(None), slice(1, 1 + FEW), slice(-1 - FEW, -1)
        own = await self._states([self._row(self._tokens(text, ALONE)) for text in texts])
        below = await self.read_middle(texts)
        return np.array(
            [
                np.concatenate([*(states[part].mean(0) for part in parts), *lower])
                for states, lower in zip(own, below, strict=True)
            ]
        )

    async def embed(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The embeddings of texts, each read alone."""
        await self.encoder.load()
        rows = [self._row(self._tokens(text, ALONE)) for text in texts]
        return [unit(mean) for mean in await self._means(rows)]

    async def alone(self, texts: Sequence[str]) -> list[Sentence]:
        wholes = await self.embed(texts)
        each = zip(texts, wholes, await self.locate_answers(texts), strict=True)
        return [
            Sentence(whole, self.stating.likely(join_views(whole, place.middle), text))
            for text, whole, place in each
        ]

    async def read_middle(
        self, texts: Sequence[str], before: str = BEFORE
    ) -> list[list[np.ndarray]]:
        """For each text, the means of the published layers VIEWED."""
        await self.encoder.load()
        each = []
        for group in groups(self._rows_behind(before, texts)):
            read = await self.encoder.read_viewed(group)
            each += [[one.mean(0) for one in layers] for layers in zip(*read, strict=True)]
        return each

    async def read_question(
        self, question: str, sentences: Sequence[str], place: Place
    ) -> tuple[Asking, list[float]]:
        """The classification of a question whose place is known, and for each sentence the
        cross-encoder's logit that it answers the question. All of them are encoded together."""
        await self.encoder.load()
        rows = [self._row(self._tokens(question, ALONE))]
        rows += [self._pair(question, one) for one in sentences]
        mean, *means = await self._means(rows)
        nats = self._head("pair", np.stack(means))[:, 0].tolist() if means else []
        both = join_views(unit(mean), place.middle)
        states, asks = self.stating.likely(both, question), self.asks.likely(both, question)
        return Asking(states, asks), nats

    async def locate_question(self, question: str) -> Place:
        """The encoding of a question, near which what answers it lies."""
        (found,) = await self._locate([question], BEFORE, "asked")
        return found

    async def locate_answers(self, texts: Sequence[str]) -> list[Place]:
        """The encodings of texts that may answer questions. The latest stay at hand: a sentence is
        located when it is heard, and again when it is kept."""
        known = {text: self._located[text] for text in texts if text in self._located}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known |= zip(new, await self._locate(new, BEFORE_SAID, "said"), strict=True)
        self._located |= known
        for text in list(self._located)[:-LATEST]:
            del self._located[text]
        return [known[text] for text in texts]

    async def _locate(self, texts: Sequence[str], before: str, way: str) -> list[Place]:
        await self.encoder.load()
        rows = groups(self._rows_behind(before, texts))
        read = [await self.encoder.read_published(group) for group in rows]
        places = []
        for states, terms, middle in (one for some in read for one in some):
            whole = unit(states.mean(0))
            places.append(Place(self._map(whole, way), terms, whole, middle.mean(0)))
        return places

    def map_answers(self, unmapped: np.ndarray) -> np.ndarray:
        """The embeddings of texts that may answer, [texts, width], from those before the map."""
        return self._map(unmapped, "said")

    def _map(self, whole: np.ndarray, way: str) -> np.ndarray:
        weight, bias = (self.encoder.heads[f"{FIND}{way}.{part}"] for part in ("weight", "bias"))
        return unit(whole @ weight.T + bias)

    async def align(self, asked: Terms, said: Sequence[Terms]) -> list[float]:
        """For each sentence, the aligner's logit that it answers a question."""
        return await self.encoder.align(asked, said)

    async def together(self, question: str, sentences: Sequence[str]) -> list[float]:
        """For each sentence, the cross-encoder's logit that it answers a question."""
        return await self._pairs([(question, one) for one in sentences], "pair")

    async def beside(self, earlier: Sequence[str], later: Sequence[str]) -> list[list[float]]:
        """For each pair of statements, the logits that the later one replaces the earlier one, and
        that it answers what the earlier one is about."""
        read = await self.read_pairs(list(zip(earlier, later, strict=True)))
        return [
            list(both)
            for both in zip(
                *(self._head(h, read)[:, 0].tolist() for h in ("replaces", "pair")), strict=True
            )
        ]

    async def _pairs(self, pairs: Sequence[tuple[str, str]], head: str) -> list[float]:
        return self._head(head, await self.read_pairs(pairs))[:, 0].tolist()

    async def read_pairs(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The embeddings of pairs of texts, each pair read together."""
        await self.encoder.load()
        return np.stack(await self._means([self._pair(one, two) for one, two in pairs]))

    def _pair(self, one: str, two: str) -> list[int]:
        end = self.encoder.end
        return self._row([*self._tokens(one, ASKED), end, end, *self._tokens(two, ANSWERING)])

    def _tokens(self, text: str, most: int) -> list[int]:
        words = self.encoder.words  # `most` pieces reach no further than that
        return words.encode(text[: most * words.longest])[:most]

    def _row(self, tokens: list[int]) -> list[int]:
        return [self.encoder.before[0], *tokens, self.encoder.end]

    def _rows_behind(self, before: str, texts: Sequence[str]) -> list[list[int]]:
        begin = self._tokens(before, ALONE)
        return [self._row([*begin, *self._tokens(text, ALONE)]) for text in texts]

    async def _states(self, rows: list[list[int]]) -> list[np.ndarray]:
        return [one for group in groups(rows) for one in await self.encoder.states(group, SAID)]

    async def _means(self, rows: list[list[int]]) -> list[np.ndarray]:
        return [states.mean(0) for states in await self._states(rows)]

    def _head(self, name: str, states: np.ndarray) -> np.ndarray:
        weight, bias = (self.encoder.heads[f"{SAID}{name}.{part}"] for part in ("weight", "bias"))
        return states @ weight.T + bias


def join_views(whole: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The embedding of a text with the direction of the mean of its middle layer."""
    return np.concatenate([whole, unit(middle)])


def sigmoid(nats: float) -> float:
    return 1 / (1 + math.exp(-nats))
