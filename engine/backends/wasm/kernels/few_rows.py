"""The packed product for the one to four rows of a decoding step, where reading the weights is all
the work.

A vector of codes holds four words; field j of each word is masked where it stands and becomes a
float 2^(bits j) too large, so x is laid out once in the order of the fields and divided by those
powers of two, which is exact.
"""

from engine.backends.wasm.emit import ints, load, op, shuffle, splat
from engine.backends.wasm.kernels.vectors import constant, load_part, parts, total

COLUMNS = {1: 4, 2: 2, 3: 2, 4: 2}  # rows of x -> columns of y at a time (bench/tiles.py)
FEW = 4  # rows from which on it pays to unpack a block of weights first


def transposed(f, a, b, c, d):
    """The columns of four vectors as vectors."""
    low, high = f.let(shuffle(a, b, 0, 4, 1, 5)), f.let(shuffle(c, d, 0, 4, 1, 5))
    yield f.let(shuffle(low, high, 0, 1, 4, 5))
    yield f.let(shuffle(low, high, 2, 3, 6, 7))
    low, high = f.let(shuffle(a, b, 2, 6, 3, 7)), f.let(shuffle(c, d, 2, 6, 3, 7))
    yield f.let(shuffle(low, high, 0, 1, 4, 5))
    yield f.let(shuffle(low, high, 2, 3, 6, 7))


def lay_out(f, x, out, groups, vectors, bits):
    """Every group of x in the order of the fields, followed by the sums of its values, lane by
    lane."""
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
                for j, field in enumerate(transposed(f, *words), first):
                    sums += field
                    top = j == fields - 1
                    scaled = field if top else field * constant(2.0 ** (-bits * j))
                    f.store(out, scaled, 16 * (v * fields + j))
        f.store(out, sums, 16 * vectors * fields)
        x += 4 * 4 * fields * vectors
        out += 16 * (vectors * fields + 1)


def field_masks(bits):
    """For every field but the topmost: the bits it occupies in each of the four words."""
    return [ints(((1 << bits) - 1) << bits * j) for j in range(32 // bits - 1)]


def codes_as_floats(words, masks, bits):
    """Field by field: 2^(bits j) times the code, except for the topmost, which is shifted down."""
    for mask in masks:
        yield op("f32x4.convert_i32x4_s", op("v128.and", words, mask))
    yield op("f32x4.convert_i32x4_s", op("i32x4.shr_u", words, 32 - bits))


def record_bytes(weight):
    """A group of x as it is laid out."""
    return 16 * (weight.advance[0] // 16 * 32 // weight.bits + 1)


def scratch_bytes(*, rows, K, weight, **_):
    return rows * (K // weight.step) * record_bytes(weight)


def multiply_group(f, weight, masks, codes, scales, x, x_stride, sums):
    """sums[r][c] += a group of row r of x, as it is laid out, times that of row c of W."""
    fields, zero = 32 // weight.bits, constant(0.0)
    products = [[f.let(zero) for _ in line] for line in sums]
    for v in range(weight.advance[0] // 16):
        words = [f.let(load(codes, 16 * v + c * weight.row[0])) for c in range(len(sums[0]))]
        columns = [codes_as_floats(w, masks, weight.bits) for w in words]
        for j, field in enumerate(zip(*columns, strict=True)):
            field = [f.let(code) for code in field] if len(sums) > 1 else field
            for r, line in enumerate(products):
                small = f.let(load(x, 16 * (v * fields + j) + r * x_stride))
                for so_far, code in zip(line, field, strict=True):
                    so_far += code * small
    for r, line in enumerate(sums):
        total_of_x = f.let(load(x, record_bytes(weight) - 16 + r * x_stride))
        for c, so_far in enumerate(line):
            scale, minimum = (splat(scales, c * weight.row[1] + i) for i in (0, 4))
            so_far += products[r][c] * scale + minimum * total_of_x


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

    def tile(n, columns):
        at = f.let(scratch)
        sums = [[f.let(constant(0.0)) for _ in range(columns)] for _ in range(rows)]
        with f.loop(0, groups):
            multiply_group(f, weight, masks, codes, scales, at, stride, sums)
            codes.set(codes + weight.advance[0])
            scales.set(scales + weight.advance[1])
            at += record
        codes.set(codes + (columns - 1) * weight.row[0])
        scales.set(scales + (columns - 1) * weight.row[1])
        for c in range(columns):
            finish_column(f, n + c, [line[c] for line in sums], h, b, base, y, rank, N)

    columns = COLUMNS[rows]
    with f.loop(lo, hi - (columns - 1), columns) as n:
        tile(n, columns)
    if N % columns:
        with f.loop(n, hi) as n:
            tile(n, 1)
