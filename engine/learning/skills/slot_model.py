"""A log-linear model of a slot's values: how likely each is, given the words of the question and,
for a value copied from it, what stands around that.

From sixty examples a small language model learns how a task is done and stays unsure of one label
among many or of where a name ends; counts tell that. The product of both chooses, see pattern.py.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from oneseek.engine.learning.skills.numerals import MONTH, numerals
from oneseek.engine.learning.skills.ridge import (
    Reading,
    Readings,
    Span,
    amounts,
    of_parts,
    of_wholes,
    part_points,
    whole_points,
)

MOST_WORDS = 6  # of a copied value
LEAST_STEM, ENDING = 3, 3  # letters of a word's stem at least, and of its ending at most
STRIPPED = '.,:;!?()"“”'
PAUSE = ",.;:!?"
NUMERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
BEGINNING = 4  # first letters by which words of one stem are matched as well
BY = " by "  # in a feature, between a value and a word of the question
STIFF, STIFFER = 0.1, 1.0  # L2 penalty; for pairs of a value and a word, of which most are chance
ROUNDS, RATE = 120, 0.5
NOTHING = 0.01  # a smaller weight is left out
TRUST = 2  # exponent of a chance in the product with the language model's
LEAST = 1e-4  # of a chance, because a value that was never shown is possible
LABELLED, NAMED = "labelled", "named"
Signs = list[str]
Amounts = dict[str, float]  # features with a value
Found = tuple[str, Signs, Span | None]  # a value, and where in the question it stands


def spans(question: str, stems: bool = False) -> dict[str, None]:
    """Return runs of up to MOST_WORDS words of a question, as written and in lower case; with
    `stems` also without an ending."""
    return dict.fromkeys(text for text, _, _ in copies(question, stems))


def copies(question: str, stems: bool = False) -> Iterator[tuple[str, Signs, Span]]:
    """Yield the same with their features (what stands around them) and spans."""
    found = list(re.finditer(r"\S+", question))
    words = [one[0] for one in found]
    bare = [word.strip(STRIPPED) for word in words]
    starts = [one.start() + len(one[0]) - len(one[0].lstrip(STRIPPED)) for one in found]
    ends = [start + len(one) for start, one in zip(starts, bare, strict=True)]
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
            lower, where = text.lower(), (starts[first], ends[last - 1])
            yield text, [*signs, "as it is", f"ends {text[-2:]}"], where
            if lower != text:
                yield lower, [*signs, "lower", f"ends {lower[-2:]}"], where
            for cut in range(1, min(ENDING, len(end) - LEAST_STEM) + 1 if stems else 1):
                left, gone = lower[:-cut], lower[-cut:]
                yield left, [*signs, f"without {cut}", f"without {gone}", f"stem {left[-1]}"], where


def values_of(slot: dict, question: str) -> Iterator[Found]:
    """Yield each value that a slot may take with its features and span; any text, and number
    shapes, stand for themselves."""
    words = set(re.findall(r"\w+", question.lower()))
    words |= {word[:BEGINNING] + "*" for word in words if len(word) > BEGINNING}
    shapes = slot.get("shapes", [])
    for value in [*slot["known"], *shapes, *[""] * bool(slot.get("free"))]:
        near = match_words(value.strip('"').lower(), words)
        yield (
            value,
            [f"is {value}", *near, *(f"is {value}{BY}{word}" for word in sorted(words))],
            None,
        )
    some = copies(question, slot.get("stems", False)) if slot.get("copied") else ()
    for text, signs, where in some:
        if shapes and any(map(str.isdigit, text)):
            continue  # a number has a shape
        yield json.dumps(text, ensure_ascii=False) if slot["quoted"] else text, signs, where
    for shape in shapes:
        several = shape.count("#") > 1
        said = find_number_runs if several else find_numbers
        for numbers, signs, where in said(question, shape.count("#"), bool(slot.get("dates"))):
            yield fill_shape(shape, numbers), signs, where


def fill_shape(shape: str, numbers: Sequence[str]) -> str:
    """Return a shape with its numbers filled in."""
    first, *others = shape.split("#")
    return first + "".join(map("".join, zip(numbers, others, strict=True)))


def match_words(value: str, words: set[str]) -> Signs:
    """Return features of how a value relates to the words of a question."""
    signs = ["is said"] * (value in words)
    signs += ["begins a word"] * any(one.startswith(value) and one != value for one in words)
    return signs + ["is short for a word"] * any(is_short_for(value, one) for one in words)


def is_short_for(value: str, word: str) -> bool:
    """Whether a value is some of a word's letters in order, the first among them."""
    letters = iter(word)
    return value[:1] == word[0] and len(value) < len(word) and all(one in letters for one in value)


