"""Compile a planned program to one WebAssembly module: a function for each kernel, and lists of
calls and pieces, which threads work through.

The code holds no addresses: a call finds them in its run's list of arguments, so a module can be
compiled ahead, cached, and used with any memory.
"""

from __future__ import annotations

import importlib
import pkgutil
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

import oneseek.engine.backends.wasm.kernels
from oneseek.engine.backends.room import whole_lines
from oneseek.engine.backends.wasm.board import write_board
from oneseek.engine.backends.wasm.emit import Function, Module, load
from oneseek.engine.backends.wasm.kernels.elementwise import elementwise
from oneseek.engine.backends.wasm.kernels.kernel import PIECE, RULES, Kernel
from oneseek.engine.backends.wasm.stages import Stages
from oneseek.engine.compiler.ir import BYTES, Step, Value
from oneseek.engine.compiler.pieces import operations
from oneseek.engine.compiler.schedule import Plan
from oneseek.engine.turns import pause

for _module in pkgutil.iter_modules(oneseek.engine.backends.wasm.kernels.__path__):
    importlib.import_module(f"oneseek.engine.backends.wasm.kernels.{_module.name}")

ARENA = 0  # the first entry of a run's blocks; the program's inputs follow
BLAS = 2.5  # times the speed of the kernels in large products
PART_ROWS = 1024  # rows converted at once: a millisecond in a tab
KERNEL = ["arguments", "scratch", "lo", "hi"]  # the parameters of every kernel's function


@dataclass
class Layout:
    """Where a program's values lie: in its arena, or in one of its inputs."""

    plan: Plan
    offsets: dict[Value, int] = field(default_factory=dict)
    arena: int = 0

    def __post_init__(self) -> None:
        self.offsets, self.arena = assign_offsets(self.plan)
        inputs = self.plan.program.inputs.values()
        self.entries = {value: ARENA + 1 + i for i, value in enumerate(inputs)}

    def place(self, value: Value) -> tuple[int, int]:
        """Return the entry and the byte offset at which a value begins."""
        start = value.start * BYTES[value.spec.dtype]
        if value.root in self.plan.owner_of:
            return ARENA, self.offsets[self.plan.owner_of[value.root]] + start
        return self.entries[value.root], start

    def spans(self, values: Iterable[Value]) -> list[tuple[int, int, int]]:
        places = ((*self.place(value), value.spec.nbytes) for value in values)
        return [(entry, start, start + size) for entry, start, size in places]


@dataclass
class Compiled:
    """The code of a program, its pieces, and the memory it needs."""

    plan: Plan
    module: Module
    calls: np.ndarray  # [C, 4], see board.py
    pieces: np.ndarray  # [P, 4]
    steps: list[list[tuple[Step, int, int]]]  # for each piece, its parts of steps: (step, lo, hi)
    native: list[bool]  # for each piece, whether the module runs it
    done: list[float]  # estimated floating-point operations before each piece and after the last
    places: np.ndarray  # [A, 2]: for each argument, the entry and the byte offset in it
    scratch: int  # bytes that a thread needs
    layout: Layout

    @property
    def arena(self) -> int:
        return self.layout.arena

    def native_until(self, first: int, stop: int) -> int:
        """Return the end of the module's pieces that begin at `first`."""
        return next((i for i in range(first, stop) if not self.native[i]), stop)

    def within(self, first: int, work: float) -> int:
        """Return the end of the longest stretch from `first` with at most `work` operations, and at
        least one piece."""
        return max(first + 1, bisect_right(self.done, self.done[first] + work) - 1)


def assign_offsets(plan: Plan) -> tuple[dict[Value, int], int]:
    """Return the offset of each tenant in one arena, and the bytes in all. The largest is placed
    first, each as low as the tenants that live at the same time allow."""
    tenants = sorted(plan.tenants, key=lambda value: -value.spec.nbytes)
    lives = np.array([plan.tenants[value] for value in tenants]).reshape(-1, 2)
    places = np.zeros((len(tenants), 2), np.int64)
    for i, (value, (first, last)) in enumerate(zip(tenants, lives, strict=True)):
        pause()
        beside = (lives[:i, 0] <= last) & (lives[:i, 1] >= first)
        at, size = 0, whole_lines(value.spec.nbytes)
        for begin, end in sorted(places[:i][beside].tolist()):
            if at + size <= begin:
                break
            at = max(at, end)
        places[i] = at, at + size
    return dict(zip(tenants, places[:, 0].tolist(), strict=True)), int(places.max(initial=0))


