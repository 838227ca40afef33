"""The loss over a whole vocabulary: row by row the logits become their own gradient."""

from functools import partial

from engine.wasm.emit import ints, load, op, value
from engine.wasm.kernel import Kernel, kernel
from engine.wasm.vectors import constant, exp, largest, load_part, log, quads, store_part, total

FIRST_LANE = ints(0xFFFFFFFF, 0, 0, 0)
TINY, LEAST_REST = 1e-30, 1e-6


def scalar_log(f, x):
    return log(f, op("f32x4.splat", x)).lane(0)


def highest(f, x, cols):
    """The largest of a row, in all four lanes."""
    top = f.let(constant(-3.4e38))

    def look(lanes, x):
        v = load_part(x, 0, lanes)
        single = op("f32x4.splat", v.lane(0))
        top.set(op("f32x4.max", top, v if lanes == 4 else single))

    quads(f, cols, look, x)
    return f.let(op("f32x4.splat", largest(top)))


def exponentials(f, x, out, cols):
    """out = exp(x - the largest of the row); that largest, and the sum of out."""
    top, so_far = highest(f, x, cols), f.let(constant(0.0))

    def take(lanes, x, out):
        e = f.let(exp(f, load_part(x, 0, lanes) - top))
        if lanes == 1:
            e.set(op("v128.and", e, FIRST_LANE))
        so_far.set(so_far + e)
        store_part(f, out, e, lanes)

    quads(f, cols, take, x, out)
    return top, f.let(total(so_far))


def soft_cross_entropy(
    f, logits, ids, probs, rest, weight, out, loss, scratch, lo, hi, *, cols, targets
):
    """Scratch holds what the row gives each target."""
    with f.loop(lo, hi) as row:
        at = f.let(out + row * (4 * cols))
        _, denominator = exponentials(f, logits + row * (4 * cols), at, cols)
        id, p, q = (
            f.let(ids + row * (4 * targets)),
            f.let(probs + row * (4 * targets)),
            f.let(scratch),
        )
        inside, result = f.let(value(0.0, "f32")), f.let(value(0.0, "f32"))
        with f.loop(0, targets):
            wanted = f.let(load(p, 0, "f32.load"))
            given = f.let(load(at + load(id, 0, "i32.load") * 4, 0, "f32.load") / denominator)
            f.store(q, given)
            with f.when(wanted > 0.0):
                inside += given
                result += wanted * (scalar_log(f, wanted + TINY) - scalar_log(f, given + TINY))
            for pointer in (id, p, q):
                pointer += 4
        others = f.let(load(rest + row * 4, 0, "f32.load"))
        given = f.let(op("f32.max", 1.0 - inside, LEAST_REST))
        result += others * (scalar_log(f, others + TINY) - scalar_log(f, given))
        counts = f.let(load(weight + row * 4, 0, "f32.load"))
        f.store(loss + row * 4, result * counts)
        share = f.let(op("f32x4.splat", (1.0 - others / given) * counts / denominator))

        def scale(lanes, x):
            store_part(f, x, load_part(x, 0, lanes) * share, lanes)

        quads(f, cols, scale, at)
        for pointer in (id, p, q):
            pointer -= 4 * targets
        with f.loop(0, targets):
            wanted = f.let(load(p, 0, "f32.load"))
            with f.when(wanted > 0.0):
                f.store(
                    at + load(id, 0, "i32.load") * 4, (load(q, 0, "f32.load") - wanted) * counts
                )
            for pointer in (id, p, q):
                pointer += 4


@kernel("soft_cross_entropy")
def _(logits, ids, probs, rest, weight):
    write = partial(soft_cross_entropy, cols=logits.cols, targets=ids.cols)
    return Kernel(write, logits.rows, work=45.0 * logits.size, scratch=4 * ids.cols)
