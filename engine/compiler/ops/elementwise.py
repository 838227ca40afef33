"""Elementwise ops. The WGSL kernel of each is one expression over a, b, c, so the scheduler can
fuse chains of them into one step."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op


def like_first(a, *rest, **_):
    for other in rest:
        assert other.shape == a.shape, f"{other} does not match {a}"
    return a


PAIR = ((Spec((3, 4)), Spec((3, 4))), (Spec((7, 130)), Spec((7, 130))))
TRIPLE = ((Spec((5, 7)), Spec((5, 7)), Spec((5, 7))),)


@op(shape=like_first, kernel="a + b", cases=PAIR, reuses=("a", "b"))
def add(a, b):
    return a + b


@add.vjp
def _(dy, y, a, b):
    return dy, dy


@op(shape=like_first, kernel="a * b", cases=PAIR, reuses=("a", "b"))
def mul(a, b):
    return a * b


@mul.vjp
def _(dy, y, a, b):
    return dy * b, dy * a


def sigmoid(x):
    with np.errstate(over="ignore"):  # far below zero the result is 0
        return 1 / (1 + np.exp(-x))


@op(shape=like_first, kernel="a / (1.0 + exp(-a)) * b", cases=PAIR, reuses=("gate", "up"))
def swiglu(gate, up):
    """silu(gate) * up: the middle of a Llama MLP."""
    return gate * sigmoid(gate) * up


@swiglu.vjp
def _(dy, y, gate, up):
    return swiglu_dgate(dy, gate, up), swiglu_dup(dy, gate)


@op(
    shape=like_first,
    kernel="a * c / (1.0 + exp(-b)) * (1.0 + b * (1.0 - 1.0 / (1.0 + exp(-b))))",
    cases=TRIPLE,
    reuses=("dy",),
)
def swiglu_dgate(dy, gate, up):
    s = sigmoid(gate)
    return dy * up * s * (1 + gate * (1 - s))


@op(shape=like_first, kernel="a * b / (1.0 + exp(-b))", cases=PAIR, reuses=("dy",))
def swiglu_dup(dy, gate):
    return dy * gate * sigmoid(gate)
