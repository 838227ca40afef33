"""One program on the device: recorded once, replayed from any dispatch to any other.

Slices are cut by what each dispatch costs, measured once per kind of dispatch with the device's own
clock, so that a slice of 6 ms takes 6 ms and whoever is waiting gets the device after it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import wgpu

from oneseek.engine.backends.gpu.device import Device, Tensor
from oneseek.engine.backends.gpu.errors import DeviceLost, GPUProblem
from oneseek.engine.backends.gpu.kernels import Bound
from oneseek.engine.compiler.ir import BYTES, Spec, Step, Value
from oneseek.engine.compiler.pieces import SUBMIT_MS, Dispatch, split
from oneseek.engine.compiler.schedule import Plan
from oneseek.engine.core.turns import SLICE_MS

if sys.platform == "emscripten":
    from oneseek.engine.backends.gpu.webgpu import Recording
else:
    from oneseek.engine.backends.gpu.native_replay import Recording

ALIGNMENT = 256  # bytes: where a binding may begin
PROBES = 16  # dispatches measured in one submit


class Run:
    """A plan bound to buffers. Tensors given are shared; everything else belongs to the run."""

    def __init__(self, gpu: Device, plan: Plan, tensors: dict[str, Tensor]) -> None:
        self.gpu, self.plan, self.program = gpu, plan, plan.program
        self.buffers: dict[Value, object] = {}
        for name, value in self.program.inputs.items():
            tensor = tensors.get(name)
            if tensor is not None and tensor.spec != value.spec:
                raise ValueError(f"{name} is {tensor.spec}, the program wants {value.spec}")
            self.buffers[value] = tensor.buffer if tensor else gpu.allocate(name, value.spec)
        slots = [gpu.allocate(f"slot {i}", Spec((-(-n // 4),))) for i, n in enumerate(plan.slots)]
        self.buffers |= {value: slots[slot] for value, slot in plan.slot_of.items()}
        self._dispatches: list[Dispatch] = []
        self._groups: dict[tuple, object] = {}
        read = {v.root for step in self.program.steps for v in step.reads}
        read |= {v.root for v in self.program.outputs.values()} | {*self.program.inputs.values()}
        for step in self.program.steps:
            bound = Bound(step, self._same_memory, lambda value: value.root in read)
            for launch in bound.within(gpu.bindings):
                self._dispatches.append(self._dispatch(step, launch))
        self._pieces = [piece for d in self._dispatches for piece in split(d)]
        self._cut = 0, 0.0, len(self._pieces)  # lessons known then, the longest piece, from where
        self._ready = False
        self._recording: Recording | None = None

    def _same_memory(self, a: Value, b: Value) -> bool:
        return self.buffers[a.root] is self.buffers[b.root]

    def _dispatch(self, step: Step, bound: Bound) -> Dispatch:
        pipeline, kind, counts, sizes = self.gpu.kernels.pipeline(step, bound)
        places = tuple(self._place(step, value) for value in bound.values)
        key = (bound.access, tuple((id(b), at, size) for b, at, size in places))
        if key not in self._groups:
            entries = [
                {"binding": i, "resource": {"buffer": b, "offset": at, "size": size}}
                for i, (b, at, size) in enumerate(places)
            ]
            layout = self.gpu.kernels.layout(bound.access)[0]
            self._groups[key] = self.gpu.device.create_bind_group(
                label=step.op.name, layout=layout, entries=entries
            )
        return Dispatch(step, pipeline, self._groups[key], counts, sizes, kind)

    def _place(self, step: Step, value: Value | None) -> tuple:
        """buffer, offset and size in bytes, rounded up so that the last numbers make a whole
        vec4"""
        if value is None:
            return self.gpu.nothing, 0, 16
        at = value.start * BYTES[value.spec.dtype]
        if at % ALIGNMENT:
            raise ValueError(f"{value.name} begins at byte {at}, not a multiple of 256: {step}")
        return self.buffers[value.root], at, -(-max(4, value.spec.nbytes) // 16) * 16

    def __len__(self) -> int:
        """In pieces of dispatches; `advance` may cut what lies before it into more of them."""
        return len(self._pieces)

    def step(self, i: int) -> Step:
        """What piece i belongs to."""
        return self._pieces[i].dispatch.step

    def whole(self, start: int) -> int:
        """Where the step that begins at piece `start` ends."""
        stop = start
        while stop < len(self) and self.step(stop) is self.step(start):
            stop += 1
        return stop

    async def ready(self) -> None:
        """Until every kernel is compiled; compile errors come from here."""
        if self._ready:
            return
        done: dict[int, object] = {}
        for dispatch in self._dispatches:
            promise = dispatch.pipeline
            if id(promise) not in done:
                done[id(promise)] = await self._compiled(promise, dispatch.step)
        for dispatch in self._dispatches:
            dispatch.pipeline = done[id(dispatch.pipeline)]
        self._ready = True
        self._record()

    async def _compiled(self, promise: Any, step: Step) -> Any:
        try:
            return await promise
        except Exception as problem:
            if isinstance(lost := self.gpu.explained(problem), DeviceLost):
                raise lost from problem
            raise GPUProblem(f"{step}: {problem}") from problem

    def _record(self) -> None:
        """The pieces as (pipeline, group, place, counts), ready to be issued in one call."""
        calls = []
        for dispatch, first, counts in self._pieces:
            across = dispatch.counts[0] if dispatch.counts[1] > 1 else 0
            place = self.gpu.kernels.place(first, across, dispatch.sizes)
            calls.append((dispatch.pipeline, dispatch.group, place, counts))
        self._recording = Recording(calls)

    def write(self, name: str, array: np.ndarray) -> None:
        value = self.program.inputs[name]
        if np.shape(array) != value.shape:
            raise ValueError(f"{name} is {value.spec}, got {np.shape(array)}")
        self.gpu.write(self.buffers[value], value.spec, array)

    async def read(self, name: str) -> np.ndarray:
        value = self.program.outputs.get(name) or self.program.inputs[name]
        return await self.get(value)

    async def get(self, value: Value) -> np.ndarray:
        return await self.gpu.read(self.buffers[value.root], value.start, value.spec)

    def run(self, start: int = 0, stop: int | None = None) -> None:
        """Submit the pieces [start, stop) at once; `ready` comes first."""
        stop = len(self) if stop is None else stop
        label = f"{self.program.name} {start}:{stop}"
        encoder = self.gpu.device.create_command_encoder(label=label)
        compute = encoder.begin_compute_pass(label=label)
        self._recording.replay(compute, start, stop)
        compute.end()
        self.gpu.submit(encoder)

    async def advance(self, start: int = 0, budget_ms: float | None = None) -> int:
        """Run from `start` for about `budget_ms` (to the end without one); where it stopped.
        With a budget the device is free again when this returns."""
        await self.ready()
        if budget_ms is None and self.gpu.turns.is_urgent:
            while start < len(self):
                self._cut_up(start, SUBMIT_MS)
                stop = self.cut(start, SUBMIT_MS)
                self.run(start, stop)
                start = stop
            return len(self)
        if budget_ms is None:
            while start < len(self):
                start = await self.advance(start, SLICE_MS)
                await self.gpu.breathe()
            return len(self)
        self._cut_up(start, min(budget_ms, SLICE_MS))
        if not self.gpu.costs.knows(self._pieces[start]):
            return await self._probe(start, budget_ms)
        stop = self.cut(start, budget_ms)
        self.run(start, stop)
        await self.gpu.finished()
        return stop

    def _cut_up(self, start: int, limit_ms: float) -> None:
        """Cut what comes from `start` on into pieces of at most `limit_ms`, as far as is known;
        what was begun is finished in the pieces it was begun in."""
        costs = self.gpu.costs
        if self._cut[:2] == (costs.lessons, limit_ms) and self._cut[2] <= start:
            return
        self._cut = costs.lessons, limit_ms, start
        while start < len(self) and any(self._pieces[start].first):
            start += 1
        pieces, last = self._pieces[:start], None
        for piece in self._pieces[start:]:
            if piece.dispatch is not last:
                last = piece.dispatch
                pieces += costs.pieces(last, limit_ms)
        if pieces != self._pieces:
            self._pieces = pieces
            self._record()

    def cut(self, start: int, budget_ms: float) -> int:
        """Where a slice from `start` ends: after at least one piece, before the budget, and before
        a piece whose cost is not known yet (without a budget to keep, those are guessed)."""
        stop, left, costs = start, budget_ms, self.gpu.costs
        while stop < len(self):
            piece = self._pieces[stop]
            if budget_ms != SUBMIT_MS and not costs.knows(piece):
                break
            left -= costs.of(piece)
            if left < 0 and stop > start:
                break
            stop += 1
        return max(stop, start + 1)

    async def _probe(self, start: int, budget_ms: float) -> int:
        """Run a few pieces of unknown cost and learn it, one submit each until the budget is
        spent: an unknown dispatch never hides behind another."""
        until, at = time.perf_counter() + budget_ms / 1e3, start
        while at < len(self) and at - start < PROBES:
            if self.gpu.costs.knows(self._pieces[at]):
                break
            await self.time(at, at + 1)
            at += 1
            if time.perf_counter() > until:
                break
        return at

    async def time(self, start: int, stop: int) -> list[float]:
        """Run [start, stop) with each piece in a pass of its own; milliseconds of each."""
        await self.ready()
        if not self.gpu.timestamps:
            return [await self._time_by_wall(i) for i in range(start, stop)]
        count, device = 2 * (stop - start), self.gpu.device
        queries = device.create_query_set(label="costs", type="timestamp", count=count)
        encoder = device.create_command_encoder(label="costs")
        for i in range(start, stop):
            at = 2 * (i - start)
            writes = {
                "query_set": queries,
                "beginning_of_pass_write_index": at,
                "end_of_pass_write_index": at + 1,
            }
            label = repr(self.step(i))
            compute = encoder.begin_compute_pass(label=label, timestamp_writes=writes)
            self._recording.replay(compute, i, i + 1)
            compute.end()
        usage = wgpu.BufferUsage.QUERY_RESOLVE | wgpu.BufferUsage.COPY_SRC
        resolved = device.create_buffer(label="costs", size=8 * count, usage=usage)
        encoder.resolve_query_set(queries, 0, count, resolved, 0)
        self.gpu.submit(encoder)
        ticks = (await self.gpu.read(resolved, 0, Spec((2 * count,), "u32"))).view(np.uint64)
        costs = [float(max(b - a, 0)) / 1e6 for a, b in ticks.astype(np.int64).reshape(-1, 2)]
        return [self._learn(start + i, ms) for i, ms in enumerate(costs)]

    async def _time_by_wall(self, i: int) -> float:
        await self.gpu.finished()
        begin = time.perf_counter()
        self.run(i, i + 1)
        await self.gpu.finished()
        return self._learn(i, 1e3 * (time.perf_counter() - begin))

    def _learn(self, i: int, ms: float) -> float:
        self.gpu.costs.learn(self._pieces[i], ms)
        return ms
