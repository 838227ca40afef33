"""What the base makes of packed tokens below the first layer that is trained: it is the same for
every voice and in every round, so it is computed once and kept, the oldest given up first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np

from oneseek.engine.learning.batch import Batch

PLACES = ("ids", "positions", "spans")  # all that it depends on
BYTES = 16 << 20


class Below:
    def __init__(self, compute: Callable[[Batch], Awaitable[np.ndarray]], most: int = BYTES):
        self.compute, self.most = compute, most
        self.kept: dict[bytes, np.ndarray] = {}

    async def of(self, batch: Batch) -> np.ndarray:
        key = b"".join(batch.arrays[name].tobytes() for name in PLACES)
        if key in self.kept:
            self.kept[key] = self.kept.pop(key)  # the newest now
            return self.kept[key]
        states = await self.compute(batch)
        self.kept[key] = states
        while len(self.kept) > 1 and sum(one.nbytes for one in self.kept.values()) > self.most:
            del self.kept[next(iter(self.kept))]
        return states
