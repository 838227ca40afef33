"""Every sentence that was said, found by its words and by its meaning at once."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from oneseek.engine.learning.lessons import fold, language

CLOSE, RARE = 100, 200  # sentences whose words are compared: the closest, those of a rare word
NEAREST, WITHIN = 6, 0.7  # sentences that are read together with a question, so near the nearest
FAR, SPREAD = 0.16, 1.35  # cosine from where on a sentence is near, and how much more counts
FREQUENT, LONG = 1.2, 0.75  # how much a word's repetition counts, and a sentence's length (BM25)
USUAL = 64  # sentences; what a word counts in fewer or more of them is brought to this many
STEM = 5  # letters by which words are forms of one
WORDS = 0.02  # what a nat of shared words counts beside nearness


def stems(text: str) -> list[str]:
    return [word[:STEM] for word in fold(text).split()]


def rarity(held: int, count: int) -> float:
    """Nats of a word that so many of all sentences hold."""
    return math.log(1 + (count - held + 0.5) / (held + 0.5))


def rescale(cosine: np.ndarray) -> np.ndarray:
    """All texts lie close together for the encoder."""
    return SPREAD * (cosine - FAR)


FUNCTION_WORDS = frozenset(
    stem for code in ("en", "sv") for word in language(code).function_words for stem in stems(word)
)


class Said:
    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[str, int] = {}  # the place of each of them
        self._words = 0  # of all sentences
        self._owners: dict[str, int] = {}  # the number of each
        self._whose = np.zeros(0, np.int32)  # the number of the owner of each sentence, and more
        self._rows = np.zeros((0, 0), np.float32)  # a direction each; more rows than sentences
        self._held: dict[str, dict[str, int]] = defaultdict(dict)  # stem -> sentence -> how often
        self._stems: dict[str, Counter[str]] = {}
        self.terms: dict[str, bytes] = {}  # as they are kept; some sentences may have none yet

    def __len__(self) -> int:
        return len(self._ids)

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
        """The last one takes its place."""
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
        """The sentences of somebody that may answer a question, the likeliest first, and how near
        each is."""
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
        """How near each of some sentences is."""
        near, shared = self._near(whole), self._score_shared(question, ids)
        return {id: float(near[self._at[id]]) + WORDS * shared[id] for id in ids}

    def measure_shared(self, one: str, other: str) -> float:
        """How rare the rarest word is that two sentences share, in nats."""
        count = max(len(self._ids), USUAL)
        both = (set(stems(one)) & set(stems(other))) - FUNCTION_WORDS
        return max(
            (rarity(len(self._held.get(stem, {})) or 1, count) for stem in both), default=0.0
        )

    def find_by_stem(self, stem: str) -> list[str]:
        """The sentences that hold a word."""
        return list(self._held.get(stem, ()))

    def near(self, id: str, whole: np.ndarray) -> float:
        """How near a sentence lies to a direction, its words apart."""
        return float(rescale(self._rows[self._at[id]] @ whole))

    def _near(self, whole: np.ndarray) -> np.ndarray:
        return rescale(self._rows[: len(self._ids)] @ whole)

    def _score_shared(self, question: str, close: Sequence[str]) -> dict[str, float]:
        """What the words count that sentences share with a question: of those that are close to it,
        and of all that share a rare word."""
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
