"""Selects the statements that bear on a question for several things, on yes or no, or on a task: a
logistic regression over how near each is to the question, what it names, and how it was said beside
the likeliest one.

tests/bench/weigh_selecting.py fits the weights on the development sets of composed questions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.statements.reader import sigmoid
from oneseek.engine.learning.memory.statements.rows import Rows, before, goes_on
from oneseek.engine.learning.memory.statements.statement import Found

WEIGHTS: Mapping[str, float] = {
    "at_first": -4.82,
    "near": 5.83,
    "behind": 0.48,
    "apart": 0.26,
    "unread": -1.51,
    "best": -0.33,
    "likeliest": 3.37,
    "shares": 0.4,
    "member": 0.87,
    "of_others": -0.66,
    "together": 3.54,
    "in_row": -0.53,
    "goes_on": 0.48,
    "leans": 1.33,
    "several": 0.27,
    "several_together": 0.15,
    "yes_no": -1.26,
}
LOWEST, HIGHEST = 1e-3, 1 - 1e-3  # a probability is cut off there before it becomes a logit
MOST = 8  # statements of one answer, at most
ROWS = 40  # statements of the groups that a question names, at most


def find_candidates(asked: Asked, found: Sequence[Found], rows: Rows) -> list[dict]:
    """The statements beside those `found` that may belong to the answer: told together with the
    likeliest, in its row, or of a group that the question names."""
    if not found:
        return []
    likeliest = max(found, key=lambda one: one.apart)
    of_groups = [
        fact for fact in rows.find_by_beginnings(asked.member_stems)
        if asked.members(fact["answer"])
    ]  # fmt: skip
    some = [*rows.together(likeliest.fact), *rows.of(likeliest.fact), *of_groups[-ROWS:]]
    known = {one.id for one in found}
    return [fact for fact in {one["id"]: one for one in some}.values() if fact["id"] not in known]


async def widen(memory: Memory, asked: Asked, found: Sequence[Found], user: str) -> list[Found]:
    """The statements `found` and the candidates beside them, with how near these lie."""
    more = find_candidates(asked, found, memory.person(user).rows)
    return [*found, *await memory.find_near(asked.question, [one["id"] for one in more], user)]


def select(asked: Asked, wider: Sequence[Found], rows: Rows, least: float) -> list[Found]:
    """The statements of `wider` that belong to the answer with at least this probability, the
    likeliest MOST of them, in the order in which they were said."""
    if not wider:
        return []
    sure = zip(map(weigh, describe(asked, wider, rows)), wider, strict=True)
    likely = sorted((one for one in sure if one[0] >= least), key=lambda one: -one[0])
    return sorted((one for _, one in likely[:MOST]), key=lambda one: one.fact["time"])


def describe(asked: Asked, some: Sequence[Found], rows: Rows) -> list[dict[str, float]]:
    """The features of each of some statements as a part of the answer."""
    best = max(some, key=lambda one: one.apart)
    together = {fact["id"] for fact in rows.together(best.fact)}
    row = {fact["id"] for fact in rows.of(best.fact)}
    several, yes_no = float(asked.takes_list), float(asked.is_yes_no)
    found = []
    for one in some:
        said, also = one.fact["answer"], one is not best
        found.append(
            {
                "near": one.near,
                "behind": best.near - one.near,
                "apart": to_logit(one.apart) if one.apart else 0.0,
                "unread": float(not one.apart),
                "best": to_logit(best.apart),
                "likeliest": float(not also),
                "shares": float(bool(asked.find_shared(said))),
                "member": float(bool(asked.members(said))),
                "of_others": float(asked.is_of_others(said)),
                "together": float(one.id in together),
                "in_row": float(also and one.id in row),
                "goes_on": float(goes_on(said)),
                "leans": float(bool(before(one.fact))),
                "several": several,
                "several_together": float(several and one.id in together),
                "yes_no": yes_no,
            }
        )
    return found


def to_logit(probability: float) -> float:
    cut = min(max(probability, LOWEST), HIGHEST)
    return math.log(cut / (1 - cut))


def weigh(signs: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """The probability that a statement with these features belongs to the answer."""
    nats = sum(weights.get(name, 0.0) * x for name, x in signs.items())
    return sigmoid(weights["at_first"] + nats)
