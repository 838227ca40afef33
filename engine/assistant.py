"""The living whole behind one base model: its versions answer, and learn, and are looked after.

The page's worker and the server both drive this; neither knows about the other's messages, and
nothing here knows about either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.cache import Pool
from engine.executor import Executor, Tensor
from engine.formats import ModelFile
from engine.generate import Answer, Generator, Sampling
from engine.snapshot import Arrays
from engine.trained import Trained
from engine.versions import GENERIC, Versions
from engine.weights import Model

BASE = 0  # the number of the version that has learned nothing
CACHE_ROWS = 2048


class Assistant:
    """One loaded model, the version in use, and everyone who is being answered."""

    def __init__(self, model: Model, versions: Versions, trained: Trained, rows: int = CACHE_ROWS):
        self.model, self.versions, self.trained = model, versions, trained
        self.pool = Pool(model.executor, model.config, min(rows, model.positions))
        self.base = Generator(model, pool=self.pool, name="base")
        self.tensors: dict[str, Tensor] = {}
        self.adapted: Generator | None = None
        self.resident = BASE  # the version whose weights `adapted` holds
        self.answers: dict[str, Answer] = {}
        self._pump: asyncio.Task | None = None
        self._settled = asyncio.Condition()

    @classmethod
    async def load(
        cls,
        file: ModelFile,
        executor: Executor,
        versions: Versions,
        lora: dict[str, Any],
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Assistant:
        model = await Model.load(file, executor, progress=progress)
        return cls(model, versions, Trained.lora(model.config, **lora))

    # ---- answering

    @property
    def answering(self) -> bool:
        """Someone waits for an answer: training does nothing meanwhile."""
        return self.base.busy or bool(self.adapted and self.adapted.busy)

    async def answer(
        self,
        messages: list[dict],
        sampling: Sampling,
        key: str,
        version: int | None = None,
        line: str = GENERIC,
        **hooks,
    ) -> tuple[Answer, int]:
        """Answer a conversation with a version (the one in use unless told); which one it was."""
        number = await self.versions.number(line) if version is None else version
        generator = await self.generator(number or BASE)
        answer = generator.ask(messages, sampling, key, **hooks)
        self.answers[key] = answer
        try:
            await self.finished(answer)
        finally:
            if self.answers.get(key) is answer:
                del self.answers[key]
        return answer, number or BASE

    def stop(self, key: str) -> None:
        """End an answer within a token; what it said so far stays."""
        if key in self.answers:
            self.answers[key].cancel()

    async def finished(self, answer: Answer) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._work())
        async with self._settled:
            await self._settled.wait_for(lambda: answer.ended or self._pump.done())
        if not answer.ended:
            answer.cancel()
            self._pump.result()

    async def _work(self) -> None:
        """One chunk or token after another, for as long as anybody waits."""
        try:
            while self.answering:
                for generator in (self.base, self.adapted):
                    if generator and generator.busy:
                        await generator.advance()
                async with self._settled:
                    self._settled.notify_all()
        finally:
            async with self._settled:
                self._settled.notify_all()

    # ---- versions

    async def generator(self, number: int) -> Generator:
        """Who answers as this version; its weights are put in place between two answers."""
        if number == BASE:
            return self.base
        if self.adapted is None:
            adapter = self.model.executor.empty(self.trained.spec)
            self.tensors = {self.trained.name: adapter}
            self.adapted = Generator(
                self.model, self.trained, self.tensors, self.pool, name="adapted"
            )
        if self.resident != number:
            weights = flat_weights(await self.versions.weights(number))
            async with self._settled:
                await self._settled.wait_for(lambda: not self.adapted.busy)
            self.tensors[self.trained.name].write(weights)
            self.pool.forget(self.adapted.name)
            self.resident = number
        return self.adapted

    async def use(self, number: int, line: str = GENERIC) -> None:
        """Make a version the one in use; 0 is the untouched model."""
        await self.versions.rollback(line, number or None)


def flat_weights(weights: Arrays):
    """The one array a version consists of."""
    (array,) = weights.values()
    return array


def label(record: dict | None) -> str:
    """How people call a version: v1.7, and v0 for the untouched model."""
    return f"v{record['major']}.{record['micro']}" if record else "v0"
