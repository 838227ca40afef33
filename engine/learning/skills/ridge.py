"""Ridge regressions on an encoder's reading of a question: of the whole, which labels go with it;
of each token, whether it is a part that is wanted.

The points of the examples themselves are cross-validated: each is predicted from the others, so
that a model fitted to them trusts them as far as they hold for new questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from oneseek.engine.learning.memory.encoder import unit
from oneseek.engine.learning.memory.unigram import normalize

SOFT_WHOLE, SOFT_PARTS = 0.2, 0.3  # L2 penalties
DIGITS = 4
Span = tuple[int, int]  # letters of a question


@dataclass(frozen=True)
class Reading:
    """A question as an encoder read it."""

    whole: np.ndarray  # [2 x width], what it means and what it states
    spans: Sequence[Span]  # of each token; empty where unknown
    states: np.ndarray  # [tokens, width]

    def at(self, spans: Sequence[Span]) -> np.ndarray:
        """Return a mask [tokens] of those that overlap some of the spans."""
        inside = [any(a < end and start < b for start, end in spans) for a, b in self.spans]
        return np.array(inside, bool)


@dataclass(frozen=True)
class Readings:
    """The readings of the examples' questions, and the embeddings of the labels' names."""

    each: Sequence[Reading]
    names: dict[str, np.ndarray]  # [2 x width]

    def of(self, places: Sequence[int]) -> Readings:
        """Return those of some of the examples."""
        return Readings([self.each[at] for at in places], self.names)


def normalise_label(value: str) -> str:
    """Return a label in the form in which its name is read."""
    return value.strip(' "([{:').lower()


def fit_ridge(
    rows: np.ndarray, wanted: np.ndarray, blocks: Sequence[int], parts: int, soft: float
) -> tuple[dict, list[np.ndarray]]:
    """Return the regression of what is `wanted` as plain data, and for each block of rows the
    predictions of a fit to the other blocks."""
    middle, usual = rows.mean(0), wanted.mean(0)
    x, rest = directions(rows - middle, parts), wanted - usual
    if len(x) < x.shape[1]:
        solved = x.T @ np.linalg.inv(x @ x.T + soft * np.eye(len(x)))
    else:
        solved = np.linalg.solve(x.T @ x + soft * np.eye(x.shape[1]), x.T)
    weights = solved @ rest
    missed = rest - x @ weights
    found, first = [], 0
    for count in blocks:
        own = slice(first, first + count)
        share = np.eye(count) - x[own] @ solved[:, own]
        found.append(wanted[own] - np.linalg.solve(share, missed[own]))
        first += count
    kept = {"middle": middle, "usual": usual, "weights": weights}
    plain = {name: one.round(DIGITS).tolist() for name, one in kept.items()}
    return plain | {"parts": parts}, found


def directions(rows: np.ndarray, parts: int) -> np.ndarray:
    return np.hstack([unit(part) for part in np.split(rows, parts, axis=1)])


def foretold(plain: dict, rows: np.ndarray) -> np.ndarray:
    """Return a regression's predictions for new rows, [rows, outputs]."""
    x = directions(rows - np.array(plain["middle"]), plain["parts"])
    return np.array(plain["usual"]) + x @ np.array(plain["weights"])


def of_wholes(
    readings: Readings | None, labels: Sequence[str], wanted: np.ndarray
) -> tuple[dict | None, list[np.ndarray]]:
    """Fit the labels to whole questions. Return the regression, and for each example the
    predictions from the others and the similarity of its question to each label's name."""
    if readings is None or not wanted.size:
        return None, []
    rows = np.stack([one.whole for one in readings.each])
    plain, found = fit_ridge(rows, wanted, [1] * len(rows), 2, SOFT_WHOLE)
    names = [readings.names.get(normalise_label(one)) for one in labels]
    known = [one for one in names if one is not None]
    middle = np.mean(known, axis=0) if known else np.zeros(rows.shape[1])
    each = [middle if one is None else one for one in names]
    plain["names"] = directions(np.stack(each) - middle, 2).round(DIGITS).tolist()
    alike = directions(rows - rows.mean(0), 2) @ np.array(plain["names"]).T
    return plain, [np.stack([*one, near]) for one, near in zip(found, alike, strict=True)]


def of_parts(
    readings: Readings | None, wanted: Sequence[np.ndarray]
) -> tuple[dict | None, list[np.ndarray]]:
    """Fit kinds to tokens: return the regression, and each question's cross-validated predictions.
    `wanted` is [tokens, kinds] of each question."""
    counts = [len(one.spans) for one in readings.each] if readings else []
    if readings is None or not any(counts) or not any(map(np.any, wanted)):
        return None, []
    rows = np.concatenate([one.states[: len(one.spans)] for one in readings.each])
    return fit_ridge(rows, np.concatenate(wanted), counts, 1, SOFT_PARTS)


def whole_points(plain: dict | None, reading: Reading | None) -> np.ndarray | None:
    """[2, labels]: the predictions, and the similarity of the question to each label's name."""
    if not plain or not reading:
        return None
    x = directions(reading.whole[None] - np.array(plain["middle"]), plain["parts"])[0]
    return np.stack([foretold(plain, reading.whole[None])[0], np.array(plain["names"]) @ x])


def part_points(plain: dict | None, reading: Reading | None) -> np.ndarray | None:
    return foretold(plain, reading.states) if plain and reading and reading.spans else None


def amounts(points: np.ndarray, reading: Reading, span: Span) -> dict[str, float]:
    """Return the encoder's features of a part of a question: the points of its tokens and of those
    beside it."""
    (inside,) = reading.at([span]).nonzero()
    if not len(inside):
        return {}
    first, last = inside[0] - 1, inside[-1] + 1
    around = {"recalled before": points[first] if first >= 0 else 0.0,
              "recalled after": points[last] if last < len(points) else 0.0}  # fmt: skip
    within = {"recalled": points[inside].mean(), "recalled least": points[inside].min()}
    return {name: float(one) for name, one in (within | around).items()}


def token_spans(text: str, pieces: Sequence[str]) -> list[Span]:
    """Return the span of each piece that a text was read as; none where that cannot be told, as of
    letters that are read as several."""
    places = list(visible(text))
    if len(places) != len(normalize(text)) or sum(map(len, pieces)) != len(places) + 1:
        return []
    found, at = [], -1  # a mark stands before the first word
    for piece in pieces:
        last = at + len(piece)
        found.append((places[max(at, 0)], places[max(last, 1) - 1] + 1))
        at = last
    return found


def visible(text: str) -> Iterator[int]:
    """Yield the place of every letter that is read: of blanks the first."""
    blank = True
    for at, letter in enumerate(text.rstrip()):
        if not (blank and letter.isspace()):
            yield at
        blank = letter.isspace()
