"""The loss: cross-entropy against a few target tokens, with the rest of the vocabulary as one
class.

With a single target of probability 1 it is next-token cross-entropy; with the base model's 32
likeliest tokens it is the KL divergence from the base model, all other tokens being one class.
"""

import numpy as np

from oneseek.engine.compiler.ir import Spec, op
from oneseek.engine.compiler.launch import flat, row_threads
from oneseek.engine.compiler.ops.shapes import spread


def loss_shape(logits, ids, probs, rest, weight):
    assert ids.shape == probs.shape and ids.shape[0] == logits.rows, f"targets {ids}, {probs}"
    assert rest.shape == weight.shape == (logits.rows,), f"rest {rest}, weight {weight}"
    return logits, Spec((logits.rows,))


@op(
    shape=loss_shape,
    kernel="loss.wgsl:soft_cross_entropy",
    reuses=("logits",),
    cases=tuple(
        (Spec((r, v)), Spec((r, k), "distinct"), Spec((r, k), "probs"), Spec((r,), "rest"),
         Spec((r,)))
        for r, v, k in ((6, 11, 3), (3, 300, 32), (2, 1000, 8))
    )
    + ((Spec((5, 70)), Spec((5, 4), "zeros"), Spec((5, 4), "certain"), Spec((5,), "none"),
        Spec((5,))),),
)  # fmt: skip
def soft_cross_entropy(logits, ids, probs, rest, weight):
    """Per row: weight * sum p (log p - log q) over the targets and the rest, and its gradient
    with respect to the logits. Targets of probability 0 are padding, whatever their id."""
    rows = np.arange(len(ids))[:, None]
    q = np.exp(logits - logits.max(-1, keepdims=True))
    q /= q.sum(-1, keepdims=True)
    tiny = q.dtype.type(1e-30)
    target_q = q[rows, ids]
    rest_q = np.maximum(1 - np.where(probs > 0, target_q, 0).sum(-1), q.dtype.type(1e-6))
    loss = (probs * (np.log(probs + tiny) - np.log(target_q + tiny))).sum(-1)
    loss += rest * (np.log(rest + tiny) - np.log(rest_q))
    gradient = q * (1 - rest / rest_q)[:, None]
    row, target = np.nonzero(probs > 0)
    gradient[row, ids[row, target]] = (target_q - probs)[row, target]
    return gradient * weight[:, None], loss * weight


@soft_cross_entropy.vjp
def _(dgradient, dloss, gradient, loss, logits, *targets):
    """The gradient through the losses; the gradient output has no derivative of its own."""
    if dgradient is not None:
        raise ValueError("soft_cross_entropy has no second derivative")
    rows, cols = logits.shape
    times = spread(dloss.reshape(rows, 1), times=cols)
    return gradient * times.reshape(rows, cols), None, None, None, None


@soft_cross_entropy.launch
def _(tier, logits, ids, probs, rest, weight):
    if ids.cols > 256:
        raise ValueError(f"the loss kernel takes up to 256 targets a row, not {ids.cols}")
    constants = dict(rows=logits.rows, COLS=logits.cols, TARGETS=ids.cols)
    constants["WG"] = row_threads(tier, logits.cols)
    return "soft_cross_entropy", flat(logits.rows), constants


def divergence_shape(p, q):
    assert p.shape == q.shape, f"{p} and {q} differ"
    return Spec((p.rows,)), Spec((p.rows,))


@op(
    shape=divergence_shape,
    kernel="loss.wgsl:divergence",
    cases=((Spec((5, 11)), Spec((5, 11))), (Spec((3, 1000)), Spec((3, 1000)))),
)
def divergence(p, q):
    """Per row of logits: KL(softmax p, softmax q), and 1 where both have the same likeliest
    token."""
    log_p, log_q = (x - x.max(-1, keepdims=True) for x in (p, q))
    log_p, log_q = (x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in (log_p, log_q))
    same = p.argmax(-1) == q.argmax(-1)
    return (np.exp(log_p) * (log_p - log_q)).sum(-1), same.astype(p.dtype)


@divergence.launch
def _(tier, p, q):
    constants = dict(rows=p.rows, COLS=p.cols, WG=row_threads(tier, p.cols))
    return "divergence", flat(p.rows), constants
