"""The packed product for the one to four rows of a decoding step, where reading the weights takes
all the time.

A vector of codes holds four words. In turn, the lowest fields of each word are masked in place, and
the words are shifted on. Field j of a turn becomes a float 2^(bits j) too large, so x is laid out
once in the order of the fields and divided by those powers of two, which is exact. The turns are a
loop, not unrolled: a compiler would order the unrolled code column by column, each waiting for its
own sum.
"""

from oneseek.engine.backends.wasm.emit import ints, load, op, shuffle, splat
from oneseek.engine.backends.wasm.kernels.vectors import constant, load_part, parts, total

TURN = 2  # fields
FEW = 4  # rows above which it pays to unpack a block of weights first
# The fastest sizes in bench/parts/tiles.py: COLUMNS of y at once, by the rows of x, where a row of
# W has at most SHORT bytes. Longer rows are read one after another, so that memory keeps up; with
# one row of x, GROUPS groups at a time.
COLUMNS, SHORT, GROUPS = {1: 4, 2: 4, 3: 2, 4: 2}, 512, 3


def tile_of(rows, weight):
    """Return the columns of a tile, and the groups of each that are worked on at once."""
    if weight.row[0] <= SHORT:
        return COLUMNS[rows], 1
    return 1, GROUPS if rows == 1 else 1


def transpose(f, a, b, c, d):
    """Yield the columns of four vectors as vectors."""
    low, high = f.let(shuffle(a, b, 0, 4, 1, 5)), f.let(shuffle(c, d, 0, 4, 1, 5))
    yield f.let(shuffle(low, high, 0, 1, 4, 5))
    yield f.let(shuffle(low, high, 2, 3, 6, 7))
    low, high = f.let(shuffle(a, b, 2, 6, 3, 7)), f.let(shuffle(c, d, 2, 6, 3, 7))
    yield f.let(shuffle(low, high, 0, 1, 4, 5))
    yield f.let(shuffle(low, high, 2, 3, 6, 7))


def lay_out(f, x, out, groups, vectors, bits):
    """Write every group of x in the order of the fields, followed by the sums of its values, lane
    by lane."""
    fields = 32 // bits
    x, out = f.let(x), f.let(out)
    sums = f.local("v128")
    with f.loop(0, groups):
        sums.set(constant(0.0))
        for v in range(vectors):
            for first in range(0, fields, 4):
                words = [
                    f.let(load(x, 16 * (v * fields + first // 4) + 4 * fields * lane))
                    for lane in range(4)
                ]
                for j, field in enumerate(transpose(f, *words), first):
                    sums += field
                    place = j % TURN
                    scaled = field * constant(2.0 ** (-bits * place)) if place else field
                    f.store(out, scaled, 16 * (v * fields + j))
        f.store(out, sums, 16 * vectors * fields)
        x += 4 * 4 * fields * vectors
        out += 16 * (vectors * fields + 1)


def field_masks(bits):
    """Return for each field of a turn a mask of its bits in each of the four words."""
    return [ints(((1 << bits) - 1) << bits * j) for j in range(TURN)]


def record_bytes(weight):
    """Return the bytes of a group of x after `lay_out`."""
    return 16 * (weight.advance[0] // 16 * 32 // weight.bits + 1)


def scratch_bytes(*, rows, K, weight, **_):
    return rows * (K // weight.step) * record_bytes(weight)


def multiply_groups(f, weight, masks, codes, scales, x, x_stride, sums, groups):
    """sums[r][c] += `groups` groups of row r of x, after `lay_out`, times those of row c of W."""
    record, turns = record_bytes(weight), 32 // weight.bits // TURN
    tile = [(g, c) for g in range(groups) for c in range(len(sums[0]))]
    products = [{at: f.let(constant(0.0)) for at in tile} for _ in sums]
    small = f.let(x)
    for v in range(weight.advance[0] // 16):
        words = {
            (g, c): f.let(load(codes, 16 * v + g * weight.advance[0] + c * weight.row[0]))
            for g, c in tile
        }
        with f.loop(0, turns):
            for j, mask in enumerate(masks):
                fields = {
                    at: op("f32x4.convert_i32x4_s", op("v128.and", word, mask))
                    for at, word in words.items()
                }
                if len(sums) > 1:
                    fields = {at: f.let(field) for at, field in fields.items()}
                for r, line in enumerate(products):
                    for g in range(groups):
                        of_x = f.let(load(small, 16 * j + g * record + r * x_stride))
                        for c in range(len(sums[0])):
                            f.add_product(line[g, c], fields[g, c], of_x)
            for word in words.values():
                word.set(op("i32x4.shr_u", word, weight.bits * TURN))
            small += 16 * TURN
    for r, line in enumerate(sums):
        for g in range(groups):
            total_of_x = f.let(load(small, g * record + r * x_stride))
            for c, so_far in enumerate(line):
                at = g * weight.advance[1] + c * weight.row[1]
                scale, minimum = (splat(scales, at + i) for i in (0, 4))
                so_far += products[r][g, c] * scale + minimum * total_of_x


def finish_column(f, n, sums, h, b, base, y, rank, N):
    """Column n of y: the sums, the adapter's part and the base."""
    if rank:
        row, learned = f.let(b + n * (4 * rank)), f.let(h)
        for lanes, offset in parts(rank):
            small = f.let(load_part(row, offset, lanes))
            for r, so_far in enumerate(sums):
                so_far += small * load_part(learned, offset + 4 * r * rank, lanes)
    at = f.let(n * 4)
    for r, so_far in enumerate(sums):
        more = load(base + at, 4 * r * N, "f32.load") if base else None
        f.store(y + at, total(so_far) + more if more else total(so_far), 4 * r * N)


def linear_few(f, x, codes, scales, h, b, base, y, scratch, lo, hi, *, rows, K, N, weight, rank):
    """y = x W^T + h b^T + base, columns lo..hi: a few rows of W at a time against all rows of x."""
    groups, record = K // weight.step, record_bytes(weight)
    vectors, stride = weight.advance[0] // 16, groups * record
    for r in range(rows):
        lay_out(f, x + r * 4 * K, scratch + r * stride, groups, vectors, weight.bits)
    codes, scales = f.let(codes + lo * weight.row[0]), f.let(scales + lo * weight.row[1])
    masks = [f.constant(mask) for mask in field_masks(weight.bits)]
    columns, most = tile_of(rows, weight)

    def tile(n, columns):
        at = f.let(scratch)
        sums = [[f.let(constant(0.0)) for _ in range(columns)] for _ in range(rows)]
        for together, times in ((most, groups // most), (1, groups % most)):
            if not times:
                continue
            with f.loop(0, times):
                multiply_groups(f, weight, masks, codes, scales, at, stride, sums, together)
                codes.set(codes + together * weight.advance[0])
                scales.set(scales + together * weight.advance[1])
                at += together * record
        codes.set(codes + (columns - 1) * weight.row[0])
        scales.set(scales + (columns - 1) * weight.row[1])
        for c in range(columns):
            finish_column(f, n + c, [line[c] for line in sums], h, b, base, y, rank, N)

    with f.loop(lo, hi - (columns - 1), columns) as n:
        tile(n, columns)
    if N % columns:
        with f.loop(n, hi) as n:
            tile(n, 1)
