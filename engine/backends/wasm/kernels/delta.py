"""The gated delta rule over the rows that tokens see, and its gradients: head by head, one token
after the other.

What a token computes for each row that it sees lies in lines of scratch: its two spans of rows one
after the other, its own row last. Nothing is kept between tokens.
"""

from dataclasses import dataclass
from functools import partial

from oneseek.engine.backends.wasm.emit import Local, load, op
from oneseek.engine.backends.wasm.kernels.attention import (
    Sizes,
    score,
    spans_of,
    spread,
    sum_weighted,
)
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    exp,
    load_part,
    quads,
    store_part,
)

ONE = [constant(1.0)]


@dataclass
class Heads:
    """How keys and values lie in memory; several value heads share one key head."""

    keys: Sizes
    values: Sizes
    apart: Sizes  # rows of keys with one head for each value head

    @property
    def tokens(self):
        return self.keys.queries

    @property
    def rows(self):
        return self.keys.keys

    @property
    def heads(self):
        return self.values.heads

    @property
    def shared(self):
        return self.heads // self.keys.heads

    @property
    def line(self):
        """Bytes of a line: one number for each row that a token sees."""
        return self.keys.scores


def sizes(q, k, v, heads, key_heads):
    if q.cols // key_heads % 4 or v.cols // heads % 4:
        return None
    key, wide = q.cols // key_heads, v.cols // heads
    return Heads(
        Sizes(v.rows, k.rows, key_heads, key_heads, key),
        Sizes(v.rows, k.rows, heads, heads, wide),
        Sizes(v.rows, k.rows, heads, heads, key),
    )


@dataclass
class Token:
    """One token of a head: its rows, and what it sees with and without itself."""

    t: Local
    head: Local  # of the values
    key_head: Local
    own: Local  # row
    seen: tuple
    earlier: tuple
    count: Local  # rows that it sees


