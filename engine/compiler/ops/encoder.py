"""What a sentence encoder has and a Llama has not: a norm that takes the mean away and adds a bias,
and gelu without a gate. Nothing trains it, so there are no gradients."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads
from oneseek.engine.compiler.ops.elementwise import like_first
from oneseek.engine.compiler.ops.gemma import GATE, gate_of
from oneseek.engine.compiler.ops.norm import norm_constants

CASES = tuple((Spec((t, n)), Spec((n,)), Spec((n,)), dict(eps=1e-5)) for t, n in
              ((4, 64), (3, 100), (17, 384)))  # fmt: skip


def norm_shape(x, w, b, *, eps):
    assert w.shape == b.shape == (x.cols,), f"{w} and {b} do not fit rows of {x.cols}"
    return x


@op(shape=norm_shape, kernel="encoder.wgsl:layernorm", cases=CASES)
def layernorm(x, w, b, *, eps):
    """y = (x - mean) / sqrt(variance + eps) * w + b, row by row."""
    away = x - x.mean(-1, keepdims=True)
    variance = (away * away).mean(-1, keepdims=True)
    return away / np.sqrt(variance + x.dtype.type(eps)) * w + b


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
    """Its tanh form."""
    with np.errstate(over="ignore"):  # far below zero the gate is closed
        return x * gate_of(x)
