"""Puts a version's weights in place for answers, between two answers and never within one.

It acts when a version is asked, so that a version that nobody asks costs nothing. Weights that were
in place lately are kept, so that skills take turns without a look into the store.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.history.versions import GENERIC, Versions

LOSS_RISE, ACCURACY_FALL = 1.1, 0.05  # beyond what other wordings of the questions bring
KEPT_BYTES = 96 << 20  # of weights that were in place lately: eight skills of SmolLM2


class WeightUpdater:
    """`load(number)` reads a version's weights and `write` puts them in place; `quiet()` waits
    until no answer under way needs what is there."""

    def __init__(
        self,
        versions: Versions,
        load: Callable[[int], Awaitable[Arrays]],
        write: Callable[[Arrays], None],
        quiet: Callable[[], Awaitable[None]],
    ) -> None:
        self.versions = versions
        self.load, self.write, self.quiet = load, write, quiet
        self.in_place = 0  # the version whose weights are there; 0: none
        self.kept: dict[int, Arrays] = {}  # weights that were in place, the newest last

    async def update(self, number: int) -> None:
        """Put this version's weights in place for the next answer; answers under way keep
        theirs."""
        if self.in_place != number:
            weights = self.kept.get(number) or await self.load(number)
            await self.quiet()
            self.write(weights)
            self.in_place = number
            self._keep(number, weights)

    def _keep(self, number: int, weights: Arrays) -> None:
        """Keep weights, and drop the oldest where they are too many."""
        self.kept.pop(number, None)
        self.kept[number] = weights
        while sum(map(bytes_of, self.kept.values())) > KEPT_BYTES:
            del self.kept[next(iter(self.kept))]

    def forget(self) -> None:
        """Read the weights again at the next answer, because the numbers stand for others now."""
        self.in_place = 0
        self.kept.clear()

    async def should_rollback(self, metrics: Mapping[str, float], line: str = GENERIC) -> bool:
        """Whether `metrics` (loss, accuracy or both), measured now, are worse than what the
        evaluator found when it accepted the version in use."""
        gate = (await self.versions.record(await self._in_use(line)))["gate"]
        found = {one["name"]: one["value"] for one in gate.get("measures", ())}
        loss = gate.get("held_out", {}).get("after", math.inf)
        worse = metrics.get("loss", 0.0) > LOSS_RISE * loss
        return worse or metrics.get("accuracy", 1.0) < found.get("taught", 0.0) - ACCURACY_FALL

    async def rollback(self, version: int | None = None, line: str = GENERIC) -> dict | None:
        """Go back to a version by number (0: the base model), by default to the one before."""
        if version is None:
            current = await self.versions.record(await self._in_use(line))
            version = current["parent"] or 0
        if version:
            await self.load(version)  # trained again when it was cleared away
        await self.versions.rollback(line, version or None)
        return await self.versions.record(version) if version else None

    async def clear_old_snapshots(self) -> list[int]:
        """Delete the weights that no rule keeps; return the numbers of their versions."""
        return await self.versions.clear_old_snapshots()

    async def _in_use(self, line: str) -> int:
        number = await self.versions.number(line)
        if not number:
            raise ValueError("there is nothing to roll back: the base model is in use")
        return number


def bytes_of(weights: Arrays) -> int:
    return sum(array.nbytes for array in weights.values())
