"""How each op is launched on a GPU: which entry point, how many workgroups, which constants.

A rule gets the tier of the device and the op's input specs (None for an absent one) and returns
(entry point, workgroup counts, `override` constants). Everything here is WebGPU only.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import engine.compiler.ops  # noqa: F401  every op registers itself before its rule is given
from engine.compiler.ir import OPS, Spec, Step

MAX_GROUPS = 65_535  # along one side of a dispatch


@dataclass(frozen=True)
class Tier:
    """What the device is good at. The floor (all False) works everywhere; see tiers.py."""

    software: bool = False  # a GPU played by the CPU: no gain from many threads
    subgroups: bool = False  # threads that exchange numbers without memory
    f16: bool = False  # arithmetic in half precision, where a few rows meet packed weights


def flat(count: int, size: int = 1) -> tuple[int, int, int]:
    """Workgroups of `size` for `count` items; kernels read them back with flat_group."""
    groups = max(1, -(-count // size))
    rows = -(-groups // MAX_GROUPS)
    return -(-groups // rows), rows, 1


def rule(*names: str):
    def register(function):
        for name in names:
            OPS[name].launch(function)
        return function

    return register


def launch_of(step: Step, tier: Tier):
    specs = [v and v.spec for v in step.ins]
    return step.op.launch_rule(tier, *specs, **step.attrs)


def product_tile(tier: Tier, m: int, n: int):
    """Threads of a workgroup and outputs of a thread for an m x n product. -> groups, constants"""
    small = not tier.software and m * n < 64 * 2048  # too few threads to fill a GPU
    rows = 4 if small or m <= 4 else 8
    cols = 4 if small else 8
    wide, tall = (next(w for w in (1, 2, 4, 8, 16) if w >= min(-(-size // tile), 16))
                  for size, tile in ((n, cols), (m, rows)))  # fmt: skip
    wx = min(wide, max(8, 64 // tall))
    wy = min(tall, 64 // wx)
    groups = -(-n // (cols * wx)), -(-m // (rows * wy)), 1
    return groups, dict(WX=wx, WY=wy, ROWS=rows, COLS=cols)


@rule("matmul")
def _(tier, a, b, base, ta=False, tb=False, scale=1.0):
    m, k = a.shape[::-1] if ta else a.shape
    n = b.shape[0] if tb else b.shape[1]
    constants = dict(M=m, N=n, K=k, TA=ta, TB=tb, SCALE=scale, BASE=base is not None)
    if a.cols % 4 or b.cols % 4 or n % 4:
        return "matmul_any", (-(-n // 32), -(-m // 32), 1), constants
    groups, tile = product_tile(tier, m, n)
    return "matmul", groups, constants | tile


@rule("packed_linear")
def _(tier, x, codes, scales, h, b, base, bits):
    m, k, n = x.rows, x.cols, codes.shape[0]
    constants = dict(M=m, N=n, K=k, BITS=bits, GROUP=k // scales.shape[1], BASE=base is not None)
    constants["RANK"] = h.cols if h else 0
    if m <= 4:
        lanes = 8 if tier.software else 16
        return "packed_linear_few", flat(n, 64 // lanes), constants | dict(LANES=lanes)
    groups, tile = product_tile(tier, m, n)
    return "packed_linear", groups, constants | tile


@rule("packed_linear_dx")
def _(tier, dy, codes, scales, base, bits):
    m, n, k = dy.rows, codes.shape[0], codes.cols * 32 // bits
    constants = dict(M=m, N=n, K=k, BITS=bits, GROUP=k // scales.shape[1], BASE=base is not None)
    groups, tile = product_tile(tier, m, k)
    tile["COLS"] = 8  # always: a thread owns whole words of codes
    groups = -(-k // (8 * tile["WX"])), groups[1], 1
    return "packed_linear_dx", groups, constants | tile


@rule("add_bias")
def _(tier, x, bias):
    return "add_bias", flat(x.size, 64), dict(ROWS=x.rows, COLS=x.cols)


@rule("column_sums")
def _(tier, x):
    return "column_sums", (-(-x.cols // 64), 1, 1), dict(ROWS=x.rows, COLS=x.cols)


def row_threads(tier: Tier, cols: int) -> int:
    """Threads that share one row of `cols` elements: few where a barrier costs more than work."""
    if tier.software:
        return 8
    return 64 if cols < 1024 else 256


def norm_constants(x: Spec, eps: float) -> dict:
    if x.cols % 4:
        raise ValueError(f"the norm kernels need rows of 4, 8, ... columns, not {x.cols}")
    return dict(ROWS=x.rows, COLS4=x.cols // 4, EPS=eps)


@rule("rmsnorm")
def _(tier, x, w, eps):
    constants = norm_constants(x, eps)
    return "rmsnorm", flat(x.rows), constants | dict(WG=row_threads(tier, x.cols))


@rule("rmsnorm_dx")
def _(tier, x, w, dy, base, eps):
    constants = norm_constants(x, eps) | dict(BASE=base is not None)
    return "rmsnorm_dx", flat(x.rows), constants | dict(WG=row_threads(tier, x.cols))


@rule("rmsnorm_dw")
def _(tier, x, w, dy, eps):
    return "rmsnorm_dw", (-(-x.cols // 256), 1, 1), norm_constants(x, eps)


@rule("rotary")
def _(tier, x, positions, table, width, inverse=False, interleaved=False):
    constants = dict(PAIRS=x.size // 2, COLS=x.cols, WIDTH=width, INTERLEAVED=interleaved)
    return "rotary", flat(x.size // 2, 64), constants | dict(SIGN=-1.0 if inverse else 1.0)


@rule("rows")
def _(tier, table, index):
    constants = dict(COUNT=index.size, COLS=table.cols)
    return "rows", flat(index.size * table.cols, 64), constants


@rule("rows_dtable")
def _(tier, dy, index, count):
    constants = dict(COUNT=count, COLS=dy.cols, TAKEN=index.size)
    return "rows_dtable", flat(count * dy.cols, 64), constants


@rule("packed_rows")
def _(tier, codes, scales, index, bits):
    cols = codes.cols * 32 // bits
    constants = dict(COUNT=index.size, COLS=cols, BITS=bits, GROUP=cols // scales.shape[1])
    return "packed_rows", flat(index.size * codes.cols, 64), constants


@rule("cache_write")
def _(tier, cache, rows, slots):
    return "cache_write", flat(rows.size, 64), dict(COUNT=rows.rows, COLS=rows.cols)


def head_shape(q: Spec, k: Spec, heads: int, kv_heads: int) -> dict:
    width = q.cols // heads
    if width % 4 or width > 256:
        raise ValueError(f"the attention kernels need heads of 4, 8, ... 256, not {width}")
    threads = max(4, 1 << (width - 1).bit_length())
    shape = dict(T=q.rows, S=k.rows, HEADS=heads, KV=kv_heads, D4=width // 4, WG=threads)
    return shape | dict(SCALE=width**-0.5)


@rule("attention")
def _(tier, q, k, v, spans, heads, kv_heads):
    constants = head_shape(q, k, heads, kv_heads)
    if q.rows <= 16:  # decoding: queries of different conversations share no keys
        return "attention_few", (q.rows, heads, 1), constants
    return "attention", (-(-q.rows // 32), heads, 1), constants


@rule("attention_dq")
def _(tier, dy, y, logsum, q, k, v, spans, heads, kv_heads):
    return "attention_dq", (-(-q.rows // 32), heads, 1), head_shape(q, k, heads, kv_heads)


@rule("attention_dkv")
def _(tier, dy, y, logsum, q, k, v, spans, heads, kv_heads):
    return "attention_dkv", (-(-k.rows // 32), kv_heads, 1), head_shape(q, k, heads, kv_heads)


@rule("scaled")
def _(tier, x, by):
    return "scaled", flat(x.size, 64), dict(SIZE=x.size, BY=by)


@rule("window")
def _(tier, spans, width):
    return "window", flat(spans.rows, 64), dict(SIZE=spans.rows, WIDTH=width)


@rule("soft_cross_entropy")
def _(tier, logits, ids, probs, rest, weight):
    if ids.cols > 256:
        raise ValueError(f"the loss kernel takes up to 256 targets a row, not {ids.cols}")
    constants = dict(ROWS=logits.rows, COLS=logits.cols, TARGETS=ids.cols)
    constants["WG"] = row_threads(tier, logits.cols)
    return "soft_cross_entropy", flat(logits.rows), constants


@rule("divergence")
def _(tier, p, q):
    constants = dict(ROWS=p.rows, COLS=p.cols, WG=row_threads(tier, p.cols))
    return "divergence", flat(p.rows), constants


@rule("square_sums")
def _(tier, g, parts):
    return "square_sums", (parts, 1, 1), dict(SIZE=g.size, STRETCH=-(-g.size // parts))


@rule("root")
def _(tier, sums):
    return "root", (1, 1, 1), dict(SIZE=sums.size)


@rule("adamw", "accumulate", "clear")
def _(tier, x, *rest):
    names = {6: "adamw", 2: "accumulate", 1: "clear"}
    return names[1 + len(rest)], flat(x.size, 64), dict(SIZE=x.size)


@rule("dropout")
def _(tier, x, seed, rate, stream):
    return "dropout", flat(x.size, 64), dict(ROWS=x.rows, COLS=x.cols, RATE=rate, STREAM=stream)


@rule("candidates")
def _(tier, logits, recent, penalty):
    constants = dict(ROWS=logits.rows, COLS=logits.cols, RECENT=recent.cols)
    # Ten passes over the row: lavapipe ends a thread's loops, without a word, after 65,535 turns.
    threads = max(64, row_threads(tier, logits.cols))
    return "candidates", (logits.rows, 1, 1), constants | dict(WG=threads)


@rule("draw")
def _(tier, ids, logprobs, knobs, seed):
    return "draw", (-(-ids.rows // 64), 1, 1), dict(ROWS=ids.rows, COLS=0)


def elementwise(step: Step):
    """Ops whose kernel is one expression: four elements a thread where the size allows it."""
    size = prod(step.outs[0].shape)
    element = "vec4f" if size % 4 == 0 else "f32"
    count = size // 4 if element == "vec4f" else size
    return element, flat(count, 64), dict(SIZE=count)
