"""The executor of the CPU back end: WebAssembly kernels where there are some, numpy's definitions
elsewhere, all on one memory plan.

A run is a flat list of pieces of a millisecond or less. Threads divide them, and a slice may end
after any of them; the bits depend on neither.
"""

from __future__ import annotations

import time
import weakref
from typing import Any

import numpy as np

from oneseek.engine.backends import executor as runs
from oneseek.engine.backends.executor import DeviceLost
from oneseek.engine.backends.reference import DTYPES
from oneseek.engine.backends.room import Allocations, Room
from oneseek.engine.backends.wasm.board import (
    BOARD_BYTES,
    CLOSED,
    GIVE_UP_MS,
    HELPED,
    LOST,
    PIECE_WORDS,
)
from oneseek.engine.backends.wasm.kernels.kernel import PIECE
from oneseek.engine.backends.wasm.memory import Block, Memory, Tensor
from oneseek.engine.backends.wasm.program import compile_plan
from oneseek.engine.compiler.ir import Spec, Step, Value
from oneseek.engine.compiler.schedule import Plan
from oneseek.engine.turns import Turns

# A browser optimises code only after many calls. New code takes ten times as long, so less of it
# may run at once.
NEW = 0.1


class Linked:
    """A program's code and its lists, in the memory that the threads share."""

    def __init__(self, executor: Wasm, plan: Plan):
        self.program = compile_plan(plan, executor.by_numpy, executor.memory.host.fused)
        self.pieces = executor.copy_in(self.program.pieces)
        self.calls = executor.copy_in(self.program.calls)
        self.module = executor.memory.host.link(self.program.module)
        self.number = self.module.number
        self.known = 0  # pieces whose code has run before
        self.took: dict[int, float] = {}  # by first piece of a stretch: its seconds at the last run

    def stretch(self, at: int, work: float) -> int:
        """Return the end of the pieces that may run at once from `at` on: `work` operations, less
        for code that is new."""
        if at < self.known:
            return min(self.known, self.program.within(at, work))
        self.known = self.program.within(at, work * NEW)
        return self.known


