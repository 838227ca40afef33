"""The packed product for the one to four rows of a decoding step, where reading the weights is all
the work.

A vector of codes holds four words; field j of each word is masked where it stands and becomes a
float 2^(bits j) too large, so x is laid out once in the order of the fields and divided by those
powers of two, which is exact.
"""

from engine.wasm.emit import ints, load, op, shuffle, splat
from engine.wasm.vectors import constant, load_part, parts, total

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


def codes_as_floats(codes, bits):
    """Field by field: 2^(bits j) times the code, except for the topmost, which is shifted down."""
    mask = (1 << bits) - 1
    for j in range(32 // bits - 1):
        yield op("f32x4.convert_i32x4_s", op("v128.and", codes, ints(mask << bits * j)))
    yield op("f32x4.convert_i32x4_s", op("i32x4.shr_u", codes, 32 - bits))


def record_bytes(weight):
    """A group of x as it is laid out."""
    return 16 * (weight.advance[0] // 16 * 32 // weight.bits + 1)


def scratch_bytes(*, rows, K, weight, **_):
    return rows * (K // weight.step) * record_bytes(weight)


def linear_few(f, x, codes, scales, h, b, base, y, scratch, lo, hi, *, rows, K, N, weight, rank):
    """y = x W^T + h b^T + base, columns lo..hi: one row of W at a time against all rows of x."""
    groups, vectors, fields = K // weight.step, weight.advance[0] // 16, 32 // weight.bits
    record = record_bytes(weight)
    for r in range(rows):
        lay_out(f, x + r * 4 * K, scratch + r * groups * record, groups, vectors, weight.bits)
    codes, scales = f.let(codes + lo * weight.row[0]), f.let(scales + lo * weight.row[1])
    sums = [f.local("v128") for _ in range(rows)]
    products = [f.local("v128") for _ in range(rows)]
    with f.loop(lo, hi) as n:
        at = f.let(scratch)
        for s in sums:
            s.set(constant(0.0))
        with f.loop(0, groups):
            for p in products:
                p.set(constant(0.0))
            for v in range(vectors):
                words = f.let(load(codes, 16 * v))
                for j, code in enumerate(codes_as_floats(words, weight.bits)):
                    code = f.let(code)
                    for r, p in enumerate(products):
                        p += code * load(at, 16 * (v * fields + j) + r * groups * record)
            scale, minimum = f.let(splat(scales)), f.let(splat(scales, 4))
            for r, (s, p) in enumerate(zip(sums, products, strict=True)):
                s += p * scale + minimum * load(at, record - 16 + r * groups * record)
            codes += weight.advance[0]
            scales += weight.advance[1]
            at += record
        if rank:
            row, learned = f.let(b + n * (4 * rank)), f.let(h)
            for lanes, offset in parts(rank):
                small = f.let(load_part(row, offset, lanes))
                for r, s in enumerate(sums):
                    s += small * load_part(learned, offset + 4 * r * rank, lanes)
        out = f.let(n * 4)
        for r, s in enumerate(sums):
            more = load(base + out, 4 * r * N, "f32.load") if base else None
            f.store(y + out, total(s) + more if more else total(s), 4 * r * N)
