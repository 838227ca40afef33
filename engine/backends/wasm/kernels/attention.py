"""Grouped-query attention and its gradients: the query heads that share a key/value head are the
rows of every tile.

The scores of one query lie in a scratch, its two spans of keys one after the other; nothing is
kept between queries.
"""

from dataclasses import dataclass
from functools import partial

from oneseek.engine.backends.wasm.emit import load, op, splat
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.matmul import dots, outer, row_tiles
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    exp,
    largest,
    load_part,
    log,
    parts,
    total,
)

NOTHING = -1e30  # the score of an absent key
HEADS = 5  # heads of a group in a tile


@dataclass
class Sizes:
    queries: int
    keys: int
    heads: int
    kv_heads: int
    width: int  # of a head

    @property
    def group(self):
        return self.heads // self.kv_heads

    @property
    def scale(self):
        return self.width**-0.5

    @property
    def scores(self):
        """Bytes of one head's scores, with space for a vector after the last key."""
        return 16 * (-(-self.keys // 4) + 1)

    def rows(self, x, t, head):
        """The group's rows of query t in an array [T, heads * width]."""
        return x + t * (4 * self.heads * self.width) + head * (4 * self.group * self.width)

    def key(self, x, i, head):
        return x + i * self.stride + head * (4 * self.width)

    @property
    def stride(self):
        return 4 * self.kv_heads * self.width


def spans_of(f, spans, t):
    a0, a1, b0, b1 = (f.let(load(spans + t * 16, 4 * i, "i32.load")) for i in range(4))
    return (a0, a1), (b0, b1)


def score(f, s, rows, keys, head, spans, scores, scale):
    """Store scores[g][i] = scale rows[g] . keys[i]; return where the scores of the first head
    end."""
    at, stride, columns = f.let(scores), 4 * s.width, 4 if s.group == 1 else 2

    def tile(columns):
        for start, stop, height in row_tiles(s.group, HEADS):
            for first in range(start, stop, height):
                left = rows + first * stride
                sums = dots(f, height, columns, [(left, stride, key, s.stride, s.width)])
                for i, line in enumerate(sums, first):
                    for j, products in enumerate(line):
                        f.store(at, total(products) * scale, i * s.scores + 4 * j)
        key.set(key + columns * s.stride)
        at.set(at + 4 * columns)

    for first, last in spans:
        key = f.let(s.key(keys, first, head))
        with f.loop(first, last - (columns - 1), columns) as i:
            tile(columns)
        with f.loop(i, last):
            tile(1)
    return at


def softmax(f, scores, end):
    """Replace scores by e^(score - top), with zeros up to a whole vector; return top and the
    sum."""
    f.store(end, constant(NOTHING))
    top, so_far = f.let(constant(NOTHING)), f.let(constant(0.0))
    length = f.let(end - scores)
    with f.loop(0, length, 16) as i:
        top.set(op("f32x4.max", top, load(scores + i)))
    top.set(op("f32x4.splat", largest(top)))
    with f.loop(0, length, 16) as i:
        e = f.let(exp(f, load(scores + i) - top))
        so_far += e
        f.store(scores + i, e)
    return top, f.let(total(so_far))


def sum_weighted(f, s, scores, values, head, spans, out, factors):
    """out[g] = factors[g] * the sum over i of scores[g][i] values[i]."""
    for start, stop, height in row_tiles(s.group, HEADS):
        vectors = next(n for n in (8, 4, 2, 1) if n * height <= 8 and s.width % (4 * n) == 0)
        for first in range(start, stop, height):
            with f.loop(0, 4 * s.width, 16 * vectors) as d:
                at = f.let(scores + first * s.scores)
                sums = [[f.let(constant(0.0)) for _ in range(vectors)] for _ in range(height)]
                for begin, end in spans:
                    panel = s.key(values, begin, head) + d
                    outer(f, sums, end - begin, at, s.scores, 4, panel, s.stride)
                    at += (end - begin) * 4
                for i, line in enumerate(sums, first):
                    for j, vector in enumerate(line):
                        f.store(out + d, vector * factors[i], 4 * i * s.width + 16 * j)


def spread(f, s, scores, rows, target, head, spans, scale):
    """target[i] += the sum over g of scores[g][i] scale rows[g]."""
    for start, stop, height in row_tiles(s.group, HEADS):
        vectors = next(n for n in (4, 2, 1) if n * height <= 12 and s.width % (4 * n) == 0)
        for first in range(start, stop, height):
            with f.loop(0, 4 * s.width, 16 * vectors) as d:
                x = [
                    [
                        f.let(load(rows + d, 4 * i * s.width + 16 * j) * constant(scale))
                        for j in range(vectors)
                    ]
                    for i in range(first, first + height)
                ]
                at = f.let(scores + first * s.scores)
                for begin, end in spans:
                    row = f.let(s.key(target, begin, head) + d)
                    with f.loop(begin, end):
                        sums = [f.let(load(row, 16 * j)) for j in range(vectors)]
                        for i, line in enumerate(x):
                            share = f.let(splat(at, i * s.scores))
                            for so_far, vector in zip(sums, line, strict=True):
                                f.add_product(so_far, share, vector)
                        for j, vector in enumerate(sums):
                            f.store(row, vector, 16 * j)
                        at += 4
                        row += s.stride


def attention(f, q, k, v, spans, out, logsum, scratch, lo, hi, *, s):
    """The extent is queries * kv heads, so that several threads can work on a single query."""
    with f.loop(lo, hi) as i:
        t = f.let(i // s.kv_heads)
        head = f.let(i - t * s.kv_heads)
        seen = spans_of(f, spans, t)
        rows = f.let(s.rows(q, t, head))
        end = score(f, s, rows, k, head, seen, scratch, s.scale)
        logs, factors = f.let(logsum + t * (4 * s.heads) + head * (4 * s.group)), []
        for g in range(s.group):
            line = g * s.scores
            top, denominator = softmax(f, f.let(scratch + line), f.let(end + line))
            safe = f.let(op("f32.max", denominator, 1e-30))
            factors.append(f.let(op("f32x4.splat", 1.0 / safe)))
            f.store(logs, 0.0, 4 * g)
            with f.when(denominator > 0.0):
                f.store(logs, (top + log(f, op("f32x4.splat", safe))).lane(0), 4 * g)
        sum_weighted(f, s, scratch, v, head, seen, s.rows(out, t, head), factors)


def backward_scores(f, s, dy, y, logsum, q, k, v, seen, t, head, scratch, keep_weights):
    """Write the cotangents of the scores to the second half of scratch and return their address;
    the first half holds the scores, or with `keep_weights` the softmax weights."""
    cotangents = f.let(scratch + s.group * s.scores)
    end = score(f, s, f.let(s.rows(q, t, head)), k, head, seen, scratch, s.scale)
    score(f, s, f.let(s.rows(dy, t, head)), v, head, seen, cotangents, 1.0)
    logs = f.let(logsum + t * (4 * s.heads) + head * (4 * s.group))
    given, made = f.let(s.rows(dy, t, head)), f.let(s.rows(y, t, head))
    for g in range(s.group):
        products = f.let(constant(0.0))
        for lanes, offset in parts(s.width):
            offset += 4 * g * s.width
            products += load_part(given, offset, lanes) * load_part(made, offset, lanes)
        delta = f.let(op("f32x4.splat", total(products)))
        logsum_g = f.let(splat(logs, 4 * g))
        weights, at = f.let(scratch + g * s.scores), f.let(cotangents + g * s.scores)
        with f.loop(0, f.let(end - scratch), 16) as i:
            p = f.let(exp(f, load(weights + i) - logsum_g))
            f.store(at + i, p * (load(at + i) - delta))
            if keep_weights:
                f.store(weights + i, p)
    return cotangents


def attention_dq(f, dy, y, logsum, q, k, v, spans, dq, scratch, lo, hi, *, s):
    with f.loop(lo, hi) as t:
        seen = spans_of(f, spans, t)
        with f.loop(0, s.kv_heads) as head:
            given = (dy, y, logsum, q, k, v, seen, t, head, scratch)
            cotangents = backward_scores(f, s, *given, keep_weights=False)
            scales = [constant(s.scale)] * s.group
            sum_weighted(f, s, cotangents, k, head, seen, s.rows(dq, t, head), scales)


def attention_dkv(f, dy, y, logsum, q, k, v, spans, dk, dv, scratch, lo, hi, *, s):
    """The extent is kv heads * queries: a head's queries add to its keys one after the other."""
    with f.loop(lo, hi) as i:
        head = f.let(i // s.queries)
        t = f.let(i - head * s.queries)
        with f.when(t < 1):
            for target in (dk, dv):
                with f.loop(0, s.keys) as key:
                    for offset in range(0, 4 * s.width, 16):
                        f.store(s.key(target, key, head), constant(0.0), offset)
        seen = spans_of(f, spans, t)
        given = (dy, y, logsum, q, k, v, seen, t, head, scratch)
        cotangents = backward_scores(f, s, *given, keep_weights=True)
        spread(f, s, scratch, s.rows(dy, t, head), dv, head, seen, 1.0)
        spread(f, s, cotangents, s.rows(q, t, head), dk, head, seen, s.scale)


def make_kernel(write, q, k, heads, kv_heads, products, buffers=2, per_head=False, chains=0):
    """`products` is how many matrix products of queries and keys the kernel amounts to."""
    s = Sizes(q.rows, k.rows, heads, kv_heads, q.cols // heads)
    if s.width % 4:
        return None
    extent = s.queries * s.kv_heads if per_head else s.queries
    work = 2.0 * products * s.queries * s.keys * q.cols
    return Kernel(partial(write, s=s), extent, 1, work, buffers * s.group * s.scores, chains)


@kernel("attention")
def _(q, k, v, spans, *, heads, kv_heads):
    return make_kernel(attention, q, k, heads, kv_heads, products=2, buffers=1, per_head=True)


@kernel("attention_dq")
def _(dy, y, logsum, q, k, v, spans, *, heads, kv_heads):
    return make_kernel(attention_dq, q, k, heads, kv_heads, products=3)


@kernel("attention_dkv")
def _(dy, y, logsum, q, k, v, spans, *, heads, kv_heads):
    more = dict(products=4, per_head=True, chains=kv_heads)
    return make_kernel(attention_dkv, q, k, heads, kv_heads, **more)
