"""A router from texts to skills: one kernel ridge regression to the skills and to none of them,
over the views of texts (`Reader.view`) and how they are written."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Sequence

import numpy as np

from oneseek.engine.learning.memory.encoder import unit
from oneseek.engine.learning.memory.statements.reader import VIEWS

PLACES, LETTERS = 1024, (2, 3, 4)  # buckets of the hashed letter n-grams, and their lengths
FIRST_WORDS, FEW_WORDS = 3, 8
WRITTEN, FORMED = 0.8, 0.75  # what letters and a form weigh beside a view
SMALL = 1e-3  # the least standard deviation of a feature
NARROW = 0.15  # of the Gaussian kernel: how fast it falls with the square of a distance
STIFF, AGAINST = 0.06, 3.0  # the ridge penalty; what texts of none weigh beside a skill's
BESIDE, NEAREST = 1000, 0.7  # texts of none in a fit; the share of them nearest to a skill
# The share of texts of none that may be taken for a skill; the least and the greatest margin by
# which a skill has to exceed none.
TAKEN, LOWEST, HIGHEST = 0.018, -0.7, 0.5
PIECE = 128  # rows that are worked on before others have their turn
TURN = 0.01  # seconds: a shorter sleep leaves a browser no time to hand the engine its mail


def usual_of(views: np.ndarray) -> np.ndarray:
    """Return the mean and the standard deviation of each feature, [2, features], in pieces: a copy
    of thousands of views takes a tab's memory."""
    mean = views.mean(0, dtype=np.float64)
    squares = sum((views[part].astype(np.float64) ** 2).sum(0) for part in pieces(len(views)))
    spread = np.sqrt(np.maximum(squares / len(views) - mean**2, 0.0)) + SMALL
    return np.stack([mean, spread]).astype(np.float32)


def meaning_of(views: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Each view relative to those of all texts, as most of it is the same for all."""
    parts = np.split((views - usual[0]) / usual[1], VIEWS, axis=1)
    return np.hstack([unit(part) for part in parts])


def features_of(texts: Sequence[str], views: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Return the features of texts: their meaning, their letters and their form."""
    letters = WRITTEN * np.stack([letters_of(text) for text in texts])
    form = FORMED * np.array([form_of(text) for text in texts])
    return np.hstack([meaning_of(views, usual), letters, form])


async def gather_features(texts: Sequence[str], views: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Return `features_of` many texts, computed in pieces between which others have their turn."""
    found = []
    for part in pieces(len(texts)):
        found.append(features_of(texts[part], views[part], usual))
        await asyncio.sleep(TURN)
    return np.concatenate(found)


async def choose_beside(
    skills: Sequence[np.ndarray], views: np.ndarray, usual: np.ndarray
) -> np.ndarray:
    """Return which texts of none, by their views, go into a fit beside the meanings of skills:
    those nearest to each skill in turn, and some of the rest. All of them would keep a slow tab
    busy for twenty seconds and separate no better."""
    each, some = [], [one.astype(np.float32) for one in skills]
    for part in pieces(len(views)):
        meant = meaning_of(views[part], usual)
        each.append(np.stack([(meant @ one.T).max(1) for one in some], 1))
        await asyncio.sleep(TURN)
    nearest = np.concatenate(each)
    orders = np.argsort(-nearest, 0)
    in_turn = dict.fromkeys(orders.ravel().tolist())
    near = list(in_turn)[: int(NEAREST * BESIDE)]
    rest = np.setdiff1d(np.arange(len(views)), near)
    spread = np.linspace(0, len(rest) - 1, min(len(rest), BESIDE - len(near))).astype(int)
    return np.sort(np.concatenate([np.array(near, int), rest[spread]]))


def letters_of(text: str) -> np.ndarray:
    """Return the hashed counts of a text's letter n-grams and first words, normalised; all digits
    are one."""
    counts, plain = np.zeros(PLACES), re.sub(r"\d", "0", f" {text.lower()} ")
    for length in LETTERS:
        for piece in {plain[at : at + length] for at in range(len(plain) - length + 1)}:
            counts[zlib.crc32(piece.encode()) % PLACES] += 1
    for word in re.findall(r"\w+|[^\w\s]", plain)[:FIRST_WORDS]:
        counts[zlib.crc32(f"^{word}".encode()) % PLACES] += 2
    counts = np.sqrt(counts)
    return counts / max(1e-9, float(np.linalg.norm(counts)))


def form_of(text: str) -> list[float]:
    """Return features of how a text is written, and a constant."""
    ends = [text.strip().endswith(sign) for sign in "?.!"]
    holds = [sign in text for sign in "\n:,"]
    digits, capital = any(map(str.isdigit, text)), text[:1].isupper()
    few, long = len(text.split()) < FEW_WORDS, np.log1p(len(text)) / 2
    return [*map(float, (*ends, *holds, digits, capital, few)), float(long), 0.3]


class Sorter:
    """Separates groups of rows by kernel ridge regression to 1 on each group's own rows and 0 on
    others'. The groups weigh the same, and the last, which is none of them, more.

    The margin it needs is found by leave-one-out predictions of the last group: the share TAKEN of
    its rows may be taken for another group.
    """

    def __init__(self, rows: np.ndarray, weights: np.ndarray, limit: float) -> None:
        self.rows, self.weights, self.limit = rows, weights, limit
        self.squares = squares_of(rows)

    @classmethod
    async def from_groups(cls, groups: Sequence[np.ndarray], of: int = 0) -> Sorter:
        """Fit in pieces, between which others have their turn: all of it takes a slow tab longer
        than an engine may be silent. `of` is how many rows the last group was chosen from; those
        left out count as recognised."""
        counts = [len(one) for one in groups]
        rows = np.concatenate(groups).astype(np.float32)
        wanted = np.repeat(np.eye(len(groups)), counts, axis=0)
        shares = [len(rows) / len(groups) / count for count in counts]
        shares[-1] *= AGAINST
        near, squares = np.empty((len(rows), len(rows))), squares_of(rows)
        for part in pieces(len(rows)):
            rest = slice(part.start, None)
            near[part, rest] = likeness(rows[part], rows[rest], squares[rest])
            near[rest, part] = near[part, rest].T
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
        """Return the score of each row for each group, [rows, groups]."""
        return likeness(rows.astype(np.float32), self.rows, self.squares) @ self.weights

    def choose(self, rows: np.ndarray) -> np.ndarray:
        """Return the group of each row; the last, where no other exceeds it by the margin."""
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
    """Return by how much the best other group exceeds the last, for each row."""
    return near[:, :-1].max(1) - near[:, -1]


def squares_of(rows: np.ndarray) -> np.ndarray:
    return (rows * rows).sum(1, dtype=np.float64)


def likeness(some: np.ndarray, others: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the Gaussian kernel, [some, others]: 1 for the same row, falling with the distance.
    `squares` are those of the others."""
    apart = squares_of(some)[:, None] + squares - 2.0 * (some @ others.T)
    return np.exp(-NARROW * np.maximum(apart, 0.0))
