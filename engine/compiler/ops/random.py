"""Stateless random numbers: a hash of (seed, stream, index), with the same bits on every back end.

Dropout and the choice of the next token use it.
"""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads

CANDIDATES = 64  # a draw considers so many of the likeliest tokens
GOLDEN = 0x9E3779B9  # distance between the streams of one seed


def noise(seed, stream, count):
    """Uniform numbers in [0, 1) with 24 bits: the PCG output hash of Jarzynski and Olano."""
    with np.errstate(over="ignore"):
        state = np.arange(count, dtype=np.uint32) + np.uint32(stream) * np.uint32(GOLDEN)
        for word in (np.uint32(seed), np.uint32(0x85EBCA6B)):
            state = (state ^ word) * np.uint32(747796405) + np.uint32(2891336453)
            state = ((state >> ((state >> np.uint32(28)) + np.uint32(4))) ^ state) * np.uint32(
                277803737
            )
            state = (state >> np.uint32(22)) ^ state
    return (state >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


def seed_of_row(seed: int, row: int) -> int:
    """The seed with which `draw` makes in this row the draw that `seed` makes in row 0."""
    return (seed ^ (row * GOLDEN)) & 0xFFFFFFFF


@op(
    shape=lambda x, seed, rate, stream: x,
    kernel="random.wgsl:dropout",
    reuses=("x",),
    cases=((Spec((7, 130)), Spec((1,), "u32"), dict(rate=0.25, stream=3)),),
)
def dropout(x, seed, *, rate, stream):
    """Drop a share of the elements and scale up the rest; a seed always drops the same ones."""
    keep = noise(seed[0], stream, x.size).reshape(x.shape) >= np.float32(rate)
    return np.where(keep, x * x.dtype.type(1 / (1 - rate)), 0).astype(x.dtype)


@dropout.vjp
def _(dy, y, x, seed, *, rate, stream):
    return dropout(dy, seed, rate=rate, stream=stream), None


@dropout.launch
def _(tier, x, seed, rate, stream):
    return "dropout", flat(x.size, 64), dict(rows=x.rows, COLS=x.cols, RATE=rate, STREAM=stream)


def candidates_shape(logits, recent, penalty):
    assert recent.shape[0] == logits.rows, f"recent {recent}"
    assert penalty.shape == (logits.rows,), f"penalty {penalty}"
    return Spec((logits.rows, CANDIDATES), "i32"), Spec((logits.rows, CANDIDATES))


@op(
    shape=candidates_shape,
    kernel="random.wgsl:candidates",
    cases=tuple(
        (Spec((r, v)), Spec((r, 8), "i32"), Spec((r,), "ones")) for r, v in ((1, 100), (3, 5000))
    ),
)
def candidates(logits, recent, penalty):
    """The 64 likeliest tokens of each row, best first (ties: smaller id), with their
    log-probabilities. `penalty` makes the tokens in `recent` (-1 is none) less likely."""
    logits = logits.copy()
    for row, seen, p in zip(logits, recent, penalty, strict=True):
        at = np.unique(seen[seen >= 0])
        row[at] = np.where(row[at] > 0, row[at] / p, row[at] * p)
    top = logits.max(-1, keepdims=True)
    logsum = top + np.log(np.exp(logits - top).sum(-1, keepdims=True))
    pool = min(4 * CANDIDATES, logits.shape[1])
    ids = np.sort(np.argpartition(-logits, pool - 1, -1)[:, :pool], -1)
    order = np.argsort(-np.take_along_axis(logits, ids, -1), -1, kind="stable")[:, :CANDIDATES]
    ids = np.take_along_axis(ids, order, -1)
    return ids.astype(np.int32), np.take_along_axis(logits, ids, -1) - logsum


@candidates.launch
def _(tier, logits, recent, penalty):
    constants = dict(rows=logits.rows, COLS=logits.cols, RECENT=recent.cols)
    # At least 64 threads, because the kernel loops ten times over the row and lavapipe silently
    # ends a thread's loops after 65,535 iterations.
    threads = max(64, row_threads(tier, logits.cols))
    return "candidates", (logits.rows, 1, 1), constants | dict(WG=threads)


def draw_shape(ids, logprobs, knobs, seed):
    count = ids.shape[0]
    assert ids.shape == logprobs.shape == (count, CANDIDATES), f"{ids}, {logprobs}"
    assert knobs.shape == (count, 3) and seed.shape == (count,), f"knobs {knobs}, seed {seed}"
    return Spec((count,), "i32")


@op(
    shape=draw_shape,
    kernel="random.wgsl:draw",
    cases=tuple(
        (Spec((r, CANDIDATES), "i32"), Spec((r, CANDIDATES), "logprobs"), Spec((r, 3), "knobs"),
         Spec((r,), "u32"))
        for r in (1, 5)
    ),
)  # fmt: skip
def draw(ids, logprobs, knobs, seed):
    """Draw the next token of each row.

    knobs = temperature (0 takes the likeliest), top-k (0 keeps all 64), top-p; the seed is one
    number a row, different for every token.
    """
    chosen = ids[:, 0].copy()
    for row, (temperature, top_k, top_p) in enumerate(knobs):
        if temperature <= 0:
            continue
        p = np.exp((logprobs[row] - logprobs[row, 0]) / temperature).astype(np.float32)
        p[int(top_k) or CANDIDATES :] = 0
        before = np.cumsum(p, dtype=np.float32) - p  # the nucleus ends where this exceeds top_p
        p = np.where(before < np.float32(top_p) * p.sum(dtype=np.float32), p, np.float32(0))
        u = noise(seed[row], row, 1)[0] * p.sum(dtype=np.float32)
        index = np.searchsorted(np.cumsum(p, dtype=np.float32), u, side="right")
        chosen[row] = ids[row, min(index, np.count_nonzero(p) - 1)]
    return chosen


@draw.launch
def _(tier, ids, logprobs, knobs, seed):
    return "draw", (-(-ids.rows // 64), 1, 1), dict(rows=ids.rows, COLS=0)
