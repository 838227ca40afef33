"""Two convolutions that take the noise off a signal, trained by Lion.

Run it: `python examples/engine/convolution.py [numpy|cpu|webgpu]`
"""

import sys

import numpy as np

import oneseek
from oneseek import random

STEPS, LENGTH, TAPS, CHANNELS = 80, 256, 9, 8
OPTIMISER = oneseek.Lion(rate=oneseek.cosine(0.01, STEPS), beta2=0.9, decay=0.01)


def weights():
    one, other = random.split(random.key(8))
    return {
        "first": random.normal(one, (TAPS, 1, CHANNELS), scale=0.3),
        "bias": np.zeros(CHANNELS, np.float32),
        "second": random.normal(other, (TAPS, CHANNELS, 1), scale=0.1),
    }


def batches():
    time = np.arange(LENGTH) / LENGTH
    for key in random.split(random.key(9), STEPS):
        one, other = random.split(key)
        pitch, phase = random.uniform(one, (2,), 1, 5)
        clean = np.sin(2 * np.pi * (pitch * time + phase)).astype(np.float32)[:, None]
        yield clean + random.normal(other, clean.shape, scale=0.4), clean


def convolve(x, taps):
    """[length, channels] by [taps, channels, more] -> [length, more], with zeros at both ends."""
    count, channels, _ = taps.shape
    edge = np.zeros((count // 2, channels), np.float32)
    wide = oneseek.concat([edge, x, edge])
    parts = [wide[i : i + x.shape[0]] @ taps[i] for i in range(count)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def denoise(w, noisy):
    hidden = oneseek.relu(convolve(noisy, w["first"]) + w["bias"])
    return convolve(hidden, w["second"])


def loss(w, noisy, clean):
    return oneseek.mean((denoise(w, noisy) - clean) ** 2)


def main(device="numpy"):
    with oneseek.on(device):
        train = oneseek.Train(loss, weights(), OPTIMISER)
        losses = [train.step(*batch) for batch in batches()]
    print(f"squared error {losses[0]:.4f} -> {losses[-1]:.4f}; that of the noise is 0.16")
    return losses


if __name__ == "__main__":
    main(*sys.argv[1:])
