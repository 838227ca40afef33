"""The gated delta rule over visible tokens, and its gradients.

A head keeps a state S that maps keys to values. Each token lets S decay, subtracts what its own key
retrieves from it, adds a share of its value, and then reads with its query:

    S = e^g S;  u = sigmoid(b) (v - S'k);  S = S + k u';  y = S'q / sqrt(width)

S is the decayed sum of k u' over all tokens so far. So each token leaves for later ones its k, its
u and G, the sum of all g up to it, as it leaves a key and a value in attention. The visible tokens
are data in the same way: the last row of `spans[t] = (a0, a1, b0, b1)` is the token's own. With E =
e^(G[t] - G[s]) for each s that t sees:

    u[t] = sigmoid(b[t]) (v[t] - sum over s < t of E (k[t] k[s]) u[s])
    y[t] = sum over s <= t of E (q[t] k[s]) u[s] / sqrt(width)

The first line is a triangular system. It is solved tile by tile, or token by token.
"""

import numpy as np

from oneseek.engine.compiler.ir import OPS, Spec, op
from oneseek.engine.compiler.launch import flat
from oneseek.engine.compiler.ops.attention import tiles
from oneseek.engine.compiler.ops.elementwise import sigmoid


def steps_of(spans):
    """Yield (row, previous row or -1) for each token; both are -1 if it sees nothing."""
    for a0, a1, b0, b1 in spans.tolist():
        before = b1 - 2 if b1 - 2 >= b0 else a1 - 1 if a1 > a0 else -1
        yield (b1 - 1, before) if b1 > b0 else (-1, -1)


def total_shape(g, spans, kept=None):
    made = kept or Spec((g.rows, 2 * g.cols))
    assert spans.shape == (g.rows, 4) and made.cols == 2 * g.cols, f"{g} by {spans}, {made}"
    return made


TOTALS = tuple((Spec((t, h), "signed"), Spec((t, 4), "paths")) for t, h in ((9, 3), (40, 16)))


@op(shape=total_shape, kernel="delta.wgsl:totals", cases=TOTALS)
def totals(g, spans):
    """The sum of g over all rows that each token sees, in the token's own row: the sums, then their
    rounding errors beside them, because only small differences of large sums matter."""
    return totals_kept.reference(g, spans, np.zeros((len(g), 2 * g.shape[1]), g.dtype))


@op(
    shape=total_shape,
    kernel="delta.wgsl:totals_kept",
    updates=(2,),
    cases=tuple(
        (g, Spec(spans.shape, "laid"), Spec((g.rows + 30, 2 * g.cols), "signed"))
        for g, spans in TOTALS
    ),
)
def totals_kept(g, spans, kept):
    """The same, continued from the totals `kept` of earlier tokens."""
    kept = kept.copy()
    for new, (row, before) in zip(g.astype(np.float64), steps_of(spans), strict=True):
        if row >= 0:
            whole = new + kept[before].astype(np.float64).reshape(2, -1).sum(0) * (before >= 0)
            high = whole.astype(kept.dtype)
            kept[row] = np.concatenate([high, whole - high])
    return kept


@totals.vjp
def _(dy, y, g, spans):
    return totals_dg(dy, spans), None


