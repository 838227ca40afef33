"""LFM2: most layers mix neighbouring tokens by a short convolution between two gates, the others by
attention with norms of q and k.

What a convolution reads of each token stays in the cache, as keys and values do. So a conversation
can be cut, continued and copied at any token, whatever its layers are.
"""

from __future__ import annotations

from dataclasses import dataclass

from oneseek.engine.compiler.ir import OPS, Value
from oneseek.engine.model.llama import STACKS, Config, Llama, Tokens

QKV = "self_attn.qkv"
ATTENTION = {
    "attention.q": "self_attn.q_proj",
    "attention.k": "self_attn.k_proj",
    "attention.v": "self_attn.v_proj",
    "attention.o": "self_attn.out_proj",
}
CONVOLUTION = {  # one product makes both gates and what lies between them
    "attention.q": "conv.in_proj",
    "attention.k": "conv.in_proj",
    "attention.v": "conv.in_proj",
    "attention.o": "conv.out_proj",
}
FEED_FORWARD = {
    "ffn.gate": "feed_forward.w1",
    "ffn.up": "feed_forward.w3",
    "ffn.down": "feed_forward.w2",
}


@dataclass(frozen=True)
class Lfm2Config(Config):
    convolved: tuple[bool, ...] = ()  # the layers with a convolution
    taps: int = 3  # tokens that it reads, the last one included

    @classmethod
    def own(cls, d: dict) -> dict:
        kinds = d.get("layer_types") or ()
        return {"convolved": tuple(kind == "conv" for kind in kinds), "taps": d["conv_L_cache"]}

    def linears(self, layer: int = 0) -> dict[str, tuple[int, int]]:
        q, kv = self.heads * self.head_width, self.kv_heads * self.head_width
        mixing = {
            "self_attn.q_proj": (q, self.width),
            "self_attn.k_proj": (kv, self.width),
            "self_attn.v_proj": (kv, self.width),
            "self_attn.out_proj": (self.width, q),
        }
        if self.convolved[layer]:
            mixing = {
                "conv.in_proj": (3 * self.width, self.width),
                "conv.out_proj": (self.width, self.width),
            }
        return mixing | {
            "feed_forward.w1": (self.hidden, self.width),
            "feed_forward.w3": (self.hidden, self.width),
            "feed_forward.w2": (self.width, self.hidden),
        }

    def find_module(self, target: str, layer: int) -> str:
        mixing = CONVOLUTION if self.convolved[layer] else ATTENTION
        return (mixing | FEED_FORWARD)[target]

    def stacks(self, layer: int) -> dict[str, tuple[str, ...]]:
        stacks: dict[str, tuple[str, ...]] = {} if self.convolved[layer] else {QKV: STACKS[QKV]}
        return stacks | {"feed_forward.w1_w3": ("feed_forward.w1", "feed_forward.w3")}

    @property
    def cache_cols(self) -> dict[str, int]:
        kept = super().cache_cols
        for i in (i for i in range(self.layers) if self.convolved[i]):
            del kept[f"cache.{i}.k"], kept[f"cache.{i}.v"]
            kept[f"cache.{i}.x"] = self.width
        return kept

    @property
    def last_norm(self) -> str:
        return "model.embedding_norm"

    def other_weights(self, layer: int) -> dict[str, tuple[int, ...]]:
        if self.convolved[layer]:
            found: dict[str, tuple[int, ...]] = {"conv.conv.weight": (self.width, 1, self.taps)}
        else:
            heads = ("self_attn.q_layernorm", "self_attn.k_layernorm")
            found = {f"{norm}.weight": (self.head_width,) for norm in heads}
        norms = ("operator_norm", "ffn_norm")
        return found | {f"{norm}.weight": (self.width,) for norm in norms}


class Lfm2(Llama):
    """x + mix(norm(x)), then x + mlp(norm(x))."""

    config: Lfm2Config
    HEAD_NORMS = "q_layernorm", "k_layernorm"
    MIXED = "self_attn.out_proj"
    MLP = "feed_forward.w1", "feed_forward.w3", "feed_forward.w2"

    def block(self, x: Value, i: int, tokens: Tokens, cache: str | None) -> Value:
        layer = f"model.layers.{i}."
        y = self.norm(x, layer + "operator_norm")
        if self.config.convolved[i]:
            x = x + self.convolution(y, layer, tokens, cache)
        else:
            x = x + self.attention(y, layer, tokens, cache, tokens.spans, self.table)
        return x + self.mlp(self.norm(x, layer + "ffn_norm"), layer)

    def convolution(self, x: Value, layer: str, tokens: Tokens, cache: str | None) -> Value:
        """b, c, x = in(x); out(c * convolved(b * x))."""
        width, taps = self.config.width, self.config.taps
        bcx = self.linear(x, layer + "conv.in_proj")
        b, c, x = (OPS["cut"](bcx, first=i * width, count=width) for i in range(3))
        x = self.keep(b * x, cache, "x", tokens)
        w = OPS["swapped"](self.plain(layer + "conv.conv.weight").reshape(1, width, taps, 1))
        y = OPS["convolved"](x, w.reshape(taps, width), tokens.spans)
        return self.linear(c * y, layer + "conv.out_proj")
