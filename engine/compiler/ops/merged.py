"""Ops that a GPU runs as one step for consecutive steps of a model (compiler/merge.py).

Each is defined by those steps in their order. The weights of its products are adjacent: those of q,
k and v, or of gate and up. `beside` is the gain of the norm before the product if there are few
rows; with adapters it is h, the result of all their A applied to x.
"""

from dataclasses import dataclass

import numpy as np

from oneseek.engine.compiler.ir import OPS, Spec, op
from oneseek.engine.compiler.launch import flat, product_tile
from oneseek.engine.compiler.ops.attention import cache_write, rotary
from oneseek.engine.compiler.ops.linear import (
    make_packed,
    matmul,
    packed_linear,
    weight_shape,
)
from oneseek.engine.compiler.ops.norm import rmsnorm

FEW = 4  # up to so many rows, many threads share an output
NONE = -1  # the part of a stack has no adapter


@dataclass(frozen=True)
class Sides:
    """The adapters of a stack's parts: the offsets of each A and B in their stretch of the flat
    array."""

    rows: tuple[int, ...]  # outputs of each part
    a: tuple[int, ...]
    b: tuple[int, ...]
    rank: int
    scale: float

    @property
    def count(self) -> int:
        """The columns of h."""
        return self.rank * sum(a != NONE for a in self.a)

    def parts(self):
        """Yield for each part with an adapter: its first output, its outputs, its first column of
        h, and the offsets of A and B."""
        first = column = 0
        for rows, a, b in zip(self.rows, self.a, self.b, strict=True):
            if a != NONE:
                yield first, rows, column, a, b
                column += self.rank
            first += rows

    def constants(self, of_a: bool = False, of_b: bool = False) -> dict:
        """The constants of kernels that read A, or B."""
        told: dict = dict(RANK=self.rank, SIDES=self.count)
        column = 0
        for i, (a, b) in enumerate(zip(self.a, self.b, strict=True)):
            told |= {f"HAS{i}": a != NONE, f"H{i}": column}
            told |= {f"A{i}": max(a, 0)} if of_a else {}
            told |= {f"B{i}": max(b, 0)} if of_b else {}
            column += self.rank * (a != NONE)
        if of_a:
            told |= dict(SCALE=self.scale)
        if of_b:
            told |= dict(END0=self.rows[0], END1=sum(self.rows[:2]))
        return told


def matrix(flat, at, rows, cols):
    return flat[at : at + rows * cols].reshape(rows, cols)


def sides_shape(x, gain, adapter, *, eps, sides):
    assert gain.shape == (x.cols,), f"the gain {gain} does not fit rows of {x.cols}"
    inside = all(a + sides.rank * x.cols <= adapter.size for a in sides.a)
    assert inside and x.cols % 4 == 0, f"the adapter {adapter}, rows of {x.cols}"
    return x, Spec((x.rows, sides.count))


LORA = Sides((8, 4, 4), (0, 128, 256), (384, 416, 448), 2, 2.0)
SOME = Sides((8, 4, 4), (0, NONE, 256), (512, NONE, 576), 4, 0.5)


@op(
    shape=sides_shape,
    kernel="sides.wgsl:sides",
    cases=tuple(
        (Spec((m, 64)), Spec((64,)), Spec((512,)), dict(eps=1e-5, sides=sides))
        for m, sides in ((1, LORA), (3, SOME), (9, SOME))
    ),
)
def sides(x, gain, adapter, *, eps, sides):
    """norm(x), and h: scale * norm(x) A^T of every part that has an adapter."""
    y = rmsnorm.reference(x, gain, eps=eps)
    all_a = [matrix(adapter, at, sides.rank, x.shape[1]) for _, _, _, at, _ in sides.parts()]
    return y, matmul.reference(y, np.concatenate(all_a), tb=True, scale=sides.scale)


