"""Optimisers: AdamW, SGD and Lion, with learning rates that may follow a schedule.

An optimiser appends its steps to the program that computes the gradients. Its state for each weight
is in arrays of the same shape; what changes from step to step is data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oneseek.engine.compiler.ir import OPS, Value
from oneseek.engine.front.functions import above
from oneseek.engine.front.tensor import Tensor, tensor, under_way
from oneseek.engine.front.tracing import flat

Rate = float | Callable[[int], float]  # the same for all steps, or by their number from 0 on
PARTS = 64  # that the sum of a gradient's squares is made of
NO_LIMIT = 1e30


def cosine(rate: float, steps: int, warmup: int = 0, least: float = 0.0) -> Callable[[int], float]:
    """A schedule: rises to `rate` in `warmup` steps, then falls along a cosine to `least` at
    `steps`."""

    def fall(done: float) -> float:
        return (1 - math.cos(math.pi * done)) / 2

    return make_schedule(rate, steps, warmup, least, fall)


def linear(rate: float, steps: int, warmup: int = 0, least: float = 0.0) -> Callable[[int], float]:
    """A schedule: rises to `rate` in `warmup` steps, then falls linearly to `least` at `steps`."""
    return make_schedule(rate, steps, warmup, least, lambda done: done)


def make_schedule(
    rate: float, steps: int, warmup: int, least: float, gone: Callable[[float], float]
) -> Callable[[int], float]:
    """Return a schedule that rises to `rate`, then falls to `least`; `gone` maps the share of the
    steps to the share of the fall."""

    def at(step: int) -> float:
        if step < warmup:
            return rate * (step + 1) / warmup
        done = min(1.0, (step - warmup) / max(1, steps - warmup))
        return rate + (least - rate) * gone(done)

    return at


def rate_at(rate: Rate, step: int) -> float:
    return rate(step) if callable(rate) else rate


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay. Where `max_norm` is set, all gradients together are clipped
    to that norm."""

    rate: Rate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decay: float = 0.0
    max_norm: float = NO_LIMIT

    remembers = ("m", "v")

    def hyper(self, step: int) -> np.ndarray:
        """Return the settings of a step, as an array."""
        rate, t = rate_at(self.rate, step), step + 1
        corrections = 1 - self.beta1**t, 1 - self.beta2**t
        return np.array([rate, self.beta1, self.beta2, self.eps, self.decay, *corrections,
                         self.max_norm], np.float64)  # fmt: skip

    def update(self, weights: list, slopes: list, memory: dict[str, list], hyper: Tensor) -> None:
        """Append the steps that change the weights and the optimiser's state."""
        trace = under_way()
        assert trace is not None
        sums = trace.program.buffer((PARTS * len(slopes),))
        for i, slope in enumerate(slopes):
            part = OPS["square_sums"](flat(slope), parts=PARTS)
            trace.program.place(part, sums, i * PARTS)
        norm = OPS["root"](sums)
        for w, g, m, v in zip(weights, slopes, memory["m"], memory["v"], strict=True):
            OPS["adamw"](w.value, m.value, v.value, reshape_gradient(g, w), norm, hyper.value)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum."""

    rate: Rate = 1e-2
    momentum: float = 0.0
    decay: float = 0.0

    remembers = ("m",)

    def hyper(self, step: int) -> np.ndarray:
        return np.array([-rate_at(self.rate, step)], np.float64)

    def update(self, weights: list, slopes: list, memory: dict[str, list], hyper: Tensor) -> None:
        changes = []
        for w, g, m in zip(weights, slopes, memory["m"], strict=True):
            slope = g + w * self.decay if self.decay else g
            moved = m * self.momentum + slope
            changes += [(m, moved - m), (w, moved * hyper.reshape(()))]
        apply(changes)


@dataclass(frozen=True)
class Lion:
    """Lion: each weight moves by the rate, in the direction of the sign of its momentum."""

    rate: Rate = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    decay: float = 0.0

    remembers = ("m",)

    def hyper(self, step: int) -> np.ndarray:
        return np.array([-rate_at(self.rate, step)], np.float64)

    def update(self, weights: list, slopes: list, memory: dict[str, list], hyper: Tensor) -> None:
        changes = []
        zero = tensor(np.zeros((), np.float32))
        for w, g, m in zip(weights, slopes, memory["m"], strict=True):
            mixed = m * self.beta1 + g * (1 - self.beta1)
            step = above(mixed, zero) - above(zero, mixed) + w * self.decay
            changes += [(m, (g - m) * (1 - self.beta2)), (w, step * hyper.reshape(()))]
        apply(changes)


def reshape_gradient(slope: Tensor, weight: Tensor) -> Value:
    """Return the gradient in the shape of the weight's memory."""
    shape = weight.value.shape
    return slope.value if slope.value.shape == shape else slope.value.reshape(*shape)


def apply(changes: list[tuple[Tensor, Tensor]]) -> None:
    """Add each change to its array, once all of them are computed."""
    for array, change in changes:
        OPS["accumulate"](array.value, reshape_gradient(change, array))


Optimiser = AdamW | SGD | Lion
