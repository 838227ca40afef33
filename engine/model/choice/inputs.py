"""The inputs of a program on which the choice of a token depends, beside the model.

They are the answer's sampling, the tokens before, and the push: known for the next token, and for
those after it as soon as a draft says which tokens come before them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oneseek.engine.compiler.ops.random import seed_of_row
from oneseek.engine.model.choice.repetition import penalise_repeats
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.programs import PUSHED, RECENT


@dataclass
class Choice:
    """The inputs of one token: its number in the answer, the tokens before it, and token ->
    nats."""

    sampling: Sampling
    number: int
    before: list[int] = field(default_factory=list)
    push: dict[int, float] = field(default_factory=dict)


def pushes(answer: Any, so_far: list[int], text: str) -> dict[int, float]:
    """Return token -> nats after the answer's tokens so far: the push if there is one, else a
    penalty on repetition."""
    if answer.push:
        return answer.push.amounts(so_far, text)
    return penalise_repeats(so_far) if answer.sampling.steer else {}


def write_choices(run: Any, choices: list[Choice], rows: int, vocab: int) -> None:
    """Write choices into the inputs of a program that draws `rows` tokens; other rows are
    ignored."""
    recent = np.full((rows, RECENT), -1, np.int32)
    knobs, penalty = np.zeros((rows, 3), np.float32), np.ones(rows, np.float32)
    seeds, places = np.zeros(rows, np.uint32), np.zeros((rows, PUSHED), np.int32)
    amounts = np.zeros((rows, PUSHED), np.float32)
    for i, choice in enumerate(choices):
        s = choice.sampling
        if s.penalty != 1:
            last = choice.before[-RECENT:]
            recent[i, : len(last)] = [one if one < vocab else -1 for one in last]  # no pictures
        knobs[i], penalty[i] = (s.temperature, s.top_k, s.top_p), s.penalty
        seeds[i] = seed_of_row(s.seed_of(choice.number), i)
        for j, (token, nats) in enumerate(list(choice.push.items())[:PUSHED]):
            places[i, j], amounts[i, j] = i * vocab + token, nats
    run.write("push_places", places.reshape(-1))
    run.write("push_amounts", amounts.reshape(-1, 1))
    run.write("recent", recent)
    run.write("knobs", knobs)
    run.write("penalty", penalty)
    run.write("seeds", seeds)
