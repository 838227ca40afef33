"""Selects rows by index: token embeddings, and the few rows that carry a loss."""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat
from oneseek.engine.compiler.ops.linear import make_packed, unpack, weight_shape


@op(
    shape=lambda table, index: Spec((*index.shape, table.cols)),
    kernel="rows.wgsl:rows",
    cases=((Spec((7, 4)), Spec((5,), "i32")), (Spec((40, 576)), Spec((3,), "i32"))),
)
def rows(table, index):
    return table[index]


@rows.vjp
def _(dy, y, table, index):
    return rows_dtable(dy, index, count=table.spec.rows), None


@rows.launch
def _(tier, table, index):
    constants = dict(count=index.size, COLS=table.cols)
    return "rows", flat(index.size * table.cols, 64), constants


def dtable_shape(dy, index, *, count):
    assert dy.shape == (*index.shape, dy.cols), f"{dy} for the rows {index}"
    return Spec((count, dy.cols))


@op(
    shape=dtable_shape,
    kernel="rows.wgsl:rows_dtable",
    cases=((Spec((5, 4)), Spec((5,), "i32"), dict(count=7)),),
)
def rows_dtable(dy, index, *, count):
    """The gradient of the table: each row of dy is added to the row it was taken from; the others
    get zeros."""
    table = np.zeros((count, dy.shape[1]), dy.dtype)
    np.add.at(table, index, dy)
    return table


@rows_dtable.launch
def _(tier, dy, index, count):
    constants = dict(count=count, COLS=dy.cols, taken=index.size)
    return "rows_dtable", flat(count * dy.cols, 64), constants


def packed_rows_shape(codes, scales, index, *, bits):
    return Spec((*index.shape, weight_shape(codes, scales, bits)[1]))


@op(
    shape=packed_rows_shape,
    kernel="rows.wgsl:packed_rows",
    cases=(
        (*make_packed(7, 64, 8), Spec((5,), "i32"), dict(bits=8)),
        (*make_packed(9, 96, 4), Spec((3,), "i32"), dict(bits=4)),
    ),
)
def packed_rows(codes, scales, index, *, bits):
    return unpack(codes[index], scales[index], bits)


@packed_rows.launch
def _(tier, codes, scales, index, bits):
    cols = codes.cols * 32 // bits
    constants = dict(count=index.size, COLS=cols, BITS=bits, GROUP=cols // scales.shape[1])
    return "packed_rows", flat(index.size * codes.cols, 64), constants
