"""The inputs of a run that belong to it alone: one buffer, so that they are written at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from oneseek.engine.backends.gpu.device import ALIGNMENT, DTYPES, Device
from oneseek.engine.compiler.ir import Program, Spec, Value

MOST_BYTES = 1 << 20  # of an input that is written together with others


class Inputs:
    """Of a program, those that no step changes and that were not given as tensors. What is written
    is kept here until somebody takes it to the device."""

    def __init__(self, gpu: Device, program: Program, tensors: dict) -> None:
        self.gpu = gpu
        changed = {step.ins[i] for step in program.steps for i in step.op.updates}
        roots = {value.root for value in changed if value is not None}
        self.at: dict[Value, int] = {}  # the byte at which each begins
        end = 0
        for name, value in program.inputs.items():
            if name in tensors or value in roots or value.spec.nbytes > MOST_BYTES:
                continue
            self.at[value] = end
            end += -(-max(16, value.spec.nbytes) // ALIGNMENT) * ALIGNMENT
        self.bytes = np.zeros(end, np.uint8)
        self.buffer = gpu.allocate("inputs", Spec((end // 4,))) if end else None
        self._fresh: tuple[int, int] | None = None  # from where to where it was written

    def write(self, value: Value, array: np.ndarray) -> None:
        begin = self.at[value]
        data = np.ascontiguousarray(array, DTYPES[value.spec.dtype]).reshape(-1).view(np.uint8)
        self.bytes[begin : begin + data.size] = data
        end = begin + -(-data.size // 4) * 4
        first, last = self._fresh or (begin, end)
        self._fresh = min(first, begin), max(last, end)

    def take_changes(self) -> tuple[Any, int, memoryview] | None:
        """(buffer, offset, bytes) of what was written since this was asked last."""
        if self._fresh is None:
            return None
        (begin, end), self._fresh = self._fresh, None
        return self.buffer, begin, self.bytes[begin:end].data

    def flush(self) -> None:
        """Everything written is on the device for what is submitted from now on."""
        if given := self.take_changes():
            self.gpu.device.queue.write_buffer(*given)
