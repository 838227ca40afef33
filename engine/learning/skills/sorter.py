"""Which skill a text asks for, if any: one kernel ridge regression to the skills and to none of
them, over what texts mean and how they are written.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Sequence

import numpy as np

from oneseek.engine.learning.memory.encoder import unit

PLACES, LETTERS = 1024, (2, 3, 4)  # of the counts of so many letters together
FIRST_WORDS, FEW_WORDS = 3, 8
WRITTEN = 0.7  # what letters weigh beside a meaning
NARROW = 0.1  # of the kernel: how fast likeness falls with the square of a distance
STIFF, AGAINST = 0.17, 2.0  # of the fit, and what texts that ask for none weigh beside a skill's
NONE = 0.5  # how much of what speaks for no skill is set against what speaks for one
SURE = 0.2  # so much more, of 1, asks for it
PIECE = 128  # rows that are compared with all before others have their turn


def features_of(texts: Sequence[str], directions: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """What is known of texts: their meaning, of which most is the same for all, their letters and
    their form."""
    meant = [unit(half) for half in np.split(directions - middle, 2, axis=1)]
    letters = WRITTEN * np.stack([letters_of(text) for text in texts])
    return np.hstack([*meant, letters, np.array([form_of(text) for text in texts])])


def letters_of(text: str) -> np.ndarray:
    """Which letters stand together in a text, and its first words; a digit is a digit."""
    counts, plain = np.zeros(PLACES), re.sub(r"\d", "0", f" {text.lower()} ")
    for length in LETTERS:
        for piece in {plain[at : at + length] for at in range(len(plain) - length + 1)}:
            counts[zlib.crc32(piece.encode()) % PLACES] += 1
    for word in re.findall(r"\w+|[^\w\s]", plain)[:FIRST_WORDS]:
        counts[zlib.crc32(f"^{word}".encode()) % PLACES] += 2
    counts = np.sqrt(counts)
    return counts / max(1e-9, float(np.linalg.norm(counts)))


def form_of(text: str) -> list[float]:
    """How a text is written, and a constant."""
    ends = [text.strip().endswith(sign) for sign in "?.!"]
    holds = [sign in text for sign in "\n:,"]
    digits, capital = any(map(str.isdigit, text)), text[:1].isupper()
    few, long = len(text.split()) < FEW_WORDS, np.log1p(len(text)) / 2
    return [*map(float, (*ends, *holds, digits, capital, few)), float(long), 0.3]


class Sorter:
    """Tells groups of rows apart: the kernel ridge regression to 1 on each group's own rows and 0
    on others'. The groups weigh the same, and the last, which is none of them, more."""

    def __init__(self, groups: Sequence[np.ndarray], near: np.ndarray | None = None) -> None:
        """`near` is how near each of all rows is to each, where that is known."""
        counts = [len(one) for one in groups]
        self.rows = np.concatenate(groups).astype(np.float32)
        wanted = np.repeat(np.eye(len(groups)), counts, axis=0)
        shares = [len(self.rows) / len(groups) / count for count in counts]
        shares[-1] *= AGAINST
        softness = np.diag(STIFF / np.repeat(shares, counts))
        near = likeness(self.rows, self.rows) if near is None else near
        self.weights = np.linalg.solve(near + softness, wanted)

    @classmethod
    async def fitted(cls, groups: Sequence[np.ndarray]) -> Sorter:
        """The same in pieces, between which others have their turn: all of it takes a slow tab
        longer than an engine may be silent."""
        rows = np.concatenate(groups).astype(np.float32)
        near = []
        for first in range(0, len(rows), PIECE):
            near.append(likeness(rows[first : first + PIECE], rows))
            await asyncio.sleep(0)
        return cls(groups, np.concatenate(near))

    def near(self, rows: np.ndarray) -> np.ndarray:
        """[rows, groups]: how much each row is of each group."""
        return likeness(rows.astype(np.float32), self.rows) @ self.weights


def likeness(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[some, others]: 1 for the same row, falling with the distance."""
    squares = [(one * one).sum(1, dtype=np.float64) for one in (some, others)]
    apart = squares[0][:, None] + squares[1][None] - 2.0 * (some @ others.T)
    return np.exp(-NARROW * np.maximum(apart, 0.0))


def choose_groups(near: np.ndarray) -> np.ndarray:
    """The group that each row asks for by how much it is of each; the last, where it is of none for
    sure."""
    best = near[:, :-1].argmax(1)
    sure = near[:, :-1].max(1) - NONE * near[:, -1] >= SURE
    return np.where(sure, best, near.shape[1] - 1)
