"""Helpers of the kernels: sums over a vector's lanes, exp and log, and the loops that walk a row
four floats at a time.

The polynomials are those of the Cephes library, good to about one unit in the last place; every
operation is IEEE exact and in a fixed order, so the bits are the same on every machine.
"""

from oneseek.engine.backends.wasm.emit import ints, load, op, value

LOG2E, LN2_HIGH, LN2_LOW = 1.44269504088896341, 0.693359375, -2.12194440e-4
EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)


def constant(x):
    return value(x, "v128")


def total(v):
    """The sum of a vector's four lanes, always in the same order."""
    return (v.lane(0) + v.lane(1)) + (v.lane(2) + v.lane(3))


def largest(v):
    return op("f32.max", op("f32.max", v.lane(0), v.lane(1)), op("f32.max", v.lane(2), v.lane(3)))


def polynomial(f, x, coefficients):
    result = f.let(f.constant(constant(coefficients[0])))
    for c in coefficients[1:]:
        result.set(result * x + f.constant(constant(c)))
    return result


def exp(f, x):
    """e^x: x = n ln 2 + r, a polynomial in r, and n added to the exponent; 0 below the smallest
    normal number."""

    def c(number):
        return f.constant(constant(number))

    x = f.let(op("f32x4.min", x, c(88.3)))
    n = f.let(op("f32x4.nearest", x * c(LOG2E)))
    r = f.let(x - n * c(LN2_HIGH) - n * c(LN2_LOW))
    near = polynomial(f, r, EXP) * (r * r) + r + c(1.0)
    power = op("i32x4.shl", op("i32x4.trunc_sat_f32x4_s", n), 23)
    return op("v128.andnot", op("i32x4.add", near, power), op("f32x4.lt", x, c(-87.3)))


def log(f, x):
    """ln x for a normal x > 0: x = m 2^e with m in [sqrt(1/2), sqrt 2), a polynomial in m - 1, and
    e ln 2."""
    half = f.let(op("i32x4.sub", x, ints(0x3F3504F3)))  # the bits of sqrt(1/2)
    e = f.let(op("f32x4.convert_i32x4_s", op("i32x4.shr_s", half, 23)))
    m = op("i32x4.add", op("v128.and", half, ints(0x007FFFFF)), ints(0x3F3504F3))
    m = f.let(m - constant(1.0))
    square = f.let(m * m)
    tail = polynomial(f, m, LOG) * m * square + e * constant(LN2_LOW) - square * constant(0.5)
    return m + tail + e * constant(LN2_HIGH)


def quads(f, length, body, *addresses):
    """Call `body(lanes, *at)` for four floats at a time, then for the one to three left over, one
    by one."""
    at = [f.let(a) for a in addresses]
    if length >= 4:
        with f.loop(0, length - length % 4, 4):
            body(4, *at)
            for a in at:
                a += 16
    for _ in range(length % 4):
        body(1, *at)
        for a in at:
            a += 4


def store_part(f, address, x, lanes, offset=0):
    """Store a whole vector, or only its first lane."""
    if lanes == 4:
        f.store(address, x, offset)
    else:
        f.store_lane(address, x, 0, offset)


def load_part(address, offset, lanes):
    """Load four floats, or the single one left at the end of a row with zeros beside it."""
    return load(address, offset, "v128.load" if lanes == 4 else "v128.load32_zero")


def parts(length):
    """(lanes, byte offset) of a row: whole vectors, then single floats."""
    whole = length - length % 4
    return [(4, 4 * i) for i in range(0, whole, 4)] + [(1, 4 * i) for i in range(whole, length)]


def smaller(f, a, b):
    least = f.let(a)
    with f.when(least > b):
        least.set(b)
    return least


def each(f, lo, hi, size, body, *arrays):
    """Like `quads` for the elements lo..hi of flat arrays of `size`; lo, and hi unless it is the
    end, are whole vectors."""
    whole = size - size % 4
    at = [f.let(a + lo * 4) for a in arrays]
    with f.loop(lo, smaller(f, hi, value(whole)), 4):
        body(4, *at)
        for a in at:
            a += 16
    if size % 4:
        with f.when(hi > whole):
            for i in range(size % 4):
                body(1, *(a + 4 * i for a in at))
