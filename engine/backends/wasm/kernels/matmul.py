"""Matrix products: a tile of the result stays in registers, and what it reads repeatedly lies in a
scratch that fits the cache.

Two tiles do all of it: `dots` for rows times rows (x W^T), `outer` for rows times a panel of eight
columns. The bits of a result do not depend on the pieces it is computed in.
"""

import sys
from functools import partial

from oneseek.engine.backends.wasm.emit import load, op, splat, value
from oneseek.engine.backends.wasm.kernels.few_rows import FEW, linear_few, scratch_bytes, tile_of
from oneseek.engine.backends.wasm.kernels.kernel import Kernel, kernel
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    load_part,
    parts,
    smaller,
    store_part,
    total,
)
from oneseek.engine.backends.wasm.kernels.weights import Packed, unpack_columns, unpack_rows

# The fastest sizes in tests/bench/parts/tiles.py.
# Rows of a tile of dot products, rows of a tile against a panel, and values of k in one turn of
# its loop, a power of two: a browser keeps twelve sums in registers; wasmtime eight, for one value
# of k at a time.
DOT_ROWS, OUTER_ROWS, STEPS = (6, 6, 2) if sys.platform == "emscripten" else (2, 4, 1)
# By the rows of a tile: a single row reads more of W at once, because only memory limits it.
DOT_COLUMNS = {1: 8, 2: 4, 3: 2, 4: 2, 5: 2, 6: 2}
BLOCK, CACHED = 32, 160 << 10  # rows of W in a block at most, and their bytes
DEPTH = 1024  # rows of a panel
PANEL = 8  # columns


def row_tiles(rows, height):
    """Return (start, stop, height of the tile): as many whole tiles as fit, then the rest."""
    whole = rows - rows % height
    tiles = ((0, whole, height), (whole, rows, rows - whole))
    return [tile for tile in tiles if tile[0] < tile[1]]


