"""The backward ops of merged.py, each defined by its parts."""

import numpy as np

from oneseek.engine.compiler.ir import OPS, Spec, op
from oneseek.engine.compiler.launch import FULL, flat, product_tile
from oneseek.engine.compiler.ops.attention import rotary
from oneseek.engine.compiler.ops.linear import matmul, packed_linear_dx, weight_shape
from oneseek.engine.compiler.ops.merged import LORA, PACKED, SOME, THREE, TWO, matrix


def halves_shape(both, *, gate):
    assert both.cols % 8 == 0, f"{both} has no two halves"
    return Spec((both.rows, both.cols // 2))


@op(
    shape=halves_shape,
    kernel="stack_gradient.wgsl:gate_again",
    cases=tuple((Spec((3, 16)), dict(gate=gate)) for gate in ("swiglu", "geglu")),
)
def gate_again(both, *, gate):
    """The result of `gated`, computed again from the gate and up that it kept."""
    return OPS[gate].reference(*np.split(both, 2, -1))


@gate_again.launch
def _(tier, both, gate):
    constants = dict(rows=both.rows, HALF=both.cols // 2, GELU=gate == "geglu")
    return "gate_again", flat(both.size // 2, 64), constants


def gated_back_shape(dy, both, *, gate):
    assert halves_shape(both, gate=gate) == dy, f"dy {dy}, both {both}"
    return both


@op(
    shape=gated_back_shape,
    kernel="stack_gradient.wgsl:gated_back",
    cases=tuple((Spec((3, 8)), Spec((3, 16)), dict(gate=gate)) for gate in ("swiglu", "geglu")),
)
def gated_back(dy, both, *, gate):
    """The gradients of gate and up, side by side."""
    gates, ups = np.split(both, 2, -1)
    of_gate = OPS[f"{gate}_dgate"].reference(dy, gates, ups)
    return np.concatenate([of_gate, OPS[f"{gate}_dup"].reference(dy, gates)], -1)


@gated_back.launch
def _(tier, dy, both, gate):
    constants = dict(rows=dy.rows, HALF=dy.cols, GELU=gate == "geglu")
    return "gated_back", flat(dy.size, 64), constants


def heads_back_shape(dq, dk, dv, turns, *, width):
    assert dk.shape == dv.shape and turns.shape == (dq.rows, width), f"{dk}, {dv}, turns {turns}"
    assert dq.rows == dk.rows and dq.cols % width == dk.cols % width == 0, f"{dq}, {dk}"
    return Spec((dq.rows, dq.cols + 2 * dk.cols))


@op(
    shape=heads_back_shape,
    kernel="stack_gradient.wgsl:heads_back",
    cases=((Spec((3, 16)), Spec((3, 8)), Spec((3, 8)), Spec((3, 8)), dict(width=8)),),
)
def heads_back(dq, dk, dv, turns, *, width):
    """The gradients of q, k and v side by side, those of q and k rotated back."""
    rows = np.arange(len(dq))
    back = [rotary.reference(d, rows, turns, width=width, inverse=True) for d in (dq, dk)]
    return np.concatenate([*back, dv], -1)


@heads_back.launch
def _(tier, dq, dk, dv, turns, width):
    constants = dict(rows=dq.rows, HALF=width // 2, Q=dq.cols, KV=dk.cols)
    return "heads_back", flat(dq.rows * (dq.cols + 2 * dk.cols) // 2, 64), constants


def sides_dh_shape(d, adapter, *, sides):
    assert sum(sides.rows) == d.cols, f"{d} of {sides}"
    return Spec((d.rows, sides.count))


@op(
    shape=sides_dh_shape,
    kernel="sides.wgsl:sides_dh",
    cases=(
        (Spec((9, 16)), Spec((640,)), dict(sides=SOME)),
        (Spec((3, 16)), Spec((512,)), dict(sides=LORA)),
    ),
)
def sides_dh(d, adapter, *, sides):
    """The gradient of h without its scale: d B for every part with an adapter."""
    return np.concatenate(
        [d[:, first : first + rows] @ matrix(adapter, at, rows, sides.rank)
         for first, rows, _, _, at in sides.parts()], -1
    )  # fmt: skip


@sides_dh.launch
def _(tier, d, adapter, sides):
    constants = dict(rows=d.rows, N=d.cols, LANES=8 if tier.software else 16, ROWS=4)
    groups = (-(-d.rows // 4), -(-sides.count // (64 // constants["LANES"])), 1)
    constants |= sides.constants(of_b=True) | dict(OUTPUTS=64 // constants["LANES"])
    return "sides_dh", groups, constants


def sides_dw_shape(d, dh, x, h, total, *, sides):
    assert d.rows == dh.rows == x.rows == h.rows and sum(sides.rows) == d.cols, f"{d}, {x}"
    assert dh.cols == h.cols == sides.count and x.cols % 4 == d.cols % 4 == 0, f"{dh}, {h}"
    inside = all(a + sides.rank * x.cols <= total.size for a in sides.a)
    assert inside and all(rows % 4 == 0 for rows in sides.rows), f"{total} for {sides}"
    return total


@op(
    shape=sides_dw_shape,
    kernel="sides.wgsl:sides_dw",
    updates=(4,),
    cases=tuple(
        (Spec((t, 16)), Spec((t, s.count)), Spec((t, 64)), Spec((t, s.count)), Spec((640,)),
         dict(sides=s))
        for t, s in ((9, SOME), (70, LORA))
    ),
)  # fmt: skip
def sides_dw(d, dh, x, h, total, *, sides):
    """The gradients of A and B of every part, written at their places in `total`."""
    total = total.copy()
    for first, rows, column, a, b in sides.parts():
        here = slice(column, column + sides.rank)
        of_a = matmul.reference(dh[:, here], x, ta=True, scale=sides.scale)
        of_b = matmul.reference(d[:, first : first + rows], h[:, here], ta=True)
        total[a : a + of_a.size] = of_a.reshape(-1)
        total[b : b + of_b.size] = of_b.reshape(-1)
    return total


@sides_dw.launch
def _(tier, d, dh, x, h, total, sides):
    fours = -(-sides.rank // 4)
    blocks = sum((x.cols + rows) // 4 for _, rows, _, _, _ in sides.parts()) * fours
    slices = 1
    while not tier.software and slices < 16 and blocks * slices < FULL and d.rows >= 32 * slices:
        slices *= 2
    constants = dict(rows=d.rows, N=d.cols, COLS4=x.cols // 4, FOURS=fours, SLICES=slices)
    constants |= sides.constants(of_a=True, of_b=True) | dict(WG=64)
    last = sum(sides.rows)
    ends = [sum(sides.rows[: i + 1]) for i in range(len(sides.rows))] + [last] * 3
    constants |= {f"END{i}": ends[i] for i in range(3)}
    return "sides_dw", flat(blocks, 64 // slices), constants


def stack_dx_shape(d, codes, scales, dh, adapter, *, bits, sides):
    n, k = weight_shape(codes, scales, bits)
    assert d.cols == n == sum(sides.rows), f"d has {d.cols} columns, the weights {n} rows"
    assert dh.shape == (d.rows, sides.count) and adapter, f"dh {dh}"
    return Spec((d.rows, k))


@op(
    shape=stack_dx_shape,
    kernel="packed_linear.wgsl:stack_dx",
    cases=(
        (Spec((9, 128)), *PACKED, Spec((9, 12)), Spec((1280,)), dict(bits=4, sides=THREE)),
        (Spec((3, 128)), *PACKED, Spec((3, 8)), Spec((1280,)), dict(bits=4, sides=TWO)),
    ),
)
def stack_dx(d, codes, scales, dh, adapter, *, bits, sides):
    """The gradient of x: d W + scale * dh A."""
    all_a = [matrix(adapter, at, sides.rank, codes.shape[1] * 32 // bits)
             for _, _, _, at, _ in sides.parts()]  # fmt: skip
    dx = packed_linear_dx.reference(d, codes, scales, bits=bits)
    return matmul.reference(dh, np.concatenate(all_a), dx, scale=sides.scale)


@stack_dx.launch
def _(tier, d, codes, scales, dh, adapter, bits, sides):
    m, n, k = d.rows, codes.shape[0], codes.cols * 32 // bits
    told = dict(m=m, N=n, K=k, BITS=bits, GROUP=k // scales.shape[1])
    groups, tile = product_tile(tier, m, k, n, least_cols=8)
    return "stack_dx", groups, told | sides.constants(of_a=True) | tile


@stack_dx.cost
def _(d, codes, scales, dh, adapter, bits, sides):
    return 2 * d.size * codes.cols * 32 // bits


@sides_dw.cost
def _(d, dh, x, h, total, sides):
    return 2 * d.rows * sides.rank * (d.cols + x.cols * len(sides.rows))


@sides_dh.cost
def _(d, adapter, sides):
    return 2 * d.size * sides.rank
