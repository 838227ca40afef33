"""From gradients to new weights: the global norm, clipping, AdamW.

The whole adapter is one flat array, so an update is three steps for a model of any size.
"""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat

FLAT = Spec((1000,))


@op(
    shape=lambda g, parts: Spec((parts,)),
    kernel="optim.wgsl:square_sums",
    cases=((FLAT, dict(parts=4)), (Spec((77,)), dict(parts=8))),
)
def square_sums(g, *, parts):
    """Sums of squares over `parts` equal stretches of g (the last one may be short)."""
    stretch = -(-g.size // parts)
    return np.array([(g[i * stretch : (i + 1) * stretch] ** 2).sum() for i in range(parts)])


@square_sums.launch
def _(tier, g, parts):
    return "square_sums", (parts, 1, 1), dict(SIZE=g.size, STRETCH=-(-g.size // parts))


@op(shape=lambda sums: Spec((1,)), kernel="optim.wgsl:root", cases=((Spec((64,)),),))
def root(sums):
    """The global norm, from its partial sums."""
    return np.sqrt(sums.sum(keepdims=True))


@root.launch
def _(tier, sums):
    return "root", (1, 1, 1), dict(SIZE=sums.size)


def adamw_shape(p, m, v, g, norm, hyper):
    assert p.shape == m.shape == v.shape == g.shape, f"{p}, {m}, {v}, {g}"
    assert norm.shape == (1,) and hyper.shape == (8,), f"norm {norm}, hyper {hyper}"
    return p, m, v


@op(
    shape=adamw_shape,
    kernel="optim.wgsl:adamw",
    updates=(0, 1, 2),
    cases=((FLAT, FLAT, FLAT, FLAT, Spec((1,)), Spec((8,), "hyper")),),
)
def adamw(p, m, v, g, norm, hyper):
    """The update of the weights, the only op that changes them.

    hyper = rate, beta1, beta2, eps, decay, 1 - beta1^t, 1 - beta2^t, max norm: an input, because it
    changes at every step. If the norm is NaN or infinity, nothing changes.
    """
    rate, beta1, beta2, eps, decay, correction1, correction2, max_norm = hyper
    if not np.isfinite(norm[0]):
        return p.copy(), m.copy(), v.copy()
    g = g * np.minimum(max_norm / np.maximum(norm[0], g.dtype.type(1e-12)), 1).astype(g.dtype)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    step = m / correction1 / (np.sqrt(v / correction2) + eps)
    return p - rate * (step + decay * p), m, v


@adamw.launch
def _(tier, p, m, v, g, norm, hyper):
    return "adamw", flat(p.size, 64), dict(SIZE=p.size)


def accumulate_shape(total, g):
    assert total.shape == g.shape, f"{g} does not fit {total}"
    return total


@op(
    shape=accumulate_shape,
    kernel="optim.wgsl:accumulate",
    updates=(0,),
    cases=((FLAT, FLAT),),
)
def accumulate(total, g):
    """total + g, for steps of several micro-batches."""
    return total + g


@accumulate.launch
def _(tier, total, g):
    return "accumulate", flat(total.size, 64), dict(SIZE=total.size)


@op(shape=lambda x: x, kernel="optim.wgsl:clear", updates=(0,), cases=((FLAT,),))
def clear(x):
    return np.zeros_like(x)


@clear.launch
def _(tier, x):
    return "clear", flat(x.size, 64), dict(SIZE=x.size)
