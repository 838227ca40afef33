"""Decides which of the candidate statements holds: a later one may have replaced an earlier one
without naming what it replaces.

When a statement is kept, it is read behind those near it: how likely it changes what each of them
says. So a question that an old statement answers finds the new one ("so I got a yellow one
instead"), and a question about the past finds the statement that was replaced. The result is a
probability for each candidate: that it holds now, or held at the time that the question is about.

tests/bench/weigh_succession.py fits the weights on statements told over forty days.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.second_look import relatives
from oneseek.engine.learning.memory.statements.said import FUNCTION_WORDS, stems

WEIGHTS = {
    "at_first": -3.64,
    "takes_back": 0.31,
    "near": 3.47,
    "answers": -0.16,
    "shared": 0.2,
    "changed": 0.06,
    "another": -3.0,
    "rivals": 1.37,
    "asked": 1.1,
    "handed_on": -0.7,
    "own": 0.37,
    "relevant": 1.36,
    "relevance": 0.19,
    "replaced": 1.75,
    "age": 2.85,
    "old": 3.75,
    "was_replaced": 0.8,
    "handed_back": 1.13,
    "first": 1.21,
    "named": 1.67,
}
FAR = -4.0  # nats of a change, below which it is ignored
BESIDE, APART = 8, 0.6  # a new statement is read behind so many, within so much of the nearest
HOLDS = 3  # nearest statements to a question whose changes are read too
FOLLOW = 2  # changes of them that are read, at most
LONG = 40.0  # days, at most, that age counts
NO_LINK, MOST = -30.0, 0.98
OVER = 2.2  # nats for a question about the past: a replaced statement does not say that it ended
# A statement that names this share of what came later, and whose likeliest change has fewer nats,
# tells nothing of what was before.
NAMES, CHANGES = 0.5, -2.0
CHANGED = re.compile(
    r"\b(?:no longer|any ?more|used to|instead of|these days|nowadays|now|moved|switched|swapped|"
    r"changed|sold|quit|stopped|gave up|given up|given back|dropped|left|cancelled|retired|died|"
    r"new|over|from now on|started|finished|postponed|replaced|doubled|(?:down|up|on|off) (?:to|till)|"
    r"numera|nu|längre|i ?stället|bytt|bytte|flyttat|flyttade|flyttad|slutat|slutade|sålt|sålde|"
    r"från och med|börjat|började|skjut\w* upp|"
    r"ny|nya|nytt|dött|inställ\w*)\b",
    re.I,
)
DIED = re.compile(r"\bdog\b", re.I)  # Swedish
PAST = re.compile(
    r"\b(?:before|used? to|previous(?:ly)?|former(?:ly)?|back (?:then|when)|original(?:ly)?|"
    r"at first|to begin with|in the beginning|(?:when|while) (?:i|we) (?:was|were|still)|"
    r"(?:my|our|the) old|förut|tidigare|innan|brukade|dessförinnan|(?:allra )?först|från början|"
    r"ursprunglig\w*|på den tiden|(?:min|mitt|mina|vår|vårt|våra) (?:gamla|förra))\b",
    re.I,
)
WAS = re.compile(
    r"^(?:\w+ ){1,3}?(?:was|were|did|had|hade|hette|bodde|jobbade|gick|var (?!\w+ ?\?)|skulle)\b",
    re.I,
)
FIRST = re.compile(
    r"\b(?:first|original\w*|start(?:ed)?(?: (?:with|on|out))?|to begin with|beginning|initial\w*|"
    r"först|från början|ursprunglig\w*)\b",
    re.I,
)
BEFORE = re.compile(r"\b(?:before|innan|före)\b(.*)", re.I)


class Pair(NamedTuple):
    """The features of a later statement beside an earlier one."""

    takes_back: float
    near: float
    answers: float
    shared: float
    changed: float
    another: float  # 1 if both name relatives, but not the same ones


def link(pair: Pair, weights: Mapping[str, float] = WEIGHTS) -> float:
    """The logit that the later statement changes the earlier one."""
    return weights["at_first"] + sum(weights[name] * x for name, x in pair._asdict().items())


def beside_rivals(nats: Any, best: Any, weights: Mapping[str, float] = WEIGHTS) -> Any:
    """The logit of a link, lowered if the later statement has a better one (`best`)."""
    return nats + weights["rivals"] * (nats - best)


def tells_change(said: str) -> float:
    return float(bool(CHANGED.search(said) or find_death(said)))


def find_death(said: str) -> re.Match[str] | None:
    """The match of *dog* (died) in Swedish words; in English it is an animal."""
    return DIED.search(said) if guess(said) == "sv" else None


def another(earlier: str, later: str) -> float:
    kin, theirs = (relatives(said, language(guess(said))) for said in (earlier, later))
    return float(bool(kin and theirs) and not kin & theirs)


class Succession:
    """The pairs of statements of which one may change the other, found from either."""

    def __init__(self) -> None:
        self._beside: dict[str, dict[str, Pair]] = defaultdict(dict)

    def add(self, id: str, beside: Mapping[str, Sequence[float]]) -> None:
        for other, read in beside.items():
            self._beside[id][other] = self._beside[other][id] = Pair(*read)

    def remove(self, id: str) -> None:
        for other in self._beside.pop(id, {}):
            self._beside[other].pop(id, None)

    def beside(self, id: str) -> dict[str, Pair]:
        return self._beside.get(id, {})

    def find_linked(self, near: Sequence[str]) -> list[str]:
        """The FOLLOW statements that are likeliest to change, or to be changed by, the nearest to a
        question."""
        found: dict[str, float] = {}
        for id in near[:HOLDS]:
            for other, pair in self.beside(id).items():
                if other not in near and (nats := link(pair)) > FAR:
                    found[other] = max(nats, found.get(other, nats))
        return sorted(found, key=lambda id: -found[id])[:FOLLOW]

    def matrix(self, ids: Sequence[str], time_of: Callable[[str], float]) -> np.ndarray:
        """The nats of each link, [earlier, later]. Links of one later statement are rivals, since
        a statement rarely changes two others."""
        found = np.full((len(ids), len(ids)), NO_LINK)
        for j, id in enumerate(ids):
            when = time_of(id)
            nats = {
                other: link(pair)
                for other, pair in self.beside(id).items()
                if time_of(other) < when
            }
            for i, other in enumerate(ids):
                if other in nats:
                    found[i, j] = beside_rivals(nats[other], max(nats.values()))
        return found


class Question(NamedTuple):
    """The time that a question is about."""

    past: float  # 1 if it asks about the past, 0.5 if it may
    first: bool
    before: frozenset[str]  # stems of what it says came later: "before Lund"

    @classmethod
    def of(cls, text: str) -> Question:
        past = 1.0 if PAST.search(text) else 0.5 if WAS.search(text) else 0.0
        named = BEFORE.search(text)
        stood = frozenset(stems(named[1])) - FUNCTION_WORDS if named else frozenset()
        return cls(past, FIRST.search(text) is not None, stood)

    def names(self, said: str) -> float:
        """The share of the words in `before` that a statement has."""
        return len(self.before & set(stems(said))) / len(self.before) if self.before else 0.0


def likely(
    question: Question,
    asked: np.ndarray,
    links: np.ndarray,
    days: np.ndarray,
    named: np.ndarray,
    weights: Mapping[str, float] = WEIGHTS,
) -> np.ndarray:
    """The probability of each statement that it is the one to say. `asked` is the evidence in nats
    that it answers the question, `links` which later statements change it, `days` its age, `named`
    how much it shares with what the question says came later."""
    w, asked, age = weights, weights["asked"] * asked, np.minimum(days, LONG) / LONG
    changes = -np.logaddexp(0, -links)
    own = w["own"] * asked
    handed = hand_on(asked, changes - w["handed_on"] + own)
    handed = hand_on(handed, changes - w["handed_on"] + own)
    relevant = 1 / (1 + np.exp(-w["relevant"] - w["relevance"] * asked))
    gone = np.log1p(-np.minimum(np.exp(changes) * relevant, MOST)).sum(1)
    now = handed + w["replaced"] * gone - w["age"] * age
    back = hand_on(asked, changes.T - w["handed_back"] + own)
    was = np.log(np.exp(changes).max(1, initial=0) + 0.05)
    then = back + w["was_replaced"] * was - w["named"] * named
    then = then + (w["old"] + w["first"] * question.first) * age
    nats = (1 - question.past) * now + question.past * then
    every = np.exp(nats - nats.max())
    return every / every.sum()


def over(question: Question, links: np.ndarray, named: np.ndarray) -> np.ndarray:
    """The nats that each statement gets as an answer about the past; 0 for any other question."""
    only_later = (named >= NAMES) & (links.max(0, initial=NO_LINK) < CHANGES)
    return float(question.past == 1) * np.where(only_later, -OVER, OVER)


def hand_on(asked: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """The evidence of each statement, joined with the evidence of those that it changes."""
    return np.logaddexp(asked, (asked[:, None] + changes).max(0))
