"""Rotary positions, the key/value cache and grouped-query attention with its gradients.

The visible keys are data: `spans[t] = (a0, a1, b0, b1)` lets query t see keys [a0, a1) and [b0,
b1). So one op covers packed rows, rows that share a prefix, and a cache of many chats.
"""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat


def rotary_shape(x, positions, table, *, width, inverse=False, interleaved=False):
    assert x.cols % width == 0 and positions.shape == (x.rows,) and table.cols == width
    return x


@op(
    shape=rotary_shape,
    kernel="rotary.wgsl:rotary",
    reuses=("x",),
    cases=(
        (Spec((3, 8)), Spec((3,), "i32"), Spec((9, 4)), dict(width=4)),
        (Spec((3, 8)), Spec((3,), "i32"), Spec((9, 4)), dict(width=4, inverse=True)),
        (Spec((5, 192)), Spec((5,), "i32"), Spec((9, 64)), dict(width=64, interleaved=True)),
    ),
)
def rotary(x, positions, table, *, width, inverse=False, interleaved=False):
    """Rotate each pair of a head by its position's angles; a table row holds cosines, then sines.
    Pairs are (i, i + width/2), or neighbours when interleaved."""
    heads = x.reshape(len(x), -1, width)
    cos, sin = np.split(table[positions][:, None].astype(x.dtype), 2, -1)
    sin = -sin if inverse else sin
    if interleaved:
        a, b = heads[..., ::2], heads[..., 1::2]
        turned = np.stack([a * cos - b * sin, b * cos + a * sin], -1)
    else:
        a, b = np.split(heads, 2, -1)
        turned = np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
    return turned.reshape(x.shape)


@rotary.vjp
def _(dy, y, x, positions, table, *, width, inverse=False, interleaved=False):
    turn_back = dict(width=width, inverse=not inverse, interleaved=interleaved)
    return rotary(dy, positions, table, **turn_back), None, None


