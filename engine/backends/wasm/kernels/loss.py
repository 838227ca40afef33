"""The loss over a whole vocabulary: row by row the logits become their gradient."""

from functools import partial

from oneseek.engine.backends.wasm.emit import ints, load, op, value
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    exp,
    largest,
    load_part,
    log,
    quads,
    store_part,
    total,
)

FIRST_LANE = ints(0xFFFFFFFF, 0, 0, 0)
TINY, LEAST_REST = 1e-30, 1e-6


def scalar_log(f, x):
    return log(f, op("f32x4.splat", x)).lane(0)


def highest(f, x, cols):
    """Return the largest value of a row, in all four lanes."""
    top = f.let(constant(-3.4e38))

    def look(lanes, x):
        v = load_part(x, 0, lanes)
        single = op("f32x4.splat", v.lane(0))
        top.set(op("f32x4.max", top, v if lanes == 4 else single))

    quads(f, cols, look, x)
    return f.let(op("f32x4.splat", largest(top)))


def exponentials(f, x, out, cols):
    """Write out = exp(x - the row's largest); return that largest and the sum of out. Each
    addition's rounding error is added to the next term, because 12,000 additions follow each
    other."""
    top, so_far, lost = highest(f, x, cols), f.let(constant(0.0)), f.let(constant(0.0))

    def take(lanes, x, out):
        e = f.let(exp(f, load_part(x, 0, lanes) - top))
        if lanes == 1:
            e.set(op("v128.and", e, FIRST_LANE))
        store_part(f, out, e, lanes)
        e -= lost
        longer = f.let(so_far + e)
        lost.set((longer - so_far) - e)
        so_far.set(longer)

    quads(f, cols, take, x, out)
    return top, f.let(total(so_far))


def soft_cross_entropy(
    f, logits, ids, probs, rest, weight, out, loss, scratch, lo, hi, *, cols, targets
):
    """Scratch holds the probability that the row gives each target."""
    with f.loop(lo, hi) as row:
        at = f.let(out + row * (4 * cols))
        _, denominator = exponentials(f, logits + row * (4 * cols), at, cols)
        id, p = f.let(ids + row * (4 * targets)), f.let(probs + row * (4 * targets))
        inside, result = look_up(f, at, id, p, scratch, denominator, targets)
        others = f.let(load(rest + row * 4, 0, "f32.load"))
        given = f.let(op("f32.max", 1.0 - inside, LEAST_REST))
        result += others * (scalar_log(f, others + TINY) - scalar_log(f, given))
        counts = f.let(load(weight + row * 4, 0, "f32.load"))
        f.store(loss + row * 4, result * counts)
        share = f.let(op("f32x4.splat", (1.0 - others / given) * counts / denominator))

        def scale(lanes, x):
            store_part(f, x, load_part(x, 0, lanes) * share, lanes)

        quads(f, cols, scale, at)
        with f.loop(0, 4 * targets, 4) as i:
            wanted = f.let(load(p + i, 0, "f32.load"))
            with f.when(wanted > 0.0):
                missed = load(scratch + i, 0, "f32.load") - wanted
                f.store(at + load(id + i, 0, "i32.load") * 4, missed * counts)


def look_up(f, exponentials, id, p, given, denominator, targets):
    """Write given[j] = the probability of target j; return their sum, and sum p (log p - log
    given)."""
    inside, result = f.let(value(0.0, "f32")), f.let(value(0.0, "f32"))
    with f.loop(0, 4 * targets, 4) as i:
        wanted = f.let(load(p + i, 0, "f32.load"))
        token = load(id + i, 0, "i32.load")
        found = f.let(load(exponentials + token * 4, 0, "f32.load") / denominator)
        f.store(given + i, found)
        with f.when(wanted > 0.0):
            inside += found
            result += wanted * (scalar_log(f, wanted + TINY) - scalar_log(f, found + TINY))
    return inside, result


def first_of(f, x, top, cols):
    """Return the position of the first element of a row that equals its largest."""
    found, at = f.let(value(-1)), f.let(x)

    def look(lanes, v):
        with f.when(op("v128.any_true", load_part(v, 0, lanes) >= top) & (found < 0)):
            with f.loop(0, lanes) as lane:
                with f.when((load(v + lane * 4, 0, "f32.load") >= top.lane(0)) & (found < 0)):
                    found.set(v + lane * 4 - at)

    quads(f, cols, look, x)
    return found


def divergence(f, p, q, kl, same, scratch, lo, hi, *, cols):
    """Scratch holds e^(x - largest) for both rows."""
    with f.loop(lo, hi) as row:
        at, spare = f.let(row * (4 * cols)), scratch + 4 * cols
        sides = []
        for x, room in ((p, scratch), (q, spare)):
            top, denominator = exponentials(f, x + at, room, cols)
            logsum = f.let(op("f32x4.splat", top.lane(0) + scalar_log(f, denominator)))
            sides.append((first_of(f, x + at, top, cols), denominator, logsum))
        (best_p, total_p, logsum_p), (best_q, _, logsum_q) = sides
        so_far = f.let(constant(0.0))

        def add(lanes, e, p, q):
            apart = (load_part(p, 0, lanes) - logsum_p) - (load_part(q, 0, lanes) - logsum_q)
            so_far.set(so_far + load_part(e, 0, lanes) * apart)

        quads(f, cols, add, scratch, p + at, q + at)
        f.store(kl + row * 4, total(so_far) / total_p)
        f.store(same + row * 4, op("f32.convert_i32_s", op("i32.eq", best_p, best_q)))


@kernel("divergence")
def _(p, q):
    return Kernel(partial(divergence, cols=p.cols), p.rows, 1, 60.0 * p.size, 8 * p.cols)


@kernel("soft_cross_entropy")
def _(logits, ids, probs, rest, weight):
    write = partial(soft_cross_entropy, cols=logits.cols, targets=ids.cols)
    return Kernel(write, logits.rows, work=45.0 * logits.size, scratch=4 * ids.cols)