def find_numbers(question: str, _: int, dates: bool) -> Iterator[tuple[tuple[str], Signs, Span]]:
    """Yield the numbers that a question says, with features of what they stand between."""
    for at, (text, first, last, longest) in enumerate(numerals(question, dates)):
        before, after = beside(question, first, last)
        signs = ["number", f"before {before}", f"after {after}", f"whole {longest}"]
        signs += ["first number"] * (not at) + ["figures"] * question[first].isdecimal()
        yield (text,), [*signs, f"said {question[first:last].lower()}"], (first, last)


def find_number_runs(
    question: str, count: int, dates: bool
) -> Iterator[tuple[tuple[str, ...], Signs, Span]]:
    """Yield runs of `count` numbers of a question, as they stand and reversed."""
    found = [one for one in numerals(question, dates) if one[3]]
    for at in range(len(found) - count + 1):
        some = found[at : at + count]
        first, last = some[0][1], some[-1][2]
        before, after = beside(question, first, last)
        between = question[some[0][2] : some[1][1]].strip().lower()
        for turned in (False, True):
            order = some[::-1] if turned else some
            said = [question[start:end].lower() for _, start, end, _ in order]
            kinds = "".join(
                "m" if one in MONTH else "9" if one[0].isdecimal() else "x" for one in said
            )
            signs = ["numbers", f"kinds {kinds}", f"turned {turned} {kinds}", f"before {before}",
                     f"after {after}", f"between {between}"]  # fmt: skip
            yield tuple(one[0] for one in order), signs, (first, last)


def beside(question: str, first: int, last: int) -> tuple[str, str]:
    """The words before and behind a part of a question."""
    before, after = question[:first].split()[-1:], question[last:].split()[:1]
    one, other = (word.strip(STRIPPED).lower() for word in (*(before or "^"), *(after or "$")))
    return one, other


def shape_of(value: str) -> str:
    """Return a text with a # for each number."""
    return NUMERAL.sub("#", value)


