"""The protocols of a back end, and the errors that a device raises.

numpy, WebGPU and WASM SIMD run the same plans behind these three protocols; no code above them
knows which back end it uses.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

import numpy as np

from oneseek.engine.backends.room import Allocations, Room
from oneseek.engine.compiler.ir import Spec
from oneseek.engine.compiler.schedule import Plan
from oneseek.engine.turns import Turns


class Tensor(Protocol):
    """An array that stays where the back end computes, shared by the runs it is bound to."""

    def write(self, array: np.ndarray, offset: int = 0) -> None: ...

    async def read(self) -> np.ndarray: ...

    async def look(self) -> np.ndarray:
        """Read without a copy where the back end can; the array is only valid until the next
        run."""

    def copy_from(self, other: Any) -> None:
        """Take the first values of a tensor of the same back end."""


class Run(Protocol):
    """A plan bound to tensors, ready to be replayed from any step to any other."""

    def __len__(self) -> int: ...

    def write(self, name: str, array: np.ndarray) -> None:
        """Fill an input."""

    def run(self, start: int = 0, stop: int | None = None) -> None:
        """Issue the steps start..stop without waiting for them."""

    async def advance(self, start: int = 0, budget_ms: float | None = None) -> int:
        """Compute from `start` for about `budget_ms` (without one, to the end); return the step
        reached."""

    async def read(self, name: str) -> np.ndarray:
        """Return a copy of an output or an input."""

    @property
    def ahead(self) -> int:
        """How many times the run may be begun before its first result is awaited."""

    async def begin(
        self, *names: str, fed: dict[str, str] | None = None
    ) -> Awaitable[list[np.ndarray]]:
        """Issue the whole run; awaiting the result gives copies of these outputs. `fed` maps inputs
        to outputs of the previous run."""


class AtOnce:
    """A run that has computed when it returns, so beginning the next one early gains nothing."""

    ahead = 1

    async def begin(
        self: Any, *names: str, fed: dict[str, str] | None = None
    ) -> Awaitable[list[np.ndarray]]:
        for name, output in (fed or {}).items():
            self.write(name, await self.read(output))
        await self.advance()
        found = [await self.read(name) for name in names]

        async def outputs() -> list[np.ndarray]:
            return found

        return outputs()


class Executor(Protocol):
    """A back end."""

    name: str
    turns: Turns

    @property
    def allocations(self) -> Allocations | None:
        """The bytes that the back end holds; None where it does not count them."""

    @property
    def bindings(self) -> int:
        """How many arrays a kernel may bind where steps are fused into one kernel; else 0."""

    @property
    def cache_step(self) -> int | None:
        """The rows by which a KV cache grows; None: it is allocated as a whole."""

    def upload(self, array: np.ndarray) -> Tensor: ...

    def empty(self, spec: Spec, room: Any = None) -> Tensor: ...

    def room(self, size: int) -> Room | None:
        """Allocate memory that several runs share in turn; None where each run has its own."""

    def prepare(self, plan: Plan, tensors: Any = None, room: Any = None) -> Run:
        """Bind a plan to tensors of this back end, by the names of the plan's inputs; `room` is
        memory shared with other runs, from `Executor.room`."""

    def share(self, turns: Turns) -> None:
        """Use the turns of another back end."""

    async def breathe(self) -> None:
        """Let other work of this thread run."""


class GPUProblem(RuntimeError):
    """The device refused an operation; the message names the step, the value and the shapes."""


class OutOfMemory(GPUProblem, MemoryError):
    """An allocation failed; all that was allocated for the same plan was freed."""


class DeviceLost(GPUProblem):
    """The device is gone with all its buffers; open a new one and restore from the store."""
