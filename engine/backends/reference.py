"""The numpy executor: runs each step's own definition. It is the oracle for every other back end
and, natively with BLAS, the fast path where there is no GPU.

All executors share this shape: `upload`/`empty` make tensors, `prepare` binds a plan to tensors
and returns a run with `write`, `advance` and `read`.
"""

from __future__ import annotations

import time

import numpy as np

import oneseek.engine.compiler.ops  # noqa: F401  every op registers itself
from oneseek.engine.backends.executor import AtOnce
from oneseek.engine.compiler.ir import Program, Spec, Step, Value
from oneseek.engine.compiler.schedule import Plan
from oneseek.engine.turns import Turns

DTYPES = {"f32": np.float32, "i32": np.int32, "u32": np.uint32, "f16": np.float16}


class Tensor:
    """An array that stays with the executor, shared by every run it is bound to."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def write(self, array: np.ndarray, offset: int = 0) -> None:
        flat = self.array.reshape(-1)
        flat[offset : offset + array.size] = np.asarray(array).reshape(-1)

    async def read(self) -> np.ndarray:
        return self.array.copy()

    async def look(self) -> np.ndarray:
        return self.array

    def copy_from(self, other: Tensor) -> None:
        self.array[: len(other.array)] = other.array


class Numpy:
    """Executor over numpy; with dtype float64 it checks gradients."""

    name = "numpy"
    cache_step = allocations = None
    bindings = 0

    def __init__(self, dtype: type = np.float32) -> None:
        self.float = dtype
        self.turns = Turns()

    def dtype(self, spec: Spec) -> type:
        return self.float if spec.dtype == "f32" else DTYPES[spec.dtype]

    def upload(self, array: np.ndarray) -> Tensor:
        return Tensor(array)

    def empty(self, spec: Spec, room: None = None) -> Tensor:
        return Tensor(np.zeros(spec.shape, self.dtype(spec)))

    def room(self, size: int) -> None:
        return None

    def share(self, turns: Turns) -> None:
        self.turns = turns

    async def breathe(self) -> None:
        await self.turns.breathe()

    def prepare(
        self, plan: Plan, tensors: dict[str, Tensor] | None = None, room: None = None
    ) -> Run:
        return Run(self, plan, tensors or {})


class Run(AtOnce):
    """One program, ready to be replayed from any step to any other."""

    def __init__(self, executor: Numpy, plan: Plan, tensors: dict[str, Tensor]) -> None:
        self.executor, self.program = executor, plan.program
        self.arrays: dict[Value, np.ndarray] = {}
        for name, value in self.program.inputs.items():
            tensor = tensors.get(name) or executor.empty(value.spec)
            if tensor.array.shape != value.shape:
                raise ValueError(f"{name} is {tensor.array.shape}, the program wants {value.spec}")
            self.arrays[value] = tensor.array
        self.last_use = last_uses(self.program)

    def __len__(self) -> int:
        return len(self.program.steps)

    def write(self, name: str, array: np.ndarray) -> None:
        self.arrays[self.program.inputs[name]][...] = array

    def run(self, start: int = 0, stop: int | None = None) -> None:
        stop = len(self) if stop is None else stop
        for i in range(start, stop):
            self.step(self.program.steps[i])
            for value in self.last_use.get(i, ()):
                self.arrays.pop(value, None)

    async def advance(self, start: int = 0, budget_ms: float | None = None) -> int:
        """Run from `start` for about `budget_ms` (without one, to the end); return the step
        reached."""
        if budget_ms is None:
            while start < len(self):
                start = self.run_for(start, self.executor.turns.remaining_ms)
                await self.executor.breathe()
            return start
        return self.run_for(start, budget_ms)

    def run_for(self, at: int, budget_ms: float) -> int:
        """Run at least one step, and none after the budget; return the step reached."""
        until = time.perf_counter() + budget_ms / 1e3
        while at < len(self):
            self.run(at, at + 1)
            at += 1
            if time.perf_counter() >= until:
                break
        return at

    async def read(self, name: str) -> np.ndarray:
        value = self.program.outputs.get(name) or self.program.inputs[name]
        return np.array(self.get(value))

    def get(self, value: Value) -> np.ndarray:
        if value in self.arrays:
            return self.arrays[value]
        if value.base:
            whole = self.get(value.base).reshape(-1)
            return whole[value.offset : value.offset + value.spec.size].reshape(value.shape)
        self.arrays[value] = np.zeros(value.shape, self.executor.dtype(value.spec))
        return self.arrays[value]

    def step(self, step: Step) -> None:
        ins = [None if v is None else self.get(v) for v in step.ins]
        results = step.op.reference(*ins, **step.attrs)
        results = results if isinstance(results, tuple) else (results,)
        for out, result in zip(step.outs, results, strict=True):
            if result.shape != out.shape:
                raise ValueError(f"numpy made {result.shape}, the shape rule says: {step}")
            if out.base:
                self.get(out)[...] = result
            else:
                self.arrays[out] = result


def last_uses(program: Program) -> dict[int, list[Value]]:
    """step index -> values nobody needs after it."""
    last: dict[Value, int] = {}
    for i, step in enumerate(program.steps):
        for value in (*step.reads, *step.outs):
            last[value.root] = i
    kept = {v.root for v in program.outputs.values()} | set(program.inputs.values())
    ends: dict[int, list[Value]] = {}
    for root, i in last.items():
        if root not in kept:
            ends.setdefault(i, []).append(root)
    return ends
