"""An index of all statements, which finds them by embedding and by words (BM25) at once."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from oneseek.engine.learning.lessons import fold, language

CLOSE, RARE = 100, 200  # sentences scored by words: the closest; a word in more is not rare
NEAREST, WITHIN = 6, 0.7  # sentences that are returned, at most; how far behind the first
FAR, SPREAD = 0.16, 1.35  # cosine that becomes 0, and the scale of the rest
FREQUENT, LONG = 1.2, 0.75  # BM25's k1 (repetitions of a word) and b (length of a sentence)
USUAL = 64  # sentences: in smaller and larger stores a word counts as it does among so many
STEM = 5  # letters that forms of one word share
WORDS = 0.02  # score of a nat of shared words, beside the rescaled cosine


def stems(text: str) -> list[str]:
    return [word[:STEM] for word in fold(text).split()]


def rarity(held: int, count: int) -> float:
    """The nats of a word (BM25's idf) that `held` of `count` sentences hold."""
    return math.log(1 + (count - held + 0.5) / (held + 0.5))


def rescale(cosine: np.ndarray) -> np.ndarray:
    """A cosine on a wider scale, since all texts lie close together for the encoder."""
    return SPREAD * (cosine - FAR)


FUNCTION_WORDS = frozenset(
    stem for code in ("en", "sv") for word in language(code).function_words for stem in stems(word)
)


class StatementIndex:
    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[str, int] = {}  # id -> row
        self._words = 0  # in all sentences
        self._owners: dict[str, int] = {}  # owner -> number
        self._whose = np.zeros(0, np.int32)  # row -> number of its owner; spare rows
        self._rows = np.zeros((0, 0), np.float32)  # row -> embedding; spare rows
        self._held: dict[str, dict[str, int]] = defaultdict(dict)  # stem -> id -> how often
        self._stems: dict[str, Counter[str]] = {}
        self.terms: dict[str, bytes] = {}  # packed, by id; a sentence may have none yet

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: str) -> bool:
        return id in self._at

    def add(
        self, id: str, text: str, whole: np.ndarray, owner: str = "", terms: bytes = b""
    ) -> None:
        self.remove(id)
        count = len(self._ids)
        if count == len(self._rows):
            rows = np.zeros((max(16, 2 * count), len(whole)), np.float32)
            rows[:count] = self._rows[:count] if count else 0
            self._rows, self._whose = rows, np.resize(self._whose, len(rows))
        self._rows[count] = whole
        self._whose[count] = self._owners.setdefault(owner, len(self._owners))
        self._ids.append(id)
        self._at[id] = count
        if terms:
            self.terms[id] = terms
        self._stems[id] = Counter(stems(text))
        self._words += self._stems[id].total()
        for stem, often in self._stems[id].items():
            self._held[stem][id] = often

    def remove(self, id: str) -> None:
        """Remove a sentence; the last one takes its row."""
        if id not in self._stems:
            return
        self.terms.pop(id, None)
        at, last = self._at.pop(id), len(self._ids) - 1
        self._ids[at] = self._ids[last]
        self._ids.pop()
        self._rows[at], self._whose[at] = self._rows[last], self._whose[last]
        if at != last:
            self._at[self._ids[at]] = at
        self._words -= self._stems[id].total()
        for stem in self._stems.pop(id):
            del self._held[stem][id]

    def nearest(
        self,
        question: str,
        whole: np.ndarray,
        owner: str = "",
        most: int = NEAREST,
        within: float = WITHIN,
    ) -> dict[str, float]:
        """The scores of a user's sentences that may answer a question, the highest first: at most
        `most`, and at most `within` behind the first."""
        number = self._owners.get(owner, -1)
        own = np.flatnonzero(self._whose[: len(self._ids)] == number)
        if not len(own):
            return {}
        near = self._near(whole)
        some = own[np.argsort(-near[own], kind="stable")[:CLOSE]]
        shared = self._score_shared(question, [self._ids[at] for at in some])
        score = {id: float(near[self._at[id]]) + WORDS * counts for id, counts in shared.items()}
        mine = (id for id in score if self._whose[self._at[id]] == number)
        best = sorted(mine, key=lambda id: -score[id])[:most]
        return {id: score[id] for id in best if score[id] >= score[best[0]] - within}

    def nearness(self, question: str, whole: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        """The scores of some sentences for a question."""
        near, shared = self._near(whole), self._score_shared(question, ids)
        return {id: float(near[self._at[id]]) + WORDS * shared[id] for id in ids}

    def measure_shared(self, one: str, other: str) -> float:
        """The nats of the rarest word that two sentences share; 0 if they share none."""
        count = max(len(self._ids), USUAL)
        both = (set(stems(one)) & set(stems(other))) - FUNCTION_WORDS
        return max(
            (rarity(len(self._held.get(stem, {})) or 1, count) for stem in both), default=0.0
        )

    def count_unknown(self, question: str) -> int:
        """How many words of a question stand in no sentence."""
        words = set(stems(question)) - FUNCTION_WORDS
        return sum(not self._held.get(stem) for stem in words)

    def find_by_stem(self, stem: str) -> list[str]:
        """The ids of the sentences that hold a stem."""
        return list(self._held.get(stem, ()))

    def near(self, id: str, whole: np.ndarray) -> float:
        """The rescaled cosine between a sentence and an embedding, regardless of words."""
        return float(rescale(self._rows[self._at[id]] @ whole))

    def _near(self, whole: np.ndarray) -> np.ndarray:
        return rescale(self._rows[: len(self._ids)] @ whole)

    def _score_shared(self, question: str, close: Sequence[str]) -> dict[str, float]:
        """The BM25 scores of the sentences that are `close` to a question, and of all that share a
        rare word with it."""
        count, found = len(self._ids), dict.fromkeys(close, 0.0)
        mean, count = self._words / count, max(count, USUAL)
        scale = rarity(1, USUAL) / rarity(1, count)
        for stem in set(stems(question)) - FUNCTION_WORDS:
            held = self._held.get(stem, {})
            rare = scale * rarity(len(held), count)
            for id in held if len(held) <= RARE else [id for id in close if id in held]:
                often, length = held[id], 1 - LONG + LONG * self._stems[id].total() / mean
                counts = rare * often * (FREQUENT + 1) / (often + FREQUENT * length)
                found[id] = found.get(id, 0.0) + counts
        return found
