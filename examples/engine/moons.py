"""Two moons told apart by a network of one hidden layer; its weights are a dataclass.

Run it: `python examples/engine/moons.py [numpy|cpu|webgpu]`
"""

import sys
from dataclasses import dataclass

import numpy as np

import oneseek
from oneseek import random

STEPS = 100
OPTIMISER = oneseek.AdamW(rate=oneseek.cosine(0.1, STEPS, warmup=5), decay=0.01, max_norm=1.0)


@dataclass
class Net:
    inner: np.ndarray
    bias: np.ndarray
    outer: np.ndarray


def weights():
    one, other = random.split(random.key(3))
    return Net(random.normal(one, (2, 16)), np.zeros(16, np.float32),
               random.normal(other, (16, 2), scale=0.25))  # fmt: skip


def moons(count=200):
    """Points on two half circles that reach into each other, and which one each is on."""
    one, other = random.split(random.key(4))
    turn, moon = np.pi * random.uniform(one, (count,)), np.arange(count) % 2
    upper = np.stack([np.cos(turn), np.sin(turn)], -1)
    lower = np.stack([1 - np.cos(turn), 0.5 - np.sin(turn)], -1)
    points = np.where(moon[:, None] == 0, upper, lower)
    noise = random.normal(other, points.shape, scale=0.1)
    return (points + noise).astype(np.float32), moon.astype(np.int32)


def batches():
    for _ in range(STEPS):
        yield moons()


def logits(net, points):
    return oneseek.tanh(points @ net.inner + net.bias) @ net.outer


def loss(net, points, moon):
    return oneseek.cross_entropy(logits(net, points), moon)


def main(device="numpy"):
    with oneseek.on(device):
        train = oneseek.Train(loss, weights(), OPTIMISER)
        losses = [train.step(*batch) for batch in batches()]
        points, moon = moons()
        right = oneseek.jit(logits)(train.weights, points).argmax(-1) == moon
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}, {right.mean():.1%} right")
    return losses


if __name__ == "__main__":
    main(*sys.argv[1:])
