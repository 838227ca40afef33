"""The likeliest tokens of each row of logits: one pass for the sum, one that keeps the best."""

from functools import partial

from oneseek.engine.backends.wasm.emit import load, op, value
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.loss import exponentials, scalar_log
from oneseek.engine.backends.wasm.kernels.rows import copy
from oneseek.engine.backends.wasm.kernels.vectors import load_part, quads
from oneseek.engine.compiler.ops.random import CANDIDATES

NEVER = -3.4e38
LAST = 4 * (CANDIDATES - 1)  # bytes from the best to the worst of the list


def penalise(f, row, recent, penalty, count):
    """Make each token of `recent` (-1: none) less likely, once however often it occurs."""
    with f.loop(0, count) as i:
        token = f.let(load(recent + i * 4, 0, "i32.load"))
        fresh = f.let(value(1))
        with f.loop(0, i) as before:
            with f.when(op("i32.eq", load(recent + before * 4, 0, "i32.load"), token)):
                fresh.set(0)
        with f.when((token >= 0) & fresh):
            at = f.let(row + token * 4)
            logit = f.let(load(at, 0, "f32.load"))
            less = f.let(logit * penalty)
            with f.when(logit > 0.0):
                less.set(logit / penalty)
            f.store(at, less)


def insert(f, values, ids, logit, id):
    """Insert into the list of the best, after all that are not smaller; the last one drops out."""
    place = f.let(value(LAST))
    with f.loop(0, LAST, 4) as behind:
        before = f.let(LAST - 4 - behind)
        better = f.let(load(values + before, 0, "f32.load"))
        with f.when(better < logit):
            f.store(values + before, better, 4)
            f.store(ids + before, load(ids + before, 0, "i32.load"), 4)
            place.set(before)
    f.store(values + place, logit)
    f.store(ids + place, id)


def candidates(f, logits, recent, penalty, ids, logprobs, scratch, lo, hi, *, cols, count):
    """Scratch holds the row with its penalties, and its exponentials, which are not used again."""
    with f.loop(lo, hi) as r:
        row = f.let(scratch)
        copy(f, logits + r * (4 * cols), row, cols)
        p = f.let(load(penalty + r * 4, 0, "f32.load"))
        penalise(f, row, recent + r * (4 * count), p, count)
        top, total = exponentials(f, row, row + 4 * cols, cols)
        logsum = f.let(top.lane(0) + scalar_log(f, total))
        best, best_ids = f.let(logprobs + r * (4 + LAST)), f.let(ids + r * (4 + LAST))
        with f.loop(0, 4 + LAST, 4) as i:
            f.store(best + i, NEVER)
        worst = f.let(value(NEVER, "f32"))
        bar = f.let(value(NEVER, "v128"))

        def look(lanes, at):
            """All but a few vectors hold nothing better than the list's worst."""
            with f.when(op("v128.any_true", load_part(at, 0, lanes) > bar)):
                with f.loop(0, lanes) as lane:
                    logit = f.let(load(at + lane * 4, 0, "f32.load"))
                    with f.when(logit > worst):
                        insert(f, best, best_ids, logit, (at + lane * 4 - row) // 4)
                        worst.set(load(best, LAST, "f32.load"))
                        bar.set(op("f32x4.splat", worst))

        quads(f, cols, look, row)
        with f.loop(0, 4 + LAST, 4) as i:
            f.store(best + i, load(best + i, 0, "f32.load") - logsum)


@kernel("candidates")
def _(logits, recent, penalty):
    write = partial(candidates, cols=logits.cols, count=recent.cols)
    return Kernel(write, logits.rows, work=40.0 * logits.size, scratch=8 * logits.cols + 16)
