"""A line through noisy points, by gradient descent.

Run it: `python examples/engine/line.py [numpy|cpu|webgpu]`
"""

import sys

import numpy as np

import oneseek

STEPS = 40
OPTIMISER = oneseek.SGD(rate=0.3, momentum=0.5)


def weights():
    return {"slope": np.zeros((1, 1), np.float32), "height": np.zeros((), np.float32)}


def batches():
    x = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    y = 3 * x + 0.5 + oneseek.random.normal(oneseek.random.key(1), x.shape, scale=0.1)
    for _ in range(STEPS):
        yield x, y


def loss(w, x, y):
    return oneseek.mean((x @ w["slope"] + w["height"] - y) ** 2)


def main(device="numpy"):
    with oneseek.on(device):
        train = oneseek.Train(loss, weights(), OPTIMISER)
        losses = [train.step(*batch) for batch in batches()]
        print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
        found = train.weights
        print(f"y = {found['slope'].item():.3f} x + {found['height'].item():.3f}")
    return losses


if __name__ == "__main__":
    main(*sys.argv[1:])
