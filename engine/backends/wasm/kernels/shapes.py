"""Kernels that transpose, repeat, reduce, cut and pad arrays."""

from functools import partial

from oneseek.engine.backends.wasm.emit import op
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.rows import copy
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    largest,
    load_part,
    quads,
    store_part,
    total,
)


def zeros(f, target, length):
    quads(f, length, lambda lanes, t: store_part(f, t, constant(0.0), lanes), target)


def swapped(f, x, y, scratch, lo, hi, *, middle, other, inner):
    with f.loop(lo, hi) as row:
        pair = f.let(row // middle)
        m, a = f.let(row - pair * middle), f.let(pair // other)
        source = f.let((a * middle + m) * other + pair - a * other)
        copy(f, x + source * (4 * inner), y + row * (4 * inner), inner)


def spread(f, x, y, scratch, lo, hi, *, times, inner):
    with f.loop(lo, hi) as row:
        copy(f, x + row // times * (4 * inner), y + row * (4 * inner), inner)


def reduce(f, x, y, scratch, lo, hi, *, middle, inner, join, first):
    """Add term by term, for all of the inner side at once."""
    with f.loop(lo, hi) as row:
        at, out = f.let(x + row * (4 * middle * inner)), f.let(y + row * (4 * inner))
        quads(f, inner, lambda lanes, t: store_part(f, t, constant(first), lanes), out)

        def add(lanes, x, t):
            joined = join(load_part(t, 0, lanes), load_part(x, 0, lanes))
            store_part(f, t, joined, lanes)

        with f.loop(0, middle):
            quads(f, inner, add, at, out)
            at += 4 * inner


def reduce_rows(f, x, y, scratch, lo, hi, *, middle, join, lanes_of, first):
    """Reduce rows without an inner side: four terms at a time."""
    with f.loop(lo, hi) as row:
        so_far = f.let(constant(first))
        at = f.let(x + row * (4 * middle))
        whole = middle - middle % 4
        if whole:
            with f.loop(0, whole, 4):
                so_far.set(join(so_far, load_part(at, 0, 4)))
                at += 16
        rest = f.let(op("f32x4.splat", lanes_of(so_far)))
        for i in range(middle % 4):
            term = op("f32x4.splat", load_part(at, 4 * i, 1).lane(0))
            rest.set(join(rest, term))
        store_part(f, y + row * 4, rest, 1)


def reduction(x, join, lanes_of, first):
    rows, middle, inner = x.shape
    if inner == 1:
        write = partial(reduce_rows, middle=middle, join=join, lanes_of=lanes_of, first=first)
    else:
        write = partial(reduce, middle=middle, inner=inner, join=join, first=first)
    return Kernel(write, rows, work=2.0 * x.size)


def cut(f, x, y, scratch, lo, hi, *, cols, first, count):
    with f.loop(lo, hi) as row:
        copy(f, x + (row * cols + first) * 4, y + row * (4 * count), count)


def padded(f, x, y, scratch, lo, hi, *, cols, first, width):
    with f.loop(lo, hi) as row:
        zeros(f, y + row * (4 * width), width)
        copy(f, x + row * (4 * cols), y + (row * width + first) * 4, cols)


@kernel("swapped")
def _(x):
    a, middle, other, inner = x.shape
    write = partial(swapped, middle=middle, other=other, inner=inner)
    return Kernel(write, a * middle * other, work=2.0 * x.size)


@kernel("spread")
def _(x, *, times):
    write = partial(spread, times=times, inner=x.cols)
    return Kernel(write, x.rows * times, work=2.0 * x.size * times)


@kernel("summed")
def _(x):
    return reduction(x, lambda a, b: a + b, total, 0.0)


@kernel("largest")
def _(x):
    return reduction(x, partial(op, "f32x4.max"), largest, -3.4028234e38)


@kernel("cut")
def _(x, *, first, count):
    write = partial(cut, cols=x.cols, first=first, count=count)
    return Kernel(write, x.rows, work=2.0 * x.rows * count)


@kernel("padded")
def _(x, *, first, width):
    write = partial(padded, cols=x.cols, first=first, width=width)
    return Kernel(write, x.rows, work=3.0 * x.rows * width)
