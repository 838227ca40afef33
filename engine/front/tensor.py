"""Tensors: the arrays that a traced function computes with, each a value of the program under
way."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod
from types import FrameType
from typing import Any

import numpy as np

import oneseek.engine.compiler.ops  # noqa: F401  every op registers itself
from oneseek.engine.compiler.ir import OPS, Origin, Program, Value

Shape = tuple[int, ...]
Array = Any  # a Tensor, an array of numpy or a number: whatever `tensor` takes
OURS = "oneseek.engine."
KINDS = {"f": "f32", "i": "i32", "b": "i32", "u": "u32"}


def find_origin(part: str = "forward") -> Origin:
    """Return the innermost line outside of this package that is being executed."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").startswith(OURS):
        frame = frame.f_back
    return Origin(part, ((frame.f_code.co_filename, frame.f_lineno),) if frame else ())


class Trace:
    """The program under way, and the constants it was given besides its inputs."""

    def __init__(self, name: str) -> None:
        self.program = Program(name, origin=find_origin)
        self.constants: dict[str, np.ndarray] = {}

    def input(self, name: str, array: np.ndarray) -> Tensor:
        kind = KINDS.get(array.dtype.kind)
        if kind is None or array.size == 0:
            raise TypeError(f"{name} is {array.dtype}{list(array.shape)}; there are f32, i32, u32")
        return Tensor(self.program.input(name, array.shape or (1,), kind), array.shape)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Attribute the steps inside to this part of the program."""
        before = self.program.attribute(partial(find_origin, name))
        yield
        self.program.attribute(before)

    def constant(self, array: np.ndarray) -> Tensor:
        name = f"constant.{len(self.constants)}"
        self.constants[name] = array
        return self.input(name, array)


_under_way: list[Trace] = []


def under_way() -> Trace | None:
    return _under_way[-1] if _under_way else None


class tracing:
    """A context manager: computations inside it become steps of this trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def __enter__(self) -> Trace:
        _under_way.append(self.trace)
        return self.trace

    def __exit__(self, *_: object) -> None:
        _under_way.pop()


class Tensor:
    """An array while a function is traced: a shape and a dtype, no numbers yet."""

    __array_ufunc__ = None  # an array of numpy leaves `array + tensor` to us

    def __init__(self, value: Value, shape: Shape | None = None, turned: Value | None = None):
        self.value, self.shape = value, value.shape if shape is None else shape
        self.turned = turned  # of a matrix: the one that it is the transpose of

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}{list(self.shape)})"

    @property
    def dtype(self) -> str:
        return self.value.spec.dtype

    @property
    def size(self) -> int:
        return self.value.spec.size

    @property
    def T(self) -> Tensor:
        return transpose(self)

    def __bool__(self) -> bool:
        raise TypeError("a traced tensor has no value yet: use where(), or decide by its shape")

    def __add__(self, other: Array) -> Tensor:
        return apply_binary("add", self, other)

    def __mul__(self, other: Array) -> Tensor:
        if isinstance(other, int | float):
            return Tensor(OPS["scaled"](self.value, by=float(other)), self.shape)
        return apply_binary("mul", self, other)

    def __neg__(self) -> Tensor:
        return Tensor(OPS["neg"](self.value), self.shape)

    def __sub__(self, other: Array) -> Tensor:
        return self + -tensor(other)

    def __rsub__(self, other: Array) -> Tensor:
        return -self + other

    def __truediv__(self, other: Array) -> Tensor:
        if isinstance(other, int | float):
            return self * (1 / other)
        return apply_binary("div", self, other)

    def __rtruediv__(self, other: Array) -> Tensor:
        return apply_binary("div", tensor(other), self)

    def __pow__(self, power: int) -> Tensor:
        if not isinstance(power, int) or power < 1:
            raise NotImplementedError(f"x ** {power}: only 1, 2, 3, ... ; else exp(log(x) * p)")
        return self if power == 1 else self * self ** (power - 1)

    def __matmul__(self, other: Array) -> Tensor:
        return matmul(self, tensor(other))

    def __rmatmul__(self, other: Array) -> Tensor:
        return matmul(tensor(other), self)

    def __getitem__(self, at: Any) -> Tensor:
        return slice_tensor(self, at if isinstance(at, tuple) else (at,))

    def reshape(self, *shape: Any) -> Tensor:
        return reshape(self, shape[0] if shape and isinstance(shape[0], tuple | list) else shape)

    __radd__, __rmul__ = __add__, __mul__


def tensor(x: Array) -> Tensor:
    """Return a tensor as it is, anything else as a constant of the program under way."""
    if isinstance(x, Tensor):
        return x
    trace = under_way()
    if trace is None:
        raise RuntimeError("nothing is traced: functions of arrays are called within jit, "
                           "value_and_grad or Train")  # fmt: skip
    array = np.asarray(x)
    if array.dtype.kind == "f" or isinstance(x, int):
        array = array.astype(np.float32)
    return trace.constant(array)


