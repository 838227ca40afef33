"""The listeners to what happens here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oneseek.workers.server.admission import Crowded

EVENTS_BEHIND = 256  # a listener that is further behind is dropped
MOST_LISTENERS = 200  # each costs every event a part of a millisecond


class Hub:
    """Sends events to its listeners; a slow one loses its place, never that of others."""

    def __init__(self) -> None:
        self.listeners: set[asyncio.Queue] = set()

    def tell(self, event: dict) -> None:
        for queue in list(self.listeners):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self.listeners.discard(queue)

    def must_have_room(self) -> None:
        if len(self.listeners) >= MOST_LISTENERS:
            raise Crowded(f"{MOST_LISTENERS} clients listen already; try again later")

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue]:
        self.must_have_room()
        queue: asyncio.Queue = asyncio.Queue(EVENTS_BEHIND)
        self.listeners.add(queue)
        try:
            yield queue
        finally:
            self.listeners.discard(queue)
