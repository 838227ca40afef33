"""Ops that transpose, repeat, sum, slice and pad arrays.

Four pairs, each the other's gradient; every broadcast, reduction, transposition, slice and
concatenation is made of them. A reshape costs nothing, so each op sees its array with just the
sides that matter to it.
"""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads
from oneseek.engine.compiler.ops.functions import at_least, div

LONG = 64  # a sum of so many terms gets a workgroup of its own if the sums are few


def sides(x: Spec, count: int) -> tuple[int, ...]:
    assert len(x.shape) == count, f"{x} has not {count} sides"
    return x.shape


def swapped_shape(x):
    a, b, c, d = sides(x, 4)
    return Spec((a, c, b, d))


@op(
    shape=swapped_shape,
    kernel="shapes.wgsl:swapped",
    cases=((Spec((1, 5, 7, 1)),), (Spec((3, 2, 5, 4)),)),
)
def swapped(x):
    """x with its two middle sides swapped."""
    return np.ascontiguousarray(x.swapaxes(1, 2))


@swapped.vjp
def _(dy, y, x):
    return (swapped(dy),)


@swapped.launch
def _(tier, x):
    return "swapped", flat(x.size, 64), dict(size=x.size, middle=x.shape[1], other=x.shape[2],
                                             inner=x.cols)  # fmt: skip


def spread_shape(x, *, times):
    a, b = sides(x, 2)
    return Spec((a, times, b))


@op(
    shape=spread_shape,
    kernel="shapes.wgsl:spread",
    cases=((Spec((5, 7)), dict(times=3)), (Spec((1, 4)), dict(times=9)),
           (Spec((6, 1)), dict(times=70))),
)  # fmt: skip
def spread(x, *, times):
    """Each row repeated so many times in succession."""
    return np.repeat(x[:, None], times, 1)


@spread.vjp
def _(dy, y, x, *, times):
    return (summed(dy),)


@spread.launch
def _(tier, x, times):
    size = x.size * times
    return "spread", flat(size, 64), dict(size=size, middle=times, inner=x.cols)


def reduced_shape(x):
    a, _, b = sides(x, 3)
    return Spec((a, b))


REDUCED = tuple((Spec(shape, "signed"),) for shape in ((3, 5, 7), (4, 100, 1), (1, 9, 4)))


@op(shape=reduced_shape, kernel="shapes.wgsl:summed", cases=REDUCED)
def summed(x):
    """The sums over the middle side."""
    return x.sum(1)


@summed.vjp
def _(dy, y, x):
    return (spread(dy, times=x.shape[1]),)


@op(shape=reduced_shape, kernel="shapes.wgsl:largest", cases=REDUCED)
def largest(x):
    """The maxima over the middle side."""
    return x.max(1)


@largest.vjp
def _(dy, y, x):
    times = x.shape[1]
    where = at_least(x, spread(y, times=times))
    return (where * spread(div(dy, summed(where)), times=times),)  # equal maxima share the gradient


def reduction(name, tier, x):
    a, n, b = x.shape
    told = dict(size=a * b, middle=n, inner=b)
    if n >= LONG and b == 1:
        return f"{name}_group", flat(a), told | dict(WG=row_threads(tier, n))
    return name, flat(a * b, 64), told


@summed.launch
def _(tier, x):
    return reduction("summed", tier, x)


@largest.launch
def _(tier, x):
    return reduction("largest", tier, x)


def cut_shape(x, *, first, count):
    a, b = sides(x, 2)
    assert 0 <= first and first + count <= b, f"{first}..{first + count} of {b}"
    return Spec((a, count))


@op(
    shape=cut_shape,
    kernel="shapes.wgsl:cut",
    cases=((Spec((5, 7)), dict(first=2, count=3)), (Spec((1, 30)), dict(first=0, count=4))),
)
def cut(x, *, first, count):
    """The `count` columns from `first` on."""
    return x[:, first : first + count].copy()


@cut.vjp
def _(dy, y, x, *, first, count):
    return (padded(dy, first=first, width=x.spec.cols),)


@cut.launch
def _(tier, x, first, count):
    size = x.rows * count
    return "cut", flat(size, 64), dict(size=size, middle=x.cols, other=first, inner=count)


def padded_shape(x, *, first, width):
    a, b = sides(x, 2)
    assert 0 <= first and first + b <= width, f"{b} columns at {first} of {width}"
    return Spec((a, width))


@op(
    shape=padded_shape,
    kernel="shapes.wgsl:padded",
    cases=((Spec((5, 3)), dict(first=2, width=7)), (Spec((1, 4)), dict(first=0, width=30))),
)
def padded(x, *, first, width):
    """These columns from `first` on, padded with zeros on both sides."""
    y = np.zeros((len(x), width), x.dtype)
    y[:, first : first + x.shape[1]] = x
    return y


@padded.vjp
def _(dy, y, x, *, first, width):
    return (cut(dy, first=first, count=x.spec.cols),)


@padded.launch
def _(tier, x, first, width):
    size = x.rows * width
    return "padded", flat(size, 64), dict(size=size, middle=x.cols, other=first, inner=width)
