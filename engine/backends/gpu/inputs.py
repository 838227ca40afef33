"""A run's own small inputs, in one buffer, so that one write updates them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from oneseek.engine.backends.gpu.device import ALIGNMENT, DTYPES, Device
from oneseek.engine.compiler.ir import Program, Spec, Value

MOST_BYTES = 1 << 20  # of an input that shares the buffer


class Inputs:
    """The inputs of a program that no step changes and that were not given as tensors. `write`
    keeps the data here until `take_changes` or `flush`."""

    def __init__(self, gpu: Device, program: Program, tensors: dict) -> None:
        self.gpu = gpu
        changed = {step.ins[i] for step in program.steps for i in step.op.updates}
        roots = {value.root for value in changed if value is not None}
        self.at: dict[Value, int] = {}  # the offset of each, in bytes
        end = 0
        for name, value in program.inputs.items():
            if name in tensors or value in roots or value.spec.nbytes > MOST_BYTES:
                continue
            self.at[value] = end
            end += -(-max(16, value.spec.nbytes) // ALIGNMENT) * ALIGNMENT
        self.bytes = np.zeros(end, np.uint8)
        self.buffer = gpu.allocate("inputs", Spec((end // 4,))) if end else None
        self._fresh: tuple[int, int] | None = None  # the byte range written since the last transfer

    def write(self, value: Value, array: np.ndarray) -> None:
        begin = self.at[value]
        data = np.ascontiguousarray(array, DTYPES[value.spec.dtype]).reshape(-1).view(np.uint8)
        self.bytes[begin : begin + data.size] = data
        end = begin + -(-data.size // 4) * 4
        first, last = self._fresh or (begin, end)
        self._fresh = min(first, begin), max(last, end)

    def take_changes(self) -> tuple[Any, int, memoryview] | None:
        """(buffer, offset, bytes) of what was written since the last call; None if nothing was."""
        if self._fresh is None:
            return None
        (begin, end), self._fresh = self._fresh, None
        return self.buffer, begin, self.bytes[begin:end].data

    def flush(self) -> None:
        """Write everything to the device, for what is submitted from now on."""
        if given := self.take_changes():
            self.gpu.device.queue.write_buffer(*given)
