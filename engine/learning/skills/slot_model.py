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

from oneseek.engine.learning.skills.numerals import numerals

MOST_WORDS = 6  # of a copied value
LEAST_STEM, ENDING = 3, 3  # letters of a word's stem at least, and of its ending at most
STRIPPED = '.,:;!?()"“”'
PAUSE = ",.;:!?"
NUMERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
BEGINNING = 4  # letters by which words of one stem are known as well
BY = " by "  # between a value and a word of the question
STIFF, STIFFER = 0.1, 1.0  # L2 penalty; for pairs of a value and a word, of which most are chance
ROUNDS, RATE = 120, 0.5
NOTHING = 0.01  # a weight that is left out
TRUST = 2  # the power of a chance beside what the model says
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
        near = written_as(value.strip('"').lower(), words)
        yield value, [f"is {value}", *near, *(f"is {value}{BY}{word}" for word in sorted(words))]
    for text, signs in copies(question, slot.get("stems", False)) if slot.get("copied") else ():
        yield json.dumps(text, ensure_ascii=False) if slot["quoted"] else text, signs
    numbers = [shape for shape in shapes if shape.count("#") == 1]
    for text, signs in counted(question) if numbers else ():
        yield from ((shape.replace("#", text), signs) for shape in numbers)


def written_as(value: str, words: set[str]) -> Signs:
    """How a value stands in a question that does not say it outright."""
    signs = ["is said"] * (value in words)
    signs += ["begins a word"] * any(one.startswith(value) and one != value for one in words)
    return signs + ["is short for a word"] * any(is_short_for(value, one) for one in words)


def is_short_for(value: str, word: str) -> bool:
    """Whether it is some of a word's letters, the first among them."""
    letters = iter(word)
    return value[:1] == word[0] and len(value) < len(word) and all(one in letters for one in value)


def counted(question: str) -> Iterator[tuple[str, Signs]]:
    """The numbers that a question says, with what they stand between."""
    for at, (text, first, last, longest) in enumerate(numerals(question)):
        before, after = question[:first].split()[-1:], question[last:].split()[:1]
        near = [word.strip(STRIPPED).lower() for word in (*(before or "^"), *(after or "$"))]
        signs = ["number", f"before {near[0]}", f"after {near[1]}", f"whole {longest}"]
        signs += ["first number"] * (not at) + ["figures"] * question[first].isdecimal()
        yield text, [*signs, f"said {question[first:last].lower()}"]


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


def fit_slot(slot: dict, values: Sequence[str], questions: Sequence[str]) -> dict:
    """The slot with weights of its signs, fitted to its values in the examples. Another example
    with the same value is a sign as well."""
    counts, rows = Counter(values), Rows()
    for number, (value, question) in enumerate(zip(values, questions, strict=True)):
        found = list(values_of(slot, question))
        wanted = meant({text for text, _ in found}, value)
        for text, signs in found:
            again = "copy" in signs and counts[text] > (text == value)
            rows.add(number, [*signs, *["seen"] * again], text == wanted)
    weights = climbed(rows) if rows.right else np.zeros(0)
    names = zip(rows.names, weights.round(3).tolist(), strict=True)
    heavy = {name: weight for name, weight in names if abs(weight) >= NOTHING}
    return slot | {"weights": heavy, "seen": sorted(counts)}


def meant(texts: set[str], value: str) -> str:
    """The text among `texts` that stands for a value: the value, its shape, or "" for any text."""
    return next((one for one in (value, shape_of(value)) if one in texts), "")


def climbed(rows: Rows) -> np.ndarray:
    """Fit the weights of all signs by maximum likelihood with an L2 penalty, using AdaGrad. A value
    that stands at several places of a question may come from any of them."""
    signs, of = np.array(rows.signs), np.array(rows.of)
    question, right = np.array(rows.question), np.array(rows.right)
    stiff = np.array([STIFFER if BY in name else STIFF for name in rows.names])
    known = np.bincount(question, right) > 0
    heeded = known[question]
    weights, squares = np.zeros(len(rows.names)), np.full(len(rows.names), 1e-3)
    for _ in range(ROUNDS):
        points = np.bincount(of, weights[signs], len(right))
        every = shares(points, question)
        wanted = shares(np.where(right, points, -np.inf), question)
        felt = np.bincount(signs, (heeded * (wanted - every))[of], len(weights))
        slope = felt - stiff * weights
        squares += slope * slope
        weights += RATE * slope / np.sqrt(squares)
    return weights


def shares(points: np.ndarray, question: np.ndarray) -> np.ndarray:
    """The softmax of the points over the rows of each question."""
    most = np.full(question[-1] + 1, -np.inf)
    np.maximum.at(most, question, points)
    most[np.isinf(most)] = 0
    each = np.exp(points - most[question])
    return each / np.maximum(np.bincount(question, each), 1e-30)[question]


def chances(slot: dict, question: str) -> dict[str, float]:
    """How likely each value of a slot is, as it weighs; all the same where nothing was learned."""
    weights, seen = slot.get("weights", {}), set(slot.get("seen", ()))
    texts, points = [], []
    for text, signs in values_of(slot, question):
        again = ["seen"] * ("copy" in signs and text in seen)
        texts.append(text)
        points.append(sum(weights.get(sign, 0.0) for sign in (*signs, *again)))
    found: dict[str, float] = {}
    share = shares(np.array(points), np.zeros(len(points), int)) if points else ()
    for text, one in zip(texts, share, strict=True):
        found[text] = found.get(text, 0.0) + float(one)
    return {text: max(LEAST, one) ** TRUST for text, one in found.items()}
