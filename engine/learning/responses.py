"""Several responses to one question, compared: consensus, bias, fairness, and what to learn.

All numbers lie in [0, 1].
* similarity of two responses: shared words / all words of both (Jaccard, on caseless words).
* agreement of a response: its mean similarity to the responses of other models; to all other
  responses when there is one model only.  A model that repeats itself does not agree more.
* consensus: the mean agreement; null for a single response, which nobody could contradict.
* bias of a response: the share of its words that judge or exaggerate (lists below).
* fairness: Jain's index of the agreements, (sum a)^2 / (n sum a^2): 1 when every response is as
  well represented by the others, 1/n when only one is.
* weight of a response: agreement x (1 - bias), normalised to sum 1; equal when all are zero.
* target: the response with the highest weight, the first of equals.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_WORD = re.compile(r"\w+")
LOADED = frozenset(
    "always never everyone nobody obviously clearly undoubtedly definitely absolutely totally "
    "completely best worst terrible horrible disgusting awful stupid idiotic ridiculous pathetic "
    "amazing incredible perfect disaster outrageous shameful evil lazy inferior superior "
    "alltid aldrig alla ingen självklart uppenbarligen givetvis absolut totalt fullständigt "
    "bäst sämst hemsk hemskt vidrig vidrigt fruktansvärd fruktansvärt dum dumt idiotisk löjlig "
    "löjligt otrolig otroligt perfekt katastrof skandal skamlig skamligt ond lat underlägsen "
    "överlägsen".split()
)


@dataclass(frozen=True)
class Analysis:
    consensus: float | None
    bias: float
    fairness: float
    agreements: list[float | None]
    biases: list[float]
    weights: list[float]
    target: int

    def to_dict(self) -> dict:
        return asdict(self)


def words_of(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def similarity(one: str, other: str) -> float:
    a, b = words_of(one), words_of(other)
    return len(a & b) / len(a | b) if a | b else 1.0


def bias_of(text: str) -> float:
    words = _WORD.findall(text.casefold())
    return sum(word in LOADED for word in words) / len(words) if words else 0.0


def analyse(responses: Sequence[dict]) -> Analysis:
    """`responses` are [{"model", "response"}], at least one."""
    if not responses:
        raise ValueError("there are no responses to compare: at least one is needed")
    biases = [bias_of(one["response"]) for one in responses]
    agreements = [_agreement(i, responses) for i in range(len(responses))]
    known = [a for a in agreements if a is not None]
    raw = [(1.0 if a is None else a) * (1 - b) for a, b in zip(agreements, biases, strict=True)]
    total = sum(raw)
    weights = [value / total for value in raw] if total else [1 / len(raw)] * len(raw)
    return Analysis(
        consensus=sum(known) / len(known) if known else None,
        bias=sum(biases) / len(biases),
        fairness=_jain(known),
        agreements=agreements,
        biases=biases,
        weights=weights,
        target=max(range(len(weights)), key=lambda i: (weights[i], -i)),
    )


def _agreement(i: int, responses: Sequence[dict]) -> float | None:
    others = [one for j, one in enumerate(responses) if j != i]
    foreign = [one for one in others if one["model"] != responses[i]["model"]]
    compared = foreign or others
    if not compared:
        return None
    mine = responses[i]["response"]
    return sum(similarity(mine, one["response"]) for one in compared) / len(compared)


def _jain(values: Sequence[float]) -> float:
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
