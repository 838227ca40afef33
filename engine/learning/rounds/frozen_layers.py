"""Caches the hidden states below the first trained layer, which are the same for every variant and
in every round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import numpy as np

from oneseek.engine.learning.batch import Batch, Row, extent, own_tokens, pack

PLACES = ("ids", "positions", "spans")  # all that the states depend on
FROZEN_BYTES = 16 << 20
ROW_BYTES = 32 << 20  # of all rows of a data set
WHOLE = 32  # the shape of one row is a multiple of this many tokens
Compute = Callable[[Batch, int], Awaitable[np.ndarray]]  # the states below a layer


class FrozenLayerCache:
    """Caches the states of whole batches; the least recently used is dropped first."""

    def __init__(self, compute: Compute, most: int = FROZEN_BYTES):
        self.compute, self.most = compute, most
        self.states: dict[bytes, np.ndarray] = {}

    async def of(self, batch: Batch, layer: int) -> np.ndarray:
        key = b"".join([*(batch.arrays[name].tobytes() for name in PLACES), bytes([layer])])
        if key in self.states:
            self.states[key] = self.states.pop(key)  # the newest now
            return self.states[key]
        computed = await self.compute(batch, layer)
        self.states[key] = computed
        while len(self.states) > 1 and sum(one.nbytes for one in self.states.values()) > self.most:
            del self.states[next(iter(self.states))]
        return computed


class FrozenRows:
    """Caches the states of a data set's rows, which return in another batch each epoch. Each row is
    computed alone, so that its bits do not depend on those beside it."""

    def __init__(self, compute: Compute, layer: int) -> None:
        self.compute, self.layer = compute, layer
        self.states: dict[tuple[int, ...], np.ndarray] = {}

    @staticmethod
    def fit(rows: Iterable[Row], width: int) -> bool:
        """Whether the states of all these rows may be kept; it reads no more of them than fit."""
        left = ROW_BYTES // (4 * width)
        return all((left := left - own_tokens(row, 0)) >= 0 for row in rows)

    async def of(self, batch: Batch) -> np.ndarray:
        """Return the states of a batch, [tokens, width]; zero where it is padded."""
        found: np.ndarray | None = None
        at = batch.shared
        for row in batch.rows:
            states, shared = await self._of_row(row), 0 if row.plain else batch.shared
            if found is None:
                found = np.zeros((len(batch.arrays["ids"]), states.shape[1]), np.float32)
            found[:shared] = states[:shared]
            found[at : at + len(states) - shared] = states[shared:]
            at += len(states) - shared
        assert found is not None, "a step has rows"
        return found

    async def _of_row(self, row: Row) -> np.ndarray:
        key = (*row.prompt, -1, *row.target)
        if key not in self.states:
            tokens, targets = (-(-need // WHOLE) * WHOLE for need in extent([row]))
            computed = await self.compute(pack([row], shape=(tokens, targets)), self.layer)
            self.states[key] = computed[: own_tokens(row, 0)].copy()
        return self.states[key]
