"""Fairness between clients: a fixed number is answered at once, and the others take turns by
client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST_WAITING = 512


class Crowded(RuntimeError):
    """Too many wait already: one more would only wait in vain."""


class Admission:
    """Each client has one turn a round: one that asks much delays only itself."""

    def __init__(self, places: int) -> None:
        self.free = places
        self.queues: dict[str, deque[asyncio.Future]] = {}  # in the order of the round

    @property
    def waiting(self) -> int:
        return sum(len(turns) for turns in self.queues.values())

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        await self.enter(client)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, client: str) -> None:
        if self.free:
            self.free -= 1
            return
        if self.waiting >= MOST_WAITING:
            raise Crowded(f"{self.waiting} questions wait already; ask again in a moment")
        turn = asyncio.get_running_loop().create_future()
        self.queues.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the turn came just as we left
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to the client whose turn it is, who then goes to the end of the round."""
        while self.queues:
            client = next(iter(self.queues))
            turns = self.queues.pop(client)
            turn = turns.popleft()
            if turns:
                self.queues[client] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1
