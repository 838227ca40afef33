"""A short causal convolution over the rows that tokens see, and its gradients: token by token, four
columns at a time."""

from contextlib import contextmanager
from functools import partial

from oneseek.engine.backends.wasm.emit import load, value
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.shapes import zeros
from oneseek.engine.backends.wasm.kernels.vectors import load_part, quads, store_part


@contextmanager
def where_seen(f, spans, t, back):
    """Run the body only where token t sees a row `back` before its last; yields that row."""
    a0, a1, b0, b1 = (f.let(load(spans + t * 16, 4 * i, "i32.load")) for i in range(4))
    at, least = f.let(b1 - (1 + back)), f.let(b0)
    with f.when(at < b0):
        at.set(a1 - (1 + back) + (b1 - b0))
        least.set(a0)
    with f.when(value(-1) < at - least):
        yield at


def add_product(f, cols, target, a, b):
    def add(lanes, target, a, b):
        product = load_part(a, 0, lanes) * load_part(b, 0, lanes)
        store_part(f, target, load_part(target, 0, lanes) + product, lanes)

    quads(f, cols, add, target, a, b)


def convolved(f, x, w, spans, y, scratch, lo, hi, *, cols, taps):
    with f.loop(lo, hi) as t:
        out = f.let(y + t * (4 * cols))
        zeros(f, out, cols)
        for back in range(taps):
            with where_seen(f, spans, t, back) as at:
                add_product(f, cols, out, w + (taps - 1 - back) * 4 * cols, x + at * (4 * cols))


def convolved_dx(f, dy, w, spans, dx, scratch, lo, hi, *, cols, taps, keys):
    """Token by token, add to all rows that it sees."""
    with f.loop(lo, hi) as t:
        with f.when(t < 1):
            zeros(f, dx, keys * cols)
        for back in range(taps):
            with where_seen(f, spans, t, back) as at:
                tap = w + (taps - 1 - back) * 4 * cols
                add_product(f, cols, dx + at * (4 * cols), tap, dy + t * (4 * cols))


def convolved_dw(f, dy, x, spans, dw, scratch, lo, hi, *, cols, taps):
    with f.loop(lo, hi) as t:
        with f.when(t < 1):
            zeros(f, dw, taps * cols)
        for back in range(taps):
            with where_seen(f, spans, t, back) as at:
                tap = dw + (taps - 1 - back) * 4 * cols
                add_product(f, cols, tap, x + at * (4 * cols), dy + t * (4 * cols))


@kernel("convolved")
def _(x, w, spans):
    write = partial(convolved, cols=x.cols, taps=w.rows)
    return Kernel(write, spans.rows, work=2.0 * w.rows * spans.rows * x.cols)


@kernel("convolved_dx")
def _(dy, w, spans, *, keys):
    write = partial(convolved_dx, cols=dy.cols, taps=w.rows, keys=keys)
    return Kernel(write, spans.rows, work=2.0 * w.rows * dy.size, chains=1)


@kernel("convolved_dw")
def _(dy, x, spans, *, taps):
    write = partial(convolved_dw, cols=x.cols, taps=taps)
    return Kernel(write, spans.rows, work=2.0 * taps * dy.size, chains=1)