class Wasm:
    """The executor over WebAssembly kernels; `host` provides them and their memory."""

    name = "wasm"
    bindings = 0
    cache_step = 128  # rows: 6 MB of SmolLM2's cache

    def __init__(self, host: Any) -> None:
        self.memory, self.turns = Memory(host), Turns()
        self.allocations: Allocations | None = self.memory.allocations
        self.board = self.memory.block(BOARD_BYTES)
        self.scratch = self.memory.block(0)  # for all threads; the runs share it
        host.open(self.board.address)
        weakref.finalize(self, host.close).atexit = False
        self.linked: dict[Plan, Linked] = {}
        self.on_lost = lambda reason: None
        self.most = host.threads  # threads at most

    def copy_in(self, array: np.ndarray) -> Block:
        block = self.memory.block(array.nbytes)
        self.memory.host.write(block.address, np.ascontiguousarray(array))
        return block

    def upload(self, array: np.ndarray) -> Tensor:
        return Tensor(self.copy_in(array), array.shape, array.dtype)

    def empty(self, spec: Spec, room: Room | None = None) -> Tensor:
        taken = room.take(spec.nbytes) if room else None
        return Tensor.of(spec, taken or self.memory.block(spec.nbytes))

    def room(self, size: int) -> Room:
        return Room(self.memory.block(size))

    def by_numpy(self, step: Step) -> bool:
        """Whether numpy does this step although there is a kernel."""
        return False

    def definition(self, step: Step) -> Any:
        """The numpy function for this step."""
        return step.op.reference

    def work_with(self, scratch: int) -> None:
        """Provide at least `scratch` bytes for each thread from the next run on."""
        size = scratch * self.memory.host.threads
        if size > self.scratch.size:
            self.scratch = self.memory.block(size)

    def share(self, turns: Turns) -> None:
        self.turns = turns

    async def breathe(self) -> None:
        await self.turns.breathe()

    @property
    def threads(self) -> int:
        """How many threads may work now: one for background work that spares the machine, else
        all."""
        return 1 if self.turns.sparing and not self.turns.is_urgent else self.most

    def count_helped(self) -> int:
        """How many pieces other threads have done so far."""
        count = np.zeros(1, np.int32)
        self.memory.host.read(self.board.address + HELPED, count)
        return int(count[0])

    def stick(self) -> None:
        """For tests: make the next run wait for a piece that nobody does."""
        never = np.full((1, PIECE_WORDS), CLOSED, np.int32)
        for linked in self.linked.values():
            count = len(linked.program.native)
            self.memory.host.write(linked.pieces.address + (count - 1) // 2 * never.nbytes, never)

    def prepare(
        self, plan: Plan, tensors: dict | None = None, room: Room | None = None
    ) -> runs.Run:
        if plan not in self.linked:
            self.linked[plan] = Linked(self, plan)
        return Run(self, self.linked[plan], tensors or {}, room)


def check_tensor(name: str, tensor: Tensor, spec: Spec) -> Tensor:
    """Return the tensor if its shape and dtype are the program's; a cache may have fewer rows."""
    rows = tensor.shape[0] if name.startswith("cache.") else spec.shape[0]
    if tensor.shape != (rows, *spec.shape[1:]) or tensor.dtype != DTYPES[spec.dtype]:
        given = f"{tensor.dtype}{list(tensor.shape)}"
        raise ValueError(f"{name} is {given}, the program wants {spec}")
    return tensor


class Run(runs.AtOnce):
    """One program, ready to be replayed from any piece to any other."""

    def __init__(
        self,
        executor: Wasm,
        linked: Linked,
        tensors: dict[str, Tensor],
        room: Room | None,
    ):
        self.executor, self.linked, self.program = executor, linked, linked.program
        self.host, program = executor.memory.host, linked.program
        self.inputs: dict[Value, Tensor] = {}
        for name, value in program.plan.program.inputs.items():
            tensor = tensors.get(name) or executor.empty(value.spec)
            self.inputs[value] = check_tensor(name, tensor, value.spec)
        if room is None or room.block.size < program.arena:
            room = executor.room(program.arena)
        executor.work_with(program.scratch)
        self.blocks: list[Any] = [room.block, *(tensor.block for tensor in self.inputs.values())]
        begins = np.array([block.address for block in self.blocks], np.int64)
        addresses = begins[program.places[:, 0]] + program.places[:, 1]
        self.arguments = executor.copy_in(addresses.astype(np.uint32))
        self.values: dict[Value, Tensor] = {}

    def __len__(self) -> int:
        return len(self.program.native)

    def write(self, name: str, array: np.ndarray) -> None:
        self.inputs[self.program.plan.program.inputs[name]].write(array)

    def run(self, start: int = 0, stop: int | None = None) -> None:
        stop, native = len(self) if stop is None else stop, self.program.native
        while start < stop:
            if native[start]:
                end = self.program.native_until(start, stop)
                self.call(start, end)
                start = end
            else:
                self.step(start)
                start += 1

    def call(self, start: int, stop: int) -> None:
        executor, linked = self.executor, self.linked
        outcome = linked.module.run(
            executor.board.address,
            start,
            linked.number,
            linked.pieces.address,
            linked.calls.address,
            self.arguments.address,
            stop,
            min(executor.threads, stop - start),
            executor.scratch.address,
            self.program.scratch,
        )
        if outcome == LOST:
            reason = f"a thread gave no answer for {GIVE_UP_MS / 1e3:.0f} seconds"
            self.host.close()
            executor.on_lost(reason)
            raise DeviceLost(reason)

    async def advance(self, start: int = 0, budget_ms: float | None = None) -> int:
        """Run from `start` for about `budget_ms` (without one, to the end); return the piece
        reached."""
        if budget_ms is not None:
            return self.run_for(start, budget_ms)
        while start < len(self):
            start = self.run_for(start, self.executor.turns.remaining_ms)
            await self.executor.breathe()
        return start

    def run_for(self, start: int, budget_ms: float) -> int:
        """Run from `start` until the next stretch would end too late, by its time at the last run
        or else by that of the stretch before; return the piece reached."""
        took, at, last = self.linked.took, start, 0.0
        now = time.perf_counter()
        until = now + budget_ms / 1e3
        while at < len(self) and (at == start or now + took.get(at, last) <= until):
            stop = self.linked.stretch(at, PIECE * self.executor.threads)
            self.run(at, stop)
            began, now = now, time.perf_counter()
            took[at] = last = now - began
            at = stop
        return at

    async def read(self, name: str) -> np.ndarray:
        program = self.program.plan.program
        return self.get(program.outputs.get(name) or program.inputs[name]).now()

    def get(self, value: Value) -> Tensor:
        """Return the tensor of a value; between runs its memory may hold another value."""
        if value in self.inputs:
            return self.inputs[value]
        if value not in self.values:
            entry, start = self.program.layout.place(value)
            part = self.blocks[entry][start : start + value.spec.nbytes]
            self.values[value] = Tensor.of(value.spec, part)
        return self.values[value]

    def step(self, piece: int) -> None:
        """Run a piece that numpy does."""
        (step, _, _), *_ = self.program.steps[piece]
        ins = [None if v is None else self.get(v).here() for v in step.ins]
        results = self.executor.definition(step)(*ins, **step.attrs)
        results = results if isinstance(results, tuple) else (results,)
        for out, result in zip(step.outs, results, strict=True):
            self.get(out).write(result)
