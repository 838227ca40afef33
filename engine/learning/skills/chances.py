"""How likely each value of a slot is for a question, as the examples tell it: a log-linear model of
the question's words, and of what stands around a value that is copied from it.

A small model learns from sixty examples how a task is done and stays unsure of one label among many
or of where a name ends; counting tells that. The product of both chooses, see `pattern`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

MOST_WORDS = 6  # of a copied value
LEAST_STEM, ENDING = 3, 3  # letters of a word's stem at least, and of its ending at most
STRIPPED = '.,:;!?()"“”'
PAUSE = ",.;:!?"
NUMERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
BEGINNING = 4  # letters by which words of one stem are known as well
STIFF, ROUNDS, RATE = 0.1, 120, 0.5  # of the fit
NOTHING = 0.01  # a weight that is left out
LEAST = 1e-4  # of a chance: what the examples never showed may still be
Signs = list[str]


def spans(question: str, stems: bool = False) -> dict[str, None]:
    """Up to so many words of a question that stand together, as they are and without capitals; by
    their `stems` also without an ending."""
    return dict.fromkeys(text for text, _ in copies(question, stems))


def copies(question: str, stems: bool = False) -> Iterator[tuple[str, Signs]]:
    """The same with what they stand between."""
    words = question.split()
    bare = [word.strip(STRIPPED) for word in words]
    low, pauses = [one.lower() for one in bare], [word[-1] in PAUSE for word in words]
    around = ["^", "^", *low, "$"]
    for first in range(len(words)):
        for last in range(first + 1, min(len(words), first + MOST_WORDS) + 1):
            text, end = " ".join(bare[first:last]), bare[last - 1]
            if not text:
                continue
            before, after = around[first + 1], around[last + 2]
            signs = ["copy", f"words {last - first}", f"before {before}", f"after {after}",
                     f"before that {around[first]}", f"first {low[first]}", f"last {low[last - 1]}",
                     f"pause before {bool(first) and pauses[first - 1]}",
                     f"pause after {pauses[last - 1]}", f"capital {text[0].isupper()}"]  # fmt: skip
            signs += ["number before"] * bool(NUMERAL.fullmatch(before))
            signs += ["pause within"] * any(pauses[first : last - 1])
            signs += ["digit"] * any(map(str.isdigit, text))
            lower = text.lower()
            yield text, [*signs, "as it is", f"ends {text[-2:]}"]
            if lower != text:
                yield lower, [*signs, "lower", f"ends {lower[-2:]}"]
            for cut in range(1, min(ENDING, len(end) - LEAST_STEM) + 1 if stems else 1):
                left, gone = lower[:-cut], lower[-cut:]
                yield left, [*signs, f"without {cut}", f"without {gone}", f"stem {left[-1]}"]


def values_of(slot: dict, question: str) -> Iterator[tuple[str, Signs]]:
    """What a slot takes, with all signs of it; the shapes of numbers and any text as such."""
    words = set(re.findall(r"\w+", question.lower()))
    words |= {word[:BEGINNING] + "*" for word in words if len(word) > BEGINNING}
    shapes = slot.get("shapes", [])
    for value in [*slot["known"], *shapes, *[""] * bool(slot.get("free"))]:
        yield value, [f"is {value}", *(f"is {value} by {word}" for word in sorted(words))]
    for text, signs in copies(question, slot.get("stems", False)) if slot.get("copied") else ():
        yield json.dumps(text, ensure_ascii=False) if slot["quoted"] else text, signs
    numbers = [shape for shape in shapes if shape.count("#") == 1]
    for text, signs in copies(question) if numbers else ():
        if NUMERAL.fullmatch(text):
            yield from ((shape.replace("#", text), signs) for shape in numbers)


def shape_of(value: str) -> str:
    """A text with a sign for each number."""
    return NUMERAL.sub("#", value)


class Rows:
    """All values that some questions' slot may have, and their signs."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.signs: list[int] = []
        self.of: list[int] = []  # the row of each sign
        self.question: list[int] = []  # of each row
        self.right: list[bool] = []

    def add(self, number: int, signs: Signs, right: bool) -> None:
        self.signs += [self.names.setdefault(sign, len(self.names)) for sign in signs]
        self.of += [len(self.right)] * len(signs)
        self.question.append(number)
        self.right.append(right)


def learned(slot: dict, values: Sequence[str], questions: Sequence[str]) -> dict:
    """The slot with the weights of signs, by its values in some examples. That one of them had a
    value is a sign for the others."""
    counts, rows = Counter(values), Rows()
    for number, (value, question) in enumerate(zip(values, questions, strict=True)):
        found = list(values_of(slot, question))
        wanted = meant({text for text, _ in found}, value)
        for text, signs in found:
            again = counts[text] > (text == value)
            rows.add(number, [*signs, *["seen"] * again], text == wanted)
    weights = climbed(rows) if rows.right else np.zeros(0)
    names = zip(rows.names, weights.round(3).tolist(), strict=True)
    heavy = {name: weight for name, weight in names if abs(weight) >= NOTHING}
    return slot | {"weights": heavy, "seen": sorted(counts)}


def meant(texts: set[str], value: str) -> str:
    """By which of a slot's texts a value is written: itself, its shape, or any text."""
    return next((one for one in (value, shape_of(value)) if one in texts), "")


def climbed(rows: Rows) -> np.ndarray:
    """Where what is right is likeliest, held to zero: by AdaGrad. A value that stands at several
    places may come from each of them."""
    signs, of = np.array(rows.signs), np.array(rows.of)
    question, right = np.array(rows.question), np.array(rows.right)
    known = np.bincount(question, right) > 0
    heeded = known[question]
    weights, squares = np.zeros(len(rows.names)), np.full(len(rows.names), 1e-3)
    for _ in range(ROUNDS):
        points = np.bincount(of, weights[signs], len(right))
        every = shares(points, question)
        wanted = shares(np.where(right, points, -np.inf), question)
        slope = np.bincount(signs, (heeded * (wanted - every))[of], len(weights))
        slope -= STIFF * weights
        squares += slope * slope
        weights += RATE * slope / np.sqrt(squares)
    return weights


def shares(points: np.ndarray, question: np.ndarray) -> np.ndarray:
    """Of each row, the share that it has of its question."""
    most = np.full(question[-1] + 1, -np.inf)
    np.maximum.at(most, question, points)
    most[np.isinf(most)] = 0
    each = np.exp(points - most[question])
    return each / np.maximum(np.bincount(question, each), 1e-30)[question]


def chances(slot: dict, question: str) -> dict[str, float]:
    """How likely each value of a slot is; all the same where nothing was learned."""
    weights, seen = slot.get("weights", {}), set(slot.get("seen", ()))
    texts, points = [], []
    for text, signs in values_of(slot, question):
        again = ["seen"] * (text in seen)
        texts.append(text)
        points.append(sum(weights.get(sign, 0.0) for sign in (*signs, *again)))
    found: dict[str, float] = {}
    share = shares(np.array(points), np.zeros(len(points), int)) if points else ()
    for text, one in zip(texts, share, strict=True):
        found[text] = found.get(text, 0.0) + float(one)
    return {text: max(LEAST, one) for text, one in found.items()}
