"""How a weight matrix [N, K] lies in memory, and how a group of its columns becomes floats in
registers.

A packed row is codes of 4 or 8 bits and a (scale, minimum) for every group; nothing here unpacks
more than is asked for.
"""

from oneseek.engine.backends.wasm.emit import interleave, ints, load, op, splat


class Packed:
    """Codes of 4 or 8 bits in groups of whole vectors; `step` columns make one group."""

    def __init__(self, columns, bits, group):
        self.bits, self.step = bits, group
        self.advance = (group * bits // 8, 8)
        self.row = tuple(columns // group * size for size in self.advance)

    @classmethod
    def from_sizes(cls, columns, bits, group):
        """None where a group is not a whole number of vectors."""
        whole = columns % group == 0 and group * bits % 128 == 0 and group % 16 == 0
        return cls(columns, bits, group) if whole else None

    def floats(self, f, codes, scales):
        """Yield one group as vectors of four, in the order of the columns."""
        scale, minimum = f.let(splat(scales)), f.let(splat(scales, 4))
        for sixteen in self.bytes(f, codes):
            for half in ("low", "high"):
                eight = f.let(op(f"i16x8.extend_{half}_i8x16_u", sixteen))
                for quarter in ("low", "high"):
                    four = op(f"i32x4.extend_{quarter}_i16x8_u", eight)
                    yield op("f32x4.convert_i32x4_s", four) * scale + minimum

    def bytes(self, f, codes):
        for offset in range(0, self.advance[0], 16):
            v = f.let(load(codes, offset))
            if self.bits == 8:
                yield v
                continue
            low = f.let(op("v128.and", v, f.constant(ints(0x0F0F0F0F))))
            high = f.let(op("i8x16.shr_u", v, 4))
            yield f.let(interleave(low, high, 0))
            yield f.let(interleave(low, high, 8))


def row(weight, addresses, n):
    """Return the addresses of row n in each of the arrays that make up the weight."""
    return [a + n * size for a, size in zip(addresses, weight.row, strict=True)]


def unpack_rows(f, weight, addresses, first, last, columns, out):
    """Unpack rows first..last to floats, one after the other; there is at least one."""
    at = [f.let(a) for a in row(weight, addresses, first)]
    out = f.let(out)
    with f.loop(0, (last - first) * (columns // weight.step)):
        for i, four in enumerate(weight.floats(f, *at)):
            f.store(out, four, 16 * i)
        out += 4 * weight.step
        for a, step in zip(at, weight.advance, strict=True):
            a += step


def unpack_columns(f, weight, addresses, group, first, last, out, panel_bytes):
    """Unpack one group of columns of the rows first..last to panels of eight columns:
    out[panel][row][8]."""
    starts = zip(row(weight, addresses, first), weight.advance, strict=True)
    at = [f.let(a + group * step) for a, step in starts]
    out = f.let(out)
    with f.loop(first, last):
        for i, four in enumerate(weight.floats(f, *at)):
            f.store(out, four, i // 2 * panel_bytes + i % 2 * 16)
        out += 32
        for a, step in zip(at, weight.row, strict=True):
            a += step
