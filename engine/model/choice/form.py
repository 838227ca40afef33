"""Answers in a form: of the likeliest tokens only those that a grammar allows.

The grammar chooses among the 64 candidates that every back end gives; where it allows none of them,
the text goes the shortest way on. What is left of the answer's length is heeded from the first
token on, so that each answer comes to its end.
"""

from __future__ import annotations

import numpy as np

from oneseek.engine.compiler.ops.random import CANDIDATES, draw
from oneseek.engine.model.choice.repetition import goes_round
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.choice.text import NOWHERE, Grammar, State, Text
from oneseek.engine.model.tokenizer import Tokenizer

IMPOSSIBLE = -1e4
NEGLIGIBLE = (
    9.0  # nats at a temperature of 1 behind the likeliest: drawn once in ten thousand times
)


class Form:
    """One answer that is written by a grammar."""

    def __init__(self, grammar: Grammar, tokenizer: Tokenizer) -> None:
        self.text, self.tokenizer = Text(grammar), tokenizer
        self.state = self.text.start
        self._spelled: dict[bytes, list[int]] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing more may be said."""
        return self.text.is_over(self.state)

    def choose(
        self, best: list[tuple[int, float]], sampling: Sampling, ids: list[int], left: int
    ) -> int:
        """The next token after `ids`, of the `best` with their log-probabilities; so many tokens
        are left, this one included."""
        found: dict[int, tuple[float, State]] = {}
        most = -np.inf
        for id, logprob in [] if goes_round(ids) else best:
            if most - logprob > NEGLIGIBLE * sampling.temperature:
                break
            state = self._after(id, left - 1)
            if state is None:
                continue
            text = b"" if id in self.tokenizer.eos_ids else self.tokenizer.bytes_of(id)
            points = logprob + self.text.chance(self.state, text)
            most = max(most, points)
            found[id] = points, state
        found = dict(sorted(found.items(), key=lambda one: -one[1][0]))
        if not found:
            way = self.text.ending(self.state)
            id = self._spell(way)[0] if way else min(self.tokenizer.eos_ids)
            self.state = self.text.after(self.state, self.tokenizer.bytes_of(id))
            return id
        id = drawn(found, sampling, len(ids)) if len(found) > 1 else next(iter(found))
        self.state = found[id][1]
        return id

    def _spell(self, way: bytes) -> list[int]:
        if way not in self._spelled:
            self._spelled[way] = self.tokenizer.spell(way)
        return self._spelled[way]

    def _after(self, id: int, left: int) -> State | None:
        """The state after a token, if it is allowed and the text can end in the tokens left."""
        if id in self.tokenizer.eos_ids:
            return self.state if self.text.is_whole(self.state) else None
        text = self.tokenizer.bytes_of(id)
        state = self.text.after(self.state, text) if text else NOWHERE
        if state == NOWHERE:
            return None
        way = self.text.ending(state)
        short = len(way) <= left or len(self._spell(way)) <= left
        return state if short else None


def drawn(found: dict[int, tuple[float, State]], sampling: Sampling, at: int) -> int:
    """One of the allowed tokens, as the back ends draw."""
    ids = np.zeros((1, CANDIDATES), np.int32)
    logprobs = np.full((1, CANDIDATES), IMPOSSIBLE, np.float32)
    ids[0, : len(found)] = list(found)
    logprobs[0, : len(found)] = [logprob for logprob, _ in found.values()]
    knobs = np.array([[sampling.temperature, sampling.top_k, sampling.top_p]], np.float32)
    return int(draw.reference(ids, logprobs, knobs, np.array([sampling.seed_of(at)], np.uint32))[0])
