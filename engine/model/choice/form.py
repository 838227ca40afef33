"""Constrained decoding: of the likeliest tokens only those that a grammar allows.

The grammar chooses among the 64 candidates that every back end gives; where it allows none of them,
the text takes the shortest way to its end. The tokens left for the answer count from the first one
on, so that each answer comes to its end.
"""

from __future__ import annotations

import numpy as np

from oneseek.engine.compiler.ops.random import CANDIDATES, draw
from oneseek.engine.model.choice.repetition import goes_round
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.choice.text import NOWHERE, Grammar, State, Text
from oneseek.engine.model.tokenizer import Tokenizer

IMPOSSIBLE = -1e4
NEAR, MOST_COUNTED = 16, 1 << 24  # tokens; bytes of all texts whose tokens are counted
NEGLIGIBLE = (
    9.0  # nats at a temperature of 1 behind the likeliest: drawn once in ten thousand times
)


class Form:
    """One answer that is decoded by a grammar."""

    def __init__(self, grammar: Grammar, tokenizer: Tokenizer) -> None:
        self.text, self.tokenizer = Text(grammar), tokenizer
        self.state = self.text.start
        self._counts: dict[bytes, int] = {b"": 0}
        self._afters: dict[tuple[State, int], tuple[State, float]] = {}

    @property
    def is_over(self) -> bool:
        """Whether the text has to end here."""
        return self.text.is_over(self.state)

    def choose(
        self, best: list[tuple[int, float]], sampling: Sampling, ids: list[int], left: int
    ) -> int:
        """Return the next token after `ids`, of the `best` with their log-probabilities; `left`
        tokens are left, this one included."""
        found: dict[int, tuple[float, State]] = {}
        most = -np.inf
        for id, logprob in [] if goes_round(ids) else best:
            if most - logprob > NEGLIGIBLE * sampling.temperature:
                break
            state, chance = self._after(id)
            if state == NOWHERE or not self._can_end(state, left - 1):
                continue
            points = logprob + chance
            most = max(most, points)
            found[id] = points, state
        if not found:
            way = self.text.complete(self.state)
            id = self.tokenizer.begin(way) if way else min(self.tokenizer.eos_ids)
            self.state = self.text.after(self.state, self.tokenizer.bytes_of(id))
            return id
        fitting = [(id, points) for id, (points, _) in found.items()]
        id = draw_token(sorted(fitting, key=lambda one: -one[1]), sampling, len(ids))
        self.state = found[id][1]
        return id

    def _after(self, id: int) -> tuple[State, float]:
        """Return the state after a token, and the log of the chance that the grammar gives it."""
        key = self.state, id
        if key not in self._afters:
            text = b"" if id in self.tokenizer.eos_ids else self.tokenizer.bytes_of(id)
            if text:
                state = self.text.after(self.state, text)
            else:
                ends = id in self.tokenizer.eos_ids and self.text.is_whole(self.state)
                state = self.state if ends else NOWHERE
            chance = self.text.chance(self.state, text) if state != NOWHERE else 0.0
            self._afters[key] = state, chance
        return self._afters[key]

    def _can_end(self, state: State, left: int) -> bool:
        """Whether the text can end within the tokens left."""
        way = self.text.complete(state)
        return len(way) <= left or self._count(way) <= left

    def _count(self, way: bytes) -> int:
        """Count the tokens that spell a text. Ways end alike: what follows their first tokens is
        counted once."""
        begun, at = [], 0
        while way[at:] not in self._counts:
            begun.append(at)
            at += len(self.tokenizer.bytes_of(self.tokenizer.begin(way, at)))
        count = len(begun) + self._counts[way[at:]]
        if len(self._counts) * len(way) > MOST_COUNTED:
            self._counts = {b"": 0}
        for number, start in enumerate(begun[:NEAR]):
            self._counts[way[start:]] = count - number
        return count


class Calls:
    """An answer that may call functions: free text, but a call that it begins is decoded by a
    grammar."""

    def __init__(self, grammar: Grammar, tokenizer: Tokenizer, mark: bytes, only_one: bool) -> None:
        self.grammar, self.tokenizer = grammar, tokenizer
        self.mark, self.only_one = mark, only_one
        self.is_over = False
        self._call: Form | None = None
        self._end = b""  # of the text, as far as a mark may begin there

    def choose(
        self, best: list[tuple[int, float]], sampling: Sampling, ids: list[int], left: int
    ) -> int:
        """Return the next token after `ids`, within a call as `Form` does."""
        if self._call:
            id = self._call.choose(best, sampling, ids, left)
            if self._call.is_over:
                self._call, self.is_over = None, self.only_one
            return id
        id = draw_token(best, sampling, len(ids))
        self._read(self.tokenizer.bytes_of(id))
        return id

    def _read(self, text: bytes) -> None:
        before, mark, behind = (self._end + text).partition(self.mark)
        if not mark:
            self._end = before[1 - len(self.mark) :]
            return
        self._end, call = b"", Form(self.grammar, self.tokenizer)
        call.state = call.text.after(call.state, behind)
        self._call = call if call.state != NOWHERE else None


def draw_token(best: list[tuple[int, float]], sampling: Sampling, at: int) -> int:
    """Draw one of these tokens, best first, as the back ends do."""
    if sampling.temperature <= 0 or len(best) == 1:
        return best[0][0]
    ids = np.zeros((1, CANDIDATES), np.int32)
    logprobs = np.full((1, CANDIDATES), IMPOSSIBLE, np.float32)
    ids[0, : len(best)], logprobs[0, : len(best)] = zip(*best, strict=True)
    knobs = np.array([[sampling.temperature, sampling.top_k, sampling.top_p]], np.float32)
    return int(draw.reference(ids, logprobs, knobs, np.array([sampling.seed_of(at)], np.uint32))[0])
