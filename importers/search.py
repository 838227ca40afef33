"""The places of a text that a question is about, found by its words alone (BM25): asking about a
document costs no reading of it by the model.

A place is a few sentences that stand together, with where it begins and ends in the text.
"""

import functools
import re
from collections import Counter
from math import log
from typing import NamedTuple

from oneseek.engine.learning.lessons import codes, language
from oneseek.importers.passages import sentences_of

WORDS = 60  # of one place
STEM = 5  # letters: "båten" and "båtens", "weighs" and "weighed" are one word
SATURATION, EVENNESS = 1.2, 0.75  # BM25's usual k and b


class Place(NamedTuple):
    text: str
    start: int
    end: int


def places(text: str) -> list[Place]:
    """The text in order, cut where a paragraph ends and where a place has become long; a heading or
    an item of a list stands with what follows it."""
    found, start, words = [], None, 0
    for begin, end in sentences_of(text):
        start = begin if start is None else start
        words += len(text[begin:end].split())
        closed = text[end - 1] in ".!?" and text[end : end + 2].count("\n") == 2
        if closed or words >= WORDS:
            found.append(_place(text, start, end))
            start, words = None, 0
    if start is not None:
        found.append(_place(text, start, end))
    return found


def find(text: str, question: str, count: int) -> list[Place]:
    """The best places, best first; none where no word of the question tells one place from
    another."""
    all_places = places(text)
    counted = [Counter(terms(place.text)) for place in all_places]
    spread = Counter(term for one in counted for term in one)
    mean = sum(one.total() for one in counted) / max(1, len(counted))
    asked = {term: _weight(spread[term], len(counted)) for term in terms(question) if spread[term]}

    def score(one: Counter[str]) -> float:
        even = SATURATION * (1 - EVENNESS + EVENNESS * one.total() / (mean or 1))
        return sum(w * one[t] * (SATURATION + 1) / (one[t] + even) for t, w in asked.items())

    scored = sorted(zip(map(score, counted), all_places, strict=True), key=lambda one: -one[0])
    return [place for worth, place in scored[:count] if worth > 0]


def terms(text: str) -> list[str]:
    """The stems of its words; function words weigh nothing."""
    found = (word[:STEM] for word in re.findall(r"\w+", text.casefold()))
    return [stem for stem in found if stem not in weightless()]


@functools.cache
def weightless() -> frozenset[str]:
    return frozenset(word[:STEM] for code in codes() for word in language(code).function_words)


def _weight(holding: int, all_: int) -> float:
    return log(1 + (all_ - holding + 0.5) / (holding + 0.5))


def _place(text: str, start: int, end: int) -> Place:
    return Place(" ".join(text[start:end].split()), start, end)
