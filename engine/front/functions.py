"""Functions of tensors. Most consist of few ops; each op has its definition in numpy, its gradient
and its kernels (engine/compiler/ops)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from oneseek.engine.compiler.ir import OPS, Value
from oneseek.engine.front.tensor import (
    Array,
    Shape,
    Tensor,
    apply_binary,
    broadcast,
    tensor,
    view,
)
from oneseek.engine.front.tensor import reshape as reshape
from oneseek.engine.front.tensor import transpose as transpose

Axis = int | None


def alike(name: str, x: Array) -> Tensor:
    """Apply an op of one array."""
    x = tensor(x)
    return Tensor(OPS[name](x.value), x.shape)


def exp(x: Array) -> Tensor:
    """e to the power of each element."""
    return alike("exp", x)


def log(x: Array) -> Tensor:
    """The natural logarithm of each element."""
    return alike("log", x)


def sqrt(x: Array) -> Tensor:
    """The square root of each element."""
    return alike("sqrt", x)


def tanh(x: Array) -> Tensor:
    """The hyperbolic tangent of each element."""
    return alike("tanh", x)


def relu(x: Array) -> Tensor:
    """max(x, 0) of each element; the gradient at 0 is 0."""
    return alike("relu", x)


def gelu(x: Array) -> Tensor:
    """x times the normal distribution function of x, by the tanh approximation."""
    return alike("gelu", x)


def silu(x: Array) -> Tensor:
    """x * sigmoid(x) of each element."""
    x = tensor(x)
    return x / (1 + exp(-x))


def above(a: Array, b: Array) -> Tensor:
    """1 where a > b, else 0; its gradient is 0."""
    return alike("above_zero", tensor(a) - b)


def where(mask: Array, a: Array, b: Array) -> Tensor:
    """a where the mask is not 0, else b; shapes broadcast."""
    given = mask if isinstance(mask, Tensor) else np.asarray(mask, np.float32)
    parts = tensor(given), tensor(a), tensor(b)
    shape = np.broadcast_shapes(*(x.shape for x in parts))
    mask, a, b = (broadcast(x, shape) for x in parts)
    return apply_binary("passed", mask, a) + apply_binary("stopped", mask, b)


def reduce(name: str, x: Array, axis: Axis, keepdims: bool) -> Tensor:
    x = tensor(x)
    if axis is None:
        outer, n, inner, shape = 1, x.size, 1, (1,) * len(x.shape) if keepdims else ()
    else:
        at = whole_axis(x, axis)
        outer, n, inner = prod(x.shape[:at]), x.shape[at], prod(x.shape[at + 1 :])
        shape = (*x.shape[:at], *([1] if keepdims else []), *x.shape[at + 1 :])
    return reshape(Tensor(OPS[name](view(x, (outer, n, inner)))), shape)


def whole_axis(x: Tensor, axis: int) -> int:
    if not -len(x.shape) <= axis < len(x.shape):
        raise IndexError(f"{x} has no axis {axis}")
    return axis % len(x.shape)


def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over an axis, or over all elements without one."""
    return reduce("summed", x, axis, keepdims)


def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over an axis, or over all elements without one."""
    x = tensor(x)
    count = x.size if axis is None else x.shape[whole_axis(x, axis)]
    return sum(x, axis, keepdims) * (1 / count)


def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest over an axis, or of all elements without one; equally large elements share the
    gradient."""
    return reduce("largest", x, axis, keepdims)


def softmax(x: Array, axis: int = -1) -> Tensor:
    """exp(x) divided by its sum over an axis; large numbers do not overflow."""
    x = tensor(x)
    powers = exp(x - max(x, axis, keepdims=True))
    return powers / sum(powers, axis, keepdims=True)


def log_softmax(x: Array, axis: int = -1) -> Tensor:
    """The logarithm of `softmax`, computed without dividing."""
    x = tensor(x)
    away = x - max(x, axis, keepdims=True)
    return away - log(sum(exp(away), axis, keepdims=True))


def indices(name: str, x: Array) -> Tensor:
    x = tensor(x)
    if x.dtype != "i32":
        raise TypeError(f"{name} takes indices of i32, not {x}")
    return x


def take(x: Array, index: Array, axis: int = 0) -> Tensor:
    """The elements of x that the indices name along an axis, like `numpy.take`."""
    x, index = tensor(x), indices("take", index)
    at = whole_axis(x, axis)
    order = [at, *(i for i in range(len(x.shape)) if i != at)]
    front = x if at == 0 else transpose(x, order)
    inner = prod(front.shape[1:])
    flat = view(index, (index.size,))
    taken = Tensor(OPS["rows"](view(front, (front.shape[0], inner)), flat))
    taken = reshape(taken, (index.size, *front.shape[1:]))
    if at:
        taken = transpose(taken, [order.index(i) for i in range(len(order))])
    return reshape(taken, (*x.shape[:at], *index.shape, *x.shape[at + 1 :]))


