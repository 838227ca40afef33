"""What work takes on the device: by the device's own clock where it has one, else by waiting for
it.

Ordinary Chrome rounds its clock to 100 us. Firefox has none that pages may read, and looks for
finished work only now and then, so that what a wait for nothing takes is no part of the work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import wgpu

from oneseek.engine.compiler.ir import Spec
from oneseek.engine.compiler.pieces import LEAST_MS
from oneseek.engine.turns import SLICE_MS

WAITS = 3  # for nothing, of which the shortest counts
LONG_MS = 20.0  # a wait for nothing that takes so long is one for the browser to look
NUDGE_MS = 4.0  # between two submits of nothing, each of which makes such a browser look
ENOUGH_MS = 1.0  # of a work run again and again: what a rounded clock measures well
MOST_TIMES = 200  # that it is run for that
NUDGED = 0.5  # of the wait without nudges: what it has to take with them for them to stay

Work = Callable[..., None]  # issues dispatches in a pass


class Clock:
    """Of one device, an oneseek.engine.backends.gpu.device.Device: `set` it before use."""

    def __init__(self, gpu: Any) -> None:
        self.gpu, self.tick = gpu, math.inf  # ms: the shortest time it told that was not zero
        self.wait_ms = 0.0  # what a wait for nothing takes

    @property
    def slice_ms(self) -> float:
        """Of work between two waits: half of what a wait takes, where waits take long."""
        return max(SLICE_MS, self.wait_ms / 2)

    async def set(self) -> None:
        """Measure what a wait takes, and have the browser nudged where that makes it shorter."""
        self.wait_ms, device = await self._wait(), self.gpu.device
        if self.wait_ms < LONG_MS or not hasattr(device, "nudge_ms"):
            return
        device.nudge_ms = NUDGE_MS
        nudged = await self._wait()
        if nudged < NUDGED * self.wait_ms:
            self.wait_ms = nudged
        else:
            device.nudge_ms = 0.0

    async def _wait(self) -> float:
        spent = []
        for _ in range(WAITS):
            began = time.perf_counter()
            await self.gpu.wait_for_work()
            spent.append(1e3 * (time.perf_counter() - began))
        return min(spent)

    async def measure_submit(self, submit: Callable[[], None]) -> float:
        """Milliseconds of what `submit` submits, on a device that is free before; what a wait for
        nothing takes is taken off."""
        began = time.perf_counter()
        submit()
        await self.gpu.wait_for_work()
        return max(0.0, 1e3 * (time.perf_counter() - began) - self.wait_ms)

    async def measure(self, label: str, issue: Work, again: bool) -> float:
        """Milliseconds of a work, which `issue` issues so many times in a pass. One that may run
        again runs until a millisecond has passed: a clock may be rounded to a tenth of one."""
        times, [spent] = 1, await self.measure_passes([(label, issue)])
        if not again:
            return max(spent, self.tick / 2)
        while spent < ENOUGH_MS and times < MOST_TIMES:
            each = max(LEAST_MS, spent / times)
            times = min(MOST_TIMES, math.ceil(1.5 * ENOUGH_MS / each), 16 * times)
            [spent] = await self.measure_passes([(label, partial(issue, times=times))])
        return spent / times

    async def measure_passes(self, works: Sequence[tuple[str, Work]]) -> list[float]:
        """Milliseconds of each of these works by the device's clock, each in a pass of its own."""
        count, device = 2 * len(works), self.gpu.device
        queries = device.create_query_set(label="costs", type="timestamp", count=count)
        encoder = device.create_command_encoder(label="costs")
        for i, (label, issue) in enumerate(works):
            writes = {
                "query_set": queries,
                "beginning_of_pass_write_index": 2 * i,
                "end_of_pass_write_index": 2 * i + 1,
            }
            compute = encoder.begin_compute_pass(label=label, timestamp_writes=writes)
            issue(compute)
            compute.end()
        usage = wgpu.BufferUsage.QUERY_RESOLVE | wgpu.BufferUsage.COPY_SRC
        resolved = device.create_buffer(label="costs", size=8 * count, usage=usage)
        encoder.resolve_query_set(queries, 0, count, resolved, 0)
        self.gpu.submit(encoder)
        ticks = (await self.gpu.read(resolved, 0, Spec((2 * count,), "u32"))).view(np.uint64)
        spans = ticks.astype(np.int64).reshape(-1, 2)
        found = [max(0, int(end - begin)) / 1e6 for begin, end in spans]
        self.tick = min([self.tick, *(ms for ms in found if ms)])
        return found
