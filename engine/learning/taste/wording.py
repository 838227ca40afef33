"""Describes a taste in words: how the preferred answers differ from the others, and whether an
answer is like the preferred ones."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean

from oneseek.engine.learning.taste.choices import Choice

OFTEN, SELDOM = 0.6, 0.2  # of the choices differ one way, at least, and the other way, at most
CLEARLY = 0.2  # of a measure, from which two texts differ
ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)
SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
CONCLUDES = re.compile(
    r"^\W*(?:so|therefore|thus|hence|that is why|that means|for (?:that|this) reason|därför|"
    r"alltså|så|det betyder)\b|\btherefore\b|\balltså\b",
    re.IGNORECASE,
)
SHORT_FORM = re.compile(r"\w['’](?:s|t|re|ve|ll|d|m)\b")


def length(text: str) -> float:
    """The logarithm of the number of words."""
    return math.log(1 + len(text.split()))


def has_list(text: str) -> float:
    return float(bool(ITEM.search(text)))


def concludes_late(text: str) -> float:
    """1 where what is asked for comes after the reasons for it."""
    later = SENTENCE.findall(text)[1:]
    return float(any(CONCLUDES.search(one.strip()) for one in later))


def exclaims(text: str) -> float:
    return float("!" in text)


def asks_back(text: str) -> float:
    return float(text.rstrip().endswith("?"))


def contracts(text: str) -> float:
    return float(bool(SHORT_FORM.search(text)))


def emphasises(text: str) -> float:
    return float("**" in text)


MEASURES: dict[str, Callable[[str], float]] = {
    "length": length,
    "conclusion": concludes_late,
    "lists": has_list,
    "exclamations": exclaims,
    "questions": asks_back,
    "contractions": contracts,
    "emphasis": emphasises,
}
WORDS = {  # less of it, more of it
    "length": ("shorter", "longer"),
    "conclusion": ("the answer first", "the reasons first"),
    "lists": ("without lists", "with lists"),
    "exclamations": ("without exclamation marks", "with exclamation marks"),
    "questions": ("without a question at the end", "with a question at the end"),
    "contractions": ("without contractions", "with contractions"),
    "emphasis": ("without bold words", "with bold words"),
}


@dataclass(frozen=True)
class Trait:
    """Something the preferred answers have less or more of."""

    name: str
    more: bool
    preferred: float  # what they have of it on average, and the others
    rejected: float

    def is_in(self, text: str) -> bool:
        """Whether an answer is nearer to the preferred ones in this."""
        found = MEASURES[self.name](text)
        return abs(found - self.preferred) < abs(found - self.rejected)

    @property
    def key(self) -> str:
        return f"{'more' if self.more else 'less'}_{self.name}"

    @property
    def words(self) -> str:
        return WORDS[self.name][self.more]


def traits(choices: Sequence[Choice]) -> list[Trait]:
    """Return how the preferred answers differ from the others, the clearest first; single marks
    compare each liked answer with each disliked one."""
    compared = [(one.chosen, one.rejected) for one in choices if one.is_pair]
    if not compared:
        liked = [one.chosen for one in choices if one.chosen]
        compared = list(product(liked, [one.rejected for one in choices if one.rejected]))
    found = []
    for name, measure in MEASURES.items() if compared else ():
        each = [(measure(better), measure(worse)) for better, worse in compared]
        less = mean(better < worse - CLEARLY for better, worse in each)
        more = mean(better > worse + CLEARLY for better, worse in each)
        if max(less, more) >= OFTEN and min(less, more) <= SELDOM:
            sides = (mean(side) for side in zip(*each, strict=True))
            found.append((-max(less, more), Trait(name, more > less, *sides)))
    return [trait for _, trait in sorted(found, key=lambda one: one[0])]


def in_words(found: Sequence[Trait]) -> str:
    """Return traits as a phrase: `shorter, and the answer first`."""
    if not found:
        return "as was chosen"
    *first, last = [trait.words for trait in found]
    return f"{', '.join(first)}, and {last}" if first else last
