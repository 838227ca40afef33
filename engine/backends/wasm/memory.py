"""The memory of the CPU back end: stretches of it are given out, and come back when nobody holds
them any more.

Which memory it is, a host says: one of the browser's (tab.py) or one of wasmtime's (native.py). It
has `size`, `grow(bytes)`, `write(address, array)`, `read(address, array)`, `clear(address, bytes)`,
`link(module)`, `threads`, and `seen`: whether numpy sees it, by `view(address, bytes)`.
"""

from __future__ import annotations

import math
import weakref
from bisect import insort
from collections import deque
from functools import cached_property
from typing import Any

import numpy as np

from oneseek.engine.backends.reference import DTYPES
from oneseek.engine.backends.room import ALIGNMENT, Allocations, whole_lines
from oneseek.engine.compiler.ir import Spec

REACH = 1 << 32  # bytes an address of 32 bits tells apart
GROWTH = 1 << 20  # bytes


class Block:
    """A stretch of the memory, or a part of one, which keeps the whole."""

    def __init__(self, memory: Memory, address: int, size: int, whole: Block | None = None):
        self.memory, self.address, self.size, self.whole = memory, address, size, whole

    def __getitem__(self, part: slice) -> Block:
        start, stop, _ = part.indices(self.size)
        return Block(self.memory, self.address + start, stop - start, self.whole or self)


class Memory:
    """First fit; what was never given out before is zero already."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.free: list[tuple[int, int]] = []  # below `end`, from and to
        self.end = ALIGNMENT  # address 0 is nobody's
        self.used = self.end  # everything behind was never given out
        self.returned: deque[tuple[int, int]] = deque()  # by the garbage collector, at any moment
        self.allocations = Allocations()

    def block(self, size: int) -> Block:
        """So many bytes, all of them zero."""
        self.take_back()
        length = max(ALIGNMENT, whole_lines(size))
        address = self.allocate(length)
        if (known := min(address + length, self.used)) > address:
            self.host.clear(address, known - address)
        self.used = max(self.used, address + length)
        self.allocations.out(length)
        block = Block(self, address, size)
        gone = weakref.finalize(block, self.comes_back, (address, address + length))
        gone.atexit = False
        return block

    def comes_back(self, stretch: tuple[int, int]) -> None:
        self.returned.append(stretch)
        self.allocations.back(stretch[1] - stretch[0])

    def allocate(self, length: int) -> int:
        for i, (start, stop) in enumerate(self.free):
            if stop - start >= length:
                self.free[i : i + 1] = [(start + length, stop)] if stop > start + length else []
                return start
        address, self.end = self.end, self.end + length
        if self.end > self.host.size:
            try:
                self.grow(self.end - self.host.size)
            except MemoryError:
                self.end = address
                raise
        return address

    def grow(self, missing: int) -> None:
        more = max(missing, GROWTH)
        if self.host.size + more > REACH or not self.host.grow(more):
            raise MemoryError(
                f"there are no {missing >> 20} MB left for the model here; close what you do not "
                "need or choose a smaller model, your chats are safe"
            )

    def take_back(self) -> None:
        while self.returned:
            insort(self.free, self.returned.popleft())
        joined: list[tuple[int, int]] = []
        for start, stop in self.free:
            if joined and joined[-1][1] == start:
                start = joined.pop()[0]
            joined.append((start, stop))
        if joined and joined[-1][1] == self.end:
            self.end = joined.pop()[0]
        self.free = joined


class Tensor:
    """An array in a block, shared by every run it is bound to."""

    def __init__(self, block: Block, shape: tuple[int, ...], dtype: Any) -> None:
        self.block, self.shape, self.dtype = block, tuple(shape), np.dtype(dtype)
        self.host = block.memory.host

    @classmethod
    def of(cls, spec: Spec, block: Block) -> Tensor:
        return cls(block, spec.shape, DTYPES[spec.dtype])

    def write(self, array: np.ndarray, offset: int = 0) -> None:
        if self.host.seen and array.shape == self.shape:
            np.copyto(self.array, array, casting="unsafe")
            return
        address = self.block.address + offset * self.dtype.itemsize
        self.host.write(address, np.ascontiguousarray(array, self.dtype))

    def now(self) -> np.ndarray:
        array = np.empty(self.shape, self.dtype)
        self.host.read(self.block.address, array)
        return array

    async def read(self) -> np.ndarray:
        return self.now()

    async def look(self) -> np.ndarray:
        return self.now()

    def copy_from(self, other: Tensor) -> None:
        self.write(other.now())

    @cached_property
    def array(self) -> np.ndarray:
        """The array where it lies, on a host whose memory numpy can see."""
        size = self.dtype.itemsize * math.prod(self.shape)
        there = self.host.view(self.block.address, size)
        return there.view(self.dtype).reshape(self.shape)

    def here(self) -> np.ndarray:
        """To be read at once: where it lies if that can be seen, else a copy."""
        return self.array if self.host.seen else self.now()
