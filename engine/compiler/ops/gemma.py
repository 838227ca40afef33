"""Ops that Gemma adds to a Llama: its gate, a factor on whole arrays, and a window on the visible
keys."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat
from oneseek.engine.compiler.ops.elementwise import PAIR, TRIPLE, like_first, sigmoid

# gelu's tanh form is x * sigmoid(z) with z = 2 sqrt(2 / pi) (x + 0.044715 x^3)
SLOPE, CUBIC = 1.5957691216057308, 0.07135481282553013
GATE = "1.0 / (1.0 + exp(-({x} * (1.5957691216057308 + 0.07135481282553013 * {x} * {x}))))"
RISE = "(1.5957691216057308 + 0.21406443847659039 * {x} * {x})"


def gate_of(x):
    """sigmoid(z), the factor of x in gelu."""
    return sigmoid(x * (SLOPE + CUBIC * x * x))


@op(
    shape=like_first,
    kernel=f"a * b * ({GATE.format(x='a')})",
    cases=PAIR,
    reuses=("gate", "up"),
)
def geglu(gate, up):
    """gelu(gate) * up: the middle of a Gemma MLP."""
    return gate * gate_of(gate) * up


@geglu.vjp
def _(dy, y, gate, up):
    return geglu_dgate(dy, gate, up), geglu_dup(dy, gate)


@op(
    shape=like_first,
    kernel=f"a * c * ({GATE.format(x='b')}) * "
    f"(1.0 + b * {RISE.format(x='b')} * (1.0 - {GATE.format(x='b')}))",
    cases=TRIPLE,
    reuses=("dy",),
)
def geglu_dgate(dy, gate, up):
    s = gate_of(gate)
    return dy * up * s * (1 + gate * (SLOPE + 3 * CUBIC * gate * gate) * (1 - s))


@op(shape=like_first, kernel=f"a * b * ({GATE.format(x='b')})", cases=PAIR, reuses=("dy",))
def geglu_dup(dy, gate):
    return dy * gate * gate_of(gate)


@op(shape=lambda x, *, by: x, kernel="gemma.wgsl:scaled", cases=((Spec((5, 7)), dict(by=2.5)),))
def scaled(x, *, by):
    """x * by."""
    return x * x.dtype.type(by)


@scaled.vjp
def _(dy, y, x, *, by):
    return (scaled(dy, by=by),)


@scaled.launch
def _(tier, x, by):
    return "scaled", flat(x.size, 64), dict(size=x.size, BY=by)


def window_shape(spans, *, width):
    assert spans.shape[1:] == (4,), f"spans {spans}"
    return spans


@op(
    shape=window_shape,
    kernel="gemma.wgsl:window",
    cases=tuple((Spec((9, 4), "windows"), dict(width=width)) for width in (1, 4, 100)),
)
def window(spans, *, width):
    """The spans limited to the last `width` keys of each query; [a0, a1) and [b0, b1) are ordered
    by position."""
    a0, a1, b0, b1 = spans.T
    b0 = np.maximum(b0, b1 - width)
    a0 = np.minimum(np.maximum(a0, a1 - (width - (b1 - b0))), a1)
    return np.stack([a0, a1, b0, b1], -1)


@window.launch
def _(tier, spans, width):
    return "window", flat(spans.rows, 64), dict(size=spans.rows, WIDTH=width)
