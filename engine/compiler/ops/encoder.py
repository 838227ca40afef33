"""Ops that a sentence encoder needs and a Llama does not: a norm that subtracts the mean and adds a
bias, and gelu without a gate."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads
from oneseek.engine.compiler.ops.elementwise import like_first
from oneseek.engine.compiler.ops.functions import neg
from oneseek.engine.compiler.ops.gemma import CUBIC, GATE, RISE, SLOPE, gate_of, scaled
from oneseek.engine.compiler.ops.linear import column_sums
from oneseek.engine.compiler.ops.norm import norm_constants, rmsnorm_dw, rmsnorm_dx, whole_fours
from oneseek.engine.compiler.ops.shapes import spread, summed

CASES = tuple((Spec((t, n)), Spec((n,)), Spec((n,)), dict(eps=1e-5)) for t, n in
              ((4, 64), (3, 100), (17, 384)))  # fmt: skip


def norm_shape(x, w, b, *, eps):
    assert w.shape == b.shape == (x.cols,), f"{w} and {b} do not fit rows of {x.cols}"
    whole_fours(x)
    return x


@op(shape=norm_shape, kernel="encoder.wgsl:layernorm", cases=CASES)
def layernorm(x, w, b, *, eps):
    """y = (x - mean) / sqrt(variance + eps) * w + b, row by row."""
    away = x - x.mean(-1, keepdims=True)
    variance = (away * away).mean(-1, keepdims=True)
    return away / np.sqrt(variance + x.dtype.type(eps)) * w + b


def centre(x):
    """x minus the mean of its row."""
    rows, cols = x.spec.rows, x.spec.cols
    mean = scaled(summed(x.reshape(rows, cols, 1)), by=1 / cols)
    return x + neg(spread(mean, times=cols).reshape(*x.shape))


@layernorm.vjp
def _(dy, y, x, w, b, *, eps):
    away = centre(x)
    dw, db = rmsnorm_dw(away, w, dy, eps=eps), column_sums(dy.reshape(x.spec.rows, x.spec.cols))
    return centre(rmsnorm_dx(away, w, dy, eps=eps)), dw, db


@layernorm.launch
def _(tier, x, w, b, eps):
    constants = norm_constants(x, eps)
    return "layernorm", flat(x.rows), constants | dict(WG=row_threads(tier, x.cols))


@op(
    shape=like_first,
    kernel=f"a * ({GATE.format(x='a')})",
    cases=((Spec((3, 4)),), (Spec((7, 130)),)),
    reuses=("x",),
)
def gelu(x):
    """gelu in its tanh form."""
    with np.errstate(over="ignore"):  # far below zero the gate is 0
        return x * gate_of(x)


@gelu.vjp
def _(dy, y, x):
    return (gelu_dx(dy, x),)


@op(
    shape=like_first,
    kernel=f"a * ({GATE.format(x='b')}) * "
    f"(1.0 + b * {RISE.format(x='b')} * (1.0 - {GATE.format(x='b')}))",
    cases=((Spec((3, 4)), Spec((3, 4))), (Spec((7, 130)), Spec((7, 130)))),
    reuses=("dy",),
)
def gelu_dx(dy, x):
    with np.errstate(over="ignore"):
        s = gate_of(x)
    return dy * s * (1 + x * (SLOPE + 3 * CUBIC * x * x) * (1 - s))
