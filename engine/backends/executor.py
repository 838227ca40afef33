"""What every back end offers, and what a device can refuse.

numpy, WebGPU and WASM SIMD run the same plans behind these three shapes; nothing above this line
knows which one it is talking to.
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
        """As `read`, but to be used at once: a back end that can gives the array itself."""

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
        """Compute from `start` for about `budget_ms` (to the end without one); where it stopped."""

    async def read(self, name: str) -> np.ndarray:
        """A copy of an output or an input."""

    @property
    def ahead(self) -> int:
        """How many times it may be begun before the first result is awaited."""

    async def begin(
        self, *names: str, fed: dict[str, str] | None = None
    ) -> Awaitable[list[np.ndarray]]:
        """Have it all computed; what is awaited then are copies of these outputs. `fed` says which
        inputs get which output of the time before."""


class AtOnce:
    """Runs that have computed when they return: nothing is gained by beginning the next early."""

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
        """The bytes it holds; None where others count them."""

    @property
    def bindings(self) -> int:
        """How many arrays a kernel may see, where several steps are merged into one; else 0."""

    @property
    def cache_step(self) -> int | None:
        """Rows by which a cache grows; None: it is there as a whole."""

    def upload(self, array: np.ndarray) -> Tensor: ...

    def empty(self, spec: Spec, room: Any = None) -> Tensor: ...

    def room(self, size: int) -> Room | None:
        """Memory to be used in turns; None where everybody has their own."""

    def prepare(self, plan: Plan, tensors: Any = None, room: Any = None) -> Run:
        """`tensors` by the names of the plan's inputs, of this back end; `room` is one of its
        rooms."""

    def share(self, turns: Turns) -> None:
        """Take turns with another back end."""

    async def breathe(self) -> None:
        """Let other work of this thread run."""


class GPUProblem(RuntimeError):
    """Something the device refused; the text names the step, the value and the shapes."""


class OutOfMemory(GPUProblem, MemoryError):
    """An allocation failed; everything allocated for the same plan was given back."""


class DeviceLost(GPUProblem):
    """The device is gone with all its buffers; open a new one and restore from the store."""