class Rows:
    """All candidate values of a slot for some questions, their features, and the amount of each."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.signs: list[int] = []
        self.amounts: list[float] = []
        self.of: list[int] = []  # the row of each feature
        self.question: list[int] = []  # of each row
        self.right: list[bool] = []

    def add(self, number: int, signs: Signs, right: bool, more: Amounts | None = None) -> None:
        more = more or {}
        signs = [*signs, *more]
        self.signs += [self.names.setdefault(sign, len(self.names)) for sign in signs]
        self.amounts += [more.get(sign, 1.0) for sign in signs]
        self.of += [len(self.right)] * len(signs)
        self.question.append(number)
        self.right.append(right)


def fit_slot(
    slot: dict, values: Sequence[str], questions: Sequence[str], readings: Readings | None = None
) -> dict:
    """Return the slot with the weights of its features, fitted to its values in the examples.
    Another example with the same value is a feature as well."""
    counts, rows = Counter(values), Rows()
    labels = np.array([[value == one for one in slot["known"]] for value in values], float)
    slot["labels"], by_labels = of_wholes(readings, slot["known"], labels)
    found = [list(values_of(slot, question)) for question in questions]
    wanted = [find_text({one[0] for one in some}, v) for some, v in zip(found, values, strict=True)]
    wheres = [
        [where for text, _, where in some if where and text == right]
        for some, right in zip(found, wanted, strict=True)
    ]
    tokens = [
        one.at(where)[:, None].astype(float)
        for one, where in zip(readings.each if readings else (), wheres, strict=bool(readings))
    ]
    slot["parts"], by_parts = of_parts(readings, tokens)
    for number, (some, right) in enumerate(zip(found, wanted, strict=True)):
        encoder = EncoderSigns(
            slot,
            by_labels[number] if by_labels else None,
            by_parts[number][:, 0] if by_parts else None,
            readings.each[number] if readings else None,
        )
        for text, signs, where in some:
            again = "copy" in signs and counts[text] > (text == values[number])
            rows.add(number, [*signs, *["seen"] * again], text == right, encoder.of(signs, where))
    return slot | {"weights": fit_weights(rows), "seen": sorted(counts)}


def fit_presence(
    slot: dict,
    lists: Sequence[Sequence[str]],
    questions: Sequence[str],
    readings: Readings | None = None,
) -> dict:
    """Return the slot with weights that tell whether each of its values is in a list."""
    rows = Rows()
    labels = np.array([[one in some for one in slot["known"]] for some in lists], float)
    slot["labels"], by_labels = of_wholes(readings, slot["known"], labels)
    for at, (some, question) in enumerate(zip(lists, questions, strict=True)):
        encoder = EncoderSigns(slot, by_labels[at] if by_labels else None, None, None)
        for place, (text, signs, where) in enumerate(values_of(slot, question)):
            number = at * len(slot["known"]) + place
            rows.add(number, signs, text in some, encoder.of(signs, where))
            rows.add(number, [], text not in some)
    return slot | {"weights": fit_weights(rows)}


class EncoderSigns:
    """The encoder's features of a question's values: by label, and by the part where one stands."""

    def __init__(
        self,
        slot: dict,
        labels: np.ndarray | None,
        parts: np.ndarray | None,
        reading: Reading | None,
    ) -> None:
        names = [f"is {value}" for value in slot["known"]]
        pairs = [] if labels is None else labels.T.tolist()
        self.labels = {
            name: {LABELLED: found, NAMED: near}
            for name, (found, near) in zip(names, pairs, strict=bool(pairs))
        }
        self.parts, self.reading = parts, reading

    def of(self, signs: Signs, where: Span | None) -> Amounts:
        if where and self.parts is not None and self.reading:
            return amounts(self.parts, self.reading, where)
        return self.labels.get(signs[0], {})


def fit_weights(rows: Rows) -> dict[str, float]:
    """Return the weight of each feature, without those near 0."""
    weights = maximise_likelihood(rows) if rows.right else np.zeros(0)
    names = zip(rows.names, weights.round(3).tolist(), strict=True)
    return {name: weight for name, weight in names if abs(weight) >= NOTHING}


def find_text(texts: set[str], value: str) -> str:
    """The text among `texts` that stands for a value: the value, its shape, or "" for any text."""
    return next((one for one in (value, shape_of(value)) if one in texts), "")


def maximise_likelihood(rows: Rows) -> np.ndarray:
    """Fit the weights of all features by maximum likelihood with an L2 penalty, using AdaGrad. A
    value that stands at several places of a question may come from any of them."""
    signs, of, amounts = np.array(rows.signs), np.array(rows.of), np.array(rows.amounts)
    question, right = np.array(rows.question), np.array(rows.right)
    stiff = np.array([STIFFER if BY in name else STIFF for name in rows.names])
    known = np.bincount(question, right) > 0
    heeded = known[question]
    weights, squares = np.zeros(len(rows.names)), np.full(len(rows.names), 1e-3)
    for _ in range(ROUNDS):
        points = np.bincount(of, amounts * weights[signs], len(right))
        every = shares(points, question)
        wanted = shares(np.where(right, points, -np.inf), question)
        felt = np.bincount(signs, amounts * (heeded * (wanted - every))[of], len(weights))
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


def chances(slot: dict, question: str, reading: Reading | None = None) -> dict[str, float]:
    """The tempered chance of each value of a slot; all the same where nothing was learned."""
    texts, points = points_of(slot, question, reading)
    found: dict[str, float] = {}
    share = shares(np.array(points), np.zeros(len(points), int)) if points else ()
    for text, one in zip(texts, share, strict=True):
        found[text] = found.get(text, 0.0) + float(one)
    return {text: temper_chance(one) for text, one in found.items()}


def presences(
    slot: dict, question: str, reading: Reading | None = None
) -> dict[str, tuple[float, float]]:
    """Return the tempered chances that each value is in a list, and that it is not."""
    texts, points = points_of(slot, question, reading)
    share = 1 / (1 + np.exp(-np.array(points)))
    pairs = zip(texts, share.tolist(), strict=True)
    return {text: (temper_chance(one), temper_chance(1 - one)) for text, one in pairs}


def points_of(slot: dict, question: str, reading: Reading | None) -> tuple[list[str], list[float]]:
    """Return each value that a slot may take, and the sum of the weights of its features."""
    weights, seen = slot.get("weights", {}), set(slot.get("seen", ()))
    parts = part_points(slot.get("parts"), reading)
    labels = whole_points(slot.get("labels"), reading)
    encoder = EncoderSigns(slot, labels, None if parts is None else parts[:, 0], reading)
    texts, points = [], []
    for text, signs, where in values_of(slot, question):
        again = ["seen"] * ("copy" in signs and text in seen)
        more = encoder.of(signs, where)
        texts.append(text)
        points.append(weigh(weights, (*signs, *again), more))
    return texts, points


def weigh(weights: Mapping[str, float], signs: Iterable[str], amounts: Amounts) -> float:
    """Return the sum of the weights of some features, and of those with an amount times it."""
    return sum(weights.get(sign, 0.0) for sign in signs) + sum(
        weights.get(sign, 0.0) * amount for sign, amount in amounts.items()
    )


def temper_chance(chance: float) -> float:
    return max(LEAST, chance) ** TRUST
