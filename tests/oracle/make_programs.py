"""Writes tests/golden/programs.json: the losses of examples/engine/, by PyTorch in float64.

    pip install torch==2.13.0 numpy regex; python -m tests.oracle.make_programs

Weights, batches and losses are those of the examples. Every formula is PyTorch's own, except Lion
and the schedules, which PyTorch lacks; they are written out here.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples" / "engine"))

import characters  # noqa: E402
import convolution  # noqa: E402
import digits  # noqa: E402
import line  # noqa: E402
import lora  # noqa: E402
import moons  # noqa: E402

torch.set_default_dtype(torch.float64)


def as_torch(tree):
    if isinstance(tree, dict):
        return {key: as_torch(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return [as_torch(part) for part in tree]
    if hasattr(tree, "__dataclass_fields__"):
        return as_torch(vars(tree))
    tensor = torch.tensor(np.asarray(tree))
    return tensor.double() if tensor.is_floating_point() else tensor.long()


def leaves(tree):
    if isinstance(tree, torch.Tensor):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [leaf for part in parts for leaf in leaves(part)]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params, betas, weight_decay):
        super().__init__(params, dict(lr=0.0, betas=betas, weight_decay=weight_decay))

    def step(self):
        for group in self.param_groups:
            one, two = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = (one * m + (1 - one) * p.grad).sign() + group["weight_decay"] * p.data
                p.data -= group["lr"] * update
                m.mul_(two).add_(p.grad, alpha=1 - two)


def cosine(rate, steps, warmup=0):
    rising = [rate * (i + 1) / warmup for i in range(warmup)]
    rest = steps - warmup
    return rising + [rate / 2 * (1 + math.cos(math.pi * i / rest)) for i in range(rest)]


def line_loss(w, x, y):
    return functional.mse_loss(functional.linear(x, w["slope"].T, w["height"].reshape(1)), y)


def moons_loss(w, points, moon):
    return functional.cross_entropy((points @ w["inner"] + w["bias"]).tanh() @ w["outer"], moon)


def digits_loss(w, pixels, targets):
    hidden = functional.relu(functional.linear(pixels, w["inner"].T, w["inner bias"]))
    return functional.cross_entropy(hidden @ w["outer"] + w["outer bias"], targets)


def causal(q, k, v, heads, kv_heads):
    def split(x, count):
        return x.reshape(len(x), count, -1).transpose(0, 1)

    mixed = functional.scaled_dot_product_attention(
        split(q, heads),
        split(k, kv_heads).repeat_interleave(heads // kv_heads, 0),
        split(v, kv_heads).repeat_interleave(heads // kv_heads, 0),
        is_causal=True,
    )
    return mixed.transpose(0, 1).reshape(len(q), -1)


def characters_loss(w, ids, targets, spans):
    size = (characters.WIDTH,)
    x = functional.embedding(ids, w["letters"]) + w["places"][: len(ids)]
    for layer in w["layers"]:
        y = functional.rms_norm(x, size, layer["norm"], 1e-5)
        q, k, v = (y @ layer[name] for name in "qkv")
        x = x + causal(q, k, v, characters.HEADS, characters.HEADS) @ layer["out"]
        y = functional.layer_norm(x, size, layer["gain"], layer["bias"], 1e-5)
        x = x + functional.gelu(y @ layer["up"], approximate="tanh") @ layer["down"]
    logits = functional.rms_norm(x, size, w["norm"], 1e-5) @ w["letters"].T
    return functional.cross_entropy(logits, targets)


def convolution_loss(w, noisy, clean):
    def convolve(x, taps):
        return functional.conv1d(x, taps.permute(2, 1, 0), padding=taps.shape[0] // 2)

    hidden = functional.relu(convolve(noisy.T[None], w["first"]) + w["bias"][:, None])
    return functional.mse_loss(convolve(hidden, w["second"])[0].T, clean)


def rotate(x, table):
    width = table.shape[1]
    cos, sin = (part.repeat(1, 2)[:, None] for part in table.chunk(2, -1))
    heads = x.reshape(len(x), -1, width)
    first, second = heads.chunk(2, -1)
    return (heads * cos + torch.cat([-second, first], -1) * sin).reshape(x.shape)


def lora_loss(adapter, held, ids, targets, places, spans, table):
    c = lora.C

    def linear(x, name):
        a, b = adapter[name]["a"], adapter[name]["b"]
        low = functional.linear(functional.linear(x, a), b)
        return functional.linear(x, held[name + ".weight"]) + low * (lora.ALPHA / lora.RANK)

    def norm(x, name):
        return functional.rms_norm(x, (c.width,), held[name + ".weight"], c.eps)

    x = functional.embedding(ids, held["model.embed_tokens.weight"])
    for layer in lora.LAYERS:
        y = norm(x, layer + "input_layernorm")
        q, k, v = (linear(y, f"{layer}self_attn.{name}_proj") for name in "qkv")
        mixed = causal(rotate(q, table), rotate(k, table), v, c.heads, c.kv_heads)
        x = x + linear(mixed, layer + "self_attn.o_proj")
        y = norm(x, layer + "post_attention_layernorm")
        gate, up = (linear(y, f"{layer}mlp.{name}_proj") for name in ("gate", "up"))
        x = x + linear(functional.silu(gate) * up, layer + "mlp.down_proj")
    logits = functional.linear(norm(x, "model.norm"), held[c.head_name])
    return functional.cross_entropy(logits, targets)


ADAM = dict(betas=(0.9, 0.999), eps=1e-8)
PROGRAMS = {
    line: (line_loss, lambda p: torch.optim.SGD(p, momentum=0.5), [0.3] * line.STEPS, None),
    moons: (
        moons_loss,
        lambda p: torch.optim.AdamW(p, **ADAM, weight_decay=0.01),
        cosine(0.1, moons.STEPS, 5),
        1.0,
    ),
    digits: (
        digits_loss,
        lambda p: torch.optim.Adam(p, **ADAM),
        [0.01 - 0.009 * i / digits.STEPS for i in range(digits.STEPS)],
        None,
    ),
    characters: (
        characters_loss,
        lambda p: torch.optim.Adam(p, **ADAM),
        cosine(0.01, characters.STEPS, 5),
        1.0,
    ),
    convolution: (
        convolution_loss,
        lambda p: Lion(p, (0.9, 0.9), 0.01),
        cosine(0.01, convolution.STEPS),
        None,
    ),
    lora: (lora_loss, lambda p: torch.optim.Adam(p, **ADAM), [0.01] * lora.STEPS, 1.0),
}


def losses_of(program, loss_of, optimiser_of, rates, max_norm):
    weights = as_torch(program.weights())
    trained = [leaf.requires_grad_() for leaf in leaves(weights)]
    optimiser, losses = optimiser_of(trained), []
    for batch, rate in zip(program.batches(), rates, strict=True):
        optimiser.zero_grad()
        loss = loss_of(weights, *as_torch(batch))
        loss.backward()
        if max_norm:
            norm = torch.sqrt(sum((p.grad**2).sum() for p in trained))
            for p in trained:
                p.grad *= min(1.0, max_norm / norm)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    found = {program.__name__: losses_of(program, *how) for program, how in PROGRAMS.items()}
    path = ROOT / "tests" / "golden" / "programs.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    for name, losses in found.items():
        print(f"{name}: {losses[0]:.6f} -> {losses[-1]:.6f}")


if __name__ == "__main__":
    main()
