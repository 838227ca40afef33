"""How likely a statement answers a question: what was read of both together, how near they are, and
what their words say plainly, weighed together.

The weights are fitted on development sets by tests/bench/weigh_evidence.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.lessons.language import Language
from oneseek.engine.learning.memory.second_look import (
    alike,
    content,
    names,
    people,
    plain_words,
    relatives,
    wanted,
)
from oneseek.engine.learning.memory.statements.groups import names_group_of
from oneseek.engine.learning.memory.statements.plain_forms import says_plainly
from oneseek.engine.learning.memory.statements.reader import sigmoid

READ, NEAR, ASKS, RIVAL, AHEAD = "read", "near", "asks", "rival", "ahead"
ALIGNED = "aligned"
WEIGHTS = {
    "at_first": -3.59,
    READ: 0.59,
    ALIGNED: 0.25,
    NEAR: 2.48,
    ASKS: 1.16,
    RIVAL: -0.13,
    AHEAD: 1.68,
    "brought": 0.93,
    "elsewhere": -0.08,
    "strange_name": -0.36,
    "strange_relative": -0.57,
    "unfit": -0.52,
    "not_mine": -0.11,
    "moved_there": 2.0,  # chosen by hand: few questions of the sets ask so
    "of_a_kind": 3.0,  # likewise
    "in_form": 4.0,  # chosen by hand: the plainest questions are few there
}
MOVED = frozenset("moved moving relocated flyttat flyttade flyttar".split())
LIVE = frozenset("live lives living bor bo".split())


def weighed(signs: Mapping[str, float]) -> float:
    """The probability that a statement with these signs answers the question."""
    return sigmoid(nats_of(signs))


def nats_of(signs: Mapping[str, float]) -> float:
    return WEIGHTS["at_first"] + sum(WEIGHTS.get(name, 0.0) * x for name, x in signs.items())


def apart(signs: Mapping[str, float]) -> float:
    """The evidence in nats that a statement answers, as if no other one answered better."""
    return nats_of({**signs, RIVAL: 0.0, AHEAD: max(0.0, signs.get(AHEAD, 0.0))})


def signs(
    question: str,
    statements: Sequence[str],
    read: Sequence[float],
    aligned: Sequence[float],
    near: Sequence[float],
    elsewhere: Sequence[float],
    asks: float,
) -> list[dict[str, float]]:
    """The signs for and against each statement as the answer of a question: what was `read` of both
    together, and what their words `aligned` say; in nats. `elsewhere` is the
    rarity of the words that only another statement shares with the question; `asks` is the
    probability that the question asks for something of the person's own."""
    code = guess(question)
    found = []
    for i, said in enumerate(statements):
        rivals, others = ([x for j, x in enumerate(some) if j != i] for some in (read, near))
        found.append(
            {
                READ: float(read[i]),
                ALIGNED: float(aligned[i]),
                NEAR: float(near[i]),
                ASKS: asks,
                RIVAL: max(0.0, float(max(rivals, default=read[i]) - read[i])),
                AHEAD: float(near[i] - max(others, default=near[i])),
                "elsewhere": float(elsewhere[i]),
                **plainly(question, said, language(code), guess(said) == code),
            }
        )
    return found


def plainly(question: str, said: str, words: Language, same: bool) -> dict[str, float]:
    """What the words themselves say; less of it where the languages are not the same."""
    asked, plain = content(question, words), plain_words(said)
    moved = bool(plain & MOVED)
    plain |= LIVE if moved else frozenset()  # since then one lives there
    new = {one for one in asked if not any(alike(one, two, words) for two in plain)}
    kin = relatives(question, words) - relatives(said, words)
    own = plain_words(question) & people(words)
    strange = {one for one in names(question, words) if one not in plain and one[:-1] not in plain}
    unfit = any(not sort.search(said.lower()) for sort in wanted(question, words))
    there = moved and bool(plain_words(question) & LIVE) and not (new or kin or strange)
    return {
        "moved_there": float(there),
        "of_a_kind": float(same and names_group_of(question, said, guess(question))),
        "in_form": float(says_plainly(question, said)),
        "brought": 1 - len(new) / len(asked) if asked else 0.5,
        "strange_name": float(bool(strange)),
        "strange_relative": float(same and bool(kin)),
        "unfit": float(same and unfit),
        "not_mine": float(same and bool(own) and not plain & people(words)),
    }
