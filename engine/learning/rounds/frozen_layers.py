"""Caches the hidden states below the first trained layer, which are the same for every variant and
in every round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import numpy as np

from oneseek.engine.learning.batch import Batch, Row, own_tokens, pack_batches

PLACES = ("ids", "positions", "spans")  # all that the states depend on
FROZEN_BYTES = 16 << 20
ROW_BYTES = 32 << 20  # of all rows of a data set
Compute = Callable[[Batch], Awaitable[np.ndarray]]  # the states below a layer


class FrozenLayerCache:
    """Caches the states of whole batches; the least recently used is dropped first."""

    def __init__(self, compute: Compute, most: int = FROZEN_BYTES):
        self.compute, self.most = compute, most
        self.states: dict[bytes, np.ndarray] = {}

    async def of(self, batch: Batch) -> np.ndarray:
        key = b"".join(batch.arrays[name].tobytes() for name in PLACES)
        if key in self.states:
            self.states[key] = self.states.pop(key)  # the newest now
            return self.states[key]
        computed = await self.compute(batch)
        self.states[key] = computed
        while len(self.states) > 1 and sum(one.nbytes for one in self.states.values()) > self.most:
            del self.states[next(iter(self.states))]
        return computed


class FrozenRows:
    """Caches the states of a data set's rows, which return in another batch each epoch. All are
    computed at the first need and in the same batches, so that their bits depend on nothing that
    happened before."""

    def __init__(self, rows: Iterable[Row], layer: int, compute: Compute) -> None:
        self.rows, self.layer, self.compute = list(rows), layer, compute
        self.states: dict[tuple[int, ...], np.ndarray] = {}

    @staticmethod
    def fit(rows: Iterable[Row], width: int) -> bool:
        """Whether the states of all these rows may be kept; it reads no more of them than fit."""
        left = ROW_BYTES // (4 * width)
        return all((left := left - own_tokens(row, 0)) >= 0 for row in rows)

    async def of(self, batch: Batch) -> np.ndarray:
        """Return the states of a batch of these rows, [tokens, width]; zero where it is padded."""
        if not self.states:
            await self._compute_all()
        each = [self.states[key_of(row)] for row in batch.rows]
        found = np.zeros((len(batch.arrays["ids"]), each[0].shape[1]), np.float32)
        at = batch.shared
        for row, states in zip(batch.rows, each, strict=True):
            shared = 0 if row.plain else batch.shared
            found[:shared] = states[:shared]
            found[at : at + len(states) - shared] = states[shared:]
            at += len(states) - shared
        return found

    async def _compute_all(self) -> None:
        found = {}
        for batch in pack_batches(self.rows, fixed=False):
            states, at = await self.compute(batch), batch.shared
            for row in batch.rows:
                shared = 0 if row.plain else batch.shared
                end = at + own_tokens(row, shared)
                found[key_of(row)] = np.concatenate([states[:shared], states[at:end]])
                at = end
        self.states = found


def key_of(row: Row) -> tuple[int, ...]:
    return *row.prompt, -1, *row.target
