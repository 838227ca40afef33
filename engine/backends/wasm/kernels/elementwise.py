"""Elementwise ops: their WGSL expression is also Python, so evaluating it over vectors writes the
kernel."""

from __future__ import annotations

import re
from functools import partial

from oneseek.engine.backends.wasm.emit import Function, op
from oneseek.engine.backends.wasm.kernels.kernel import Kernel
from oneseek.engine.backends.wasm.kernels.vectors import (
    constant,
    each,
    exp,
    load_part,
    log,
    store_part,
)
from oneseek.engine.compiler.ir import Op, Spec
from oneseek.engine.compiler.schedule import is_elementwise

KNOWN = re.compile(r"(?:[a-g]|exp|log|sqrt|max|min|step|chosen|element|[0-9.]+|[-+*/(), ])*")
COST = 30.0  # the cost of a transcendental function, in operations an element


def elementwise(op: Op, specs: list[Spec | None]) -> Kernel | None:
    """A kernel for an expression over f32 arrays, or None where it contains anything else."""
    if not is_elementwise(op) or not KNOWN.fullmatch(op.kernel):
        return None
    sizes = {(s.dtype, s.size) if s else None for s in specs}
    dtype, size = sizes.pop() or ("", 0)
    if sizes or dtype != "f32":
        return None
    work = size * (5.0 + COST * (op.kernel.count("exp") + op.kernel.count("log")))
    return Kernel(partial(apply, expression=op.kernel, size=size), size, 4, work)


def step(edge, x):
    """1 where x has reached the edge, else 0."""
    return op("v128.and", op("f32x4.le", edge, x), constant(1.0))


def chosen(mask, a, b):
    """a where the mask is not 0, else b."""
    return op("v128.bitselect", a, b, op("f32x4.ne", mask, constant(0.0)))


def apply(f: Function, *addresses, expression: str, size: int) -> None:
    """out[i] = expression(a[i], b[i], ...) for the elements lo..hi."""
    *ins, out, _, lo, hi = addresses

    def body(lanes, to, *at):
        known: dict[bytes, object] = {}

        def exp_once(x):
            if x.code not in known:
                known[x.code] = f.let(exp(f, x))
            return known[x.code]

        names = {
            letter: f.let(load_part(a, 0, lanes)) for letter, a in zip("abcdefg", at, strict=False)
        }
        names |= {"step": step, "chosen": chosen, "element": constant}
        names |= {"exp": exp_once, "log": lambda x: log(f, f.let(x))}
        names |= {"sqrt": partial(op, "f32x4.sqrt")}
        names |= {"max": partial(op, "f32x4.max"), "min": partial(op, "f32x4.min")}
        store_part(f, to, eval(expression, {"__builtins__": {}}, names), lanes)

    each(f, lo, hi, size, body, out, *ins)
