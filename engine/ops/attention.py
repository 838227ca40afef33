"""Rotary positions, the key/value cache and grouped-query attention with its gradients.

Which keys a query sees is data: `spans[t] = (a0, a1, b0, b1)` lets query t see keys [a0, a1) and
[b0, b1). One op thereby covers packed rows, rows that share a prefix, and a cache of many chats.
"""

import numpy as np

from engine.ir import Spec, op


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
    """Turn each pair of a head by its position's angles; table rows hold cosines, then sines.
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
    """cache[slots[t]] = rows[t], in place; the slots of one call differ."""
    cache = cache.copy()
    cache[slots] = rows
    return cache


def visible(spans, keys):
    """bool[T, S]: which keys each query sees."""
    key = np.arange(keys)
    a0, a1, b0, b1 = spans.T[:, :, None]
    return ((a0 <= key) & (key < a1)) | ((b0 <= key) & (key < b1))


def split_heads(x, heads):
    return x.reshape(len(x), heads, -1).swapaxes(0, 1)  # [H, T, D]


def merge_heads(x):
    return np.ascontiguousarray(x.swapaxes(0, 1)).reshape(x.shape[1], -1)


def attention_shape(q, k, v, spans, *, heads, kv_heads):
    width = q.cols // heads
    assert q.cols == heads * width and k.cols == v.cols == kv_heads * width, f"{heads} heads"
    assert k.shape == v.shape and spans.shape == (q.rows, 4), f"spans {spans}"
    return q, Spec((q.rows, heads))


def scores_of(q, k, spans, heads, kv_heads):
    """Scaled scores [H, T, S], -inf where a query does not see a key."""
    q, k = split_heads(q, heads), split_heads(k, kv_heads).repeat(heads // kv_heads, 0)
    scores = q @ k.swapaxes(1, 2) * q.dtype.type(q.shape[-1] ** -0.5)
    return np.where(visible(spans, k.shape[1]), scores, -np.inf)


ATTENTION_CASES = tuple(
    (Spec((t, h * d)), Spec((s, g * d)), Spec((s, g * d)), Spec((t, 4), "spans"),
     dict(heads=h, kv_heads=g))
    for t, s, h, g, d in ((5, 5, 2, 1, 4), (3, 17, 4, 2, 8), (1, 33, 9, 3, 64), (40, 40, 3, 1, 64))
)  # fmt: skip


@op(shape=attention_shape, kernel="attention.wgsl:attention", cases=ATTENTION_CASES)
def attention(q, k, v, spans, *, heads, kv_heads):
    """softmax(q k^T / sqrt(D)) v per head, and the logarithm of each softmax's denominator.
    A query that sees nothing (padding) gets zeros."""
    scores = scores_of(q, k, spans, heads, kv_heads)
    top = np.maximum(scores.max(-1, keepdims=True), q.dtype.type(-1e30))
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    values = split_heads(v, kv_heads).repeat(heads // kv_heads, 0)
    out = weights @ values / np.maximum(total, q.dtype.type(1e-30))
    logsum = np.where(total > 0, top + np.log(np.maximum(total, 1e-30)), 0)
    return merge_heads(out), np.ascontiguousarray(logsum[..., 0].T).astype(q.dtype)


@attention.vjp
def _(dy, _, y, logsum, q, k, v, spans, *, heads, kv_heads):
    given = (dy, y, logsum, q, k, v, spans)
    dq = attention_dq(*given, heads=heads, kv_heads=kv_heads)
    dk, dv = attention_dkv(*given, heads=heads, kv_heads=kv_heads)
    return dq, dk, dv, None


def backward_scores(dy, y, logsum, q, k, v, spans, heads, kv_heads):
    """Softmax weights and the cotangent of the scaled scores, both [H, T, S]."""
    scores = scores_of(q, k, spans, heads, kv_heads)
    weights = np.exp(scores - logsum.T[..., None])
    dy, y = split_heads(dy, heads), split_heads(y, heads)
    values = split_heads(v, kv_heads).repeat(heads // kv_heads, 0)
    delta = (dy * y).sum(-1, keepdims=True)
    return weights, weights * (dy @ values.swapaxes(1, 2) - delta)


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
    _, ds = backward_scores(dy, y, logsum, q, k, v, spans, heads, kv_heads)
    keys = split_heads(k, kv_heads).repeat(heads // kv_heads, 0)
    return merge_heads(ds @ keys) * q.dtype.type((q.shape[1] // heads) ** -0.5)


@op(
    shape=lambda *ins, **heads: backward_shape(*ins, **heads)[1],
    kernel="attention_gradient.wgsl:attention_dkv",
    cases=BACKWARD_CASES,
)
def attention_dkv(dy, y, logsum, q, k, v, spans, *, heads, kv_heads):
    weights, ds = backward_scores(dy, y, logsum, q, k, v, spans, heads, kv_heads)
    dk = ds.swapaxes(1, 2) @ split_heads(q, heads) * q.dtype.type((q.shape[1] // heads) ** -0.5)
    dv = weights.swapaxes(1, 2) @ split_heads(dy, heads)
    shared = (kv_heads, heads // kv_heads, *dk.shape[1:])
    return merge_heads(dk.reshape(shared).sum(1)), merge_heads(dv.reshape(shared).sum(1))
