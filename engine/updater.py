"""Puts new weights into the chat between two answers, never within one, and takes them back."""

import inspect
import math
from collections.abc import Callable
from typing import Any

from engine.snapshot import Arrays
from engine.versions import GENERIC, Versions

WORSE_LOSS = 1.10
WORSE_ACCURACY = 0.05


class WeightUpdater:
    """`use(weights)` hands an adapter to whoever answers (None: the untouched base model)."""

    def __init__(
        self, versions: Versions, use: Callable[[Arrays | None], Any], line: str = GENERIC
    ):
        self.versions = versions
        self.use = use
        self.line = line
        self.answering = 0
        self.pending: list[Arrays | None] = []
        self.best: dict[str, float] = {}

    async def offer(self, weights: Arrays | None) -> bool:
        """Use these from now on: at once, or after the answers under way; whether it was at once."""
        self.pending = [weights]
        return await self._apply()

    def answer_begins(self) -> None:
        self.answering += 1

    async def answer_ends(self) -> None:
        self.answering -= 1
        await self._apply()

    def should_rollback(self, metrics: dict) -> bool:
        """Whether {loss, accuracy} are no numbers, or a tenth (loss) or five points (accuracy) worse
        than the best seen; better ones become the best."""
        loss, accuracy = metrics["loss"], metrics["accuracy"]
        if not (math.isfinite(loss) and math.isfinite(accuracy)):
            return True
        best = self.best or {"loss": loss, "accuracy": accuracy}
        self.best = {
            "loss": min(best["loss"], loss),
            "accuracy": max(best["accuracy"], accuracy),
        }
        worse = loss > best["loss"] * WORSE_LOSS
        return worse or accuracy < best["accuracy"] - WORSE_ACCURACY

    async def rollback(self, version: int | None = None) -> dict | None:
        """Back to a version by number, 0 being the base model; to the one before when not said."""
        if version is None:
            current = await self.versions.record(await self._in_use())
            version = current["parent"] or 0
        await self.versions.rollback(self.line, version or None)
        self.best = {}
        weights = await self.versions.weights(version) if version else None
        await self.offer(weights)
        return await self.versions.record(version) if version else None

    async def clear_old_snapshots(self) -> list[int]:
        return await self.versions.clear_old_snapshots()

    # ---------------------------------------------------------------------------------- inside

    async def _in_use(self) -> int:
        number = await self.versions.number(self.line)
        if not number:
            raise ValueError("there is nothing to roll back: the base model is in use")
        return number

    async def _apply(self) -> bool:
        if self.answering or not self.pending:
            return False
        used = self.use(self.pending.pop())
        if inspect.isawaitable(used):
            await used
        return True
