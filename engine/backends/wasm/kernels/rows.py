"""Kernels that work row by row: normalisation, rotary positions, taking and placing rows, sums
over columns."""

from functools import partial

from oneseek.engine.backends.wasm.emit import load, op
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    load_part,
    parts,
    quads,
    store_part,
    total,
)
from oneseek.engine.backends.wasm.kernels.weights import Packed, unpack_rows


def copy(f, source, target, length):
    quads(
        f,
        length,
        lambda lanes, s, t: store_part(f, t, load_part(s, 0, lanes), lanes),
        source,
        target,
    )


def inverse_rms(f, x, cols, eps):
    """1 / sqrt(mean(x^2) + eps) in all four lanes."""
    squares = f.let(constant(0.0))

    def add(lanes, at):
        v = f.let(load_part(at, 0, lanes))
        squares.set(squares + v * v)

    quads(f, cols, add, x)
    return f.let(op("f32x4.splat", 1.0 / op("f32.sqrt", total(squares) / float(cols) + eps)))


def rmsnorm(f, x, w, y, scratch, lo, hi, *, cols, eps):
    with f.loop(lo, hi) as row:
        at = f.let(row * (4 * cols))
        inverse = inverse_rms(f, x + at, cols, eps)

        def scale(lanes, x, w, y):
            store_part(f, y, load_part(x, 0, lanes) * inverse * load_part(w, 0, lanes), lanes)

        quads(f, cols, scale, x + at, w, y + at)


def rmsnorm_dx(f, x, w, dy, base, dx, scratch, lo, hi, *, cols, eps):
    with f.loop(lo, hi) as row:
        at = f.let(row * (4 * cols))
        inverse = inverse_rms(f, x + at, cols, eps)
        products = f.let(constant(0.0))

        def pair(lanes, x, w, dy):
            return load_part(x, 0, lanes) * inverse, load_part(w, 0, lanes) * load_part(
                dy, 0, lanes
            )

        def project(lanes, *at):
            n, g = pair(lanes, *at)
            products.set(products + g * n)

        quads(f, cols, project, x + at, w, dy + at)
        mean = f.let(op("f32x4.splat", total(products) / float(cols)))

        def remove(lanes, x, w, dy, dx, *base):
            n, g = pair(lanes, x, w, dy)
            result = inverse * (g - n * mean)
            store_part(f, dx, result + load_part(base[0], 0, lanes) if base else result, lanes)

        quads(f, cols, remove, x + at, w, dy + at, dx + at, *([base + at] if base else []))


