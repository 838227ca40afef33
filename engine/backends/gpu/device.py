"""One graphics device: its buffers, its compiled kernels, and its errors.

Only here and in executor.py is the device created or used for anything but running a program.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import wgpu

from oneseek.engine.backends.executor import DeviceLost, GPUProblem, OutOfMemory
from oneseek.engine.backends.gpu.clock import Clock
from oneseek.engine.backends.gpu.kernels import Kernels
from oneseek.engine.backends.room import Allocations
from oneseek.engine.compiler.ir import BYTES, Spec
from oneseek.engine.compiler.launch import Tier
from oneseek.engine.compiler.pieces import Costs
from oneseek.engine.turns import Turns

USAGE = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
DTYPES = {"f32": np.float32, "i32": np.int32, "u32": np.uint32, "f16": np.float16}
ALIGNMENT = 256  # bytes: where a binding may begin
KEPT_BYTES = 1 << 20  # of the largest staging buffer that is kept for reuse
BINDINGS = "max-storage-buffers-per-shader-stage"
# in a browser's messages when the device was lost during an operation
SIGNS_OF_LOSS = ("device is lost", "aborterror", "instance reference no longer exists")


class Tensor:
    """A buffer that stays on the device, shared by every run it is bound to."""

    def __init__(self, gpu: Device, spec: Spec, label: str) -> None:
        self.gpu, self.spec = gpu, spec
        self.buffer = gpu.allocate(label, spec)

    def write(self, array: np.ndarray, offset: int = 0) -> None:
        self.gpu.write(self.buffer, self.spec, array, offset)

    async def read(self) -> np.ndarray:
        return await self.gpu.read(self.buffer, 0, self.spec)

    async def look(self) -> np.ndarray:
        return await self.read()

    def copy_from(self, other: Tensor) -> None:
        if other.spec != self.spec:
            raise ValueError(f"cannot copy {other.spec} over {self.spec}")
        encoder = self.gpu.device.create_command_encoder(label="copy")
        encoder.copy_buffer_to_buffer(other.buffer, 0, self.buffer, 0, self.buffer.size)
        self.gpu.submit(encoder)


class Device:
    """An open device: its buffers, its compiled kernels, the cost of each, and its loss."""

    def __init__(self, device: Any, memory_limit: int | None = None) -> None:
        self.device, self.memory_limit, self.allocations = device, memory_limit, Allocations()
        self.turns = Turns()
        info = device.adapter_info
        told = f"{info['device']} {info['description']}".strip()  # browsers hide both
        self.description = told or f"{info['vendor']} {info['architecture']}".strip()
        self.kernels = Kernels(device, Tier(software=info["adapter_type"].lower() == "cpu"))
        self.notes: list[str] = []  # offered features that stay off, and why
        self.timestamps = "timestamp-query" in device.features
        self.bindings = device.limits[BINDINGS]
        self.clock = Clock(self)
        self.costs = Costs(self.tier.software, self.timestamps)
        self._staging: dict[int, list[Any]] = {}  # by size: mappable buffers, free for reuse
        self.lost = ""  # the reason, once it is lost
        self.on_lost: Callable[[str], None] = lambda reason: None
        self.nothing = self.allocate("nothing", Spec((4,)))  # bound where an input is absent
        if hasattr(device, "lost_async"):
            device.lost_async.then(lambda info: self._lose(f"{info.reason}: {info.message}"))

    @property
    def tier(self) -> Tier:
        return self.kernels.tier

    def _lose(self, reason: str) -> None:
        if not self.lost:
            self.lost = reason
            self.on_lost(reason)

    # buffers

    def allocate(self, label: str, spec: Spec) -> Any:
        """Return a zeroed buffer; its bytes count until Python drops it."""
        size = max(16, -(-spec.nbytes // 16) * 16)
        limit = self.device.limits["max-storage-buffer-binding-size"]
        if size > limit:
            raise OutOfMemory(f"{label}:{spec} has {size} bytes, one buffer holds {limit} here")
        if self.memory_limit and self.allocations.now + size > self.memory_limit:
            raise OutOfMemory(
                f"{label}:{spec} needs {size} bytes; {self.allocations.now} of the allowed "
                f"{self.memory_limit} are taken"
            )
        try:
            buffer = self.device.create_buffer(label=label, size=size, usage=USAGE)
        except Exception as problem:
            raise OutOfMemory(f"no room for {label}:{spec}, {size} bytes: {problem}") from problem
        self.allocations.out(size)
        weakref.finalize(buffer, self.allocations.back, size)
        return buffer

    def upload(self, array: np.ndarray, label: str = "tensor") -> Tensor:
        kind = {"f": "f32", "i": "i32", "b": "i32", "u": "u32"}[array.dtype.kind]
        tensor = self.empty(Spec(array.shape, kind), label=label)
        tensor.write(array)
        return tensor

    def empty(self, spec: Spec, room: None = None, label: str = "tensor") -> Tensor:
        return Tensor(self, spec, label)

    def room(self, size: int) -> None:
        return None

    def share(self, turns: Turns) -> None:
        self.turns = turns

    async def breathe(self) -> None:
        await self.turns.breathe()

    def write(self, buffer: Any, spec: Spec, array: np.ndarray, offset: int = 0) -> None:
        data = np.ascontiguousarray(array, DTYPES[spec.dtype])
        if offset + data.size > spec.size:
            raise ValueError(f"{buffer.label}:{spec} has no room for {array.shape} at {offset}")
        if data.size:
            self.device.queue.write_buffer(buffer, offset * BYTES[spec.dtype], data)

    async def read(self, buffer: Any, start: int, spec: Spec) -> np.ndarray:
        """Elements from `start`, copied through a mapped buffer; waits for all submitted work."""
        staging, mapped = self._copy_to_staging(
            buffer, start * BYTES[spec.dtype], max(4, spec.nbytes)
        )
        await self.wait_for(mapped)
        data = np.frombuffer(staging.read_mapped(), DTYPES[spec.dtype])
        staging.unmap()
        self.keep(staging)
        return data[: spec.size].reshape(spec.shape).copy()

    def _copy_to_staging(self, buffer: Any, offset: int, size: int) -> tuple[Any, Any]:
        """A staging buffer into which these bytes are copied, and the promise that it is mapped."""
        staging = self.take_staging(size)
        encoder = self.device.create_command_encoder(label=f"read {buffer.label}")
        encoder.copy_buffer_to_buffer(buffer, offset, staging, 0, size)
        self.submit(encoder)
        return staging, staging.map_async("READ")

    def take_staging(self, size: int) -> Any:
        """Return a mappable buffer of at least `size` bytes; give it back with `keep`."""
        size = -(-size // ALIGNMENT) * ALIGNMENT
        if kept := self._staging.get(size):
            return kept.pop()
        usage = wgpu.BufferUsage.COPY_DST | wgpu.BufferUsage.MAP_READ
        return self.device.create_buffer(label="staging", size=size, usage=usage)

    def keep(self, staging: Any) -> None:
        """Keep a staging buffer for reuse; large ones are dropped, because they are seldom
        needed."""
        if staging.size <= KEPT_BYTES:
            self._staging.setdefault(staging.size, []).append(staging)

    def mark(self) -> tuple[Any, Any]:
        """A mark for `wait_for_mark`: it is reached when everything submitted so far is done."""
        return self._copy_to_staging(self.nothing, 0, 4)

    async def wait_for_mark(self, mark: tuple[Any, Any] | None) -> None:
        if not mark:
            return
        staging, mapped = mark
        await self.wait_for(mapped)
        staging.unmap()
        self.keep(staging)

    async def wait_for_work(self) -> None:
        """Wait until everything submitted so far is done."""
        await self.wait_for_mark(self.mark())

    def submit(self, encoder: Any) -> None:
        if self.lost:
            raise DeviceLost(f"the GPU was lost ({self.lost})")
        try:
            self.device.queue.submit([encoder.finish()])
        except Exception as problem:
            raise self.explain(problem) from problem

    async def wait_for(self, promise: Any) -> Any:
        try:
            return await promise
        except Exception as problem:
            raise self.explain(problem) from problem

    def explain(self, problem: Exception) -> Exception:
        text = str(problem)
        if self.lost or any(sign in text.lower() for sign in SIGNS_OF_LOSS):
            self._lose(self.lost or text)
            return DeviceLost(f"the GPU was lost ({self.lost})")
        return problem if isinstance(problem, GPUProblem) else GPUProblem(text)
