"""The probability that a statement answers a question: a logistic regression.

Its features are the logits of the cross-encoder and of the aligner, the nearness of the statement,
its share of the nearness of all that are read, the probability that the question asks for something
of the person's own, how many words both share and how many of the question stand in no statement,
whether the statement holds a value of the kind that is asked for, and its length.
tests/bench/weigh_evidence.py fits the weights on development sets; those of plain words (PLAIN) are
chosen by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.lessons.language import Language
from oneseek.engine.learning.lessons.values import holds, lacks
from oneseek.engine.learning.memory.second_look import (
    alike,
    content,
    names,
    plain_words,
    relatives,
)
from oneseek.engine.learning.memory.statements.groups import names_group_of
from oneseek.engine.learning.memory.statements.plain_forms import says_plainly
from oneseek.engine.learning.memory.statements.reader import sigmoid
from oneseek.engine.learning.memory.statements.said import FUNCTION_WORDS, stems

READ, ALIGNED, NEAR, ASKS, SHARE = "read", "aligned", "near", "asks", "share"
WORDS, UNKNOWN, LENGTH, HOLDS, LACKS = "words", "unknown", "length", "holds", "lacks"
LONG = 300  # characters, at most, that count for the length
SHARP, NOTHING = 30.0, 0.4  # scale of the softmax over nearness; nearness of what does not answer
PLAIN = {  # chosen by hand: too few questions of the sets are of these forms
    "moved_there": 2.0,
    "of_a_kind": 3.0,
    "in_form": 4.0,
}
WEIGHTS = {
    "at_first": -7.99,
    READ: 0.38,
    ALIGNED: 0.12,
    NEAR: 4.42,
    ASKS: 1.97,
    SHARE: 4.34,
    WORDS: -0.49,  # the other scores count them too high
    UNKNOWN: 0.25,
    LENGTH: 1.94,
    HOLDS: 0.39,
    LACKS: -0.26,
}
# Shifted: a probability of .2 becomes .5 (OF_SEVERAL of tests/bench/weigh_evidence.py). The
# thresholds on `Found.apart` in composing/ are on that scale.
ALONE = {"at_first": -7.15, READ: 0.38, ALIGNED: 0.07, NEAR: 11.09, ASKS: 2.08}
MOVED = frozenset("moved moving relocated flyttat flyttade flyttar".split())
LIVE = frozenset("live lives living bor bo".split())


def weigh_signs(signs: Mapping[str, float]) -> float:
    """The probability that a statement with these features answers the question."""
    return sigmoid(nats_of(signs))


def nats_of(signs: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    each = {**weights, **PLAIN}
    return weights["at_first"] + sum(each.get(name, 0.0) * x for name, x in signs.items())


def apart(signs: Mapping[str, float]) -> float:
    """The logit that a statement answers, whatever else is near."""
    return nats_of(signs, ALONE)


def shares(near: Sequence[float]) -> list[float]:
    """The share of each statement in a softmax over the nearness of all and of NOTHING."""
    each = [math.exp(SHARP * (x - max(*near, NOTHING))) for x in (*near, NOTHING)]
    return [x / sum(each) for x in each[:-1]]


def signs(
    question: str,
    statements: Sequence[str],
    read: Sequence[float],
    aligned: Sequence[float],
    near: Sequence[float],
    asks: float,
    unknown: int,
) -> list[dict[str, float]]:
    """The features of each statement as the answer of a question. `read` and `aligned` are the
    logits of the cross-encoder and of the aligner, `near` the nearness; `asks` is the probability
    that the question asks for something of the person's own, and `unknown` the number of its words
    that stand in no statement."""
    code, words = guess(question), set(stems(question)) - FUNCTION_WORDS
    each = zip(statements, read, aligned, near, shares(near), strict=True)
    return [
        {
            READ: float(reads),
            ALIGNED: float(aligns),
            NEAR: float(lies),
            SHARE: share,
            ASKS: asks,
            WORDS: len(words & set(stems(said))),
            UNKNOWN: unknown,
            LENGTH: min(len(said), LONG) / LONG,
            HOLDS: float(holds(question, said)),
            LACKS: float(lacks(question, said)),
            **plainly(question, said, language(code), guess(said) == code),
        }
        for said, reads, aligns, lies, share in each
    ]


def plainly(question: str, said: str, words: Language, same: bool) -> dict[str, float]:
    """The features of the plain words, each 0 or 1."""
    return {
        "moved_there": float(tells_of_move(question, said, words)),
        "of_a_kind": float(same and names_group_of(question, said, guess(question))),
        "in_form": float(says_plainly(question, said)),
    }


def tells_of_move(question: str, said: str, words: Language) -> bool:
    """Whether a question asks where somebody lives, and a statement says that they moved."""
    plain = plain_words(said)
    if not plain & MOVED or not plain_words(question) & LIVE:
        return False
    plain |= LIVE
    new = (
        one for one in content(question, words) if not any(alike(one, two, words) for two in plain)
    )
    strange = (one for one in names(question, words) if one not in plain and one[:-1] not in plain)
    return (
        not any(new)
        and not any(strange)
        and not relatives(question, words) - relatives(said, words)
    )
