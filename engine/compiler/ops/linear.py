"""Matrix products: plain ones and those with packed (4- or 8-bit) weights.

Packed weights are groups of codes along the input axis with value = code * scale + minimum. They
are multiplied straight from the packed form in both directions; `base` is added to the result, so
residuals, summed gradients and the LoRA term need no pass of their own.
"""

import weakref

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, product_tile

DENSE_BUDGET = 6 << 30  # limit of unpacked weights kept between calls, in bytes
_dense: dict[tuple, np.ndarray] = {}


def unpack(codes, scales, bits):
    """codes u32[N, K*bits/32], scales f32[N, K/group, 2] -> f32[N, K]."""
    raw = np.ascontiguousarray(codes).view(np.uint8)
    if bits == 4:
        raw = np.stack([raw & 15, raw >> 4], -1)
    rows, groups = scales.shape[:2]
    values = raw.reshape(rows, groups, -1).astype(scales.dtype)
    values *= scales[..., :1]
    values += scales[..., 1:]
    return values.reshape(rows, -1)


def dense(codes, scales, bits):
    """`unpack`, cached as long as the codes live; this makes the native reference fast."""
    key = (id(codes), scales.dtype)
    if key not in _dense:
        values = unpack(codes, scales, bits)
        if sum(kept.nbytes for kept in _dense.values()) + values.nbytes > DENSE_BUDGET:
            return values
        weakref.finalize(codes, _dense.pop, key, None)
        _dense[key] = values
    return _dense[key]


def product_shape(a, b, base=None, ta=False, tb=False, scale=1.0):
    (m, k), (k2, n) = (a.shape[::-1] if ta else a.shape), (b.shape[::-1] if tb else b.shape)
    assert k == k2, f"inner sizes {k} and {k2} differ"
    assert base is None or base.shape == (m, n), f"base {base} is not [{m},{n}]"
    return Spec((m, n))


@op(
    shape=product_shape,
    kernel="matmul.wgsl:matmul",
    reuses=("base",),
    cases=(
        (Spec((5, 7)), Spec((7, 3))),
        (Spec((7, 5)), Spec((7, 3)), dict(ta=True, scale=0.5)),
        (Spec((5, 7)), Spec((3, 7)), dict(tb=True)),
        (Spec((33, 17)), Spec((17, 40)), Spec((33, 40)), dict(scale=2.0)),
        (Spec((48, 576)), Spec((16, 576)), dict(tb=True)),
        (Spec((48, 576)), Spec((48, 16)), dict(ta=True)),
    ),
)
def matmul(a, b, base=None, *, ta=False, tb=False, scale=1.0):
    """scale * a @ b + base; `ta` and `tb` transpose a and b."""
    y = (a.T if ta else a) @ (b.T if tb else b)
    if scale != 1.0:
        y = y * a.dtype.type(scale)
    return y if base is None else y + base


@matmul.vjp
def _(dy, y, a, b, base, *, ta=False, tb=False, scale=1.0):
    if ta:
        da = matmul(b, dy, ta=tb, tb=True, scale=scale)
    else:
        da = matmul(dy, b, tb=not tb, scale=scale)
    if tb:
        db = matmul(dy, a, ta=True, tb=ta, scale=scale)
    else:
        db = matmul(a, dy, ta=not ta, scale=scale)
    return da, db, dy


@matmul.cost
def _(a, b, base, ta=False, tb=False, scale=1.0):
    return 2 * a.size * (b.shape[0] if tb else b.shape[1])