@rotary.launch
def _(tier, x, positions, table, width, inverse=False, interleaved=False):
    constants = dict(pairs=x.size // 2, COLS=x.cols, WIDTH=width, INTERLEAVED=interleaved)
    return "rotary", flat(x.size // 2, 64), constants | dict(SIGN=-1.0 if inverse else 1.0)


def cache_shape(cache, rows, slots):
    assert cache.cols == rows.cols and slots.shape == (rows.rows,), f"{rows} at {slots}"
    return cache


@op(
    shape=cache_shape,
    kernel="rows.wgsl:cache_write",
    updates=(0,),
    cases=((Spec((9, 8)), Spec((3, 8)), Spec((3,), "slots")),),
)
def cache_write(cache, rows, slots):
    """cache[slots[t]] = rows[t], in place; the slots of one call are distinct."""
    cache = cache.copy()
    cache[slots] = rows
    return cache


@cache_write.launch
def _(tier, cache, rows, slots):
    return "cache_write", flat(rows.size, 64), dict(count=rows.rows, COLS=rows.cols)


def visible(spans, keys):
    """bool[T, S]: true where a query sees a key."""
    key = np.arange(keys)
    a0, a1, b0, b1 = spans.T[:, :, None]
    return ((a0 <= key) & (key < a1)) | ((b0 <= key) & (key < b1))


TILE = 32  # queries computed together: a tile reads only the keys that one of them sees


def tiles(spans, keys):
    """Yield tiles of queries: their slice, the keys that any of them sees, and the mask of which
    sees which."""
    for first in range(0, len(spans), TILE):
        queries = slice(first, first + TILE)
        seen = visible(spans[queries], min(keys, int(spans[queries].max())))  # no key lies beyond
        some = np.flatnonzero(seen.any(0))
        if len(some):
            yield queries, some, seen[:, some]


def by_head(x, heads, groups):
    """[T, H*D] -> [G, H/G*T, D]: heads that share keys become adjacent."""
    split = x.reshape(len(x), groups, heads // groups, -1).transpose(1, 2, 0, 3)
    return split.reshape(groups, -1, split.shape[-1])


def by_token(x, heads):
    """The inverse of `by_head`: [G, H/G*T, D] -> [T, H*D]."""
    groups, rows, width = x.shape
    split = x.reshape(groups, heads // groups, -1, width).transpose(2, 0, 1, 3)
    return split.reshape(-1, heads * width)


def attention_shape(q, k, v, spans, *, heads, kv_heads):
    width = q.cols // heads
    assert q.cols == heads * width and k.cols == v.cols == kv_heads * width, f"{heads} heads"
    assert k.shape == v.shape and spans.shape == (q.rows, 4), f"spans {spans}"
    return q, Spec((q.rows, heads))


def scores_of(q, k, seen):
    """Scaled scores [G, H/G*T, S] of all heads, -inf where a query does not see a key."""
    scores = q @ k.swapaxes(1, 2) * q.dtype.type(q.shape[-1] ** -0.5)
    apart = scores.reshape(len(q), -1, *seen.shape)
    return np.where(seen, apart, -np.inf).reshape(scores.shape)


ATTENTION_CASES = tuple(
    (Spec((t, h * d)), Spec((s, g * d)), Spec((s, g * d)), Spec((t, 4), "spans"),
     dict(heads=h, kv_heads=g))
    for t, s, h, g, d in ((5, 5, 2, 1, 4), (3, 17, 4, 2, 8), (1, 33, 9, 3, 64), (40, 40, 3, 1, 64))
)  # fmt: skip


@op(shape=attention_shape, kernel="attention.wgsl:attention", cases=ATTENTION_CASES)
def attention(q, k, v, spans, *, heads, kv_heads):
    """softmax(q k^T / sqrt(D)) v per head, and the logarithm of each softmax's denominator.
    A query that sees nothing (padding) gets zeros."""
    y, logsum = np.zeros_like(q), np.zeros((len(q), heads), q.dtype)
    least = q.dtype.type(1e-30)
    for some, keys, seen in tiles(spans, len(k)):
        queries = by_head(q[some], heads, kv_heads)
        scores = scores_of(queries, by_head(k[keys], kv_heads, kv_heads), seen)
        top = np.maximum(scores.max(-1, keepdims=True), q.dtype.type(-1e30))
        weights = np.exp(scores - top)
        total = weights.sum(-1, keepdims=True)
        mixed = weights @ by_head(v[keys], kv_heads, kv_heads) / np.maximum(total, least)
        y[some] = by_token(mixed, heads)
        logs = np.where(total > 0, top + np.log(np.maximum(total, least)), 0)
        logsum[some] = by_token(logs, heads)
    return y, logsum


@attention.vjp
def _(dy, _, y, logsum, q, k, v, spans, *, heads, kv_heads):
    given = (dy, y, logsum, q, k, v, spans)
    dq = attention_dq(*given, heads=heads, kv_heads=kv_heads)
    dk, dv = attention_dkv(*given, heads=heads, kv_heads=kv_heads)
    return dq, dk, dv, None


def head_shape(q: Spec, k: Spec, heads: int, kv_heads: int) -> dict:
    width = q.cols // heads
    if width % 4 or width > 256:
        raise ValueError(f"the attention kernels need heads of 4, 8, ... 256, not {width}")
    threads = max(4, 1 << (width - 1).bit_length())
    shape = dict(t=q.rows, s=k.rows, HEADS=heads, KV=kv_heads, D4=width // 4, WG=threads)
    return shape | dict(SCALE=width**-0.5)


@attention.cost
def _(q, k, v, spans, heads, kv_heads):
    return 4 * q.size * k.rows  # counts as if every query saw every key


@attention.launch
def _(tier, q, k, v, spans, heads, kv_heads):
    constants = head_shape(q, k, heads, kv_heads)
    if q.rows <= 16:  # decoding: queries of different conversations share no keys
        return "attention_few", (q.rows, heads, 1), constants
    return "attention", (-(-q.rows // 32), heads, 1), constants


def backward_tiles(dy, y, logsum, q, k, v, spans, heads, kv_heads):
    """For each tile: its queries and keys as indices; then, by head, both of them, dy, the softmax
    weights and the cotangent of q k^T."""
    for some, keys, seen in tiles(spans, len(k)):
        queries, dys, ys, logs = (by_head(x[some], heads, kv_heads) for x in (q, dy, y, logsum))
        seen_keys, values = (by_head(x[keys], kv_heads, kv_heads) for x in (k, v))
        weights = np.exp(scores_of(queries, seen_keys, seen) - logs)
        delta = (dys * ys).sum(-1, keepdims=True)
        scale = q.dtype.type(queries.shape[-1] ** -0.5)
        ds = weights * (dys @ values.swapaxes(1, 2) - delta) * scale
        yield some, keys, queries, seen_keys, dys, weights, ds


def backward_shape(dy, y, logsum, q, k, v, spans, *, heads, kv_heads):
    attention_shape(q, k, v, spans, heads=heads, kv_heads=kv_heads)
    assert dy.shape == y.shape == q.shape and logsum.shape == (q.rows, heads), f"{dy} {y} {logsum}"
    return q, (k, v)


BACKWARD_CASES = tuple(
    (q, q, Spec((q.rows, attrs["heads"])), q, k, v, spans, attrs)
    for q, k, v, spans, attrs in ATTENTION_CASES
)


@op(
    shape=lambda *ins, **heads: backward_shape(*ins, **heads)[0],
    kernel="attention_gradient.wgsl:attention_dq",
    cases=BACKWARD_CASES,
)
def attention_dq(dy, y, logsum, q, k, v, spans, *, heads, kv_heads):
    dq = np.zeros_like(q)
    for tile in backward_tiles(dy, y, logsum, q, k, v, spans, heads, kv_heads):
        queries, _, _, keys, _, _, ds = tile
        dq[queries] = by_token(ds @ keys, heads)
    return dq


@attention_dq.launch
def _(tier, dy, y, logsum, q, k, v, spans, heads, kv_heads):
    return "attention_dq", (-(-q.rows // 32), heads, 1), head_shape(q, k, heads, kv_heads)


@op(
    shape=lambda *ins, **heads: backward_shape(*ins, **heads)[1],
    kernel="attention_gradient.wgsl:attention_dkv",
    cases=BACKWARD_CASES,
)
def attention_dkv(dy, y, logsum, q, k, v, spans, *, heads, kv_heads):
    dk, dv = np.zeros_like(k), np.zeros_like(v)
    for tile in backward_tiles(dy, y, logsum, q, k, v, spans, heads, kv_heads):
        _, keys, queries, _, dys, weights, ds = tile
        dk[keys] += by_token(ds.swapaxes(1, 2) @ queries, kv_heads)
        dv[keys] += by_token(weights.swapaxes(1, 2) @ dys, kv_heads)
    return dk, dv


@attention_dkv.launch
def _(tier, dy, y, logsum, q, k, v, spans, heads, kv_heads):
    return "attention_dkv", (-(-k.rows // 32), kv_heads, 1), head_shape(q, k, heads, kv_heads)


@attention_dq.cost
@attention_dkv.cost
def _(dy, y, logsum, q, k, v, spans, heads, kv_heads):
    return 4 * q.size * k.rows