def rotary(f, x, positions, table, y, scratch, lo, hi, *, cols, width, inverse):
    half = width // 2
    with f.loop(lo, hi) as row:
        angles = f.let(table + load(positions + row * 4, 0, "i32.load") * (4 * width))
        a, out = f.let(x + row * (4 * cols)), f.let(y + row * (4 * cols))
        with f.loop(0, cols // width):
            for lanes, offset in parts(half):
                cos = f.let(load_part(angles, offset, lanes))
                sin = f.let(load_part(angles, offset + 4 * half, lanes))
                first = f.let(load_part(a, offset, lanes))
                second = f.let(load_part(a, offset + 4 * half, lanes))
                ahead, back = first * cos, second * cos
                turned = ahead + second * sin if inverse else ahead - second * sin
                behind = back - first * sin if inverse else back + first * sin
                store_part(f, out, turned, lanes, offset)
                store_part(f, out, behind, lanes, offset + 4 * half)
            a += 4 * width
            out += 4 * width


def rows(f, table, index, y, scratch, lo, hi, *, cols):
    with f.loop(lo, hi) as row:
        taken = load(index + row * 4, 0, "i32.load")
        copy(f, table + taken * (4 * cols), y + row * (4 * cols), cols)


def rows_dtable(f, dy, index, table, scratch, lo, hi, *, cols, count):
    with f.loop(lo, hi) as row:
        with f.when(row < 1), f.loop(0, count) as empty:
            quads(f, cols, lambda lanes, t: store_part(f, t, constant(0.0), lanes),
                  table + empty * (4 * cols))  # fmt: skip

        def add(lanes, dy, t):
            store_part(f, t, load_part(t, 0, lanes) + load_part(dy, 0, lanes), lanes)

        taken = load(index + row * 4, 0, "i32.load")
        quads(f, cols, add, dy + row * (4 * cols), table + taken * (4 * cols))


def packed_rows(f, codes, scales, index, y, scratch, lo, hi, *, cols, weight):
    with f.loop(lo, hi) as row:
        taken = f.let(load(index + row * 4, 0, "i32.load"))
        unpack_rows(f, weight, (codes, scales), taken, taken + 1, cols, y + row * (4 * cols))


def cache_write(f, cache, source, slots, out, scratch, lo, hi, *, cols):
    with f.loop(lo, hi) as row:
        slot = load(slots + row * 4, 0, "i32.load")
        copy(f, source + row * (4 * cols), cache + slot * (4 * cols), cols)


def add_bias(f, x, bias, y, scratch, lo, hi, *, cols):
    with f.loop(lo, hi) as row:
        at = f.let(row * (4 * cols))

        def add(lanes, x, bias, y):
            store_part(f, y, load_part(x, 0, lanes) + load_part(bias, 0, lanes), lanes)

        quads(f, cols, add, x + at, bias, y + at)


def column_sums(f, x, sums, scratch, lo, hi, *, rows, cols):
    """Add the rows to the sums one after the other."""
    with f.loop(lo, hi) as row:
        with f.when(row < 1):
            quads(f, cols, lambda lanes, s: store_part(f, s, constant(0.0), lanes), sums)

        def add(lanes, x, s):
            store_part(f, s, load_part(s, 0, lanes) + load_part(x, 0, lanes), lanes)

        quads(f, cols, add, x + row * (4 * cols), sums)


@kernel("rmsnorm")
def _(x, w, *, eps):
    return Kernel(partial(rmsnorm, cols=x.cols, eps=eps), x.rows, work=5.0 * x.size)


@kernel("rmsnorm_dx")
def _(x, w, dy, base, *, eps):
    return Kernel(partial(rmsnorm_dx, cols=x.cols, eps=eps), x.rows, work=12.0 * x.size)


@kernel("rotary")
def _(x, positions, table, *, width, inverse=False, interleaved=False):
    if interleaved or table.dtype != "f32":
        return None
    write = partial(rotary, cols=x.cols, width=width, inverse=inverse)
    return Kernel(write, x.rows, work=6.0 * x.size)


@kernel("rows")
def _(table, index):
    if table.dtype != "f32" or len(index.shape) != 1:
        return None
    return Kernel(partial(rows, cols=table.cols), index.size, work=2.0 * index.size * table.cols)


@kernel("rows_dtable")
def _(dy, index, *, count):
    write = partial(rows_dtable, cols=dy.cols, count=count)
    return Kernel(write, index.size, work=2.0 * dy.size, chains=1)


@kernel("packed_rows")
def _(codes, scales, index, *, bits):
    cols = codes.cols * 32 // bits
    weight = Packed.from_sizes(cols, bits, cols // scales.shape[1])
    return weight and Kernel(partial(packed_rows, cols=cols, weight=weight), index.size)


@kernel("cache_write")
def _(cache, source, slots):
    if cache.dtype != "f32" or source.dtype != "f32":
        return None
    return Kernel(partial(cache_write, cols=cache.cols), slots.size, work=2.0 * source.size)


@kernel("add_bias")
def _(x, bias):
    return Kernel(partial(add_bias, cols=x.cols), x.rows, work=2.0 * x.size)


@kernel("column_sums")
def _(x):
    write = partial(column_sums, rows=x.rows, cols=x.cols)
    return Kernel(write, x.rows, work=2.0 * x.size, chains=1)
