"""The compiler's one data structure: a flat list of steps over typed values.

Tracing a model appends the forward steps, `grad` appends the backward steps, the optimiser appends
the update. `fuse` and `plan` (schedule.py) then decide which steps run together and where each
value is stored; every back end replays the same list.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

from oneseek.engine.turns import pause

BYTES = {"f32": 4, "i32": 4, "u32": 4, "f16": 2}


@dataclass(frozen=True)
class Spec:
    """The shape and dtype of a value."""

    shape: tuple[int, ...]
    dtype: str = "f32"

    def __repr__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"

    @property
    def rows(self) -> int:
        return prod(self.shape[:-1])

    @property
    def cols(self) -> int:
        return self.shape[-1]

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * BYTES[self.dtype]


@dataclass(eq=False)
class Value:
    """One array of a program. With a `base` it is a window into that value's memory."""

    spec: Spec
    program: Program
    name: str
    base: Value | None = None
    offset: int = 0  # elements into `base`

    @property
    def shape(self) -> tuple[int, ...]:
        return self.spec.shape

    @property
    def root(self) -> Value:
        """The value that owns this value's memory."""
        return self.base.root if self.base else self

    @property
    def start(self) -> int:
        """The offset of this value in the root's memory, in elements."""
        return self.offset + (self.base.start if self.base else 0)

    def view(self, offset: int, shape: tuple[int, ...], name: str | None = None) -> Value:
        """A window with this shape, `offset` elements into this value."""
        if offset + prod(shape) > self.spec.size:
            raise ValueError(f"{self.name}:{self.spec} has no room for {shape} at {offset}")
        spec = Spec(tuple(shape), self.spec.dtype)
        return Value(spec, self.program, name or f"{self.name}[{offset}:]", self, offset)

    def reshape(self, *shape: int) -> Value:
        if prod(shape) != self.spec.size:
            raise ValueError(f"{self.name}:{self.spec} cannot take the shape {shape}")
        return self.view(0, shape, self.name)

    def __add__(self, other: Value) -> Value:
        return OPS["add"](self, other)

    def __mul__(self, other: Value) -> Value:
        return OPS["mul"](self, other)


@dataclass(frozen=True)
class Origin:
    """The part of a program that a step belongs to, and the source lines that asked for it."""

    part: str = "forward"  # or "backward", "update"
    lines: tuple[tuple[str, int], ...] = ()  # file and line number

    def __or__(self, other: Origin) -> Origin:
        """The origin of a step that absorbed another one."""
        return Origin(self.part, tuple(dict.fromkeys(self.lines + other.lines)))


@dataclass(eq=False)
class Step:
    """One application of an op; on a GPU one dispatch."""

    op: Op
    ins: tuple[Any, ...]  # values; None for an optional input that is absent
    outs: tuple[Value, ...]
    attrs: dict
    origin: Origin = Origin()

    @property
    def reads(self) -> tuple[Value, ...]:
        return tuple(v for v in self.ins if v is not None)

    def __repr__(self) -> str:
        attrs = "".join(f" {k}={v}" for k, v in self.attrs.items())
        outs = ", ".join(f"{o.name}:{o.spec}" for o in self.outs)
        ins = ", ".join("-" if i is None else i.name for i in self.ins)
        return f"{outs} = {self.op.name}({ins}){attrs}"


@dataclass(eq=False)
class Program:
    """Inputs, steps and the outputs that will be read. `print` shows it line by line."""

    name: str = "program"
    inputs: dict[str, Value] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)
    windows: dict[str, dict[str, Value]] = field(default_factory=dict)  # named parts of an input
    made: int = 0
    origin: Callable[[], Origin] = Origin  # origin of the steps that are appended now

    def attribute(self, origin: Callable[[], Origin]) -> Callable[[], Origin]:
        """Set the origin of the steps appended from now on; returns the previous one."""
        before, self.origin = self.origin, origin
        return before

    def input(self, name: str, shape: tuple[int, ...], dtype: str = "f32") -> Value:
        if name in self.inputs:
            raise ValueError(f"{self.name}: two inputs are called {name}")
        self.inputs[name] = Value(Spec(tuple(shape), dtype), self, name)
        return self.inputs[name]

    def buffer(self, shape: tuple[int, ...], dtype: str = "f32") -> Value:
        """A new value that several steps fill piece by piece, see `place`."""
        return self.value(Spec(tuple(shape), dtype))

    def value(self, spec: Spec) -> Value:
        """A new value; the caller makes the step that computes it."""
        self.made += 1
        return Value(spec, self, f"%{self.made - 1}")

    def output(self, name: str, value: Value) -> Value:
        self.outputs[name] = value
        return value

    def place(self, value: Value, base: Value, offset: int) -> None:
        """Let the step that makes `value`, or the value it reshapes, write straight into `base` at
        `offset`."""
        while value.base and value.base.spec.size == value.spec.size:
            value = value.base
        if value.base or value.name in self.inputs:
            raise ValueError(f"{value.name} already has a place")
        if offset + value.spec.size > base.spec.size or value.spec.dtype != base.spec.dtype:
            raise ValueError(f"{value.name}:{value.spec} does not fit {base.name} at {offset}")
        value.base, value.offset = base, offset

    def list_lines(self) -> Iterator[str]:
        yield f"{self.name}: {len(self.steps)} steps"
        for value in self.inputs.values():
            yield f"  in   {value.name}:{value.spec}  {value.spec.nbytes} bytes"
        for i, step in enumerate(self.steps):
            yield f"{i:5}  {step}"
        for name, value in self.outputs.items():
            yield f"  out  {name} = {value.name}:{value.spec}"

    def __repr__(self) -> str:
        return "\n".join(self.list_lines())