def block_rows(K):
    """Return how many rows of floats stay in the cache, in whole tiles."""
    widest = max(DOT_COLUMNS.values())
    return max(1, min(BLOCK, CACHED // (4 * K)) // widest) * widest


def dots(f, rows, columns, segments):
    """Return the sums over k of x[i, k] w[j, k], as vectors still to be totalled. A segment is (x,
    its row stride, w, its row stride, length); the sums run on from one to the next."""
    sums = [[f.let(constant(0.0)) for _ in range(columns)] for _ in range(rows)]
    for x, x_stride, w, w_stride, length in segments:
        x, w = f.let(x), f.let(w)
        vectors = length // 4
        for lanes, steps, times in (
            (4, STEPS, vectors // STEPS),
            (4, 1, vectors % STEPS),
            (1, 1, length % 4),
        ):
            if not times:
                continue
            with f.loop(0, times):
                for here in range(0, 4 * lanes * steps, 4 * lanes):
                    b = [load_part(w, j * w_stride + here, lanes) for j in range(columns)]
                    if rows > 1:  # else each is used once, and would take a register from a sum
                        b = [f.let(one) for one in b]
                    for i, line in enumerate(sums):
                        a = f.let(load_part(x, i * x_stride + here, lanes))
                        for j, so_far in enumerate(line):
                            f.add_product(so_far, a, b[j])
                x += 4 * lanes * steps
                w += 4 * lanes * steps
    return sums


def outer(f, sums, depth, a, a_row, a_step, panel, panel_step=4 * PANEL):
    """sums[i][j] += a[i, k] panel[k, j] for `depth` values of k; j counts vectors of columns."""
    a, panel, depth = f.let(a), f.let(panel), f.let(value(depth))
    turns = [(0, depth, 1)]
    if STEPS > 1:
        whole = f.let(op("i32.and", depth, -STEPS))
        turns = [(0, whole, STEPS), (whole, depth, 1)]
    for start, stop, steps in turns:
        with f.loop(start, stop, steps):
            for k in range(steps):
                b = [f.let(load(panel, 16 * j + k * panel_step)) for j in range(len(sums[0]))]
                for i, line in enumerate(sums):
                    x = f.let(splat(a, i * a_row + k * a_step))
                    for j, so_far in enumerate(line):
                        f.add_product(so_far, x, b[j])
            a += steps * a_step
            panel += steps * panel_step


def put_totals(f, sums, y, base, at, row, column, scale):
    """Store y = scale sums + base, `at` bytes after the start of both; `row` and `column` are the
    bytes from one to the next."""
    for i, line in enumerate(sums):
        for j, one in enumerate(line):
            where = i * row + j * column
            result = total(one) if scale == 1.0 else total(one) * scale
            if base:
                result = result + load(base + at, where, "f32.load")
            f.store(y + at, result, where)


def rows_times_rows(
    f, x, w, y, first, last, rows, K, N, h=None, b=None, base=None, rank=0, scale=1.0
):
    """y[:, first:last] = scale x w^T + h b^T + base, where `w` is the address of row `first`."""

    def tile(m, c, rows, columns):
        segments = [(x + m * (4 * K), 4 * K, w + (c - first) * (4 * K), 4 * K, K)]
        if rank:
            segments += [(h + m * (4 * rank), 4 * rank, b + c * (4 * rank), 4 * rank, rank)]
        at = f.let(m * (4 * N) + c * 4)
        put_totals(f, dots(f, rows, columns, segments), y, base, at, 4 * N, 4, scale)

    for start, stop, height in row_tiles(rows, DOT_ROWS):
        columns = DOT_COLUMNS[height]
        with f.loop(start, stop, height) as m:
            with f.loop(first, last - (columns - 1), columns) as c:
                tile(m, c, height, columns)
            if N % columns:
                with f.loop(c, last) as c:
                    tile(m, c, height, 1)


def linear(f, x, codes, scales, h, b, base, y, scratch, lo, hi, *, rows, K, N, weight, rank):
    """y = x W^T + h b^T + base, columns lo..hi: one block of rows of W at a time is unpacked to
    floats."""
    block = block_rows(K)
    with f.loop(lo, hi, block) as n:
        last = smaller(f, n + block, hi)
        unpack_rows(f, weight, (codes, scales), n, last, K, scratch)
        rows_times_rows(f, x, scratch, y, n, last, rows, K, N, h, b, base, rank)


def linear_dx(f, dy, codes, scales, base, dx, scratch, lo, hi, *, rows, K, N, weight):
    """dx = dy W + base, groups lo..hi of its columns. DEPTH rows of a group at a time become panels
    with a sum of their own, because one sum over 49,152 terms loses two digits."""
    panel_bytes = 4 * PANEL * min(N, DEPTH)

    def tiles(column, start_from, *product):
        """Eight columns of dx = start_from + the product, given as (depth, rows of dy, panel)."""
        for start, stop, height in row_tiles(rows, OUTER_ROWS):
            with f.loop(start, stop, height) as m:
                at = f.let(m * (4 * K) + column * 4)
                places = [[4 * i * K + 16 * j for j in range(2)] for i in range(height)]
                sums = [[f.let(constant(0.0)) for _ in line] for line in places]
                if product:
                    depth, left, panel = product
                    outer(f, sums, depth, left + m * (4 * N), 4 * N, 4, panel)
                for line, results in zip(places, sums, strict=True):
                    for place, result in zip(line, results, strict=True):
                        before = load(start_from + at, place) if start_from else None
                        f.store(dx + at, before + result if before else result, place)

    with f.loop(lo, hi) as group:
        columns = [f.let(group * weight.step + PANEL * p) for p in range(weight.step // PANEL)]
        for column in columns:
            tiles(column, base)
        with f.loop(0, N, DEPTH) as n:
            last = smaller(f, n + DEPTH, value(N))
            unpack_columns(f, weight, (codes, scales), group, n, last, scratch, panel_bytes)
            for p, column in enumerate(columns):
                tiles(column, dx, last - n, dy + n * 4, scratch + p * panel_bytes)


def rows_times_columns(f, a, b, base, y, scratch, lo, hi, *, M, N, K, transposed, scale):
    """y = scale a b + base with a[M, K], or a[K, M] read transposed: columns lo..hi, panel by
    panel, each packed first."""
    a_row, a_step = (4, 4 * M) if transposed else (4 * K, 4)

    def columns(n, width):
        pack_panel(f, b + n * 4, K, N, width, scratch)
        for start, stop, height in row_tiles(M, OUTER_ROWS):
            with f.loop(start, stop, height) as m:
                vectors = -(-width // 4)
                sums = [[f.let(constant(0.0)) for _ in range(vectors)] for _ in range(height)]
                outer(f, sums, K, a + m * a_row, a_row, a_step, scratch)
                at = f.let(m * (4 * N) + n * 4)
                for i, line in enumerate(sums):
                    for lanes, offset in parts(width):
                        where, result = 4 * i * N + offset, line[offset // 16]
                        if scale != 1.0:
                            result = result * constant(scale)
                        if lanes == 1:
                            result = result.lane(offset // 4 % 4)
                        if base:
                            kind = "v128.load" if lanes == 4 else "f32.load"
                            result = result + load(base + at, where, kind)
                        f.store(y + at, result, where)

    whole = N - N % PANEL
    with f.loop(lo, smaller(f, hi, value(whole)), PANEL) as n:
        columns(n, PANEL)
    if N % PANEL:
        with f.when(hi > whole):
            columns(f.let(value(whole)), N % PANEL)


def pack_panel(f, source, rows, cols, width, panel):
    """Copy the first `width` columns of `rows` rows into a panel, as `outer` reads it."""
    source, panel = f.let(source), f.let(panel)
    with f.loop(0, rows):
        for lanes, offset in parts(width):
            store_part(f, panel, load_part(source, offset, lanes), lanes, offset)
        source += 4 * cols
        panel += 4 * PANEL


def plain(f, a, b, base, y, scratch, lo, hi, *, M, N, K, scale):
    """y = scale a b^T + base, columns lo..hi; both are read in place."""
    block, rest = block_rows(K), lo
    if M == 1:
        with f.loop(lo, hi - (block - 1), block) as rest:
            stretches(f, a, b, base, y, rest, block, K, scale)
    with f.loop(rest, hi, block) as n:
        last = smaller(f, n + block, hi)
        w = f.let(b + n * (4 * K))
        rows_times_rows(f, a, w, y, n, last, M, K, N, base=base, scale=scale)


def stretches(f, x, w, base, y, first, rows, K, scale):
    """y = scale x w^T + base for one row of x and `rows` rows of w. Each row is read once, so
    memory limits the speed, and it is fast where it is read in sequence: the columns of a tile are
    as far apart as possible, and each goes on with the row that follows."""
    columns = DOT_COLUMNS[1]
    apart = rows // columns
    with f.loop(0, apart) as c:
        c = f.let(first + c)
        sums = dots(f, 1, columns, [(x, 0, w + c * (4 * K), apart * 4 * K, K)])
        put_totals(f, sums, y, base, f.let(c * 4), 0, 4 * apart, scale)


@kernel("matmul")
def _(a, b, base, *, ta=False, tb=False, scale=1.0):
    (M, K), N = (a.shape[::-1] if ta else a.shape), b.shape[0 if tb else 1]
    if ta and tb or not a.dtype == b.dtype == "f32":
        return None
    sizes = dict(M=M, N=N, K=K, scale=scale)
    if tb:
        return Kernel(partial(plain, **sizes), N, block_rows(K), 2.0 * M * N * K)
    write = partial(rows_times_columns, transposed=ta, **sizes)
    return Kernel(write, N, PANEL, 2.0 * M * N * K, 4 * PANEL * K)


@kernel("packed_linear")
def _(x, codes, scales, h, b, base, *, bits):
    (N, groups, _), K = scales.shape, x.cols
    weight = Packed.from_sizes(K, bits, K // groups)
    sizes = dict(rows=x.rows, K=K, N=N, weight=weight, rank=h.cols if h else 0)
    work = 2.0 * x.rows * N * K
    if weight is None:
        return None
    if x.rows <= FEW:
        # unpacking costs about as much as three rows of products
        write, unit = partial(linear_few, **sizes), tile_of(x.rows, weight)[0]
        return Kernel(write, N, unit, work + 6.0 * N * K, scratch_bytes(**sizes))
    block = block_rows(K)
    return Kernel(partial(linear, **sizes), N, block, work, 4 * block * K)


@kernel("packed_linear_dx")
def _(dy, codes, scales, base, *, bits):
    (N, groups, _), K = scales.shape, codes.cols * 32 // bits
    weight = Packed.from_sizes(K, bits, K // groups)
    if weight is None:
        return None
    write = partial(linear_dx, rows=dy.rows, K=K, N=N, weight=weight)
    return Kernel(write, groups, 1, 2.0 * dy.rows * N * K, 4 * weight.step * min(N, DEPTH))
