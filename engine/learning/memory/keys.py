"""What a question is known by: two of the base model's own states after its first layers.

The mean over the question's tokens says what it is about, the state of the last token what is
asked; each as a direction, one behind the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from engine.backends.executor import Run
from engine.backends.room import Room
from engine.learning.batch import Batch, Coder, Row, extent, pack, shared_by
from engine.model.loaded import Model

TOKENS, QUESTIONS = 512, 32  # of one packed run


def directions(sums: np.ndarray) -> np.ndarray:
    """[n, 2, width] states -> [n, 2 width]: both halves of length one."""
    lengths = np.linalg.norm(sums, axis=-1, keepdims=True)
    return (sums / np.maximum(lengths, 1e-9)).reshape(len(sums), -1).astype(np.float32)


class Keys:
    """Asks one model for the keys of many questions at once, each as the first of a
    conversation."""

    def __init__(self, model: Model, coder: Coder, room: Room | None = None) -> None:
        self.model, self.coder, self.room = model, coder, room
        a, b = coder.prompt("a"), coder.prompt("b")
        self.head = common(a, b)
        self.tail = common(a[::-1], b[::-1])
        self._runs: dict[int, Run] = {}

    @property
    def width(self) -> int:
        return 2 * self.model.config.width

    def spans(self, prompt: Sequence[int]) -> tuple[int, int]:
        """Where the question's own tokens begin and end."""
        return min(self.head, len(prompt) - 1), max(len(prompt) - self.tail, self.head + 1)

    async def of(self, questions: Sequence[str]) -> np.ndarray:
        """[n, 2 width], in the order asked; the shortest are read together."""
        prompts = [self.coder.prompt(question) for question in questions]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        found = np.zeros((len(prompts), self.width), np.float32)
        at = 0
        async for part in self._parts([prompts[i] for i in order]):
            found[order[at : at + len(part)]] = part
            at += len(part)
        return found

    async def _parts(self, prompts: list[list[int]]) -> AsyncIterator[np.ndarray]:
        group: list[Row] = []
        for prompt in prompts:
            more = [*group, Row("", prompt, [0])]
            if group and (extent(more)[0] > TOKENS or len(more) > QUESTIONS):
                yield await self._read(group)
                more = more[-1:]
            group = more
        if group:
            yield await self._read(group)

    async def _read(self, rows: list[Row]) -> np.ndarray:
        size = None if extent(rows)[0] > TOKENS else (TOKENS, QUESTIONS)
        batch = pack(rows, shape=size)
        tokens = len(batch.arrays["ids"])
        if tokens not in self._runs:
            planned = self.model.program("keys", tokens, 2 * QUESTIONS)
            self._runs[tokens] = self.model.prepare(planned, {}, self.room)
        run = self._runs[tokens]
        for name in ("ids", "positions", "spans"):
            run.write(name, batch.arrays[name])
        run.write("spread", self._spread(rows, batch, tokens))
        await run.advance()
        await self.model.executor.breathe()
        keys = (await run.read("keys")).reshape(2, QUESTIONS, -1)
        return directions(keys[:, : len(rows)].swapaxes(0, 1))

    def _spread(self, rows: list[Row], batch: Batch, tokens: int) -> np.ndarray:
        spread = np.zeros((2, QUESTIONS, tokens), np.float32)
        shared = len(shared_by(rows))
        for i, row in enumerate(rows):
            last = batch.arrays["take"][i]
            first = last + 1 - (len(row.prompt) - shared)
            begin, end = self.spans(row.prompt)
            places = np.arange(begin, end)
            places = np.where(places < shared, places, first + places - shared)
            spread[0, i, places] = 1 / len(places)
            spread[1, i, last] = 1
        return spread.reshape(2 * QUESTIONS, tokens)


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens both begin with."""
    same = zip(a, b, strict=False)
    return next((i for i, (x, y) in enumerate(same) if x != y), min(len(a), len(b)))
