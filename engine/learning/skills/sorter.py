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
WRITTEN, FORMED = 0.7, 0.5  # what letters and a form weigh beside a meaning
NARROW = 0.25  # of the kernel: how fast likeness falls with the square of a distance
STIFF, AGAINST = 0.1, 2.0  # of the fit, and what texts that ask for none weigh beside a skill's
BESIDE, NEAREST = 1000, 0.5  # texts that ask for none in a fit; how many of them lie near a skill
# How many of all texts that ask for none may be taken for a skill; how much more a text has to be
# of a skill than of none at the least and at the most.
TAKEN, LOWEST, HIGHEST = 0.015, -0.7, 0.5
PIECE = 128  # rows that are worked on before others have their turn
TURN = 0.01  # seconds: a shorter sleep leaves a browser no time to hand the engine its mail


def meaning_of(directions: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """What texts mean, beside the middle of all texts: most of a meaning is the same for all."""
    return np.hstack([unit(half) for half in np.split(directions - middle, 2, axis=1)])


def features_of(texts: Sequence[str], directions: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """What is known of texts: their meaning, their letters and their form."""
    letters = WRITTEN * np.stack([letters_of(text) for text in texts])
    form = FORMED * np.array([form_of(text) for text in texts])
    return np.hstack([meaning_of(directions, middle), letters, form])


async def gather_features(
    texts: Sequence[str], directions: np.ndarray, middle: np.ndarray
) -> np.ndarray:
    """The same of many texts, in pieces between which others have their turn."""
    found = []
    for part in pieces(len(texts)):
        found.append(features_of(texts[part], directions[part], middle))
        await asyncio.sleep(TURN)
    return np.concatenate(found)


def choose_beside(skills: Sequence[np.ndarray], none: np.ndarray) -> np.ndarray:
    """Which texts that ask for none a fit has beside the examples of skills, by the meanings of
    both: those nearest to each skill in turn, and some of the rest. All of them would keep a slow
    tab busy for twenty seconds and tell no more apart."""
    orders = [np.argsort(-(none @ one.T).max(1)) for one in skills]
    in_turn = dict.fromkeys(np.stack(orders, 1).ravel().tolist()) if orders else {}
    near = list(in_turn)[: int(NEAREST * BESIDE)]
    rest = np.setdiff1d(np.arange(len(none)), near)
    spread = np.linspace(0, len(rest) - 1, min(len(rest), BESIDE - len(near))).astype(int)
    return np.sort(np.concatenate([np.array(near, int), rest[spread]]))


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
    on others'. The groups weigh the same, and the last, which is none of them, more.

    How sure it has to be is found by leaving each row of the last group out of the fit in turn: the
    share TAKEN of them may be taken for another group."""

    def __init__(self, rows: np.ndarray, weights: np.ndarray, limit: float) -> None:
        self.rows, self.weights, self.limit = rows, weights, limit

    @classmethod
    async def from_groups(cls, groups: Sequence[np.ndarray], of: int = 0) -> Sorter:
        """`of` is how many rows the last group was chosen from: those left out of it count as taken
        for none. In pieces, between which others have their turn: all of it takes a slow tab longer
        than an engine may be silent."""
        counts = [len(one) for one in groups]
        rows = np.concatenate(groups).astype(np.float32)
        wanted = np.repeat(np.eye(len(groups)), counts, axis=0)
        shares = [len(rows) / len(groups) / count for count in counts]
        shares[-1] *= AGAINST
        near = np.empty((len(rows), len(rows)))
        for part in pieces(len(rows)):
            near[part] = likeness(rows[part], rows)
            await asyncio.sleep(TURN)
        inverse = await invert(near + np.diag(STIFF / np.repeat(shares, counts)))
        weights = inverse @ wanted
        none = slice(len(rows) - counts[-1], None)
        left_out = wanted[none] - weights[none] / np.diag(inverse)[none, None]
        margins = np.sort(margins_of(left_out))[::-1]
        most = int(TAKEN * max(of, counts[-1]))
        limit = np.clip(margins[min(most, len(margins) - 1)], LOWEST, HIGHEST)
        return cls(rows, weights, float(limit))

    def near(self, rows: np.ndarray) -> np.ndarray:
        """[rows, groups]: how much each row is of each group."""
        return likeness(rows.astype(np.float32), self.rows) @ self.weights

    def choose(self, rows: np.ndarray) -> np.ndarray:
        """The group of each row; the last, where it is of none for sure."""
        near = self.near(rows)
        return np.where(margins_of(near) > self.limit, near[:, :-1].argmax(1), near.shape[1] - 1)


def pieces(count: int) -> list[slice]:
    return [slice(first, first + PIECE) for first in range(0, count, PIECE)]


async def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix by Gauss and Jordan, PIECE rows at a
    time, between which others have their turn."""
    found = matrix.copy()
    for part in pieces(len(matrix)):
        pivot = np.linalg.inv(found[part, part])
        rows = pivot @ found[part]
        rows[:, part] = pivot
        columns = found[:, part].copy()
        columns[part] = found[:, part] = 0.0
        found -= columns @ rows
        found[part] = rows
        await asyncio.sleep(TURN)
    return found


def margins_of(near: np.ndarray) -> np.ndarray:
    """How much more each row is of another group than of the last."""
    return near[:, :-1].max(1) - near[:, -1]


def likeness(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[some, others]: 1 for the same row, falling with the distance."""
    squares = [(one * one).sum(1, dtype=np.float64) for one in (some, others)]
    apart = squares[0][:, None] + squares[1][None] - 2.0 * (some @ others.T)
    return np.exp(-NARROW * np.maximum(apart, 0.0))
