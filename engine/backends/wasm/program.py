"""From a planned program to one WebAssembly module: a function for every kernel, and `run`, which
calls them in order.

Addresses are not in the code: `run` finds them in a table, so a module can be made ahead, cached,
and used with any memory.
"""

from __future__ import annotations

import importlib
import pkgutil
from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

import engine.backends.wasm.kernels
from engine.backends.room import whole_lines
from engine.backends.wasm.emit import Function, Module, load
from engine.backends.wasm.kernels.elementwise import elementwise
from engine.backends.wasm.kernels.kernel import PIECE, RULES, Kernel
from engine.compiler.ir import BYTES, Step, Value
from engine.compiler.schedule import Plan
from engine.core.turns import pause

for _module in pkgutil.iter_modules(engine.backends.wasm.kernels.__path__):
    importlib.import_module(f"engine.backends.wasm.kernels.{_module.name}")

ARENA, SCRATCH = 0, 1  # the first entries of the table; the program's inputs follow


@dataclass
class Compiled:
    """What to run, piece by piece, and the memory it needs."""

    plan: Plan
    code: bytes
    pieces: list[tuple[Step, int, int]]  # step and the part of it; the part is empty for numpy's
    native: list[bool]  # piece by piece: does the module run it?
    done: list[float]  # floating-point operations, roughly, before each piece and after the last
    arena: int = 0  # bytes
    scratch: int = 0
    offsets: dict[Value, int] = field(default_factory=dict)  # of each tenant in the arena

    def __post_init__(self):
        self.offsets, self.arena = arranged(self.plan)
        inputs = self.plan.program.inputs.values()
        self.entries = {value: SCRATCH + 1 + i for i, value in enumerate(inputs)}

    def native_until(self, first: int, stop: int) -> int:
        """Where the stretch of the module's pieces that begins at `first` ends."""
        return next((i for i in range(first, stop) if not self.native[i]), stop)

    def within(self, first: int, work: float) -> int:
        """Where the longest stretch from `first` on ends that is no more than so much work."""
        return max(first + 1, bisect_right(self.done, self.done[first] + work) - 1)

    def place(self, value: Value) -> tuple[int, int]:
        """Table entry and byte offset at which a value begins."""
        start = value.start * BYTES[value.spec.dtype]
        if value.root in self.plan.owner_of:
            return ARENA, self.offsets[self.plan.owner_of[value.root]] + start
        return self.entries[value.root], start


def arranged(plan: Plan) -> tuple[dict[Value, int], int]:
    """Where in one arena each tenant lies, and the bytes in all: the largest first, each as low as
    those allow that live at the same time."""
    tenants = sorted(plan.tenants, key=lambda value: -value.spec.nbytes)
    lives = np.array([plan.tenants[value] for value in tenants]).reshape(-1, 2)
    places = np.zeros((len(tenants), 2), np.int64)
    for i, (value, (first, last)) in enumerate(zip(tenants, lives, strict=True)):
        beside = (lives[:i, 0] <= last) & (lives[:i, 1] >= first)
        at, size = 0, whole_lines(value.spec.nbytes)
        for begin, end in sorted(places[:i][beside].tolist()):
            if at + size <= begin:
                break
            at = max(at, end)
        places[i] = at, at + size
    return dict(zip(tenants, places[:, 0].tolist(), strict=True)), int(places.max(initial=0))


def kernel_of(step: Step) -> Kernel | None:
    """The kernel for a step, or None: numpy runs its definition."""
    specs = [v.spec if v else None for v in step.ins]
    if step.op.name in RULES:
        return RULES[step.op.name](*specs, **step.attrs)
    return elementwise(step.op, specs)


def signature(step: Step) -> str:
    """Steps with the same one share a function."""
    specs = [v and v.spec for v in step.ins]
    return f"{step.op.name} {step.op.kernel} {specs} {sorted(step.attrs.items())}"


def compiled(plan: Plan) -> Compiled:
    result = Compiled(plan, b"", [], [], [0.0])
    module = Module()
    made: dict[str, tuple[Kernel | None, Function | None]] = {}
    for step in plan.program.steps:
        pause()
        name = signature(step)
        if name not in made:
            kernel = kernel_of(step)
            made[name] = kernel, written(module, step, kernel) if kernel else None
        kernel = made[name][0]
        parts = kernel.pieces() if kernel else [(0, 0)]
        result.pieces += [(step, lo, hi) for lo, hi in parts]
        result.native += [kernel is not None] * len(parts)
        share = kernel.work / len(parts) if kernel else PIECE
        result.done += [result.done[-1] + share * (i + 1) for i in range(len(parts))]
        result.scratch = max(result.scratch, kernel.scratch if kernel else 0)
    write_run(module, result, {name: function for name, (_, function) in made.items()})
    result.code = module.encoded()
    return result


def written(module: Module, step: Step, kernel: Kernel) -> Function:
    """The kernel's function: its parameters are the addresses of what is there."""
    given = [p for p, v in zip(step.op.params, step.ins, strict=True) if v is not None]
    outs = [f"out{i}" for i in range(len(step.outs))]
    function = module.function(
        f"{step.op.name}_{len(module.functions)}", [*given, *outs, "scratch", "lo", "hi"]
    )
    parameters = iter(function)
    ins = [next(parameters) if v is not None else None for v in step.ins]
    kernel.write(function, *ins, *parameters)
    return function


def write_run(module: Module, compiled: Compiled, functions: dict) -> None:
    """run(table, first, stop): the module's pieces with first <= number < stop, in order."""
    run = module.function("run", ["table", "first", "stop"])
    table, first, stop = run
    scratch = load(table, 4 * SCRATCH, "i32.load")
    for number, (step, lo, hi) in enumerate(compiled.pieces):
        pause()
        if not compiled.native[number]:
            continue
        places = [compiled.place(value) for value in (*step.reads, *step.outs)]
        at = [load(table, 4 * entry, "i32.load") + offset for entry, offset in places]
        with run.when((first <= number) & (stop > number)):
            run.call(functions[signature(step)], *at, scratch, lo, hi)
