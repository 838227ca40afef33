"""The base model's own answers, computed once and stored: the targets of the KL penalty.

An answer is stored under a hash of the model and of the tokens before it, so another model,
template or system prompt does not find it. It takes about 130 bytes a token; a file of answers
ships with the default model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from oneseek.engine.learning.batch import Coder, Row, Top
from oneseek.engine.learning.recipe import Ask, Hold, Learn, for_the_gate

APART = 3  # first tokens of a taught value that a hard negative's target distribution always lists


class Base(Protocol):
    """The base model, as far as this module needs it."""

    async def answers(
        self,
        prompts: list[list[int]],
        begins: list[list[int]],
        tokens: int,
        temperature: float,
        seed: int,
    ) -> list[tuple[list[int], Top]]:
        """Return for each prompt the ids of its beginning and of up to `tokens` more, including the
        end of turn where the answer ended, and the likeliest tokens at each position."""


def locate_shipped(model: str) -> Path:
    """Return where the shipped answers of the model with this fingerprint are, if there are any."""
    return Path(__file__).with_name("lessons") / "anchors" / f"{model}.npz"


class BaseAnswers:
    def __init__(self, coder: Coder, model: str) -> None:
        self.coder, self.model = coder, model
        self.answers: dict[str, tuple[np.ndarray, Top]] = {}
        self.round_answers: dict[str, dict[str, tuple[np.ndarray, Top]]] = {}

    @classmethod
    def with_shipped(cls, coder: Coder, model: str) -> BaseAnswers:
        """Create a store that holds the answers shipped with this model."""
        kept, path = cls(coder, model), locate_shipped(model)
        if path.exists():
            with np.load(path) as arrays:
                kept.add_arrays(dict(arrays))
        return kept

    def key(self, ask: Hold) -> str:
        prompt, begin = self.put(ask)
        facts = [self.model, ask.tokens, int(ask.sampled), *prompt, -1, *begin]
        return hashlib.sha256(",".join(map(str, facts)).encode()).hexdigest()[:24]

    def put(self, ask: Hold) -> tuple[list[int], list[int]]:
        """Return the prompt of the base and the forced beginning of its answer; the prompt of a
        plain text is its first token."""
        if ask.plain:
            ids = self.coder.begin(ask.begin)
            return ids[:1], ids[1:]
        return self.coder.prompt(ask.question), self.coder.begin(ask.begin)

    def find_likeliest(self, question: str) -> list[int] | None:
        """Return the base's greedy answer to a question, or None if it is not stored."""
        known = self.answers.get(self.key(for_the_gate(question)))
        return None if known is None else known[0].tolist()

    def lacks(self, asks: Iterable[Ask]) -> list[Hold]:
        """Return the `Hold` asks whose answer is not stored."""
        held = [ask for ask in asks if isinstance(ask, Hold)]
        return [ask for ask in held if self.key(ask) not in self.answers]

    async def fill(self, base: Base, asks: Iterable[Ask]) -> int:
        """Compute all missing answers; return how many there were."""
        found = await self.ask(base, self.lacks(asks))
        self.answers.update(found)
        return len(found)

    async def ask(self, base: Base, asks: Iterable[Hold]) -> dict[str, tuple[np.ndarray, Top]]:
        """Return the base's answers to these asks, computed together."""
        asked = {self.key(ask): ask for ask in asks}
        groups: dict[tuple[int, bool], list[str]] = {}
        for key, ask in asked.items():
            groups.setdefault((ask.tokens, ask.sampled), []).append(key)
        found = {}
        for (tokens, sampled), keys in groups.items():
            prompts, begins = zip(*(self.put(asked[key]) for key in keys), strict=True)
            warm = 0.7 if sampled else 0.0
            said = await base.answers(list(prompts), list(begins), tokens, warm, 1)
            for key, (target, top) in zip(keys, said, strict=True):
                found[key] = (np.asarray(target, np.int32), top)
        return found

    def row(self, ask: Ask) -> Row:
        """The row of a batch; a `Hold` must have been filled before."""
        if isinstance(ask, Learn):
            prompt = self.coder.prompt(ask.question)
            return Row(ask.part, prompt, self.coder.answer(ask.answer))
        (prompt, _), (target, top) = self.put(ask), self.answer(ask)
        if ask.not_this[1]:
            top = top.include(self.coder.encode_continuation(*ask.not_this)[:APART])
        return Row(ask.part, prompt, target.tolist(), top, ask.plain)

    def answer(self, ask: Hold) -> tuple[np.ndarray, Top]:
        return self.answers[self.key(ask)]

    def most(self, asks: Iterable[Ask]) -> list[Row]:
        """Return rows as long as these asks can become, before any answer is known."""
        rows = []
        for ask in asks:
            if isinstance(ask, Learn):
                prompt, target = self.coder.prompt(ask.question), self.coder.answer(ask.answer)
                rows.append(Row(ask.part, prompt, target))
            else:
                prompt, begin = self.put(ask)
                rows.append(Row(ask.part, prompt, [*begin, *[0] * ask.tokens], plain=ask.plain))
        return rows

    def to_arrays(self, keys: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Return the answers as arrays for a file or the store."""
        keys = list(self.answers) if keys is None else [k for k in keys if k in self.answers]
        kept = [self.answers[key] for key in keys]
        arrays = {
            "keys": np.array([bytes.fromhex(key) for key in keys], "S12"),
            "lengths": np.array([len(target) for target, _ in kept], np.uint16),
        }
        joined = {
            "targets": [target for target, _ in kept],
            "ids": [top.ids for _, top in kept],
            "logprobs": [top.logprobs for _, top in kept],
            "rest": [top.rest for _, top in kept],
        }
        for name, pieces in joined.items():
            whole = np.concatenate(pieces) if pieces else np.zeros((0,))
            small = name in ("targets", "ids") and (not whole.size or whole.max() < 65536)
            arrays[name] = whole.astype(np.uint16) if small else whole
        return arrays

    def add_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Add the answers that `to_arrays` returned."""
        ends = np.cumsum(arrays["lengths"].astype(int))
        for key, end, length in zip(arrays["keys"], ends, arrays["lengths"], strict=True):
            here = slice(end - int(length), end)
            ids = arrays["ids"][here].astype(np.int32)
            top = Top(ids, arrays["logprobs"][here], arrays["rest"][here])
            name = bytes(key).ljust(12, b"\0").hex()
            self.answers[name] = (arrays["targets"][here].astype(np.int32), top)


class GroupedAnswers(BaseAnswers):
    """The base's answers for one plan, each computed together with the same other questions.

    The last bits of an answer depend on what is computed with it.  So the base always answers a
    whole group (Recipe.answer_group), and a stored answer is used only for the group it came from:
    a round then gives the same bits whatever was asked before it, in this session or another.
    """

    def __init__(self, kept: BaseAnswers, answer_group: Callable[[str], Sequence[Hold]]) -> None:
        self.coder, self.model, self.answers = kept.coder, kept.model, kept.answers
        self.round_answers, self.answer_group = kept.round_answers, answer_group
        self.names: dict[str, str] = {}

    def lacks(self, asks: Iterable[Ask]) -> list[Hold]:
        lacking = super().lacks(asks)
        return [
            ask
            for ask in lacking
            if self.key(ask) not in self.round_answers.get(self._name(ask), {})
        ]

    async def fill(self, base: Base, asks: Iterable[Ask]) -> int:
        count = 0
        while lacking := self.lacks(asks):
            found = await self.ask(base, self.answer_group(lacking[0].among))
            self.round_answers[self._name(lacking[0])] = found
            count += len(found)
        return count

    def answer(self, ask: Hold) -> tuple[np.ndarray, Top]:
        known = self.answers.get(self.key(ask))
        return known or self.round_answers[self._name(ask)][self.key(ask)]

    def _name(self, ask: Hold) -> str:
        """Return a name that depends on the members of the group, not on the plan."""
        if ask.among not in self.names:
            keys = [self.key(member) for member in self.answer_group(ask.among)]
            self.names[ask.among] = hashlib.sha256("".join(keys).encode()).hexdigest()[:24]
        return self.names[ask.among]


class SingleAnswers(BaseAnswers):
    """The base's answers for plans without answer groups: each is computed by itself, so that it
    does not depend on what was asked before, in this session or another."""

    def __init__(self, kept: BaseAnswers):
        self.coder, self.model, self.answers = kept.coder, kept.model, kept.answers
        self.round_answers = kept.round_answers

    def lacks(self, asks: Iterable[Ask]) -> list[Hold]:
        return [ask for ask in super().lacks(asks) if self.key(ask) not in self.round_answers]

    async def fill(self, base: Base, asks: Iterable[Ask]) -> int:
        lacking = self.lacks(asks)
        for ask in lacking:
            self.round_answers[self.key(ask)] = await self.ask(base, [ask])
        return len(lacking)

    def answer(self, ask: Hold) -> tuple[np.ndarray, Top]:
        key = self.key(ask)
        return self.answers.get(key) or self.round_answers[key][key]
