"""The memory of the CPU back end: an allocator of blocks, which are freed when nobody holds them
any more.

A host provides the memory: the browser (tab.py) or wasmtime (native.py). It has `size`,
`grow(bytes)`, `write(address, array)`, `read(address, array)`, `clear(address, bytes)`,
`link(module)`, `threads`, `fused`: whether it has relaxed SIMD, and `seen`: whether numpy can see
the memory, by `view(address, bytes)`.
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

REACH = 1 << 32  # bytes that a 32-bit address can reach
GROWTH = 1 << 20  # bytes


class Block:
    """A range of the memory, or a part of one, which keeps the whole alive."""

    def __init__(self, memory: Memory, address: int, size: int, whole: Block | None = None):
        self.memory, self.address, self.size, self.whole = memory, address, size, whole

    def __getitem__(self, part: slice) -> Block:
        start, stop, _ = part.indices(self.size)
        return Block(self.memory, self.address + start, stop - start, self.whole or self)


class Memory:
    """A first-fit allocator; memory that was never used is zero already."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.free: list[tuple[int, int]] = []  # free ranges below `end`: start, stop
        self.end = ALIGNMENT  # address 0 is never allocated
        self.used = self.end  # nothing from here on was ever allocated
        self.returned: deque[tuple[int, int]] = deque()  # by the garbage collector, any time
        self.allocations = Allocations()

    def block(self, size: int) -> Block:
        """Allocate `size` bytes, all of them zero."""
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
        """The array in place, on a host whose memory numpy can see."""
        size = self.dtype.itemsize * math.prod(self.shape)
        there = self.host.view(self.block.address, size)
        return there.view(self.dtype).reshape(self.shape)

    def here(self) -> np.ndarray:
        """The array, to be read at once: in place if numpy can see it, else a copy."""
        return self.array if self.host.seen else self.now()