def kernel_of(step: Step) -> Kernel | None:
    """Return the kernel for a step, or None: numpy runs its definition."""
    specs = [v.spec if v else None for v in step.ins]
    if step.op.name in RULES:
        return RULES[step.op.name](*specs, **step.attrs)
    return elementwise(step.op, specs)


def signature(step: Step) -> str:
    """Return a key: steps with the same one share a function."""
    specs = [v and v.spec for v in step.ins]
    return f"{step.op.name} {step.op.kernel} {specs} {sorted(step.attrs.items())}"


def compile_plan(plan: Plan, by_numpy: Callable[[Step], bool], fused: bool = True) -> Compiled:
    """Compile a plan; `by_numpy` says whether numpy does a step although there is a kernel, `fused`
    whether the host has relaxed SIMD."""
    layout, module, stages = Layout(plan), Module(fused), Stages()
    kernel_type = module.type_of(len(KERNEL))
    write_board(module, kernel_type)
    made: dict[str, tuple[Kernel | None, Function | None]] = {}
    places: list[tuple[int, int]] = []
    scratch = 0
    for step in plan.program.steps:
        pause()
        if by_numpy(step):
            stages.add_foreign(operations(step) / BLAS)
            continue
        name = signature(step)
        if name not in made:
            kernel = kernel_of(step)
            made[name] = kernel, write_kernel(module, step, kernel) if kernel else None
        kernel, function = made[name]
        if kernel is None or function is None:
            stages.add_foreign(PIECE)
            continue
        rounds = [
            [(step, function.index, len(places), lo, hi) for lo, hi in parts]
            for parts in kernel.rounds()
        ]
        read, written_to = layout.spans(step.reads), layout.spans(step.outs)
        stages.add(rounds, kernel.work, read, written_to)
        places += [layout.place(value) for value in (*step.reads, *step.outs)]
        scratch = max(scratch, whole_lines(kernel.scratch))
    rows = stages.rows()
    return Compiled(
        plan,
        module,
        calls=table([(f, 4 * a, lo, hi) for _, f, a, lo, hi in stages.calls], np.int32, 4),
        pieces=table(rows, np.int32, 4),
        steps=steps_of(plan, stages.calls, rows),
        native=[first < last for first, last, _, _ in rows],
        done=np.cumsum([0.0, *stages.work()]).tolist(),
        places=table(places, np.int64, 2),
        scratch=scratch,
        layout=layout,
    )


def table(rows: list[tuple], kind: type, columns: int) -> np.ndarray:
    """Convert a long list to an array, part by part, with pauses."""
    filled: np.ndarray = np.empty((len(rows), columns), kind)
    for first in range(0, len(rows), PART_ROWS):
        pause()
        filled[first : first + PART_ROWS] = rows[first : first + PART_ROWS]
    return filled


def steps_of(plan: Plan, calls: list[tuple], rows: list[tuple]) -> list[list[tuple]]:
    """Return the parts of steps in each piece; numpy's steps are in the order of the program."""
    ours = {id(step) for step, *_ in calls}
    theirs = (step for step in plan.program.steps if id(step) not in ours)
    steps = []
    for first, last, _, _ in rows:
        pause()
        here = [(step, lo, hi) for step, _, _, lo, hi in calls[first:last]]
        steps.append(here or [(next(theirs), 0, 0)])
    return steps


def write_kernel(module: Module, step: Step, kernel: Kernel) -> Function:
    """Write the kernel's function, which first loads the addresses of the arrays that are
    present."""
    function = module.function(f"{step.op.name}_{len(module.functions)}", KERNEL)
    arguments, *rest = function
    count = len(step.reads) + len(step.outs)
    found = iter([function.let(load(arguments, 4 * i, "i32.load")) for i in range(count)])
    ins = [next(found) if v is not None else None for v in step.ins]
    kernel.write(function, *ins, *found, *rest)
    return function
