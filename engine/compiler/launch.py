"""What the launch rules of all ops share: how threads are divided among the items of a step.

A launch rule stands beside its op. It takes the device's tier and the op's input specs (None for an
absent one), and returns (entry point, workgroup counts, constants). Constants in capitals are
`override` constants, compiled in. The others are members of the kernel's `Sizes`, read at run time:
a size that changes with the number of tokens would otherwise need a kernel for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from oneseek.engine.compiler.ir import Step

MAX_GROUPS = 65_535  # limit of one side of a dispatch
LARGE = 2048  # threads of 64 outputs each; a product with more counts as large
FULL = 16_384  # threads that fill a GPU; more make it no faster
SLICE = 64  # terms that justify a thread of their own

Groups = tuple[int, int, int]


@dataclass(frozen=True)
class Tier:
    """The device's abilities. The floor (all False) works everywhere; see tiers.py."""

    software: bool = False  # a GPU played by the CPU: no gain from many threads
    subgroups: bool = False  # threads exchange numbers without memory
    f16: bool = False  # half-precision arithmetic, used for a few rows with packed weights


def flat(count: int, size: int = 1) -> Groups:
    """Workgroup counts for `count` items, `size` in each; kernels get the index from flat_group."""
    groups = max(1, -(-count // size))
    rows = -(-groups // MAX_GROUPS)
    return -(-groups // rows), rows, 1


def launch_of(step: Step, tier: Tier) -> tuple[str, Groups, dict]:
    """The entry point, the workgroups and the constants of a step."""
    specs = [v and v.spec for v in step.ins]
    assert step.op.launch_rule, f"{step.op.name} has no kernel"
    return step.op.launch_rule(tier, *specs, **step.attrs)


def product_tile(
    tier: Tier, m: int, n: int, k: int, unit: int = 4, least_cols: int = 4
) -> tuple[Groups, dict]:
    """The workgroup counts and tile constants of an m x n product with `k` terms in multiples of
    `unit`.

    A GPU needs many threads: if the outputs are few, several threads share them, each over a slice
    of the terms.
    """
    small = not tier.software and m * n < 64 * LARGE
    rows = 4 if small or m <= 4 else 8
    cols = 4 if small and least_cols == 4 else 8
    slices = 1
    if not tier.software:
        threads = -(-m // rows) * -(-n // cols)
        while slices < 16 and threads * slices < FULL and k // (2 * slices) >= max(unit, SLICE):
            slices *= 2
    size = 64 // slices
    wide, tall = (next(w for w in (1, 2, 4, 8, 16) if w >= min(-(-size // tile), 16))
                  for size, tile in ((n, cols), (m, rows)))  # fmt: skip
    wx = min(wide, max(min(8, size), size // tall))
    wy = min(tall, size // wx)
    groups = -(-n // (cols * wx)), -(-m // (rows * wy)), 1
    shape = dict(WX=wx, WY=wy, ROWS=rows, COLS=cols, SLICES=slices, WG=wx * wy * slices)
    return groups, shape


def row_threads(tier: Tier, cols: int) -> int:
    """The threads that share one row of `cols` elements; few where a barrier costs more than the
    work."""
    if tier.software:
        return 8
    return 64 if cols < 1024 else 256


def elementwise(step: Step) -> tuple[str, Groups, dict]:
    """The launch of an op whose kernel is one expression: four elements a thread if the size allows
    it."""
    size = prod(step.outs[0].shape)
    element = "vec4f" if size % 4 == 0 else "f32"
    count = size // 4 if element == "vec4f" else size
    return element, flat(count, 64), dict(size=count)