@matmul.launch
def _(tier, a, b, base, ta=False, tb=False, scale=1.0):
    m, k = a.shape[::-1] if ta else a.shape
    n = b.shape[0] if tb else b.shape[1]
    constants = dict(m=m, N=n, k=k, RAGGED=k % 4 != 0, TA=ta, TB=tb, SCALE=scale)
    constants["BASE"] = base is not None
    if a.cols % 4 or b.cols % 4 or n % 4:
        return "matmul_any", (-(-n // 32), -(-m // 32), 1), constants
    groups, tile = product_tile(tier, m, n, k)
    return "matmul", groups, constants | tile


def weight_shape(codes, scales, bits):
    """Rows and columns of a packed weight."""
    n, k = codes.shape[0], codes.cols * 32 // bits
    groups = scales.shape[1]
    fits = scales.shape == (n, groups, 2) and k % groups == 0 and k // groups % 8 == 0
    assert fits, f"codes {codes} and scales {scales} are of different weights"
    return n, k


def packed_shape(x, codes, scales, h=None, b=None, base=None, *, bits):
    n, k = weight_shape(codes, scales, bits)
    assert x.cols == k, f"x has {x.cols} columns, the weight is [{n},{k}]"
    assert h is None or (h.shape == (x.rows, b.cols) and b.shape[0] == n), f"h {h}, b {b}"
    assert base is None or base.shape == (x.rows, n), f"base {base} is not [{x.rows},{n}]"
    return Spec((x.rows, n))


def make_packed(n, k, bits, group=32):
    return Spec((n, k * bits // 32), "u32"), Spec((n, k // group, 2))


@op(
    shape=packed_shape,
    kernel="packed_linear.wgsl:packed_linear",
    reuses=("base",),
    cases=(
        (Spec((5, 64)), *make_packed(7, 64, 4), dict(bits=4)),
        (Spec((3, 96)), *make_packed(9, 96, 8), dict(bits=8)),
        (Spec((3, 96)), *make_packed(9, 96, 8, 16), dict(bits=8)),
        (Spec((5, 64)), *make_packed(7, 64, 4), Spec((5, 3)), Spec((7, 3)), dict(bits=4)),
        (Spec((1, 64)), *make_packed(33, 64, 4), Spec((1, 16)), Spec((33, 16)), Spec((1, 33)),
         dict(bits=4)),
        (Spec((48, 576)), *make_packed(192, 576, 4), dict(bits=4)),
    ),
)  # fmt: skip
def packed_linear(x, codes, scales, h=None, b=None, base=None, *, bits):
    """x W^T + h b^T + base, with W packed and h = alpha x A^T the small side of a LoRA."""
    y = x @ dense(codes, scales, bits).T
    if h is not None:
        y += h @ b.T
    return y if base is None else y + base


@packed_linear.vjp
def _(dy, y, x, codes, scales, h, b, base, *, bits):
    dh = h and matmul(dy, b)
    db = h and matmul(dy, h, ta=True)
    return packed_linear_dx(dy, codes, scales, bits=bits), None, None, dh, db, dy


@packed_linear.cost
def _(x, codes, scales, h, b, base, bits):
    return 2 * x.size * codes.shape[0]


@packed_linear.launch
def _(tier, x, codes, scales, h, b, base, bits):
    m, k, n = x.rows, x.cols, codes.shape[0]
    constants = dict(m=m, N=n, K=k, BITS=bits, GROUP=k // scales.shape[1], BASE=base is not None)
    constants["RANK"] = h.cols if h else 0
    if m <= 4:
        lanes = 8 if tier.software else 16
        return "packed_linear_few", flat(n, 64 // lanes), constants | dict(LANES=lanes, FEW=m)
    groups, tile = product_tile(tier, m, n, k, constants["GROUP"])
    return "packed_linear", groups, constants | tile


def packed_dx_shape(dy, codes, scales, base=None, *, bits):
    n, k = weight_shape(codes, scales, bits)
    assert dy.cols == n, f"dy has {dy.cols} columns, the weight {n} rows"
    assert base is None or base.shape == (dy.rows, k), f"base {base} is not [{dy.rows},{k}]"
    return Spec((dy.rows, k))


@op(
    shape=packed_dx_shape,
    kernel="packed_linear.wgsl:packed_linear_dx",
    reuses=("base",),
    cases=(
        (Spec((5, 7)), *make_packed(7, 64, 4), dict(bits=4)),
        (Spec((3, 9)), *make_packed(9, 96, 8), Spec((3, 96)), dict(bits=8)),
        (Spec((3, 9)), *make_packed(9, 96, 8, 16), dict(bits=8)),
        (Spec((48, 192)), *make_packed(192, 576, 4), dict(bits=4)),
    ),
)
def packed_linear_dx(dy, codes, scales, base=None, *, bits):
    """dy W + base: the gradient with respect to x."""
    dx = dy @ dense(codes, scales, bits)
    return dx if base is None else dx + base


@packed_linear_dx.cost
def _(dy, codes, scales, base, bits):
    return 2 * dy.size * codes.cols * 32 // bits


@packed_linear_dx.launch
def _(tier, dy, codes, scales, base, bits):
    m, n, k = dy.rows, codes.shape[0], codes.cols * 32 // bits
    constants = dict(m=m, N=n, K=k, BITS=bits, GROUP=k // scales.shape[1], BASE=base is not None)
    groups, tile = product_tile(tier, m, k, n, least_cols=8)  # a thread has whole words of codes
    return "packed_linear_dx", groups, constants | tile


def bias_shape(x, bias):
    assert bias.shape == (x.cols,), f"the bias {bias} does not fit rows of {x.cols}"
    return x


@op(
    shape=bias_shape,
    kernel="bias.wgsl:add_bias",
    reuses=("x",),
    cases=((Spec((5, 7)), Spec((7,))),),
)
def add_bias(x, bias):
    return x + bias


@add_bias.vjp
def _(dy, y, x, bias):
    return dy, column_sums(dy)


@add_bias.launch
def _(tier, x, bias):
    return "add_bias", flat(x.size, 64), dict(rows=x.rows, COLS=x.cols)


@op(
    shape=lambda x: Spec((x.cols,)),
    kernel="bias.wgsl:column_sums",
    cases=((Spec((5, 7)),), (Spec((70, 33)),)),
)
def column_sums(x):
    return x.sum(0)


@column_sums.launch
def _(tier, x):
    return "column_sums", (-(-x.cols // 64), 1, 1), dict(rows=x.rows, COLS=x.cols)
