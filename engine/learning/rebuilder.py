"""Loads the weights of any version; retrains a cleared or damaged snapshot to the same bits.

Every caller that needs a version's weights comes here. A listener hears the progress and the time
left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from oneseek.engine.history.snapshot import Arrays, SnapshotDamaged
from oneseek.engine.history.versions import Versions, label
from oneseek.engine.learning.replay import History
from oneseek.engine.turns import urgent


class Rebuilder:
    """Loads or retrains weights. `make_room()` takes the one candidate from the round in training,
    which later resumes from its checkpoint. Others who want the candidate wait for the lock
    `alone`. `tell(event)` receives {version, done, rounds, seconds_left} after every step."""

    def __init__(
        self, versions: Versions, history: History, make_room: Callable[[], Awaitable[None]]
    ) -> None:
        self.versions, self.history, self.make_room = versions, history, make_room
        self.tell: Callable[[dict], Any] = lambda event: None
        self.alone = asyncio.Lock()

    def listen(self, tell: Callable[[dict], Any]) -> None:
        """Set the listener for the progress of a retrained version."""
        self.tell = tell

    async def weights(self, number: int) -> Arrays:
        try:
            return await self.versions.weights(number)
        except SnapshotDamaged:
            pass
        async with self.alone:
            try:
                return await self.versions.weights(number)  # another caller may have retrained it
            except SnapshotDamaged:
                await self.make_room()
                with urgent():
                    return await self._again(number)

    async def _again(self, number: int) -> Arrays:
        name, began = label(await self.versions.record(number)), time.monotonic()
        said: dict[str, Any] = {"version": name, "done": 0.0, "rounds": 1}

        def report(done: float, rounds: int) -> None:
            left = (time.monotonic() - began) / done * (rounds - done)
            said.update(done=done, rounds=rounds, seconds_left=left)
            self.tell(dict(said))

        try:
            return await self.history.repair(number, report)
        finally:
            self.tell({**said, "done": float(said["rounds"]), "seconds_left": 0.0})
