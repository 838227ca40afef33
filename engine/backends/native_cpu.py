"""What a processor computes with where there is no browser: the kernels of the tab under wasmtime,
and for learning numpy instead wherever its products are the quicker ones.

The weights are there once: numpy sees the arrays where the kernels have them.
"""

from __future__ import annotations

import time
from typing import Any

from engine.backends.executor import Run
from engine.backends.quick_check import product
from engine.backends.reference import Numpy
from engine.backends.room import Room
from engine.backends.wasm.executor import Wasm
from engine.backends.wasm.native import Native
from engine.compiler.schedule import Plan, plan

LEARNING = ("learn", "accumulate")
CHOSEN = "learns with"  # in `state`: what both took when it was measured
ROWS, TIMES, ROUNDS = 240, 2, 3  # of a lesson's step; half a second in all


class Processor(Wasm):
    """The executor of `--backend cpu`."""

    name = "cpu"

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(Native(threads))
        self.numpy = Numpy()
        self.given = None  # what a step takes is numpy's
        self.milliseconds: dict[str, float] = {}  # of both, once they are known

    def prepare(self, plan: Plan, tensors: dict | None = None, room: Room | None = None) -> Run:
        if plan.program.name.split()[0] in LEARNING and self.numpy_learns():
            self.numpy.turns = self.turns
            run: Any = self.numpy.prepare(plan, tensors)
            run.tensors = tensors  # whose memory its arrays are
            return run
        return super().prepare(plan, tensors, room)

    async def keep_to(self, store: Any) -> None:
        """The choice that was made for this store, so that what goes on after a restart, or is
        practised again, comes to the same bits; without one it is made now."""
        known = await store.get("state", CHOSEN)
        if known is None:
            self.numpy_learns()
            await store.batch([["put", "state", CHOSEN, self.milliseconds]])
        else:
            self.milliseconds = known

    def numpy_learns(self) -> bool:
        if not self.milliseconds:
            planned = plan(product(ROWS, TIMES))
            ours, theirs = super().prepare(planned), self.numpy.prepare(planned)
            self.milliseconds = {"wasm": quickest(ours), "numpy": quickest(theirs)}
        return self.milliseconds["numpy"] < self.milliseconds["wasm"]


def quickest(run: Run) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run.run()
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)
