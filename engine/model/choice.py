"""What the choice of a token depends on beside the model, as the inputs of a program.

The answer's sampling, the tokens before it, and what the answer is pushed to say: known of the next
token, and of those behind it as soon as a draft says which tokens come before them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from oneseek.engine.compiler.ops.random import seed_of_row
from oneseek.engine.model.programs import PUSHED, RECENT
from oneseek.engine.model.tokenizer import Stream

ROWS = 4  # tokens of a pass: the last of the answer, and those drafted
LIKELY = 4.0  # nats of a push that is followed more often than not
SAME = 4  # tokens that stood there before, for those behind them to be drafted
WARY = 4  # more of them after a draft of which nothing was said


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen and when an answer ends."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    penalty: float = 1.0
    seed: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    stop_repeats: bool = False  # an answer that goes round in circles ends


@dataclass
class Choice:
    """Of one token: its number in the answer, the tokens before it, and token -> nats."""

    sampling: Sampling
    number: int
    before: list[int] = field(default_factory=list)
    push: dict[int, float] = field(default_factory=dict)


def write_choices(run: Any, choices: list[Choice], rows: int, vocab: int) -> None:
    """Into the inputs of a program that draws so many tokens; the rest draw what nobody reads."""
    recent = np.full((rows, RECENT), -1, np.int32)
    knobs, penalty = np.zeros((rows, 3), np.float32), np.ones(rows, np.float32)
    seeds, places = np.zeros(rows, np.uint32), np.zeros((rows, PUSHED), np.int32)
    amounts = np.zeros((rows, PUSHED), np.float32)
    for i, choice in enumerate(choices):
        s = choice.sampling
        if s.penalty != 1:
            last = choice.before[-RECENT:]
            recent[i, : len(last)] = last
        knobs[i], penalty[i] = (s.temperature, s.top_k, s.top_p), s.penalty
        seeds[i] = seed_of_row(s.seed * 1_000_003 + choice.number, i)
        for j, (token, nats) in enumerate(list(choice.push.items())[:PUSHED]):
            places[i, j], amounts[i, j] = i * vocab + token, nats
    run.write("push_places", places.reshape(-1))
    run.write("push_amounts", amounts.reshape(-1, 1))
    run.write("recent", recent)
    run.write("knobs", knobs)
    run.write("penalty", penalty)
    run.write("seeds", seeds)


class Places:
    """Where the last tokens of a conversation stood before. It asks for more of them the less it
    helps."""

    def __init__(self) -> None:
        self.same = SAME
        self._behind: dict[tuple[int, ...], int] = {}
        self._read = SAME  # tokens before which nothing is noted any more

    def read(self, ids: list[int]) -> None:
        """Note all places of a conversation that has grown; what stands behind its end is not
        known yet."""
        for at in range(self._read, len(ids)):
            self._behind[tuple(ids[at - SAME : at])] = at
        self._read = max(self._read, len(ids))

    def next(self, ids: list[int]) -> int | None:
        """The place of the token that came behind the last tokens when they stood there before."""
        at = self._behind.get(tuple(ids[-SAME:]))
        if at is None or ids[max(0, at - self.same) : at] != ids[-self.same :]:
            return None
        return at

    def judge(self, said: int) -> None:
        """So many tokens of a draft were said."""
        self.same = SAME if said > 1 else self.same + WARY * (not said)


class Draft(NamedTuple):
    """Tokens, and what the choice of each of them and of the one behind them depends on."""

    tokens: list[int]
    choices: list[Choice]
    is_repeated: bool  # it begins with what stood there before


def continue_answer(answer: Any, stream: Stream, most: int) -> Draft:
    """What an Answer probably goes on with, at most `most` tokens. `stream` makes text of tokens
    and stays as it is."""
    stream, text = stream.copy(), answer.prefix + answer.text
    ids, tokens, choices = [*answer.prompt, *answer.ids], [], []
    begin, last = len(answer.prompt) - len(answer.begun), len(answer.ids)
    answer.places.read(ids)
    at, is_repeated = None, False
    while True:
        push = answer.push.amounts(ids[begin:], text) if answer.push else {}
        number = last + len(tokens)
        choices.append(Choice(answer.sampling, number, ids, push))
        likely = max(push, key=push.__getitem__, default=None)
        if len(tokens) == most:
            break
        if number < len(answer.forced):
            token, at = answer.forced[number], None
        elif likely is not None and push[likely] >= LIKELY:
            token, at = likely, None
        else:
            at = at + 1 if at else answer.places.next(ids)
            token = ids[at] if at else None
            is_repeated |= not tokens
        if token is None:
            break
        ids = [*ids, token]
        tokens.append(token)
        text += stream.push(token)
    return Draft(tokens, choices, is_repeated)


LONGEST = 64
"""Tokens of the longest piece that is looked for."""

TIMES = 3
"""How often the piece has to stand there in a row."""

LEAST = 48
"""Tokens that have to be repetition: a line of dashes or a chorus of a song is shorter."""


def goes_round(ids: list[int]) -> bool:
    """Whether the last tokens are one piece of at most LONGEST, TIMES in a row and LEAST long in
    all."""
    return any(
        ids[-1 - piece] == ids[-1] and repeats(ids, piece)
        for piece in range(1, LONGEST + 1)
        if len(ids) >= span(piece)
    )


def span(piece: int) -> int:
    return max(TIMES * piece, LEAST)


def repeats(ids: list[int], piece: int) -> bool:
    tail = ids[-span(piece) :]
    return tail[piece:] == tail[:-piece]
