"""The optimizer over one flat array: from gradients to new weights."""

from functools import partial

from oneseek.engine.backends.wasm.emit import load, op, splat, value
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    each,
    load_part,
    smaller,
    store_part,
    total,
)

LARGEST = 3.4028234e38


def square_sums(f, g, sums, scratch, lo, hi, *, size, parts):
    stretch = -(-size // parts)
    with f.loop(lo, hi) as part:
        first = f.let(part * stretch)
        end = smaller(f, first + stretch, value(size))
        at, so_far = f.let(g + first * 4), f.let(constant(0.0))

        def add(lanes):
            v = f.let(load_part(at, 0, lanes))
            so_far.set(so_far + v * v)
            at.set(at + 4 * lanes)

        with f.loop(first, end - 3, 4) as i:
            add(4)
        with f.loop(i, end):
            add(1)
        f.store(sums + part * 4, total(so_far))


def root(f, sums, norm, scratch, lo, hi, *, size):
    total_so_far = f.let(value(0.0, "f32"))
    at = f.let(sums)
    with f.loop(0, size):
        total_so_far += load(at, 0, "f32.load")
        at += 4
    f.store(norm, op("f32.sqrt", total_so_far))


def adamw(f, p, m, v, g, norm, hyper, p_out, m_out, v_out, scratch, lo, hi, *, size):
    rate, beta1, beta2, eps, decay, correction1, correction2, _ = (
        f.let(splat(hyper, 4 * i)) for i in range(8)
    )
    length = f.let(load(norm, 0, "f32.load"))
    clip = load(hyper, 28, "f32.load") / op("f32.max", length, 1e-12)
    clip = f.let(op("f32x4.splat", op("f32.min", clip, 1.0)))

    def update(lanes, p, m, v, g):
        gradient = f.let(load_part(g, 0, lanes) * clip)
        first = f.let(beta1 * load_part(m, 0, lanes) + (1.0 - beta1) * gradient)
        second = f.let(beta2 * load_part(v, 0, lanes) + (1.0 - beta2) * gradient * gradient)
        step = first / correction1 / (op("f32x4.sqrt", second / correction2) + eps)
        weight = f.let(load_part(p, 0, lanes))
        store_part(f, p, weight - rate * (step + decay * weight), lanes)
        store_part(f, m, first, lanes)
        store_part(f, v, second, lanes)

    with f.when(length <= LARGEST):
        each(f, lo, hi, size, update, p, m, v, g)


def accumulate(f, so_far, g, out, scratch, lo, hi, *, size):
    def add(lanes, a, b):
        store_part(f, a, load_part(a, 0, lanes) + load_part(b, 0, lanes), lanes)

    each(f, lo, hi, size, add, so_far, g)


def clear(f, x, out, scratch, lo, hi, *, size):
    each(f, lo, hi, size, lambda lanes, x: store_part(f, x, constant(0.0), lanes), x)


@kernel("square_sums")
def _(g, *, parts):
    return Kernel(partial(square_sums, size=g.size, parts=parts), parts, work=2.0 * g.size)


@kernel("root")
def _(sums):
    return Kernel(partial(root, size=sums.size), 1)


@kernel("adamw")
def _(p, *_):
    return Kernel(partial(adamw, size=p.size), p.size, 4, 120.0 * p.size)  # memory limits it


@kernel("accumulate")
def _(so_far, g):
    return Kernel(partial(accumulate, size=g.size), g.size, 4, 12.0 * g.size)


@kernel("clear")
def _(x):
    return Kernel(partial(clear, size=x.size), x.size, 4, 6.0 * x.size)