def view(x: Tensor, shape: Shape) -> Value:
    """Return its value, reshaped."""
    value = x.value
    if value.base and value.base.spec.size == value.spec.size:
        value = value.base
    return value if value.shape == shape else value.reshape(*shape)


def reshape(x: Array, shape: Sequence[int]) -> Tensor:
    """Return the same elements in another shape; one side may be -1."""
    x, known = tensor(x), -prod(shape)
    whole = tuple(x.size // known if n == -1 and known > 0 else n for n in shape)
    if prod(whole) != x.size:
        raise ValueError(f"{x} cannot take the shape {tuple(shape)}")
    return Tensor(view(x, whole or (1,)), whole)


def broadcast(x: Tensor, shape: Shape) -> Tensor:
    """Repeat its rows as often as the shape says."""
    sides = (1,) * (len(shape) - len(x.shape)) + x.shape
    if len(sides) != len(shape) or any(s not in (1, n) for s, n in zip(sides, shape, strict=True)):
        raise ValueError(f"{x} does not spread to {list(shape)}")
    for axis, n in enumerate(shape):
        if sides[axis] != n:
            outer, inner = prod(sides[:axis]), prod(sides[axis + 1 :])
            x = Tensor(OPS["spread"](view(x, (outer, inner)), times=n))
            sides = (*sides[:axis], n, *sides[axis + 1 :])
    return x if x.shape == shape else reshape(x, shape)


def apply_binary(name: str, a: Array, b: Array) -> Tensor:
    """Apply an op to two arrays of one shape, after each was broadcast to the other's."""
    a, b = tensor(a), tensor(b)
    for x in (a, b):
        if x.dtype != "f32":
            raise TypeError(f"{name} takes f32, not {x}")
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(f"{name}: {a} and {b} do not fit") from None
    a, b = broadcast(a, shape), broadcast(b, shape)
    inside = shape or (1,)
    return Tensor(OPS[name](view(a, inside), view(b, inside)), shape)


def transpose(x: Array, axes: Sequence[int] | None = None) -> Tensor:
    """Return it with the axes in the given order; without one, reversed."""
    x = tensor(x)
    wanted = [*(range(len(x.shape))[::-1] if axes is None else axes)]
    if sorted(wanted) != [*range(len(x.shape))]:
        raise ValueError(f"{x} has no axes {wanted}")
    if wanted == [1, 0]:
        (turned,) = (OPS["swapped"](view(x, (1, *x.shape, 1))),)
        return Tensor(view(Tensor(turned), x.shape[::-1]), turned=x.value)
    order = [*range(len(wanted))]
    for place, axis in enumerate(wanted):
        at = order.index(axis)
        if at == place:
            continue
        s = x.shape  # what stands between changes places with it
        parts = prod(s[:place]), prod(s[place:at]), s[at], prod(s[at + 1 :])
        order.insert(place, order.pop(at))
        shape = (*s[:place], s[at], *s[place:at], *s[at + 1 :])
        x = reshape(Tensor(OPS["swapped"](view(x, parts))), shape)
    return x


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices; the left one may have more sides before the last two, which are its
    rows."""
    if len(b.shape) != 2 or not a.shape:
        raise NotImplementedError(f"{a} @ {b}: the right side has to be a matrix")
    if a.turned is not None and len(a.shape) == 2:
        left, ta = a.turned, True
    else:
        left, ta = view(a, (a.size // a.shape[-1], a.shape[-1])), False
    right, tb = (b.value, False) if b.turned is None else (b.turned, True)
    made = Tensor(OPS["matmul"](left, right, ta=ta, tb=tb))
    return reshape(made, (*a.shape[:-1], b.shape[1]))


def slice_tensor(x: Tensor, at: tuple) -> Tensor:
    """Apply slices without steps, and single indices."""
    shape: list[int] = []
    if len(at) > len(x.shape):
        raise IndexError(f"{x} has not {len(at)} axes")
    for axis, (n, part) in enumerate(zip(x.shape, at, strict=False)):
        if isinstance(part, slice) and part.step in (None, 1):
            first, stop, _ = part.indices(n)
            shape.append(stop - first)
        elif isinstance(part, int) and -n <= part < n:
            first, stop = part % n, part % n + 1
        else:
            raise NotImplementedError(f"{x}[{part}]: slices without steps and numbers; else take")
        if stop <= first:
            raise IndexError(f"{x}: nothing is left of axis {axis}")
        x = cut(x, axis, first, stop - first)
    return reshape(x, (*shape, *x.shape[len(at) :]))


def cut(x: Tensor, axis: int, first: int, count: int) -> Tensor:
    if count == x.shape[axis]:
        return x
    outer, n, inner = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    ours = OPS["cut"](view(x, (outer, n * inner)), first=first * inner, count=count * inner)
    return reshape(Tensor(ours), (*x.shape[:axis], count, *x.shape[axis + 1 :]))
