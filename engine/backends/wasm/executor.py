"""The executor of the CPU back end: kernels where there are some, numpy's definitions elsewhere,
all on one memory plan.

A run is a flat list of pieces, each a few milliseconds at most, so a slice may end anywhere; the
bits do not depend on where.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from engine.backends.reference import DTYPES, Tensor
from engine.backends.room import Room
from engine.backends.wasm.kernels.kernel import PIECE
from engine.backends.wasm.program import Compiled, compiled
from engine.compiler.ir import Spec, Step, Value
from engine.compiler.schedule import Plan
from engine.core.turns import SLICE_MS, Turns


class Wasm:
    """Executor over WebAssembly kernels; `heap` says where arrays live and links modules there."""

    name = "wasm"
    cache_step = 128  # 6 MB of SmolLM2's

    def __init__(self, heap):
        self.heap, self.turns = heap, Turns()
        self.modules: dict[Plan, tuple[Compiled, Callable]] = {}

    def upload(self, array: np.ndarray) -> Tensor:
        return Tensor(self.heap.hold(array))

    def empty(self, spec: Spec, room: Room | None = None) -> Tensor:
        taken = room.take(spec.nbytes) if room else None
        if taken is None:
            return Tensor(self.heap.zeros(spec.shape, DTYPES[spec.dtype]))
        return Tensor(taken.view(DTYPES[spec.dtype]).reshape(spec.shape))

    def room(self, size: int) -> Room:
        return Room(self.heap.zeros((size,), np.uint8))

    async def breathe(self) -> None:
        await self.turns.breathe()

    def prepare(
        self, plan: Plan, tensors: dict[str, Tensor] | None = None, room: Room | None = None
    ) -> Run:
        if plan not in self.modules:
            program = compiled(plan)
            self.modules[plan] = program, self.heap.link(program.code)
        return Run(self, *self.modules[plan], tensors or {}, room)


def fitting(name: str, array: np.ndarray, spec: Spec) -> np.ndarray:
    """The array, if it is what the program wants; of a cache it may be the first rows only."""
    rows = array.shape[0] if name.startswith("cache.") else spec.shape[0]
    if array.shape != (rows, *spec.shape[1:]) or array.dtype != DTYPES[spec.dtype]:
        given = f"{array.dtype}{list(array.shape)}"
        raise ValueError(f"{name} is {given}, the program wants {spec}")
    return array


class Run:
    """One program, ready to be replayed from any piece to any other."""

    def __init__(
        self,
        executor: Wasm,
        program: Compiled,
        module: Callable,
        tensors: dict[str, Tensor],
        room: Room | None,
    ):
        heap, self.executor, self.program, self.module = executor.heap, executor, program, module
        self.inputs: dict[Value, np.ndarray] = {}
        for name, value in program.plan.program.inputs.items():
            tensor = tensors.get(name) or executor.empty(value.spec)
            self.inputs[value] = fitting(name, tensor.array, value.spec)
        size = program.arena + program.scratch
        if room is None or room.block.size < size:
            room = executor.room(size)
        self.arena = room.block
        self.table = heap.zeros((2 + len(self.inputs),), np.uint32)
        self.table[0] = heap.address(self.arena)
        self.table[1] = heap.address(self.arena) + program.arena
        self.table[2:] = [heap.address(array) for array in self.inputs.values()]
        self.table_address = heap.address(self.table)
        self.views: dict[Value, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.program.pieces)

    def write(self, name: str, array: np.ndarray) -> None:
        self.inputs[self.program.plan.program.inputs[name]][...] = array

    def run(self, start: int = 0, stop: int | None = None) -> None:
        stop, native = len(self) if stop is None else stop, self.program.native
        while start < stop:
            if native[start]:
                end = self.program.native_until(start, stop)
                self.module(self.table_address, start, end)
                start = end
            else:
                self.step(self.program.pieces[start][0])
                start += 1

    async def advance(self, start: int = 0, budget_ms: float | None = None) -> int:
        """Run from `start` for about `budget_ms` (to the end without one); where it stopped."""
        if budget_ms is not None:
            return self.run_for(start, budget_ms)
        while start < len(self):
            start = self.run_for(start, SLICE_MS)
            await self.executor.breathe()
        return start

    def run_for(self, start: int, budget_ms: float) -> int:
        until, at = time.perf_counter() + budget_ms / 1e3, start
        while at < len(self) and (at == start or time.perf_counter() < until):
            stop = self.program.within(at, PIECE)
            self.run(at, stop)
            at = stop
        return at

    async def read(self, name: str) -> np.ndarray:
        program = self.program.plan.program
        return np.array(self.get(program.outputs.get(name) or program.inputs[name]))

    def get(self, value: Value) -> np.ndarray:
        """A view of the value where it lies; between runs its memory may hold another one."""
        if value not in self.views:
            entry, start = self.program.place(value)
            if entry == 0:
                memory = self.arena
            else:
                memory = self.inputs[value.root].reshape(-1).view(np.uint8)
            bytes_of_it = memory[start : start + value.spec.nbytes]
            self.views[value] = bytes_of_it.view(DTYPES[value.spec.dtype]).reshape(value.shape)
        return self.views[value]

    def step(self, step: Step) -> None:
        ins = [None if v is None else self.get(v) for v in step.ins]
        results = step.op.reference(*ins, **step.attrs)
        results = results if isinstance(results, tuple) else (results,)
        for out, result in zip(step.outs, results, strict=True):
            self.get(out)[...] = result
