"""The form of weights in memory: packed groups of 4 or 8 bit codes, and the conversion of every
GGUF type to it.

The value of a code is code * scale + minimum, exact in float32 for all types; rows are decoded in
pieces, so the working memory is a few megabytes whatever the tensor.
"""

from dataclasses import dataclass

import numpy as np

from oneseek.engine.turns import pause

PIECE = 1 << 19  # elements decoded at once


@dataclass(frozen=True)
class Packed:
    """A quantised matrix: `codes` uint32 [out, in * bits / 32], `scales` float32 [out, in / group,
    2]."""

    codes: np.ndarray
    scales: np.ndarray
    bits: int
    group: int
    shape: tuple

    def dense(self):
        """Return the matrix as float32 [out, in]."""
        codes = self.codes.view(np.uint8)
        if self.bits == 4:
            codes = np.stack([codes & 15, codes >> 4], axis=-1)
        rows = codes.reshape(self.shape[0], -1, self.group).astype(np.float32)
        rows *= self.scales[:, :, :1]
        rows += self.scales[:, :, 1:]
        return rows.reshape(self.shape)

    def rows(self, order):
        """Return the same matrix with its rows in another order."""
        return Packed(self.codes[order], self.scales[order], self.bits, self.group, self.shape)

    def columns(self, order):
        """Return the same matrix with its columns in another order, which keeps groups whole."""
        groups = order.reshape(-1, self.group)
        if not np.array_equal(groups, groups[:, :1] + np.arange(self.group)):
            raise ValueError(f"groups of {self.group} columns would be torn apart")
        places = groups[:, 0] // self.group
        codes = self.codes.reshape(len(self.codes), len(places), -1)[:, places]
        codes = np.ascontiguousarray(codes).reshape(self.codes.shape)
        scales = np.ascontiguousarray(self.scales[:, places])
        return Packed(codes, scales, self.bits, self.group, self.shape)


def _half(columns):
    return np.ascontiguousarray(columns).view("<f2").astype(np.float32)


def _nibbles(columns):
    """Low halves of all bytes, then high halves: [n, bytes] -> [n, 2 * bytes]."""
    return np.concatenate([columns & 15, columns >> 4], axis=1)


def _q4_0(b):
    d = _half(b[:, :2])
    return _nibbles(b[:, 2:]), d, -8 * d


def _q4_1(b):
    return _nibbles(b[:, 4:]), _half(b[:, :2]), _half(b[:, 2:4])


def _q5_0(b):
    d = _half(b[:, :2])
    high = np.unpackbits(b[:, 2:6], axis=1, bitorder="little")
    return _nibbles(b[:, 6:]) | high << 4, d, -16 * d


def _q5_1(b):
    high = np.unpackbits(b[:, 4:8], axis=1, bitorder="little")
    return _nibbles(b[:, 8:]) | high << 4, _half(b[:, :2]), _half(b[:, 2:4])


def _q8_0(b):
    d = _half(b[:, :2])
    return b[:, 2:] ^ 128, d, -128 * d


def _k_scales(b):
    """Return the 8 scales and minimums of 6 bits that Q4_K and Q5_K keep in 12 bytes."""
    low, high, mixed = b[:, 4:8], b[:, 8:12], b[:, 12:16]
    scale = np.concatenate([low & 63, (mixed & 15) | (low >> 6) << 4], axis=1)
    minimum = np.concatenate([high & 63, mixed >> 4 | (high >> 6) << 4], axis=1)
    return _half(b[:, :2]) * scale, -(_half(b[:, 2:4]) * minimum)


def _k_nibbles(columns):
    """Runs of 32 bytes, each holding 32 low halves and then 32 high halves."""
    runs = columns.reshape(len(columns), 4, 1, 32)
    return np.concatenate([runs & 15, runs >> 4], axis=2).reshape(len(columns), 256)


def _q4_k(b):
    return _k_nibbles(b[:, 16:]), *_k_scales(b)


def _q5_k(b):
    bit = np.arange(8, dtype=np.uint8)[:, None]
    high = (b[:, None, 16:48] >> bit & 1).reshape(len(b), 256)
    return _k_nibbles(b[:, 48:]) | high << 4, *_k_scales(b)


def _q6_k(b):
    low = b[:, :128].reshape(-1, 2, 1, 64)
    low = np.concatenate([low & 15, low >> 4], axis=2).reshape(-1, 256)
    shift = np.array([0, 2, 4, 6], np.uint8)[:, None]
    high = (b[:, 128:192].reshape(-1, 2, 1, 32) >> shift & 3).reshape(-1, 256)
    scale = _half(b[:, 208:]) * np.ascontiguousarray(b[:, 192:208]).view(np.int8)
    return low | high << 4, scale, -32 * scale


@dataclass(frozen=True)
class Type:
    """One way a tensor is stored; `decode` turns blocks [n, bytes] into codes, scales and
    minimums."""

    name: str
    number: int
    block: int
    bytes: int
    bits: int = 0
    group: int = 0
    decode: object = None

    def nbytes(self, elements):
        return elements // self.block * self.bytes


TYPES = {
    kind.name: kind
    for kind in (
        Type("F32", 0, 1, 4),
        Type("F16", 1, 1, 2),
        Type("Q4_0", 2, 32, 18, 4, 32, _q4_0),
        Type("Q4_1", 3, 32, 20, 4, 32, _q4_1),
        Type("Q5_0", 6, 32, 22, 8, 32, _q5_0),
        Type("Q5_1", 7, 32, 24, 8, 32, _q5_1),
        Type("Q8_0", 8, 32, 34, 8, 32, _q8_0),
        Type("Q4_K", 12, 256, 144, 4, 32, _q4_k),
        Type("Q5_K", 13, 256, 176, 8, 32, _q5_k),
        Type("Q6_K", 14, 256, 210, 8, 16, _q6_k),
        Type("BF16", 30, 1, 2),
    )
}
BY_NUMBER = {kind.number: kind for kind in TYPES.values()}
OTHERS = {  # other types of GGUF, to name them in errors
    9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
    19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16",
    26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip


def read_plain(source, offset, kind, shape):
    """Read a tensor of F32 or BF16 as float32, of F16 as float16."""
    count = int(np.prod(shape))
    data = source.read(offset, kind.nbytes(count))
    if kind.name == "BF16":
        wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(shape)
    return np.frombuffer(data, "<f4" if kind.name == "F32" else "<f2").reshape(shape).copy()


def read_packed(source, offset, kind, shape):
    """Read a quantised matrix [out, in] in the canonical form, decoded a few rows at a time."""
    out, width = shape
    codes = np.empty((out, width * kind.bits // 32), np.uint32)
    scales = np.empty((out, width // kind.group, 2), np.float32)
    row = kind.nbytes(width)
    step = max(1, PIECE // width)
    for first in range(0, out, step):
        pause()
        count = min(step, out - first)
        data = source.read(offset + first * row, count * row)
        blocks = np.frombuffer(data, np.uint8).reshape(-1, kind.bytes)
        piece, scale, minimum = kind.decode(blocks)
        piece = piece.reshape(count, width)
        if kind.bits == 4:
            piece = piece[:, ::2] | piece[:, 1::2] << 4
        codes[first : first + count] = np.ascontiguousarray(piece).view("<u4")
        scales[first : first + count, :, 0] = scale.reshape(count, -1)
        scales[first : first + count, :, 1] = minimum.reshape(count, -1)
    return Packed(codes, scales, kind.bits, kind.group, tuple(shape))
