"""What Gemma adds to a Llama: a factor on whole arrays, and a window on what queries see."""

from functools import partial

from oneseek.engine.backends.wasm.emit import load
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.vectors import constant, load_part, quads, store_part


def scaled(f, x, y, scratch, lo, hi, *, cols, by):
    with f.loop(lo, hi) as row:
        at = f.let(row * (4 * cols))

        def times(lanes, x, y):
            store_part(f, y, load_part(x, 0, lanes) * constant(by), lanes)

        quads(f, cols, times, x + at, y + at)


def window(f, spans, near, scratch, lo, hi, *, width):
    with f.loop(lo, hi) as t:
        at = f.let(t * 16)
        a0, a1, b0, b1 = (f.let(load(spans + at, 4 * i, "i32.load")) for i in range(4))
        with f.when(b0 < b1 - width):
            b0.set(b1 - width)
        first = f.let(a1 - (width - (b1 - b0)))
        with f.when(a0 < first):
            a0.set(first)
        with f.when(a1 < a0):
            a0.set(a1)
        for i, end in enumerate((a0, a1, b0, b1)):
            f.store(near + at, end, 4 * i)


@kernel("scaled")
def _(x, *, by):
    return Kernel(partial(scaled, cols=x.cols, by=by), x.rows, work=1.0 * x.size)


@kernel("window")
def _(spans, *, width):
    return Kernel(partial(window, width=width), spans.rows, work=8.0 * spans.rows)
