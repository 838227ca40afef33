"""A transformer that learns a poem letter by letter, from nothing (Blake, "The Tyger", 1794).

Run it: `python examples/engine/characters.py [numpy|cpu|webgpu]`
"""

import sys

import numpy as np

import oneseek
from oneseek import random

POEM = """Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?
"""
LETTERS = sorted(set(POEM))
WIDTH, HEADS, LAYERS, STEPS = 32, 4, 2, 60
IDS = np.array([LETTERS.index(letter) for letter in POEM], np.int32)
OPTIMISER = oneseek.AdamW(rate=oneseek.cosine(0.01, STEPS, warmup=5), max_norm=1.0)


def weights():
    keys = iter(random.split(random.key(7), 99))

    def normal(*shape):
        return random.normal(next(keys), shape, scale=0.2)

    ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    layers = [
        {"norm": ones, "q": normal(WIDTH, WIDTH), "k": normal(WIDTH, WIDTH),
         "v": normal(WIDTH, WIDTH), "out": normal(WIDTH, WIDTH), "gain": ones, "bias": zeros,
         "up": normal(WIDTH, 2 * WIDTH), "down": normal(2 * WIDTH, WIDTH)}
        for _ in range(LAYERS)
    ]  # fmt: skip
    letters, places = normal(len(LETTERS), WIDTH), normal(len(IDS), WIDTH)
    return {"letters": letters, "places": places, "layers": layers, "norm": ones}


def batches():
    count = len(IDS) - 1
    spans = np.zeros((count, 4), np.int32)
    spans[:, 3] = np.arange(count) + 1  # each letter sees itself and those before it
    for _ in range(STEPS):
        yield IDS[:-1], IDS[1:], spans


def logits(w, ids, spans):
    x = oneseek.embedding(w["letters"], ids) + w["places"][: ids.shape[0]]
    for layer in w["layers"]:
        y = oneseek.rmsnorm(x, layer["norm"])
        q, k, v = (y @ layer[name] for name in "qkv")
        x = x + oneseek.attention(q, k, v, HEADS, spans) @ layer["out"]
        y = oneseek.layernorm(x, layer["gain"], layer["bias"])
        x = x + oneseek.gelu(y @ layer["up"]) @ layer["down"]
    return oneseek.rmsnorm(x, w["norm"]) @ w["letters"].T


def loss(w, ids, targets, spans):
    return oneseek.cross_entropy(logits(w, ids, spans), targets)


def main(device="numpy"):
    with oneseek.on(device):
        train = oneseek.Train(loss, weights(), OPTIMISER)
        losses = [train.step(*batch) for batch in batches()]
        ids, targets, spans = next(batches())
        said = oneseek.jit(logits)(train.weights, ids, spans).argmax(-1)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    print("".join(LETTERS[i] for i in said))
    return losses


if __name__ == "__main__":
    main(*sys.argv[1:])