def embedding(table: Array, ids: Array) -> Tensor:
    """The rows of a table that the ids name."""
    return take(table, ids)


def concat(parts: Sequence[Array], axis: int = 0) -> Tensor:
    """The arrays one after the other along an axis."""
    given = [tensor(x) for x in parts]
    at = whole_axis(given[0], axis)
    shapes = {(*x.shape[:at], *x.shape[at + 1 :]) for x in given}
    if len(shapes) > 1:
        raise ValueError(f"concat: {given} do not fit along axis {axis}")
    outer, inner = prod(given[0].shape[:at]), prod(given[0].shape[at + 1 :])
    width = int(np.sum([x.shape[at] for x in given]))
    first, whole = 0, None
    for x in given:
        ours = view(x, (outer, x.shape[at] * inner))
        part = Tensor(OPS["padded"](ours, first=first * inner, width=width * inner))
        whole = part if whole is None else whole + part
        first += x.shape[at]
    assert whole is not None
    return reshape(whole, (*given[0].shape[:at], width, *given[0].shape[at + 1 :]))


def by_rows(x: Tensor) -> Value:
    return view(x, (x.size // x.shape[-1], x.shape[-1]))


def rmsnorm(x: Array, gain: Array, eps: float = 1e-5) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * gain over the last axis, whose size is a multiple of 4."""
    x, gain = tensor(x), tensor(gain)
    return reshape(Tensor(OPS["rmsnorm"](by_rows(x), gain.value, eps=eps)), x.shape)


def layernorm(x: Array, gain: Array, bias: Array, eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * gain + bias over the last axis, whose size is a multiple
    of 4."""
    x, gain, bias = tensor(x), tensor(gain), tensor(bias)
    ours = OPS["layernorm"](by_rows(x), gain.value, bias.value, eps=eps)
    return reshape(Tensor(ours), x.shape)


def cross_entropy(logits: Array, ids: Array) -> Tensor:
    """The mean over all rows of -log softmax(logits)[id]."""
    logits, ids = tensor(logits), indices("cross_entropy", ids)
    if ids.shape != logits.shape[:-1]:
        raise ValueError(f"cross_entropy: {ids} are not a target for each row of {logits}")
    rows = ids.size
    sure = tensor(np.ones((rows, 1), np.float32)), tensor(np.zeros(rows, np.float32))
    weight = tensor(np.full(rows, 1 / rows, np.float32))
    targets = view(ids, (rows, 1)), *(x.value for x in sure), weight.value
    _, losses = OPS["soft_cross_entropy"](by_rows(logits), *targets)
    return sum(Tensor(losses))


def attention(
    q: Array, k: Array, v: Array, heads: int, spans: Array, kv_heads: int | None = None
) -> Tensor:
    """softmax(q k^T / sqrt(d)) v for each head, of rows [tokens, heads * d]. Row t attends to the
    keys spans[t, 0] to spans[t, 1] and spans[t, 2] to spans[t, 3], both without their ends. With
    fewer `kv_heads`, groups of query heads share one."""
    q, k, v, spans = tensor(q), tensor(k), tensor(v), indices("attention", spans)
    told = dict(heads=heads, kv_heads=kv_heads or heads)
    return Tensor(OPS["attention"](q.value, k.value, v.value, spans.value, **told)[0])


def rotary(x: Array, positions: Array, table: Array, interleaved: bool = False) -> Tensor:
    """Rotary position embedding: each pair of a head is rotated by the angles of its position. A
    row of the table holds the cosines of a position, then its sines."""
    x, positions, table = tensor(x), indices("rotary", positions), tensor(table)
    told = dict(width=table.shape[-1], interleaved=interleaved)
    return Tensor(OPS["rotary"](x.value, positions.value, table.value, **told))


def dropout(x: Array, key: Array, rate: float) -> Tensor:
    """Zero for a share `rate` of the elements, the others divided by 1 - rate. The same key drops
    the same elements."""
    x, key = tensor(x), tensor(key)
    if key.dtype != "u32" or key.size != 1:
        raise TypeError(f"dropout takes a key of random.key, not {key}")
    flat: Shape = (x.size // x.shape[-1], x.shape[-1])
    dropped = OPS["dropout"](view(x, flat), view(key, (1,)), rate=rate, stream=0)
    return reshape(Tensor(dropped), x.shape)