def totals_dg_shape(dy, spans):
    assert dy.cols % 2 == 0 and spans.shape == (dy.rows, 4), f"{dy} by {spans}"
    return Spec((dy.rows, dy.cols // 2))


@op(
    shape=totals_dg_shape,
    kernel="delta.wgsl:totals_dg",
    cases=tuple((Spec((g.rows, 2 * g.cols), "signed"), spans) for g, spans in TOTALS),
)
def totals_dg(dy, spans):
    """The gradient of g: each g adds to the totals of all tokens that see it."""
    dg = dy[:, : dy.shape[1] // 2].copy()
    for row, before in reversed(list(steps_of(spans))):
        if before >= 0:
            dg[before] += dg[row]
    return dg


def column_launch(entry, tokens, heads):
    return entry, flat(heads, 64), dict(t=tokens, HEADS=heads)


@totals.launch
def _(tier, g, spans):
    return column_launch("totals", g.rows, g.cols)


@totals_kept.launch
def _(tier, g, spans, kept):
    return column_launch("totals_kept", g.rows, g.cols)


@totals_dg.launch
def _(tier, dy, spans):
    return column_launch("totals_dg", dy.rows, dy.cols // 2)


def by_head(x, heads, key_heads=0):
    """[T, H*D] -> [H, T, D]; heads that share a key each get a copy."""
    key_heads = key_heads or heads
    split = x.reshape(len(x), key_heads, -1).swapaxes(0, 1)
    return split.repeat(heads // key_heads, 0) if key_heads < heads else split


def by_token(x):
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)


def walk_tiles(spans, total, backwards=False):
    """Yield for each tile: its tokens, their own rows, the rows they see; for each head the decays
    e^(G - G), 0 for a row that is not seen; and where a seen row is not the token's own."""
    found = list(tiles(spans, len(total)))
    for some, rows, seen in reversed(found) if backwards else found:
        told = np.flatnonzero(seen.any(1)) + some.start
        seen, own = seen[seen.any(1)], spans[told, 3] - 1
        here, there = (total[at].T.reshape(2, -1, len(at)) for at in (own, rows))
        apart = (here[..., None] - there[:, :, None]).sum(0)
        decay = np.exp(np.where(seen, apart, -np.inf))
        yield told, own, rows, decay, seen & (own[:, None] != rows)


def products(x, y):
    return x @ y.swapaxes(1, 2)


def inside(rows, own):
    """The indices of the tile's own rows, in token order, and the mask of the others."""
    return np.searchsorted(rows, own), ~np.isin(rows, own)


def delta_shape(q, k, v, b, total, spans, kept=None, *, heads, key_heads):
    width = q.cols // key_heads
    assert q.cols == k.cols == key_heads * width and heads % key_heads == 0, f"{key_heads} heads"
    assert v.cols % heads == 0 and b.shape == (q.rows, heads), f"{b} of {heads} heads"
    assert total.shape == (k.rows, 2 * heads) and spans.shape == (q.rows, 4), f"{total} by {spans}"
    known = kept or v
    assert v.rows == q.rows, f"{v} beside {q}"
    assert known.shape == (k.rows, v.cols), f"{known} beside {k}"
    return known, v


def case(*of, known=0):
    """Test cases for the arrays with these names: of all tokens, or of some behind `known` rows."""
    found = []
    for t, h, g, d, e in ((9, 3, 3, 8, 4), (40, 4, 2, 16, 12), (3, 16, 16, 64, 64)):
        kinds = {"q": (t, g * d), "k": (t + known, g * d), "v": (t, h * e), "b": (t, h)}
        kinds |= {"dy": (t, h * e), "total": (t + known, 2 * h), "kept": (t + known, h * e)}
        given = [Spec(kinds[name], "signed") for name in of if name != "spans"]
        given.insert(of.index("spans"), Spec((t, 4), "laid" if known else "paths"))
        found.append((*given, dict(heads=h, key_heads=g)))
    return tuple(found)


GIVEN = "q", "k", "v", "b", "total", "spans"


@op(shape=delta_shape, kernel="delta.wgsl:delta", cases=case(*GIVEN))
def delta(q, k, v, b, total, spans, *, heads, key_heads):
    """u of each token in its own row, and y."""
    sizes = dict(heads=heads, key_heads=key_heads)
    return delta_kept.reference(q, k, v, b, total, spans, np.zeros_like(v), **sizes)


@op(
    shape=delta_shape,
    kernel="delta.wgsl:delta_kept",
    updates=(6,),
    cases=case(*GIVEN, "kept", known=30),
)
def delta_kept(q, k, v, b, total, spans, kept, *, heads, key_heads):
    """The same, continued from the u of earlier tokens in `kept`."""
    q, k = by_head(q, heads, key_heads), by_head(k, heads, key_heads)
    share, u = sigmoid(b).T[..., None], by_head(kept.copy(), heads)
    v, y = by_head(v, heads), np.zeros_like(by_head(v, heads))
    for some, own, rows, decay, earlier in walk_tiles(spans, total):
        system = products(k[:, own], k[:, rows]) * decay * earlier * share[:, some]
        here, others = inside(rows, own)
        right = share[:, some] * v[:, some] - system[..., others] @ u[:, rows[others]]
        u[:, own] = np.linalg.solve(np.eye(len(own), dtype=k.dtype) + system[..., here], right)
        scores = products(q[:, some], k[:, rows]) * decay * q.dtype.type(q.shape[-1] ** -0.5)
        y[:, some] = scores @ u[:, rows]
    return by_token(u), by_token(y)


@delta.vjp
def _(_, dy, u, y, q, k, v, b, total, spans, *, heads, key_heads):
    sizes, tokens = dict(heads=heads, key_heads=key_heads), q.spec.rows
    wide, deep = v.spec.cols // heads, q.spec.cols // key_heads
    du = delta_du(dy, q, k, b, total, spans, **sizes)
    share, rest = (OPS["exp"](OPS["log_sigmoid"](x)) for x in (b, OPS["neg"](b)))
    dv = du * OPS["spread"](share.reshape(tokens * heads, 1), times=wide).reshape(*v.shape)
    db = OPS["summed"]((du * u).reshape(tokens * heads, wide, 1)).reshape(*b.shape) * rest
    asking, asking_k = delta_asking(dy, dv, k, u, total, spans, **sizes)
    asked = delta_asked(dy, dv, q, k, total, spans, u, **sizes)

    def of_heads(x):
        rows = x.reshape(tokens * key_heads, deep)
        return OPS["spread"](rows, times=heads // key_heads).reshape(*asked.shape)

    def of_key_heads(x):
        rows = x.reshape(tokens * key_heads, heads // key_heads, deep)
        return OPS["summed"](rows).reshape(*q.shape)

    felt = of_heads(q) * asking + of_heads(k) * (asking_k + OPS["neg"](asked))
    felt = OPS["summed"](felt.reshape(tokens * heads, deep, 1)).reshape(tokens, heads)
    parts = (OPS["padded"](felt, first=first, width=2 * heads) for first in (0, heads))
    dtotal = next(parts) + next(parts)
    return of_key_heads(asking), of_key_heads(asking_k + asked), dv, db, dtotal, None


def constants(q: Spec, v: Spec, heads: int, key_heads: int) -> dict:
    key, value = q.cols // key_heads, v.cols // heads
    if key % 4 or value % 4 or max(key, value) > 256:
        raise ValueError(f"the delta kernels need heads of 4, 8, ... 256, not {key} and {value}")
    told = dict(t=v.rows, HEADS=heads, KEY_HEADS=key_heads, K4=key // 4, V4=value // 4)
    return told | dict(WG=64, SCALE=key**-0.5)


@delta.launch
def _(tier, q, k, v, b, total, spans, heads, key_heads):
    return "delta", flat(heads), constants(q, v, heads, key_heads)


@delta_kept.launch
def _(tier, q, k, v, b, total, spans, kept, heads, key_heads):
    return "delta_kept", flat(heads), constants(q, v, heads, key_heads)


@delta.cost
def _(q, k, v, b, total, spans, heads, key_heads):
    return 2 * (q.size * heads // key_heads + v.size) * k.rows  # a token sees half of the rows


@delta_kept.cost
def _(q, k, v, b, total, spans, kept, heads, key_heads):
    return 2 * (q.size * heads // key_heads + v.size) * k.rows


@op(
    shape=lambda dy, q, k, b, total, spans, **sizes: delta_shape(
        q, k, dy, b, total, spans, **sizes
    )[1],
    kernel="delta.wgsl:delta_du",
    cases=case("dy", "q", "k", "b", "total", "spans"),
)
def delta_du(dy, q, k, b, total, spans, *, heads, key_heads):
    """The gradient of u: the transposed system, solved from the last token to the first."""
    q, k = by_head(q, heads, key_heads), by_head(k, heads, key_heads)
    share, dy = sigmoid(b).T[..., None], by_head(dy, heads)
    du = np.zeros_like(dy)
    for some, own, rows, decay, earlier in walk_tiles(spans, total, backwards=True):
        scores = products(q[:, some], k[:, rows]) * decay * q.dtype.type(q.shape[-1] ** -0.5)
        du[:, rows] += scores.swapaxes(1, 2) @ dy[:, some]
        system = products(k[:, own], k[:, rows]) * decay * earlier * share[:, some]
        here, others = inside(rows, own)
        turned = system.swapaxes(1, 2)
        du[:, own] = np.linalg.solve(np.eye(len(own), dtype=k.dtype) + turned[:, here], du[:, own])
        du[:, rows[others]] -= turned[:, others] @ du[:, own]
    return by_token(du)


@delta_du.launch
def _(tier, dy, q, k, b, total, spans, heads, key_heads):
    return "delta_du", flat(heads), constants(q, dy, heads, key_heads)


@delta_du.cost
def _(dy, q, k, b, total, spans, heads, key_heads):
    return 2 * (q.size * heads // key_heads + dy.size) * k.rows


def asking_shape(dy, dv, k, u, total, spans, *, heads, key_heads):
    assert dy.shape == dv.shape == u.shape, f"{dy} {dv} {u}"
    gates = Spec((dy.rows, heads))
    delta_shape(k, k, dy, gates, total, spans, heads=heads, key_heads=key_heads)
    made = Spec((k.rows, k.cols // key_heads * heads))
    return made, made


def cotangents(dy, dv, k, u, total, spans, heads, key_heads):
    """Yield for each tile, by head, the cotangents of q k and of k k."""
    dy, dv, u = (by_head(x, heads) for x in (dy, dv, u))
    scale = k.dtype.type((k.shape[1] // key_heads) ** -0.5)
    for some, _, rows, decay, earlier in walk_tiles(spans, total):
        of_query = products(dy[:, some], u[:, rows]) * decay * scale
        yield some, rows, of_query, -products(dv[:, some], u[:, rows]) * decay * earlier


@op(
    shape=asking_shape,
    kernel="delta.wgsl:delta_asking",
    cases=case("dy", "dy", "k", "kept", "total", "spans"),
)
def delta_asking(dy, dv, k, u, total, spans, *, heads, key_heads):
    """The gradients of each head's query, and of its key in the role of a query, from y and u of
    its own token."""
    keys = by_head(k, heads, key_heads)
    dq, dk = np.zeros_like(keys), np.zeros_like(keys)
    for some, rows, *both in cotangents(dy, dv, k, u, total, spans, heads, key_heads):
        dq[:, some], dk[:, some] = (one @ keys[:, rows] for one in both)
    return by_token(dq), by_token(dk)


@delta_asking.launch
def _(tier, dy, dv, k, u, total, spans, heads, key_heads):
    return "delta_asking", (dy.rows, heads, 1), constants(k, dy, heads, key_heads)


@delta_asking.cost
def _(dy, dv, k, u, total, spans, heads, key_heads):
    return 2 * (k.size * heads // key_heads + dy.size) * k.rows


def asked_shape(dy, dv, q, k, total, spans, u, **sizes):
    assert q.shape == k.shape, f"{q} {k}"
    return asking_shape(dy, dv, k, u, total, spans, **sizes)[0]


@op(
    shape=asked_shape,
    kernel="delta.wgsl:delta_asked",
    cases=case("dy", "dy", "q", "k", "total", "spans", "kept"),
)
def delta_asked(dy, dv, q, k, total, spans, u, *, heads, key_heads):
    """The gradient of each head's key in the role of a key, from y and u of all tokens that see
    it."""
    queries, keys = by_head(q, heads, key_heads), by_head(k, heads, key_heads)
    dk = np.zeros_like(keys)
    for some, rows, of_query, of_key in cotangents(dy, dv, k, u, total, spans, heads, key_heads):
        dk[:, rows] += of_query.swapaxes(1, 2) @ queries[:, some]
        dk[:, rows] += of_key.swapaxes(1, 2) @ keys[:, some]
    return by_token(dk)


@delta_asked.launch
def _(tier, dy, dv, q, k, total, spans, u, heads, key_heads):
    return "delta_asked", flat(heads), constants(q, dy, heads, key_heads)


@delta_asked.cost
def _(dy, dv, q, k, total, spans, u, heads, key_heads):
    return 2 * (k.size * heads // key_heads + dy.size) * k.rows
