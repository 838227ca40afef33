"""What a sentence encoder adds to a Llama: a norm that subtracts the mean and adds a bias."""

from functools import partial

from oneseek.engine.backends.wasm.emit import op
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.rows import inverse_rms
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    load_part,
    quads,
    store_part,
    total,
)


def layernorm(f, x, w, b, y, scratch, lo, hi, *, cols, eps):
    """y holds x - mean before it is scaled."""
    with f.loop(lo, hi) as row:
        at = f.let(row * (4 * cols))
        sums = f.let(constant(0.0))
        quads(f, cols, lambda lanes, x: sums.set(sums + load_part(x, 0, lanes)), x + at)
        mean = f.let(op("f32x4.splat", total(sums) / float(cols)))

        def away(lanes, x, y):
            store_part(f, y, load_part(x, 0, lanes) - mean, lanes)

        quads(f, cols, away, x + at, y + at)
        inverse = inverse_rms(f, y + at, cols, eps)

        def scale(lanes, y, w, b):
            scaled = load_part(y, 0, lanes) * inverse * load_part(w, 0, lanes)
            store_part(f, y, scaled + load_part(b, 0, lanes), lanes)

        quads(f, cols, scale, y + at, w, b)


@kernel("layernorm")
def _(x, w, b, *, eps):
    return Kernel(partial(layernorm, cols=x.cols, eps=eps), x.rows, work=8.0 * x.size)