@sides.launch
def _(tier, x, gain, adapter, eps, sides):
    lanes, few = (8 if tier.software else 16), x.rows <= FEW
    rows = min(FEW, x.rows)
    outputs = 64 // lanes if few else sides.count
    constants = dict(rows=x.rows, COLS4=x.cols // 4, EPS=eps)
    constants |= dict(LANES=lanes, ROWS=rows, OUTPUTS=outputs) | sides.constants(of_a=True)
    return "sides", (-(-x.rows // rows), -(-sides.count // outputs), 1), constants


def product(x, codes, scales, beside, adapter, bits, eps, sides):
    """The product of norm(x), or of x itself, with every part of a stack of weights."""
    if beside is not None and sides is None:
        x = rmsnorm.reference(x, beside, eps=eps)
    y = packed_linear.reference(x, codes, scales, bits=bits)
    for first, rows, column, _, at in sides.parts() if sides else ():
        b = matrix(adapter, at, rows, sides.rank)
        y[:, first : first + rows] += beside[:, column : column + sides.rank] @ b.T
    return y


def stack_shape(x, codes, scales, beside, adapter, bits, sides):
    n, k = weight_shape(codes, scales, bits)
    assert x.cols == k, f"x has {x.cols} columns, the weights {k}"
    if sides:
        assert adapter and beside and beside.shape == (x.rows, sides.count), f"h {beside}, {sides}"
        assert sum(sides.rows) == n, f"{sides} of {n} outputs"
    else:
        assert adapter is None, f"an adapter {adapter} without sides"
        assert beside is None or (beside.shape == (k,) and x.rows <= FEW), f"gain {beside}, x {x}"
    return n


def stack_constants(tier, few, x, codes, scales, beside, bits, eps, sides):
    n, k = weight_shape(codes, scales, bits)
    told = dict(m=x.rows, N=n, K=k, BITS=bits, GROUP=k // scales.shape[1])
    told |= dict(NORM=bool(beside and not sides), EPS=eps) | (
        sides.constants(of_b=True) if sides else {}
    )
    if few:
        lanes = 8 if tier.software else 16
        return flat(n, 64 // lanes), told | dict(LANES=lanes, FEW=x.rows)
    groups, tile = product_tile(tier, x.rows, n, k, told["GROUP"], least_cols=8)
    return groups, told | tile


def heads_shape(
    x, codes, scales, beside, adapter, turns, k, v, slots=None, *, bits, eps, width, sides=None
):
    n = stack_shape(x, codes, scales, beside, adapter, bits, sides)
    assert k.shape == v.shape and turns.shape == (x.rows, width), f"{k}, {v}, turns {turns}"
    assert k.cols % width == 0 and n % width == 0 and n > 2 * k.cols and width % 8 == 0, f"{width}"
    fits = k.rows == x.rows if slots is None else slots.shape == (x.rows,)
    assert fits, f"{x} into {k} at {slots}"
    return k, v, Spec((x.rows, n - 2 * k.cols))


PACKED, TURNS, CACHE = make_packed(16 * 8, 64, 4), Spec((3, 8)), Spec((9, 32))
HEADS = dict(bits=4, eps=1e-5, width=8)
THREE = Sides((64, 32, 32), (0, 256, 512), (768, 1024, 1152), 4, 2.0)
TWO = Sides((64, 32, 32), (0, NONE, 512), (768, NONE, 1152), 4, 2.0)


@op(
    shape=heads_shape,
    kernel="packed_linear.wgsl:heads",
    updates=(6, 7),
    cases=(
        (Spec((3, 64)), *PACKED, Spec((64,)), None, TURNS, CACHE, CACHE, Spec((3,), "slots"),
         HEADS),
        (Spec((3, 64)), *PACKED, Spec((3, 8)), Spec((1280,)), TURNS, CACHE, CACHE,
         Spec((3,), "slots"), HEADS | dict(sides=TWO)),
        (Spec((9, 64)), *PACKED, None, None, Spec((9, 8)), CACHE, CACHE, Spec((9,), "slots"),
         HEADS),
        (Spec((9, 64)), *PACKED, Spec((9, 12)), Spec((1280,)), Spec((9, 8)), CACHE, CACHE,
         HEADS | dict(sides=THREE)),
    ),
)  # fmt: skip
def heads(
    x, codes, scales, beside, adapter, turns, k, v, slots=None, *, bits, eps, width, sides=None
):
    """k, v and q of x: q and k rotated by the angles of their rows (cosines, then sines), k and v
    written at `slots`."""
    y = product(x, codes, scales, beside, adapter, bits, eps, sides)
    cols, rows = k.shape[1], np.arange(len(x))
    q, new_k, new_v = np.split(y, [y.shape[1] - 2 * cols, y.shape[1] - cols], -1)
    q, new_k = (rotary.reference(np.ascontiguousarray(h), rows, turns, width=width)
                for h in (q, new_k))  # fmt: skip
    where = rows if slots is None else slots
    return (*(cache_write.reference(c, new, where) for c, new in ((k, new_k), (v, new_v))), q)


@heads.launch
def _(tier, x, codes, scales, beside, adapter, turns, k, v, slots, bits, eps, width, sides=None):
    few = x.rows <= FEW
    groups, told = stack_constants(tier, few, x, codes, scales, beside, bits, eps, sides)
    told |= dict(HALF=width // 2, KV=k.cols, CACHED=slots is not None)
    return "heads_few" if few else "heads", groups, told


def gated_shape(x, codes, scales, beside, adapter, *, bits, eps, gate, keep=False, sides=None):
    n = stack_shape(x, codes, scales, beside, adapter, bits, sides)
    assert n % 8 == 0, f"{n} outputs"
    y = Spec((x.rows, n // 2))
    return (y, Spec((x.rows, n))) if keep else y


GATED = dict(bits=4, eps=1e-5, gate="swiglu")
BOTH = Sides((64, 64), (0, 256), (512, 768), 4, 2.0)


@op(
    shape=gated_shape,
    kernel="packed_linear.wgsl:gated",
    cases=(
        (Spec((1, 64)), *PACKED, Spec((64,)), None, GATED),
        (Spec((3, 64)), *PACKED, Spec((64,)), None, GATED | dict(gate="geglu")),
        (Spec((3, 64)), *PACKED, Spec((3, 8)), Spec((1024,)), GATED | dict(sides=BOTH)),
        (Spec((9, 64)), *PACKED, None, None, GATED),
        (Spec((9, 64)), *PACKED, Spec((9, 8)), Spec((1024,)), GATED | dict(sides=BOTH, keep=True)),
    ),
)
def gated(x, codes, scales, beside, adapter, *, bits, eps, gate, keep=False, sides=None):
    """The middle of an MLP; with `keep` also gate and up, side by side."""
    both = product(x, codes, scales, beside, adapter, bits, eps, sides)
    y = OPS[gate].reference(*np.split(both, 2, -1))
    return (y, both) if keep else y


@gated.launch
def _(tier, x, codes, scales, beside, adapter, bits, eps, gate, keep=False, sides=None):
    few = x.rows <= FEW and not keep
    groups, told = stack_constants(tier, few, x, codes, scales, beside, bits, eps, sides)
    told |= dict(GELU=gate == "geglu")
    return "gated" + "_few" * few + "_kept" * keep, groups, told


@heads.cost
@gated.cost
def _(x, codes, *_, **__):
    return 2 * x.size * codes.shape[0]


@sides.cost
def _(x, gain, adapter, eps, sides):
    return 2 * x.size * sides.count
