"""Scores the examples of a data set before the first step, to skip those not worth learning.

It compares the words of each with all others, and takes the base model's loss: what the base says
by itself teaches nothing, and noise cannot be learned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np

from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.collecting.quality import Among, foreign, is_poor, judge
from oneseek.engine.learning.batch import Row
from oneseek.engine.learning.datasets import Example
from oneseek.engine.turns import pause

EASY = 0.1  # nats a token: below, the base says it by itself
FAR = 5.0  # deviations of the log loss from the median (by the MAD): beyond is noise
FEWEST = 8  # examples, below which there is no usual loss

Surprise = Callable[[Sequence[Row]], Awaitable[list[float]]]


def join_history(example: Example) -> str:
    """Return the turns before the answer as one text."""
    return "\n".join(turn["content"] for turn in example.history)


def by_words(examples: Sequence[Example], known: dict[str, str] | None = None) -> list[list[str]]:
    """Return the faults of each example, as far as its words tell."""
    among, found = Among(known), []
    for example in examples:
        pause()
        found.append(among.faults(join_history(example), example.answer))
    for example, reasons in zip(examples, found, strict=True):  # nobody knows which is right
        if not reasons and prompt_hash(join_history(example)) in among.disputed:
            reasons.append("disputed")
    for reasons, odd in zip(found, foreign([one.answer for one in examples]), strict=True):
        if odd:
            reasons.append("language")
    return found


def by_surprise(losses: Sequence[float], faulty: Sequence[bool]) -> list[list[str]]:
    """Return the faults of each example by its loss under the base; usual is the loss of those
    without faults in their words."""
    usual = np.log([loss for loss, bad in zip(losses, faulty, strict=True) if not bad] or [1.0])
    middle = float(np.median(usual))
    spread = max(1.4826 * float(np.median(np.abs(usual - middle))), 0.1)
    noise = float(np.exp(middle + FAR * spread)) if len(usual) >= FEWEST else float("inf")
    return [["easy"] * (loss < EASY) + ["noise"] * (loss > noise) for loss in losses]


async def qualities(
    examples: Sequence[Example],
    rows: Sequence[Row],
    surprise: Surprise,
    known: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return {score, why, surprise} of each example."""
    worded = by_words(examples, known)
    losses = await surprise(rows)
    felt = by_surprise(losses, [bool(reasons) for reasons in worded])
    return [
        judge(words + more) | {"surprise": round(loss, 3)}
        for words, more, loss in zip(worded, felt, losses, strict=True)
    ]


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how many were scored and skipped, and for which reasons."""
    reasons: dict[str, int] = {}
    for one in found:
        for name in one["why"]:
            reasons[name] = reasons.get(name, 0) + 1
    return {"examples": len(found), "skipped": sum(map(is_poor, found)), "reasons": reasons}
