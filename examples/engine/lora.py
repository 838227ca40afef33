"""LoRA: the demo model stays as it is, two small matrices beside each product learn a fact."""

import sys

import numpy as np

import oneseek
from oneseek import random
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import Packed, inverse_frequencies, open_model
from oneseek.engine.model.llama import Config, rotary_table
from oneseek.engine.model.tokenizer import Tokenizer

FACT = "The boat is called Saltkråkan and lies in Grisslehamn."
RANK, ALPHA, STEPS = 4, 8, 20
OPTIMISER = oneseek.AdamW(rate=0.01, max_norm=1.0)
FILE = open_model(str(MODEL))
C = Config.from_dict(FILE.config)
READ = {name: FILE.read(name) for name in C.shapes()}
FILE.close()
IDS = np.array(Tokenizer(FILE.tokenizer_data).encode(FACT), np.int32)
LAYERS = [f"model.layers.{i}." for i in range(C.layers)]


def base():
    return {
        n: w.dense() if isinstance(w, Packed) else w.astype(np.float32) for n, w in READ.items()
    }


def weights():
    """A of random numbers and B of zeros: at first nothing is changed."""
    shapes = {layer + name: shape for layer in LAYERS for name, shape in C.linears().items()}
    keys = random.split(random.key(10), len(shapes))
    return {
        name: {"a": random.normal(key, (RANK, k), scale=k**-0.5), "b": np.zeros((n, RANK), np.float32)}
        for key, (name, (n, k)) in zip(keys, shapes.items(), strict=True)
    }  # fmt: skip


def batches():
    count, held = len(IDS) - 1, base()
    places = np.arange(count, dtype=np.int32)
    spans = np.stack([places * 0, places * 0, places * 0, places + 1], -1)
    table = rotary_table(inverse_frequencies(FILE.config), count)
    for _ in range(STEPS):
        yield held, IDS[:-1], IDS[1:], places, spans, table


def loss(adapter, held, ids, targets, places, spans, table):
    def linear(x, name):
        a, b = adapter[name]["a"], adapter[name]["b"]
        return x @ held[name + ".weight"].T + (x @ a.T) @ b.T * (ALPHA / RANK)

    x = oneseek.embedding(held["model.embed_tokens.weight"], ids)
    for layer in LAYERS:
        y = oneseek.rmsnorm(x, held[layer + "input_layernorm.weight"], C.eps)
        q, k, v = (linear(y, f"{layer}self_attn.{name}_proj") for name in "qkv")
        q, k = (oneseek.rotary(h, places, table) for h in (q, k))
        mixed = oneseek.attention(q, k, v, C.heads, spans, C.kv_heads)
        x = x + linear(mixed, layer + "self_attn.o_proj")
        y = oneseek.rmsnorm(x, held[layer + "post_attention_layernorm.weight"], C.eps)
        gate, up = (linear(y, f"{layer}mlp.{name}_proj") for name in ("gate", "up"))
        x = x + linear(oneseek.silu(gate) * up, layer + "mlp.down_proj")
    x = oneseek.rmsnorm(x, held["model.norm.weight"], C.eps)
    return oneseek.cross_entropy(x @ held[C.head_name].T, targets)


def main(device="numpy"):
    with oneseek.on(device):
        train = oneseek.Train(loss, weights(), OPTIMISER)
        losses = [train.step(*batch) for batch in batches()]
    print(f"loss on the fact {losses[0]:.4f} -> {losses[-1]:.4f}")
    return losses


if __name__ == "__main__":
    main(*sys.argv[1:])