OPS: dict[str, Op] = {}


class Op:
    """One operation with all its rules; the numpy body of the decorated function defines it."""

    def __init__(
        self,
        reference: Callable,
        shape: Callable,
        kernel: str = "",
        cases: tuple = (),
        updates: tuple[int, ...] = (),
        reuses: tuple[str, ...] = (),
    ) -> None:
        self.name, self.doc = reference.__name__, reference.__doc__
        self.reference, self.shape, self.kernel, self.cases = reference, shape, kernel, cases
        self.updates = updates  # inputs that outputs 0, 1, ... overwrite in place
        self.reuses = reuses  # inputs whose memory output 0 may take once no later step needs them
        self.pullback: Callable | None = None
        self.launch_rule: Callable | None = None
        self.cost_rule: Callable | None = None
        parameters = inspect.signature(reference).parameters.values()
        tensors = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.params = [p.name for p in tensors]
        self.required = sum(p.default is p.empty for p in tensors)

    def vjp(self, rule: Callable) -> Callable:
        """rule(*cotangents, *outputs, *inputs, **attrs) -> a cotangent or None for each input."""
        self.pullback = rule
        return rule

    def launch(self, rule: Callable) -> Callable:
        """rule(tier, *input specs, **attrs) -> entry point, workgroups, kernel constants (WebGPU
        only; see launch.py)."""
        self.launch_rule = rule
        return rule

    def cost(self, rule: Callable) -> Callable:
        """rule(*input specs, **attrs) -> floating-point operations; for ops with many operations a
        result."""
        self.cost_rule = rule
        return rule

    def __call__(self, *ins: Value | None, **attrs: Any) -> Any:
        if not self.required <= len(ins) <= len(self.params):
            raise TypeError(f"{self.name} takes {self.params}, got {len(ins)} inputs")
        pause()
        ins = (*ins, *[None] * (len(self.params) - len(ins)))
        given = [v for v in ins if v is not None]
        program = given[0].program
        for value in given:
            if value.program is not program:
                raise ValueError(
                    f"{self.name} was given {given[0].name} of the program {program.name} and "
                    f"{value.name} of another, {value.program.name}; one program cannot read "
                    "what another computes"
                )
        specs = self.output_specs(ins, attrs)
        outs = tuple(Value(s, program, f"%{program.made + i}") for i, s in enumerate(specs))
        for out, target in zip(outs, self.updates, strict=False):
            out.base = ins[target]
        program.made += len(outs)
        program.steps.append(Step(self, ins, outs, attrs, program.origin()))
        return outs if len(outs) > 1 else outs[0]

    def output_specs(self, ins: tuple[Value | None, ...], attrs: dict) -> tuple[Spec, ...]:
        try:
            specs = self.shape(*(v and v.spec for v in ins), **attrs)
        except (AssertionError, ValueError, IndexError) as problem:
            given = ", ".join(
                f"{p}={v.name}:{v.spec}" for p, v in zip(self.params, ins, strict=True) if v
            )
            raise ShapeError(f"{self.name}({given}) {attrs or ''}: {problem}") from problem
        return specs if isinstance(specs, tuple) else (specs,)


class ShapeError(ValueError):
    """The shapes of an op's inputs do not fit; the text names the op, the weights and the
    shapes."""


def op(**record: Any) -> Callable[[Callable], Op]:
    """Decorator: registers the function as the op of its name, for every test and back end."""

    def register(reference: Callable) -> Op:
        if reference.__name__ in OPS:
            raise ValueError(f"two ops are called {reference.__name__}")
        OPS[reference.__name__] = made = Op(reference, **record)
        return made

    return register
