"""Elementwise functions for a person's own programs, which a Llama does not need. Their kernels are
expressions, as in elementwise.py: chains of them become one step."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.ops.elementwise import like_first, sigmoid

SIGNED = tuple((Spec(shape, "signed"),) for shape in ((3, 4), (7, 130)))
POSITIVE = tuple((Spec(shape),) for shape in ((3, 4), (7, 130)))
PAIR = tuple((Spec(shape, "signed"), Spec(shape)) for shape in ((3, 4), (7, 130)))
MASKED = tuple((Spec(shape, "mask"), Spec(shape, "signed")) for shape in ((3, 4), (7, 130)))


@op(shape=like_first, kernel="-a", cases=SIGNED, reuses=("a",))
def neg(a):
    return -a


@neg.vjp
def _(dy, y, a):
    return (neg(dy),)


@op(shape=like_first, kernel="a / b", cases=PAIR, reuses=("a", "b"))
def div(a, b):
    return a / b


@div.vjp
def _(dy, y, a, b):
    da = div(dy, b)
    return da, neg(da * y)


@op(shape=like_first, kernel="exp(a)", cases=SIGNED, reuses=("a",))
def exp(a):
    return np.exp(a)


@exp.vjp
def _(dy, y, a):
    return (dy * y,)


@op(shape=like_first, kernel="log(a)", cases=POSITIVE, reuses=("a",))
def log(a):
    return np.log(a)


@log.vjp
def _(dy, y, a):
    return (div(dy, a),)


@op(shape=like_first, kernel="sqrt(a)", cases=POSITIVE, reuses=("a",))
def sqrt(a):
    return np.sqrt(a)


@sqrt.vjp
def _(dy, y, a):
    return (div(dy, y + y),)


@op(shape=like_first, kernel="1.0 - 2.0 / (1.0 + exp(2.0 * a))", cases=SIGNED, reuses=("a",))
def tanh(a):
    return np.tanh(a)


@tanh.vjp
def _(dy, y, a):
    return (tanh_da(dy, y),)


@op(shape=like_first, kernel="a * (1.0 - b * b)", cases=PAIR, reuses=("dy",))
def tanh_da(dy, y):
    """The gradient from the result, which is kept anyway."""
    return dy * (1 - y * y)


@tanh_da.vjp
def _(ddy, y_of_it, dy, y):
    return tanh_da(ddy, y), neg(ddy * dy * (y + y))


@op(
    shape=like_first,
    kernel="min(a, element(0.0)) - log(element(1.0) + exp(min(a, -a)))",
    cases=SIGNED,
    reuses=("a",),
)
def log_sigmoid(a):
    """log(1 / (1 + exp(-a))); equal to a far below zero."""
    return np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))


@log_sigmoid.vjp
def _(dy, y, a):
    return (log_sigmoid_da(dy, a),)


@op(shape=like_first, kernel="a / (element(1.0) + exp(b))", cases=PAIR, reuses=("dy",))
def log_sigmoid_da(dy, a):
    return dy * sigmoid(-a)


@op(shape=like_first, kernel="max(a, element(0.0))", cases=SIGNED, reuses=("a",))
def relu(a):
    return np.maximum(a, 0)


@relu.vjp
def _(dy, y, a):
    return (passed(above_zero(a), dy),)


@op(
    shape=like_first,
    kernel="element(1.0) - step(a, element(0.0))",
    cases=SIGNED,
    reuses=("a",),
)
def above_zero(a):
    """1 where a > 0, else 0."""
    return (a > 0).astype(a.dtype)


@op(shape=like_first, kernel="step(b, a)", cases=PAIR, reuses=("a", "b"))
def at_least(a, b):
    """1 where a >= b, else 0."""
    return (a >= b).astype(a.dtype)


@above_zero.vjp
@at_least.vjp
def _(dy, y, *ins):
    return (None,) * len(ins)  # constant except at its jumps, so there is no gradient


@op(shape=like_first, kernel="chosen(a, b, element(0.0))", cases=MASKED, reuses=("mask", "a"))
def passed(mask, a):
    """a where the mask is not 0, else 0, even where a is NaN or infinity."""
    return np.where(mask != 0, a, np.zeros_like(a))


@passed.vjp
def _(dy, y, mask, a):
    return None, passed(mask, dy)


@op(shape=like_first, kernel="chosen(a, element(0.0), b)", cases=MASKED, reuses=("mask", "a"))
def stopped(mask, a):
    """a where the mask is 0, else 0."""
    return np.where(mask != 0, np.zeros_like(a), a)


@stopped.vjp
def _(dy, y, mask, a):
    return None, stopped(mask, dy)
