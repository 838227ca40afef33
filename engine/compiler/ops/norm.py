"""Root-mean-square normalisation over the last axis, and its two gradients."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads

CASES = (
    (Spec((4, 64)), Spec((64,)), dict(eps=1e-5)),
    (Spec((3, 100)), Spec((100,)), dict(eps=1e-5)),
    (Spec((17, 576)), Spec((576,)), dict(eps=1e-5)),
)
GRADIENT_CASES = tuple((x, w, x, attrs) for x, w, attrs in CASES)


def row_shape(x, w, *_, eps):
    assert w.shape == (x.cols,), f"the gain {w} does not fit rows of {x.cols}"
    whole_fours(x)
    return x


def whole_fours(x):
    assert x.cols % 4 == 0, f"the norm kernels need rows of 4, 8, ... columns, not {x.cols}"


def inverse_rms(x, eps):
    return 1 / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(eps))


@op(shape=row_shape, kernel="rmsnorm.wgsl:rmsnorm", cases=CASES)
def rmsnorm(x, w, *, eps):
    """y = x / sqrt(mean(x^2) + eps) * w, row by row."""
    return x * inverse_rms(x, eps) * w


@rmsnorm.vjp
def _(dy, y, x, w, *, eps):
    return rmsnorm_dx(x, w, dy, eps=eps), rmsnorm_dw(x, w, dy, eps=eps)


def norm_constants(x: Spec, eps: float) -> dict:
    return dict(rows=x.rows, COLS4=x.cols // 4, EPS=eps)


@rmsnorm.launch
def _(tier, x, w, eps):
    constants = norm_constants(x, eps)
    return "rmsnorm", flat(x.rows), constants | dict(WG=row_threads(tier, x.cols))


def gradient_shape(x, w, dy, base=None, *, eps):
    assert dy.shape == x.shape and (base is None or base.shape == x.shape), f"{dy}, {base}"
    return row_shape(x, w, eps=eps)


@op(
    shape=gradient_shape,
    kernel="rmsnorm.wgsl:rmsnorm_dx",
    reuses=("base", "dy"),
    cases=(*GRADIENT_CASES, (Spec((4, 64)), Spec((64,)), Spec((4, 64)), Spec((4, 64)),
                             dict(eps=1e-5))),
)  # fmt: skip
def rmsnorm_dx(x, w, dy, base=None, *, eps):
    inverse = inverse_rms(x, eps)
    n, g = x * inverse, w * dy
    dx = inverse * (g - n * (g * n).mean(-1, keepdims=True))
    return dx if base is None else dx + base


@rmsnorm_dx.launch
def _(tier, x, w, dy, base, eps):
    constants = norm_constants(x, eps) | dict(BASE=base is not None)
    return "rmsnorm_dx", flat(x.rows), constants | dict(WG=row_threads(tier, x.cols))


@op(
    shape=lambda x, w, dy, eps: gradient_shape(x, w, dy, eps=eps) and w,
    kernel="rmsnorm.wgsl:rmsnorm_dw",
    cases=GRADIENT_CASES,
)
def rmsnorm_dw(x, w, dy, *, eps):
    return (dy * x * inverse_rms(x, eps)).sum(tuple(range(x.ndim - 1)))


@rmsnorm_dw.launch
def _(tier, x, w, dy, eps):
    return "rmsnorm_dw", (-(-x.cols // 256), 1, 1), norm_constants(x, eps)
