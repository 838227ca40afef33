"""Drafts (speculative decoding): the tokens that an answer probably continues with, several
verified in one pass.

The forced beginning is known, so is what a push makes likely, and text of the conversation may come
again. Each token is chosen as it would be without a draft, so that a wrong one costs rows of a pass
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from oneseek.engine.model.choice.inputs import Choice, pushes
from oneseek.engine.model.tokenizer import Stream

ROWS = 4  # tokens of a pass: the last of the answer, and those drafted
MANY_ROWS = 16  # the same where all of them are pushed
LIKELY = 4.0  # nats of a push that is followed more often than not
SAME = 4  # tokens that occurred before, for those after them to be drafted
WARY = 4  # more of them after a draft of which nothing was right


class Places:
    """Finds where the last tokens of a conversation occurred before. It asks for more of them the
    less it helps."""

    def __init__(self) -> None:
        self.same = SAME
        self._behind: dict[tuple[int, ...], int] = {}
        self._read = SAME  # tokens whose places are noted

    def read(self, ids: list[int]) -> None:
        """Note all places of a conversation that has grown; the token after its end is not known
        yet."""
        for at in range(self._read, len(ids)):
            self._behind[tuple(ids[at - SAME : at])] = at
        self._read = max(self._read, len(ids))

    def next(self, ids: list[int]) -> int | None:
        """Return the place of the token that followed the last tokens when they occurred before."""
        at = self._behind.get(tuple(ids[-SAME:]))
        if at is None or ids[max(0, at - self.same) : at] != ids[-self.same :]:
            return None
        return at

    def judge(self, said: int) -> None:
        """Note that `said` tokens of a draft were right."""
        self.same = SAME if said > 1 else self.same + WARY * (not said)


class Draft(NamedTuple):
    """Tokens, and what the choice of each of them and of the one after them depends on."""

    tokens: list[int]
    choices: list[Choice]
    is_repeated: bool  # it repeats an earlier part of the conversation

    def cut(self, most: int) -> Draft:
        """Return its first tokens, `most` at most."""
        return Draft(self.tokens[:most], self.choices[: most + 1], self.is_repeated)


def continue_answer(
    answer: Any, stream: Stream, most: int, vocab: int, ends: Container[int]
) -> Draft:
    """Return a draft of an Answer's continuation: at most `most` tokens of a vocabulary of `vocab`,
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
