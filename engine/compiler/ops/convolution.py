"""A short causal convolution: the weighted sum of the last few tokens that each token sees.

Which tokens those are is data, as in attention: the last ones of `spans[t] = (a0, a1, b0, b1)`,
whose stretches [a0, a1) and [b0, b1) are ordered by position.
"""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads


def locate(spans, taps):
    """i32[T, taps]: the rows of the last token that each token sees, of the one before it, and so
    on; -1 where there is none."""
    a0, a1, b0, b1 = spans.T[:, :, None]
    back = np.arange(taps)
    near, far = b1 - 1 - back, a1 - 1 - (back - (b1 - b0))
    return np.where(near >= b0, near, np.where(far >= a0, far, -1))


def steps_back(spans, taps):
    """Yield for each tap: the distance back, the tokens that see so far, and the rows they see."""
    for back, at in enumerate(locate(spans, taps).T):
        (some,) = np.nonzero(at >= 0)
        yield back, some, at[some]


def rows_of_fours(x, w, spans):
    assert x.cols == w.cols and spans.shape[1:] == (4,), f"{w} over {x} by {spans}"
    assert x.cols % 4 == 0, f"the convolution kernels need rows of 4, 8, ... columns, not {x.cols}"


def convolved_shape(x, w, spans):
    rows_of_fours(x, w, spans)
    return Spec((spans.rows, x.cols))


SIZES = ((9, 3, 8), (7, 4, 100))  # tokens, taps, columns
KEYS = 24


def case(*of, **attrs):
    kinds = {
        "x": lambda t, k, c: Spec((KEYS, c), "signed"),
        "w": lambda t, k, c: Spec((k, c), "signed"),
        "dy": lambda t, k, c: Spec((t, c), "signed"),
        "spans": lambda t, k, c: Spec((t, 4), "windows"),
    }
    return tuple(
        (*(kinds[name](*size) for name in of), *([attrs_of(size, attrs)] if attrs else []))
        for size in SIZES
    )


def attrs_of(size, attrs):
    return {name: size[1] if value is None else value for name, value in attrs.items()}


@op(shape=convolved_shape, kernel="convolution.wgsl:convolved", cases=case("x", "w", "spans"))
def convolved(x, w, spans):
    """y[t] = w[-1] x[last row that t sees] + w[-2] x[the one before] + ..."""
    y = np.zeros((len(spans), x.shape[1]), x.dtype)
    for back, some, at in steps_back(spans, len(w)):
        y[some] += w[-1 - back] * x[at]
    return y


@convolved.vjp
def _(dy, y, x, w, spans):
    dx = convolved_dx(dy, w, spans, keys=x.spec.rows)
    return dx, convolved_dw(dy, x, spans, taps=w.spec.rows), None


def constants(spans: Spec, keys: int, taps: int, cols: int) -> dict:
    return dict(rows=spans.rows, keys=keys, TAPS=taps, COLS4=cols // 4)


@convolved.launch
def _(tier, x, w, spans):
    return (
        "convolved",
        flat(spans.rows * x.cols // 4, 64),
        constants(spans, x.rows, w.rows, x.cols),
    )


def dx_shape(dy, w, spans, *, keys):
    rows_of_fours(dy, w, spans)
    assert dy.rows == spans.rows, f"{dy} of {spans.rows} tokens"
    return Spec((keys, dy.cols))


@op(
    shape=dx_shape,
    kernel="convolution.wgsl:convolved_dx",
    cases=case("dy", "w", "spans", keys=KEYS),
)
def convolved_dx(dy, w, spans, *, keys):
    """The gradient of x: each row sums the contributions of all tokens that see it."""
    dx = np.zeros((keys, dy.shape[1]), dy.dtype)
    for back, some, at in steps_back(spans, len(w)):
        np.add.at(dx, at, w[-1 - back] * dy[some])
    return dx


@convolved_dx.launch
def _(tier, dy, w, spans, keys):
    told = constants(spans, keys, w.rows, dy.cols)
    return "convolved_dx", flat(keys), told | dict(WG=row_threads(tier, dy.cols))


def dw_shape(dy, x, spans, *, taps):
    assert dy.cols == x.cols and spans.shape == (dy.rows, 4), f"{dy} over {x} by {spans}"
    return Spec((taps, x.cols))


@op(
    shape=dw_shape,
    kernel="convolution.wgsl:convolved_dw",
    cases=case("dy", "x", "spans", taps=None),
)
def convolved_dw(dy, x, spans, *, taps):
    dw = np.zeros((taps, x.shape[1]), x.dtype)
    for back, some, at in steps_back(spans, taps):
        dw[-1 - back] = (dy[some] * x[at]).sum(0)
    return dw


@convolved_dw.launch
def _(tier, dy, x, spans, taps):
    return "convolved_dw", flat(taps * x.cols // 4, 64), constants(spans, x.rows, taps, x.cols)
