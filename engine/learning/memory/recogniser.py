"""Finds the facts that a question may ask for: by embeddings of whole texts, then token by token.

A fact is known by its question, in each wording that was given, and by the question followed by
the answer. The thousandth fact costs what the tenth did.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from oneseek.engine.learning.memory.aligning import TERMS
from oneseek.engine.learning.memory.encoder import Meaning, unit

LIKELY = 4  # facts compared token by token: the nearest by question, and as many by answer
WORDS = 40  # tokens of a text that are kept, at most: the rarest
COMMON = 7.0  # nats: a token that is no rarer tells nothing
LEAST = 0.05  # weight of such a token all the same
NEAR, SURE = 0.25, 0.28  # with lower ones a version with facts answers more hard negatives
GONE = 0.17  # from this score on, a forgotten fact keeps versions from answering
# The name of a statement's embedding in a record. It ends with the hash of the files of the finder
# and the reader, shortened: a record that others made is made again.
FOUND = "found/5fef9d12"
TENS = 10  # scales cosines: embeddings of sentences lie close together


@dataclass
class Text:
    """One text: its embedding, those of its tokens as int8, and the weights of the tokens."""

    whole: np.ndarray  # [width]
    codes: np.ndarray  # int8 [tokens, width]
    steps: np.ndarray  # [tokens], the quantisation step of each
    counts: np.ndarray  # [tokens], weights

    @classmethod
    def of(cls, meaning: Meaning) -> Text:
        rarest = np.argsort(-meaning.rare, kind="stable")[:WORDS]
        directions = unit(meaning.states[rarest])
        steps = np.abs(directions).max(-1, initial=1e-9) / 127
        codes = np.round(directions / steps[:, None]).astype(np.int8)
        counts = np.maximum(meaning.rare[rarest] - COMMON, LEAST)
        return cls(meaning.whole, codes, steps.astype(np.float32), counts)

    @property
    def words(self) -> np.ndarray:
        return self.codes * self.steps[:, None]

    def pack(self) -> dict:
        rows = {name: half(getattr(self, name)) for name in ("whole", "steps", "counts")}
        return rows | {"codes": self.codes.tobytes()}

    @classmethod
    def from_packed(cls, data: dict) -> Text:
        whole, steps, counts = (floats(data[name]) for name in ("whole", "steps", "counts"))
        codes = np.frombuffer(data["codes"], np.int8).reshape(len(steps), len(whole))
        return cls(whole, codes, steps, counts)


def half(array: np.ndarray) -> bytes:
    return array.astype(np.float16).tobytes()


def floats(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.float16).astype(np.float32)


@dataclass
class FactEncoding:
    """The encoding of one fact: each wording of its question, the question with the answer, and, if
    it was told in a sentence, that sentence's embedding and terms, and by the ids of near
    statements the features read of both."""

    asked: list[Text]
    answered: Text
    said: np.ndarray | None = None
    terms: bytes = b""
    beside: dict[str, list[float]] = field(default_factory=dict)

    def pack(self) -> dict:
        known = {"asked": [one.pack() for one in self.asked], "answered": self.answered.pack()}
        if self.said is None:
            return known
        return known | {FOUND: half(self.said), TERMS: self.terms, "beside": self.beside}

    @classmethod
    def from_packed(cls, data: dict) -> FactEncoding:
        asked = [Text.from_packed(one) for one in data["asked"]]
        said = floats(data[FOUND]) if FOUND in data else None
        terms, beside = data.get(TERMS, b""), data.get("beside", {})
        return cls(asked, Text.from_packed(data["answered"]), said, terms, beside)


class Recogniser:
    """The index of all facts."""

    def __init__(self) -> None:
        self.known: dict[str, FactEncoding] = {}
        self._ids: list[str] = []
        self._asked = self._answered = np.zeros((0, 0), np.float32)

    def add(self, id: str, encoding: FactEncoding) -> None:
        self.known[id] = encoding
        self._ids = []

    def remove(self, id: str) -> None:
        self.known.pop(id, None)
        self._ids = []

    def likely(self, meaning: Meaning | None) -> list[tuple[str, dict[str, float]]]:
        """(id, features) of the facts that a question of this meaning may ask for."""
        if not self.known or meaning is None:
            return []
        asked, answered = self._nearness(meaning.whole)
        nearest = np.argsort(-asked, kind="stable")[: LIKELY + 1]
        places = dict.fromkeys([*nearest[:LIKELY], *np.argsort(-answered, kind="stable")[:LIKELY]])
        question, found = Text.of(meaning), []
        for at in places:
            other = next((asked[one] for one in nearest if one != at), asked[at])
            signs = {
                "question": float(asked[at]),
                "with_answer": float(answered[at]),
                "another_nearer": float(min(0.0, asked[at] - other)),
            }
            id = self._ids[at]
            found.append((id, signs | word_by_word(question, self.known[id])))
        return found

    def _nearness(self, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For every fact, TENS times the cosine between an embedding and its question, in the
        nearest wording, and between the embedding and the question with the answer."""
        if not self._ids:
            self._ids = list(self.known)
            every = [self.known[id] for id in self._ids]
            self._counts = np.array([len(encoding.asked) for encoding in every])
            self._asked = np.stack([text.whole for encoding in every for text in encoding.asked])
            self._answered = np.stack([encoding.answered.whole for encoding in every])
        begins = np.concatenate([[0], np.cumsum(self._counts)[:-1]])
        asked = np.maximum.reduceat(self._asked @ whole, begins)
        return TENS * asked, TENS * (self._answered @ whole)


def word_by_word(question: Text, encoding: FactEncoding) -> dict[str, float]:
    """Features of how well the tokens of a question match a fact, and those of the fact's question
    the question: on average, and where they match worst."""
    known = max(encoding.asked, key=lambda text: float(text.whole @ question.whole))
    in_fact, in_known = match_words(question, encoding.answered), match_words(question, known)
    in_question = match_words(known, question)
    return {
        "in_fact": mean(in_fact, question),
        "in_fact_least": least(in_fact),
        "in_fact_lost": measure_missing(in_fact, question),
        "in_question": mean(in_question, known),
        "in_question_least": least(in_question),
        "in_question_lost": measure_missing(in_question, known),
        "in_asked": mean(in_known, question),
        "in_asked_least": least(in_known),
    }


def match_words(words: Text, others: Text) -> np.ndarray:
    """For each token, its cosine with the nearest token of the other text."""
    if not len(words.codes) or not len(others.codes):
        return np.zeros(len(words.codes), np.float32)
    return (words.words @ others.words.T).max(-1)


def mean(found: np.ndarray, words: Text) -> float:
    return float(found @ words.counts / words.counts.sum()) if len(found) else 0.0


def least(found: np.ndarray) -> float:
    return float(found.min(initial=1.0))


def measure_missing(found: np.ndarray, words: Text) -> float:
    """The largest weight of a token times its distance from a match."""
    return float((words.counts * (1 - found)).max(initial=0.0))
