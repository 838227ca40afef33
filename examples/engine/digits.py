"""Written digits of 8 x 8 pixels, told by a network that has seen 1,500 of them.

`digits.npz` beside this file are the 1,797 images of the test part of "Optical Recognition of
Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI Machine Learning Repository, 1998, CC BY 4.0),
taken from scikit-learn 1.9.1. Run it: `python examples/engine/digits.py [numpy|cpu|webgpu]`
"""

import sys
from pathlib import Path

import numpy as np

import oneseek
from oneseek import random

STEPS, BATCH, SEEN = 120, 128, 1500
OPTIMISER = oneseek.AdamW(rate=oneseek.linear(0.01, STEPS, least=0.001))


def images():
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        return (file["pixels"] / 16).astype(np.float32), file["digits"].astype(np.int32)


def weights():
    keys = random.split(random.key(5), 2)
    return {
        "inner": random.normal(keys[0], (64, 64), scale=64**-0.5),
        "inner bias": np.zeros(64, np.float32),
        "outer": random.normal(keys[1], (64, 10), scale=64**-0.5),
        "outer bias": np.zeros(10, np.float32),
    }


def batches():
    pixels, digits = images()
    for key in random.split(random.key(6), STEPS):
        chosen = random.integers(key, (BATCH,), SEEN)
        yield pixels[chosen], digits[chosen]


def logits(w, pixels):
    hidden = oneseek.relu(pixels @ w["inner"] + w["inner bias"])
    return hidden @ w["outer"] + w["outer bias"]


def loss(w, pixels, digits):
    return oneseek.cross_entropy(logits(w, pixels), digits)


def main(device="numpy"):
    with oneseek.on(device):
        train = oneseek.Train(loss, weights(), OPTIMISER)
        losses = [train.step(*batch) for batch in batches()]
        pixels, digits = images()
        guessed = oneseek.jit(logits)(train.weights, pixels[SEEN:]).argmax(-1)
    right = (guessed == digits[SEEN:]).mean()
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}, {right:.1%} of those it has not seen right")
    return losses


if __name__ == "__main__":
    main(*sys.argv[1:])
