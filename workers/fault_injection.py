"""Faults on request, for tests: a device or thread lost, weights spoiled, a worker that hangs."""

from __future__ import annotations

from typing import Any

import js
import numpy as np

from oneseek.engine.core.messages import Break, Done
from oneseek.workers.tab.resident import Resident


class FaultInjection:
    """Breaks what it is asked to."""

    def __init__(self, resident: Resident) -> None:
        self.resident = resident

    async def on_break(self, request: Break) -> Done:
        """For tests: lose the device or a thread, spoil what is trained, hang, or die."""
        executor: Any = self.resident.require_assistant().model.executor
        if request.what == "device":
            executor.device.destroy()
        elif request.what == "thread":
            executor.memory.host.end_one()
        elif request.what == "stuck":
            executor.stick()
        elif request.what == "nan":
            attempt: Any = self.resident.require_assistant().learner.training.attempt
            candidate = attempt.trainer.candidate
            nothing = np.full(candidate.trained.size, np.nan, np.float32)
            candidate.tensors[candidate.trained.name].write(nothing)
        elif request.what == "hang":
            js.Atomics.wait(js.Int32Array.new(js.SharedArrayBuffer.new(4)), 0, 0)
        else:
            js.close()
        return Done()
