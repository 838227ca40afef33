"""Measure how long work takes on the device: by the device's own clock where it has one, else by
waiting for it.

Ordinary Chrome rounds its clock to 100 us. Firefox has no clock that pages may read and polls for
finished work only now and then, so the time of a wait without any work is subtracted.
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

WAITS = 3  # without work; the shortest counts
LONG_MS = 20.0  # a wait without work that takes as long shows that the browser polls
NUDGE_MS = 4.0  # between two empty submits, each of which makes such a browser poll
ENOUGH_MS = 1.0  # of repeated work: a rounded clock measures this well
MOST_TIMES = 200  # repetitions at most to reach ENOUGH_MS
NUDGED = 0.5  # nudging stays on if it shortens the wait to less than this share

Work = Callable[..., None]  # issues dispatches in a pass


class Clock:
    """The clock of one oneseek.engine.backends.gpu.device.Device; call `set` before use."""

    def __init__(self, gpu: Any) -> None:
        self.gpu, self.tick = gpu, math.inf  # ms: the shortest nonzero time measured
        self.wait_ms = 0.0  # the time of a wait without work

    @property
    def slice_ms(self) -> float:
        """The milliseconds of work between two waits: at least SLICE_MS, and half the time of a
        wait."""
        return max(SLICE_MS, self.wait_ms / 2)

    async def set(self) -> None:
        """Measure the time of a wait, and turn nudging on where it makes the wait shorter."""
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
        """Return the milliseconds of what `submit` submits to an idle device, less the time of a
        wait without work."""
        began = time.perf_counter()
        submit()
        await self.gpu.wait_for_work()
        return max(0.0, 1e3 * (time.perf_counter() - began) - self.wait_ms)

    async def measure(self, label: str, issue: Work, again: bool) -> float:
        """Return the milliseconds of one run of `issue`, which takes the number of `times` to run
        in a pass. With `again` it repeats for at least a millisecond, because a clock may be
        rounded to a tenth of one."""
        times, [spent] = 1, await self.measure_passes([(label, issue)])
        if not again:
            return max(spent, self.tick / 2)
        while spent < ENOUGH_MS and times < MOST_TIMES:
            each = max(LEAST_MS, spent / times)
            times = min(MOST_TIMES, math.ceil(1.5 * ENOUGH_MS / each), 16 * times)
            [spent] = await self.measure_passes([(label, partial(issue, times=times))])
        return spent / times

    async def measure_passes(self, works: Sequence[tuple[str, Work]]) -> list[float]:
        """Return the milliseconds of each work by the device's clock, each in a pass of its own."""
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
