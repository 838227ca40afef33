"""One program on the device: recorded once, replayed from any dispatch to any other.

Slices are cut by the cost of each dispatch, so that a slice of 6 ms takes 6 ms and whoever waits
gets the device after it. The device's own clock measures the cost once for each kind of dispatch;
where it has none, the time of a whole slice is divided among its dispatches.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable
from functools import partial
from typing import Any

import numpy as np

from oneseek.engine.backends.executor import DeviceLost, GPUProblem
from oneseek.engine.backends.gpu.device import ALIGNMENT, DTYPES, Device, Tensor
from oneseek.engine.backends.gpu.inputs import Inputs
from oneseek.engine.backends.gpu.kernels import Bound
from oneseek.engine.compiler.ir import BYTES, Spec, Step, Value
from oneseek.engine.compiler.pieces import DOUBT, LEAST_MS, SUBMIT_MS, Dispatch, split
from oneseek.engine.compiler.schedule import Plan

if sys.platform == "emscripten":
    from oneseek.engine.backends.gpu.webgpu import Recording, bind_groups
else:
    from oneseek.engine.backends.gpu.native_replay import Recording, bind_groups

TAUGHT = 3  # runs after which the costs of the dispatches are known
OFTEN, AGAIN = 10, 32  # up to the first number each run is timed, then every so many
AHEAD = 8  # runs begun at most before the first result is read
RECENT = 3  # runs timed alone; the fastest decides how many are begun ahead
AHEAD_MS = 25.0  # of work begun ahead: nobody notices a word that comes as much later
PROBES = 16  # dispatches measured before other work may run


class Run:
    """A plan bound to buffers. Given tensors are shared; everything else belongs to the run."""

    def __init__(self, gpu: Device, plan: Plan, tensors: dict[str, Tensor]) -> None:
        self.gpu, self.plan, self.program = gpu, plan, plan.program
        self.buffers: dict[Value, object] = {}
        self._inputs = Inputs(gpu, self.program, tensors)
        self.buffers |= dict.fromkeys(self._inputs.at, self._inputs.buffer)
        for name, value in self.program.inputs.items():
            tensor = tensors.get(name)
            if tensor is not None and tensor.spec != value.spec:
                raise ValueError(f"{name} is {tensor.spec}, the program wants {value.spec}")
            if value not in self.buffers:
                self.buffers[value] = tensor.buffer if tensor else gpu.allocate(name, value.spec)
        slots = [gpu.allocate(f"slot {i}", Spec((-(-n // 4),))) for i, n in enumerate(plan.slots)]
        self.buffers |= {value: slots[slot] for value, slot in plan.slot_of.items()}
        self._dispatches: list[Dispatch] = []
        self._groups: dict[tuple, int] = {}  # a kernel's buffers: the number of its bind group
        read = {v.root for step in self.program.steps for v in step.reads}
        read |= {v.root for v in self.program.outputs.values()} | {*self.program.inputs.values()}
        for step in self.program.steps:
            bound = Bound(step, self._same_memory, lambda value: value.root in read)
            for launch in bound.within(gpu.bindings):
                self._dispatches.append(self._dispatch(step, launch))
        wanted = [(gpu.kernels.layout(access)[0], places) for access, places in self._groups]
        groups = bind_groups(gpu.device, wanted)
        for dispatch in self._dispatches:
            dispatch.group = groups[dispatch.group]
        self._pieces = [piece for d in self._dispatches for piece in split(d)]
        self._cut = 0, 0.0, len(self._pieces)  # last cut: costs.lessons, limit (ms), first piece
        self._ready = False
        self._times = 0  # how often `begin` was called
        self._ended = 0  # how often it reached the end in slices
        self._cost = -1, 0.0  # costs.lessons and the milliseconds of a whole run
        self._alone: list[float] = []  # milliseconds of the last runs timed alone
        self._copies: dict[tuple, Any] = {}
        self._recording: Recording  # of all pieces, once it is ready

    def _same_memory(self, a: Value, b: Value) -> bool:
        return self.buffers[a.root] is self.buffers[b.root]

    def _dispatch(self, step: Step, bound: Bound) -> Dispatch:
        pipeline, kind, counts, sizes = self.gpu.kernels.pipeline(step, bound)
        places = tuple(self._place(step, value) for value in bound.values)
        group = self._groups.setdefault((bound.access, places), len(self._groups))
        again = not (bound.reused or step.op.updates)
        return Dispatch(step, pipeline, group, counts, sizes, kind, again)

    def _place(self, step: Step, value: Value | None) -> tuple:
        """Return buffer, offset and size in bytes, rounded up to a whole vec4."""
        if value is None:
            return self.gpu.nothing, 0, 16
        at = self._begins(value)
        if at % ALIGNMENT:
            raise ValueError(f"{value.name} begins at byte {at}, not a multiple of 256: {step}")
        return self.buffers[value.root], at, -(-max(4, value.spec.nbytes) // 16) * 16

    def _begins(self, value: Value) -> int:
        """Return the byte of its buffer at which a value begins."""
        return self._inputs.at.get(value.root, 0) + value.start * BYTES[value.spec.dtype]

    def __len__(self) -> int:
        """The number of pieces of dispatches; `advance` may cut those ahead into more."""
        return len(self._pieces)

    def step(self, i: int) -> Step:
        """Return the step of piece i."""
        return self._pieces[i].dispatch.step

    def find_step_end(self, start: int) -> int:
        """Return the piece after the step that begins at piece `start`."""
        stop = start
        while stop < len(self) and self.step(stop) is self.step(start):
            stop += 1
        return stop

    async def ready(self) -> None:
        """Wait until every kernel is compiled; raises the compile errors."""
        if self._ready:
            return
        done: dict[int, object] = {}
        for dispatch in self._dispatches:
            promise = dispatch.pipeline
            if id(promise) not in done:
                done[id(promise)] = await self._wait_for_pipeline(promise, dispatch.step)
        for dispatch in self._dispatches:
            dispatch.pipeline = done[id(dispatch.pipeline)]
        self._ready = True
        self._record()

    async def _wait_for_pipeline(self, promise: Any, step: Step) -> Any:
        try:
            return await promise
        except Exception as problem:
            if isinstance(lost := self.gpu.explain(problem), DeviceLost):
                raise lost from problem
            raise GPUProblem(f"{step}: {problem}") from problem

    def _record(self) -> None:
        """Record the pieces as (pipeline, group, place, counts), ready to be issued in one call."""
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
        if value in self._inputs.at:
            self._inputs.write(value, array)
        else:
            self.gpu.write(self.buffers[value], value.spec, array)

    async def read(self, name: str) -> np.ndarray:
        return await self.get(self._find_value(name))

    def _find_value(self, name: str) -> Value:
        return self.program.outputs.get(name) or self.program.inputs[name]

    async def get(self, value: Value) -> np.ndarray:
        self._inputs.flush()
        start = self._begins(value) // BYTES[value.spec.dtype]
        return await self.gpu.read(self.buffers[value.root], start, value.spec)

    def run(self, start: int = 0, stop: int | None = None) -> None:
        """Submit the pieces [start, stop) at once; call `ready` first."""
        stop = len(self) if stop is None else stop
        self._inputs.flush()
        label = f"{self.program.name} {start}:{stop}"
        encoder = self.gpu.device.create_command_encoder(label=label)
        compute = encoder.begin_compute_pass(label=label)
        self._recording.replay(compute, start, stop)
        compute.end()
        self.gpu.submit(encoder)

    async def advance(self, start: int = 0, budget_ms: float | None = None) -> int:
        """Run from `start` for about `budget_ms` (without one, to the end); return the piece
        reached. With a budget the device is idle again when this returns."""
        await self.ready()
        if budget_ms is None and self.gpu.turns.is_urgent:
            while start < len(self):
                self._cut_up(start, SUBMIT_MS)
                stop = self.cut(start, SUBMIT_MS)
                self.run(start, stop)
                start = stop
            return len(self)
        if budget_ms is None:
            return await self._advance_to_end(start)
        stop, mark = await self._begin_slice(start, budget_ms)
        await self.gpu.wait_for_mark(mark)
        return stop

    async def _advance_to_end(self, start: int) -> int:
        """Run in slices, two at a time: the device has work while one is awaited, and whoever waits
        for it gets it after two slices at most. Without a device clock, the first runs time each
        slice, and later ones only the sum, which their dispatches share."""
        turns, costs, first, before = self.gpu.turns, self.gpu.costs, start, None
        began, together = turns.worked, not costs.alone and self._ended >= TAUGHT
        while start < len(self):
            start, mark = await self._begin_slice(start, self.gpu.clock.slice_ms, together)
            await self.gpu.wait_for_mark(before)
            before = mark
            await self.gpu.breathe()
        await self.gpu.wait_for_mark(before)
        if together:
            spent = 1e3 * (turns.worked - began) - self.gpu.clock.wait_ms
            costs.share_out(self._pieces[first:], max(0.0, spent))
        self._ended += 1
        return start

    async def _begin_slice(
        self, start: int, budget_ms: float, together: bool = False
    ) -> tuple[int, tuple[Any, Any] | None]:
        """Submit a slice from `start`; return its end, and the mark that is reached once it is
        done, or None where it was already awaited to measure it."""
        self._cut_up(start, min(budget_ms, self.gpu.clock.slice_ms))
        costs = self.gpu.costs
        if costs.alone and not costs.knows(self._pieces[start]):
            return await self._probe(start, budget_ms), None
        stop = self.cut(start, budget_ms)
        if costs.alone or together:
            self.run(start, stop)
            return stop, self.gpu.mark()
        ms = await self.gpu.clock.measure_submit(partial(self.run, start, stop))
        costs.share_out(self._pieces[start:stop], ms)
        return stop, None

    @property
    def ahead(self) -> int:
        """As many runs as compute during one wait, or before anybody would notice."""
        if self._times < TAUGHT:
            return 1
        wait_ms = min(max(self.gpu.clock.wait_ms, AHEAD_MS), SUBMIT_MS)
        if self._cost[0] != self.gpu.costs.lessons:
            self._cost = self.gpu.costs.lessons, sum(map(self.gpu.costs.of, self._pieces))
        cost = max(LEAST_MS, min([self._cost[1], *self._alone]))
        return max(1, min(AHEAD, int(wait_ms / cost)))

    async def begin(
        self, *names: str, fed: dict[str, str] | None = None
    ) -> Awaitable[list[np.ndarray]]:
        """Issue the whole run. The last part, usually all of it, is one call together with the
        writes before it and the reads after it."""
        await self.ready()
        turns, feeding, start, began = self.gpu.turns, fed or {}, 0, time.perf_counter()
        limit = SUBMIT_MS if turns.is_urgent else self.gpu.clock.slice_ms
        self._cut_up(0, limit)
        while (stop := self.cut(start, limit)) < len(self):
            self._feed(feeding)
            feeding = {}
            if turns.is_urgent:
                self.run(start, stop)
                start = stop
            else:
                start = await self.advance(start, limit)
                await self.gpu.breathe()
        if self.gpu.lost:
            raise DeviceLost(f"the GPU was lost ({self.gpu.lost})")
        self._times += 1
        teaches = 1 < self._times < OFTEN or self._times % AGAIN == 0
        by_itself = (start == 0 or turns.is_urgent) and teaches and self.ahead == 1
        if not names:
            self._feed(feeding)
            self.run(start)
            return read_nothing()
        turn = self._turn(start, feeding, names)
        return self._outputs(names, turn, began if by_itself else None)

    def _turn(self, start: int, fed: dict[str, str], names: tuple[str, ...]) -> tuple[Any, Any]:
        """Submit everything from `start` on; return the buffer into which the outputs are copied,
        and the promise of its bytes."""
        made = (tuple(fed.items()), names)
        if made not in self._copies:
            read = [self._where(self._find_value(name)) for name in names]
            size = sum(size for _, _, size in read)
            copies = self._recording.flat(self._list_copies(fed)), self._recording.flat(read)
            self._copies[made] = *copies, size
        before, after, size = self._copies[made]
        staging, given = self.gpu.take_staging(size), self._inputs.take_changes()
        device, span = self.gpu.device, (start, len(self))
        try:
            turn = self._recording.turn(device, given, before, span, after, staging)
        except Exception as problem:
            raise self.gpu.explain(problem) from problem
        return staging, turn

    async def _outputs(self, names: tuple, turn: tuple, began: float | None) -> list[np.ndarray]:
        """Return the arrays in the bytes of a turn. The time since `began`, if the run was alone,
        updates the costs of its dispatches."""
        staging, promise = turn
        data, at, found = await self.gpu.wait_for(promise), 0, []
        self.gpu.keep(staging)
        if began is not None:
            spent = 1e3 * (time.perf_counter() - began) - self.gpu.clock.wait_ms
            self.gpu.costs.share_out(self._pieces, max(0.0, spent))
            self._alone = [*self._alone, max(0.0, spent)][-RECENT:]
        for name in names:
            spec = self._find_value(name).spec
            part = np.frombuffer(data, DTYPES[spec.dtype], spec.size, at)
            found.append(part.reshape(spec.shape).copy())
            at += self._where(self._find_value(name))[2]
        return found

    def _where(self, value: Value) -> tuple[Any, int, int]:
        """Return buffer, offset and bytes."""
        return self.buffers[value.root], self._begins(value), -(-value.spec.nbytes // 4) * 4

    def _list_copies(self, fed: dict[str, str]) -> list[tuple]:
        """Return the copies from the outputs of the previous run to these inputs."""
        outputs, inputs, made = self.program.outputs, self.program.inputs, []
        for name, output in fed.items():
            source, at, size = self._where(outputs[output])
            made.append((source, at, *self._where(inputs[name])[:2], size))
        return made

    def _feed(self, fed: dict[str, str]) -> None:
        if not fed:
            return
        self._inputs.flush()
        encoder = self.gpu.device.create_command_encoder(label="feed")
        for copy in self._list_copies(fed):
            encoder.copy_buffer_to_buffer(*copy)
        self.gpu.submit(encoder)

    def _cut_up(self, start: int, limit_ms: float) -> None:
        """Cut the dispatches from `start` on into pieces of at most `limit_ms`, by the costs known
        so far; a dispatch already begun keeps its pieces."""
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
        """Return the end of a slice from `start`: after at least one piece, within the budget, and
        before a piece that is to be measured first."""
        stop, left, costs = start, budget_ms, self.gpu.costs
        while stop < len(self):
            piece = self._pieces[stop]
            known = costs.knows(piece) or budget_ms == SUBMIT_MS
            if costs.alone and not known:
                break
            left -= costs.of(piece) * (1.0 if known else DOUBT)
            if left < 0 and stop > start:
                break
            stop += 1
        return max(stop, start + 1)

    async def _probe(self, start: int, budget_ms: float) -> int:
        """Run and measure a few pieces of unknown cost, one submit each, until the budget is spent,
        so that no unknown dispatch hides behind another; return the piece reached."""
        until, at = time.perf_counter() + budget_ms / 1e3, start
        while at < len(self) and at - start < PROBES:
            if self.gpu.costs.knows(self._pieces[at]):
                break
            self.gpu.costs.learn(self._pieces[at], await self._measure(at))
            at += 1
            if time.perf_counter() > until:
                break
        return at

    async def _measure(self, i: int) -> float:
        """Run piece i and return its milliseconds."""
        self._inputs.flush()
        again = self._pieces[i].dispatch.repeatable
        return await self.gpu.clock.measure(repr(self.step(i)), partial(self._issue, i), again)

    def _issue(self, i: int, compute: Any, times: int = 1) -> None:
        for _ in range(times):
            self._recording.replay(compute, i, i + 1)

    async def time(self, start: int, stop: int) -> list[float]:
        """Run [start, stop) with each piece in a pass of its own; return the milliseconds of
        each."""
        await self.ready()
        if self.gpu.timestamps:
            self._inputs.flush()
            works = [(repr(self.step(i)), partial(self._issue, i)) for i in range(start, stop)]
            return await self.gpu.clock.measure_passes(works)
        waited = self.gpu.clock.measure_submit
        await self.gpu.wait_for_work()
        return [await waited(partial(self.run, i, i + 1)) for i in range(start, stop)]


async def read_nothing() -> list[np.ndarray]:
    """Return no outputs, for a run of which none is asked."""
    return []
