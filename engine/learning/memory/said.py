"""Every sentence that was said, found by its words and by its meaning at once."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np

from oneseek.engine.learning.lessons import fold

NEAREST = 4  # sentences that are read together with a question
FREQUENT, LONG = 1.2, 0.75  # how much a word's repetition counts, and a sentence's length (BM25)
STEM = 5  # letters by which words are forms of one
WORDS = 0.035  # what a nat of shared words counts beside nearness


def stems(text: str) -> list[str]:
    return [word[:STEM] for word in fold(text).split()]


class Said:
    def __init__(self) -> None:
        self._ids: list[str] = []
        self._owners: list[str] = []
        self._rows = np.zeros((0, 0), np.float32)  # a direction each; more rows than sentences
        self._held: dict[str, dict[str, int]] = defaultdict(dict)  # stem -> sentence -> how often
        self._stems: dict[str, Counter[str]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: str, text: str, whole: np.ndarray, owner: str = "") -> None:
        self.remove(id)
        count = len(self._ids)
        if count == len(self._rows):
            rows = np.zeros((max(16, 2 * count), len(whole)), np.float32)
            rows[:count] = self._rows[:count] if count else 0
            self._rows = rows
        self._rows[count] = whole
        self._ids.append(id)
        self._owners.append(owner)
        self._stems[id] = Counter(stems(text))
        for stem, often in self._stems[id].items():
            self._held[stem][id] = often

    def remove(self, id: str) -> None:
        """The last one takes its place."""
        if id not in self._stems:
            return
        at, last = self._ids.index(id), len(self._ids) - 1
        for column in (self._ids, self._owners):
            column[at] = column[last]
            column.pop()
        self._rows[at] = self._rows[last]
        for stem in self._stems.pop(id):
            del self._held[stem][id]

    def nearest(self, question: str, whole: np.ndarray, owner: str = "") -> list[str]:
        """The sentences of somebody that may answer a question, the likeliest first."""
        count = len(self._ids)
        if not count:
            return []
        near = self._rows[:count] @ whole
        shared = self._shared(question)
        near += WORDS * np.array([shared.get(id, 0.0) for id in self._ids], np.float32)
        some = np.argsort(-near, kind="stable")
        own = (self._ids[at] for at in some if self._owners[at] == owner)
        return list(itertools.islice(own, NEAREST))

    def _shared(self, question: str) -> dict[str, float]:
        """Of the sentences that share words with a question, what these count."""
        count, found = len(self._ids), defaultdict[str, float](float)
        mean = sum(stems.total() for stems in self._stems.values()) / count
        for stem in set(stems(question)):
            held = self._held.get(stem)
            if not held:
                continue
            rare = math.log(1 + (count - len(held) + 0.5) / (len(held) + 0.5))
            for id, often in held.items():
                length = 1 - LONG + LONG * self._stems[id].total() / mean
                found[id] += rare * often * (FREQUENT + 1) / (often + FREQUENT * length)
        return found