@dataclass
class Meeting:
    """Computes one token against the rows that it sees, in lines of scratch."""

    f: object
    s: Heads
    scratch: object

    def line(self, number):
        return self.f.let(self.scratch + number * self.s.line)

    def token(self, spans, t, head):
        f = self.f
        near = spans_of(f, spans, t)
        (a0, a1), (b0, b1) = near
        own = f.let(b1 - 1)
        count = f.let((a1 - a0) + (b1 - b0))
        key_head = f.let(head // self.s.shared)
        return Token(t, head, key_head, own, near, ((a0, a1), (b0, own)), count)

    def decay(self, token, totals, line):
        """Write e^(G - G of each row) to the line."""
        f, s = self.f, self.s
        at, stride, rest = f.let(line), 8 * s.heads, 4 * s.heads
        own = f.let(totals + token.own * stride + token.head * 4)
        high, low = (f.let(load(own, offset, "f32.load")) for offset in (0, rest))
        for first, last in token.seen:
            row = f.let(totals + first * stride + token.head * 4)
            with f.loop(first, last):
                apart = high - load(row, 0, "f32.load")
                f.store(at, apart + (low - load(row, rest, "f32.load")))
                at += 4
                row += stride
        f.store(at, constant(0.0))
        self.each(token, line, lambda x: exp(f, x))

    def each(self, token, target, change, *others):
        """Apply `change` to a line and others, a vector at a time."""
        f = self.f
        with f.loop(0, f.let(token.count * 4), 16) as i:
            f.store(target + i, change(load(target + i), *(load(one + i) for one in others)))

    def scores(self, token, sides, row, rows, head, line, scale, decay):
        """Write scale (row . each of the rows) times their decay to the line."""
        score(self.f, sides, row, rows, head, token.seen, line, scale)
        self.each(token, line, lambda x, e: x * e, decay)


def sigmoid(f, x):
    """1 / (1 + e^-x), in all lanes."""
    return f.let(1.0 / (constant(1.0) + exp(f, -op("f32x4.splat", x))))


def share_of(f, s, b, token):
    return sigmoid(f, load(b + (token.t * s.heads + token.head) * 4, 0, "f32.load"))


def delta(f, q, k, v, b, totals, spans, u, y, scratch, lo, hi, *, s):
    meeting = Meeting(f, s, scratch)
    decay, line = meeting.line(0), meeting.line(1)
    with f.loop(lo, hi) as i:
        head = f.let(i // s.tokens)
        t = f.let(i - head * s.tokens)
        token = meeting.token(spans, t, head)
        result = f.let(s.values.rows(y, t, head))
        quads(f, s.values.width, lambda n, at: store_part(f, at, constant(0.0), n), result)
        with f.when(token.own >= token.seen[1][0]):
            meeting.decay(token, totals, decay)
            key = f.let(s.keys.key(k, token.own, token.key_head))
            given = (k, token.key_head, line)
            meeting.scores(token, s.keys, key, *given, 1.0, decay)
            made = f.let(s.values.key(u, token.own, head))
            sum_weighted(f, s.values, line, u, head, token.earlier, made, ONE)
            share = share_of(f, s, b, token)

            def replace(n, made, v):
                store_part(f, made, share * (load_part(v, 0, n) - load_part(made, 0, n)), n)

            quads(f, s.values.width, replace, made, s.values.rows(v, t, head))
            query = f.let(s.keys.rows(q, t, token.key_head))
            meeting.scores(token, s.keys, query, *given, s.keys.scale, decay)
            sum_weighted(f, s.values, line, u, head, token.seen, result, ONE)


def delta_kept(f, q, k, v, b, totals, spans, kept, u, y, scratch, lo, hi, *, s):
    delta(f, q, k, v, b, totals, spans, u, y, scratch, lo, hi, s=s)


def clear(f, sides, rows, target, head):
    with f.loop(0, rows) as row:
        at = f.let(sides.key(target, row, head))
        quads(f, sides.width, lambda n, at: store_part(f, at, constant(0.0), n), at)


def delta_du(f, dy, q, k, b, totals, spans, du, scratch, lo, hi, *, s):
    """Go from a head's last token to its first."""
    meeting = Meeting(f, s, scratch)
    decay, line = meeting.line(0), meeting.line(1)
    taken = meeting.line(2)
    with f.loop(lo, hi) as i:
        head = f.let(i // s.tokens)
        t = f.let((s.tokens - 1) - (i - head * s.tokens))
        with f.when(t >= s.tokens - 1):
            clear(f, s.values, s.rows, du, head)
        token = meeting.token(spans, t, head)
        with f.when(token.own >= token.seen[1][0]):
            meeting.decay(token, totals, decay)
            query, given = f.let(s.keys.rows(q, t, token.key_head)), (k, token.key_head, line)
            meeting.scores(token, s.keys, query, *given, s.keys.scale, decay)
            spread(f, s.values, line, s.values.rows(dy, t, head), du, head, token.seen, 1.0)
            key = f.let(s.keys.key(k, token.own, token.key_head))
            meeting.scores(token, s.keys, key, *given, 1.0, decay)
            share = share_of(f, s, b, token)

            def reduce(n, target, x):
                store_part(f, target, share * load_part(x, 0, n), n)

            quads(f, s.values.width, reduce, taken, s.values.key(du, token.own, head))
            spread(f, s.values, line, taken, du, head, token.earlier, -1.0)


def cotangents(meeting, token, dy, dv, u, totals):
    """The lines of the cotangents of q k and of k k; the latter is 0 for the token itself."""
    f, s = meeting.f, meeting.s
    decay, of_query, of_key = (meeting.line(n) for n in range(3))
    meeting.decay(token, totals, decay)
    for x, line, scale in ((dy, of_query, s.keys.scale), (dv, of_key, -1.0)):
        row = f.let(s.values.rows(x, token.t, token.head))
        meeting.scores(token, s.values, row, u, token.head, line, scale, decay)
    f.store(of_key + token.count * 4 - 4, 0.0)
    return of_query, of_key


def delta_asking(f, dy, dv, k, u, totals, spans, dq, dk, scratch, lo, hi, *, s):
    meeting = Meeting(f, s, scratch)
    with f.loop(lo, hi) as i:
        t = f.let(i // s.heads)
        head = f.let(i - t * s.heads)
        token = meeting.token(spans, t, head)
        both = cotangents(meeting, token, dy, dv, u, totals)
        for line, target in zip(both, (dq, dk), strict=True):
            made = s.apart.rows(target, t, head)
            sum_weighted(f, s.keys, line, k, token.key_head, token.seen, made, ONE)


def delta_asked(f, dy, dv, q, k, totals, spans, u, dk, scratch, lo, hi, *, s):
    meeting = Meeting(f, s, scratch)
    with f.loop(lo, hi) as i:
        head = f.let(i // s.tokens)
        t = f.let(i - head * s.tokens)
        with f.when(t < 1):
            clear(f, s.apart, s.rows, dk, head)
        token = meeting.token(spans, t, head)
        both = cotangents(meeting, token, dy, dv, u, totals)
        query = f.let(s.keys.rows(q, t, token.key_head))
        key = f.let(s.keys.key(k, token.own, token.key_head))
        for line, row in zip(both, (query, key), strict=True):
            spread(f, s.apart, line, row, dk, head, token.seen, 1.0)


def make_kernel(write, q, k, v, heads, key_heads, lines, more=0, per_token=False):
    """Return the kernel with `lines` lines and `more` bytes of scratch. The tokens of a head follow
    each other, or with `per_token` run in any order."""
    s = sizes(q, k, v, heads, key_heads)
    if s is None:
        return None
    work = 2.0 * (q.size * heads / key_heads + v.size) * k.rows
    chains = 0 if per_token else heads
    return Kernel(partial(write, s=s), heads * v.rows, 1, work, lines * s.line + more, chains)


@kernel("delta")
def _(q, k, v, b, total, spans, *, heads, key_heads):
    return make_kernel(delta, q, k, v, heads, key_heads, 2)


@kernel("delta_kept")
def _(q, k, v, b, total, spans, kept, *, heads, key_heads):
    return make_kernel(delta_kept, q, k, v, heads, key_heads, 2)


@kernel("delta_du")
def _(dy, q, k, b, total, spans, *, heads, key_heads):
    return make_kernel(delta_du, q, k, dy, heads, key_heads, 2, more=4 * dy.cols // heads)


@kernel("delta_asking")
def _(dy, dv, k, u, total, spans, *, heads, key_heads):
    return make_kernel(delta_asking, k, k, dy, heads, key_heads, 3, per_token=True)


@kernel("delta_asked")
def _(dy, dv, q, k, total, spans, u, *, heads, key_heads):
    return make_kernel(delta_asked, q, k, dy, heads, key_heads, 3)


def before_of(f, spans, t):
    """Return (row, the row before it or -1) of a token; row -1 where it sees nothing."""
    (a0, a1), (b0, b1) = spans_of(f, spans, t)
    row, before = f.let(b1 - 1), f.let(b1 - 2)
    with f.when(before < b0):
        before.set(a1 - 1)
        with f.when(before < a0):
            before.set(-1)
    with f.when(row < b0):
        row.set(-1)
    return row, before


def add(f, cols, target, a, b):
    """target = a + b."""

    def both(n, target, a, b):
        store_part(f, target, load_part(a, 0, n) + load_part(b, 0, n), n)

    quads(f, cols, both, target, a, b)


def copy(f, cols, target, a):
    quads(f, cols, lambda n, t, a: store_part(f, t, load_part(a, 0, n), n), target, a)


def totals(f, g, spans, made, scratch, lo, hi, *, cols):
    """Running sums, each with the rounding error that it lost."""

    def first(n, high, low, g):
        store_part(f, high, load_part(g, 0, n), n)
        store_part(f, low, constant(0.0), n)

    def add(n, high, low, g, high_before, low_before):
        a, b = f.let(load_part(high_before, 0, n)), f.let(load_part(g, 0, n))
        whole = f.let(a + b)
        added = f.let(whole - a)
        lost = f.let((a - (whole - added)) + (b - added) + load_part(low_before, 0, n))
        total = f.let(whole + lost)
        store_part(f, high, total, n)
        store_part(f, low, lost - (total - whole), n)

    with f.loop(lo, hi) as t:
        row, before = before_of(f, spans, t)
        given, high = f.let(g + t * (4 * cols)), f.let(made + row * (8 * cols))
        known = f.let(made + before * (8 * cols))
        with f.when(row >= 0):
            with f.when(before < 0):
                quads(f, cols, first, high, high + 4 * cols, given)
            with f.when(before >= 0):
                quads(f, cols, add, high, high + 4 * cols, given, known, known + 4 * cols)


def totals_kept(f, g, spans, kept, made, scratch, lo, hi, *, cols):
    totals(f, g, spans, made, scratch, lo, hi, cols=cols)


def totals_dg(f, dy, spans, dg, scratch, lo, hi, *, cols, tokens):
    with f.loop(lo, hi) as i:
        with f.when(i < 1):
            with f.loop(0, tokens) as row:
                copy(f, cols, dg + row * (4 * cols), dy + row * (8 * cols))
        row, before = before_of(f, spans, f.let((tokens - 1) - i))
        with f.when(before >= 0):
            at = f.let(dg + before * (4 * cols))
            add(f, cols, at, at, dg + row * (4 * cols))


@kernel("totals")
def _(g, spans):
    return Kernel(partial(totals, cols=g.cols), g.rows, work=2.0 * g.size, chains=1)


@kernel("totals_kept")
def _(g, spans, kept):
    return Kernel(partial(totals_kept, cols=g.cols), g.rows, work=2.0 * g.size, chains=1)


@kernel("totals_dg")
def _(dy, spans):
    write = partial(totals_dg, cols=dy.cols // 2, tokens=dy.rows)
    return Kernel(write, dy.rows, work=2.0 * dy.size, chains=1)
