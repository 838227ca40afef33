"""Makes a model say a remembered answer by a logit bias on the tokens that continue it.

The model chooses all other words: how it begins, and what it wraps around the value. What it adds
after the answer is invented, so if nothing else was asked for, the bias ends the reply there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from oneseek.engine.learning.lessons import fold
from oneseek.engine.model.tokenizer import Tokenizer

NATS = 8.0  # nats: a bias of 4 is followed in a third of the cases, 8 nearly always (measured)
FIRST, ELSE = 16.0, 6.0  # nats for the start of the wanted form (sentence or value); of the other
MOST = 64.0  # nats, at most: the bias doubles with each sentence that leaves the answer out
FOLLOWED = (6.0, 10.0, 16.0)  # nats for the token after one, two, three matched tokens
ENOUGH = 5.0  # nats for an end after the answer: with 3, one reply in ten went on
PATIENCE = 96  # tokens for each answer, after which the bias gives up
LOST = 12  # tokens that count as much as a sentence that leaves the answer out
BEGUN = 4  # matched tokens of an answer or its value, after which it is said to its end
OPEN = ("\n", '"', "“", "(")  # an answer may begin after these, and after ENDS and a space
ENDS = (".", "!", "?", ":", ";")


@dataclass(frozen=True)
class Wanted:
    """One answer to be said: the tokens of its forms (sentence and value), at the start of a text
    and after a space, and the value. A text that holds the value says the answer."""

    value: str
    bare: tuple[tuple[int, ...], ...]
    spaced: tuple[tuple[int, ...], ...]
    number: bool  # the answer ends in one

    @classmethod
    def of(cls, tokenizer: Tokenizer, answer: str, value: str) -> Wanted:
        texts = dict.fromkeys([answer] + [value] * (value in answer.rstrip(" .!")))
        end = tokenizer.encode(".")  # some tokenizers begin every text with a space
        spaced = (tokenizer.encode(". " + text) for text in texts)
        return cls(
            value,
            tuple(tuple(tokenizer.encode(text)) for text in texts if text),
            tuple(tuple(ids[len(end) :]) for ids in spaced if ids[len(end) :]),
            answer.rstrip(".")[-1:].isdigit(),
        )

    def is_said(self, text: str) -> bool:
        """Whether the text holds the whole value and a character behind it that ends its last word:
        at the end of the text that word could still grow into another."""
        words = r"[\W_]+".join(re.escape(word) for word in fold(self.value).split())
        return re.search(rf"(?<!\w){words}(?=\W)", text.casefold()) is not None

    def is_begun(self, ids: Sequence[int]) -> bool:
        """Whether the text ends within the answer or its value. The recognised value may be only
        the first word of the real one, so an answer that was begun is said to its end."""
        if len(ids) < len(self.bare[0]) and tuple(ids) == self.bare[0][: len(ids)]:
            return bool(ids)
        return any(
            tuple(ids[-length:]) == form[:length]
            for form in self.bare + self.spaced
            for length in range(BEGUN, min(len(ids) + 1, len(form)))
        )

    def over(self, ids: Sequence[int]) -> bool:
        """Whether the answer just ended in a number: without an end of turn, `$27.` could go on
        to another price."""
        whole = self.bare[0], *self.spaced[:1]
        return self.number and any(tuple(ids[-len(form) :]) == form for form in whole)

    def next(self, ids: Sequence[int]) -> dict[int, float]:
        """The token that continues the longest match between the end of the text and a part of the
        answer, and its bias in nats; empty if nothing matches."""
        found: dict[int, float] = {}
        best = 0
        for form in self.bare + self.spaced:
            for length in range(min(len(ids), len(form) - 1), best, -1):
                end = list(ids[-length:])
                places = (i for i in range(length, len(form)) if list(form[i - length : i]) == end)
                if (place := next(places, None)) is not None:
                    best = length
                    # A match of the whole text so far is no coincidence: it counts for more.
                    sure = length + (length == len(ids) == place)
                    found = {form[place]: FOLLOWED[min(sure, len(FOLLOWED)) - 1]}
                    break
        return found

    def begin(self, text: str, briefly: bool) -> dict[int, float]:
        """The first tokens of the sentence and of the value, and their bias in nats. `briefly`
        gives the value the larger one."""
        forms = self.bare if not text or text.endswith((" ", *OPEN)) else self.spaced
        nats = (ELSE, FIRST) if briefly else (FIRST, ELSE)
        return {form[0]: n for form, n in reversed(list(zip(forms, nats, strict=False)))}


class Saying:
    """The logit bias of one reply, which says every fact that it has to."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        answers: Sequence[tuple[str, str]],
        briefly: bool = False,
        alone: bool = False,
    ) -> None:
        self.briefly, self.alone = briefly, alone
        self.wanted = [Wanted.of(tokenizer, answer, value) for answer, value in answers]
        self.ends = tokenizer.eos_ids

    def amounts(self, ids: Sequence[int], text: str) -> dict[int, float]:
        """The bias on the next token: token -> nats."""
        unsaid = [one for one in self.wanted if not one.is_said(text) or one.is_begun(ids)]
        if not unsaid and any(one.over(ids) for one in self.wanted):
            return dict.fromkeys(self.ends, NATS)
        if not unsaid:
            enough = self.alone and text.rstrip().endswith((".", "!", "?"))
            return dict.fromkeys(self.ends, ENOUGH) if enough else {}
        if len(ids) > PATIENCE * len(self.wanted):
            return {}
        for one in list(unsaid):
            if going_on := one.next(ids):
                if one.is_begun(ids):  # no other token may interrupt it, however likely
                    return dict.fromkeys(going_on, MOST)
                return grow(going_on, ids, text)
            if one.is_said(text + " "):
                unsaid.remove(one)
        if not unsaid:
            return {}
        lost = len(ids) % LOST == 0  # do not wait for the end of a long sentence
        fresh = lost or not text.strip() or text.rstrip(" ").endswith(ENDS + OPEN)
        words = unsaid[0].begin(text, self.briefly) if fresh else {}
        held = dict.fromkeys(self.ends, -NATS)  # the reply does not end before all is said
        return grow(words | held, ids, text)


def grow(amounts: dict[int, float], ids: Sequence[int], text: str) -> dict[int, float]:
    more = 2.0 ** max(sum(text.count(end) for end in ".!?"), len(ids) // LOST)
    return {token: max(-MOST, min(MOST, nats * more)) for token, nats in amounts.items()}
