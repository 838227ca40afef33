"""Drafts: the tokens that an answer probably goes on with, verified several in one pass.

How it has to begin is known, what it is pushed to say too, and what stood in the conversation
before may come again. Each token is chosen as it would be without a draft, so that a wrong one
costs rows of a pass and changes nothing.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from oneseek.engine.model.choice.inputs import Choice, pushes
from oneseek.engine.model.tokenizer import Stream

ROWS = 4  # tokens of a pass: the last of the answer, and those drafted
MANY_ROWS = 16  # the same where all of them are pushed
LIKELY = 4.0  # nats of a push that is followed more often than not
SAME = 4  # tokens that stood there before, for those behind them to be drafted
WARY = 4  # more of them after a draft of which nothing was said


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

    def cut(self, most: int) -> Draft:
        """Its first tokens, at most so many."""
        return Draft(self.tokens[:most], self.choices[: most + 1], self.is_repeated)


def continue_answer(
    answer: Any, stream: Stream, most: int, vocab: int, ends: Container[int]
) -> Draft:
    """What an Answer probably goes on with, at most `most` tokens of so many that can be said,
    up to one of those it `ends` with, and no further than ROWS allows where they are not pushed.
    `stream` makes text of tokens and stays as it is."""
    stream, text = stream.copy(), answer.prefix + answer.text
    ids, tokens, choices = [*answer.prompt, *answer.ids], [], []
    begin, last = len(answer.prompt) - len(answer.begun), len(answer.ids)
    answer.places.read(ids)
    at, is_repeated = None, False
    while True:
        push = pushes(answer, ids[begin:], text)
        number = last + len(tokens)
        choices.append(Choice(answer.sampling, number, ids, push))
        likely = max(push, key=push.__getitem__, default=None)
        if len(tokens) == most:
            break
        if number < len(answer.forced):
            token, at = answer.forced[number], None
        elif likely is not None and push[likely] >= LIKELY:
            token, at = likely, None
        elif len(tokens) >= ROWS - 1:
            break
        else:
            at = at + 1 if at else answer.places.next(ids)
            token = ids[at] if at else None
            is_repeated |= not tokens
        if token is None or token >= vocab or token in ends:
            break
        ids = [*ids, token]
        tokens.append(token)
        text += stream.push(token)
    return Draft(tokens, choices, is_repeated)
