"""Qwen 3.5: three layers with a gated delta net to one with attention whose output has a gate.

What a delta net reads of each token stays in the cache, a row a token, as keys and values do: what
its convolution reads, the token's key, what the rule adds there, and how all of it has decayed so
far. So a conversation can be cut, continued and copied at any token, whatever its layers are.
"""

from __future__ import annotations

from dataclasses import dataclass

from oneseek.engine.compiler.ir import OPS, Value
from oneseek.engine.model.llama import STACKS, Config, Llama, Tokens
from oneseek.engine.model.trainable import TARGETS

DELTA = {  # one product makes q, k and v
    "attention.q": "linear_attn.in_proj_qkv",
    "attention.k": "linear_attn.in_proj_qkv",
    "attention.v": "linear_attn.in_proj_qkv",
    "attention.o": "linear_attn.out_proj",
}
GATE_UP = "mlp.gate_up"


@dataclass(frozen=True)
class Qwen35Config(Config):
    delta: tuple[bool, ...] = ()  # the layers with a delta net
    key_heads: int = 16  # of those layers
    value_heads: int = 16
    key_width: int = 128
    value_width: int = 128
    taps: int = 4  # tokens that a convolution reads, the last one included
    turned: int = 64  # columns of a head of attention with a rotary embedding

    @classmethod
    def own(cls, d: dict) -> dict:
        return {
            "delta": tuple(kind == "linear_attention" for kind in d.get("layer_types") or ()),
            "key_heads": d["linear_num_key_heads"],
            "value_heads": d["linear_num_value_heads"],
            "key_width": d["linear_key_head_dim"],
            "value_width": d["linear_value_head_dim"],
            "taps": d["linear_conv_kernel_dim"],
            "turned": int(d["head_dim"] * d["partial_rotary_factor"]),
        }

    @property
    def keys(self) -> int:
        return self.key_heads * self.key_width

    @property
    def values(self) -> int:
        return self.value_heads * self.value_width

    @property
    def mixed(self) -> int:
        """The width of the one product that makes q, k and v."""
        return 2 * self.keys + self.values

    @property
    def rotary_width(self) -> int:
        return self.turned

    def linears(self, layer: int = 0) -> dict[str, tuple[int, int]]:
        whole = super().linears(layer)
        if not self.delta[layer]:
            q, width = whole["self_attn.q_proj"]
            return whole | {"self_attn.q_proj": (2 * q, width)}
        mlp = {name: shape for name, shape in whole.items() if name.startswith("mlp.")}
        return {
            "linear_attn.in_proj_qkv": (self.mixed, self.width),
            "linear_attn.in_proj_z": (self.values, self.width),
            "linear_attn.in_proj_b": (self.value_heads, self.width),
            "linear_attn.in_proj_a": (self.value_heads, self.width),
            "linear_attn.out_proj": (self.width, self.values),
        } | mlp

    def find_module(self, target: str, layer: int) -> str:
        return (TARGETS | DELTA if self.delta[layer] else TARGETS)[target]

    def stacks(self, layer: int) -> dict[str, tuple[str, ...]]:
        return {GATE_UP: STACKS[GATE_UP]}

    @property
    def cache_cols(self) -> dict[str, int]:
        kept = super().cache_cols
        for i in (i for i in range(self.layers) if self.delta[i]):
            del kept[f"cache.{i}.k"], kept[f"cache.{i}.v"]
            kept |= {f"cache.{i}.x": self.mixed, f"cache.{i}.k": self.keys}
            kept |= {f"cache.{i}.u": self.values, f"cache.{i}.total": 2 * self.value_heads}
        return kept

    @property
    def order_keys(self) -> dict[str, int]:
        return {
            "linear_num_key_heads": self.key_heads,
            "linear_num_value_heads": self.value_heads,
            "linear_key_head_dim": self.key_width,
            "linear_value_head_dim": self.value_width,
        }

    def other_weights(self, layer: int) -> dict[str, tuple[int, ...]]:
        whole = super().other_weights(layer)
        if not self.delta[layer]:
            return whole
        norms = {name: shape for name, shape in whole.items() if "layernorm" in name}
        return {
            "linear_attn.conv1d.weight": (self.mixed, 1, self.taps),
            "linear_attn.A_log": (self.value_heads,),
            "linear_attn.dt_bias": (self.value_heads,),
            "linear_attn.norm.weight": (self.value_width,),
        } | norms


def sigmoid(x: Value) -> Value:
    return OPS["exp"](OPS["log_sigmoid"](x))


class Qwen35(Llama):
    """x + mix(norm(x)), then x + mlp(norm(x)). The gains of its norms are 1 + w, but for those of
    a delta net's output; a reader of files hands them out so."""

    config: Qwen35Config

    def states(self, tokens: Tokens, *more, **named) -> Value:
        zeros = OPS["clear"](self.program.buffer((self.config.key_width,)))
        self.ones = OPS["exp"](zeros)
        return super().states(tokens, *more, **named)

    def block(self, x: Value, i: int, tokens: Tokens, cache: str | None) -> Value:
        layer = f"model.layers.{i}."
        mix = self.delta if self.config.delta[i] else self.gated_attention
        x = x + mix(self.norm(x, layer + "input_layernorm"), layer, tokens, cache)
        return x + self.mlp(self.norm(x, layer + "post_attention_layernorm"), layer)

    def by_head(self, x: Value, width: int) -> Value:
        return x.reshape(x.spec.size // width, width)

    def gated_attention(self, x: Value, layer: str, tokens: Tokens, cache: str | None) -> Value:
        """out(attention(q, k, v) * sigmoid(gate)), a query and its gate side by side."""
        c, layer = self.config, layer + "self_attn."
        width, rows = c.head_width, x.spec.rows
        q, k, v = (self.linear(x, f"{layer}{n}_proj") for n in "qkv")
        both = self.by_head(q, 2 * width)
        q, gate = (OPS["cut"](both, first=first, count=width) for first in (0, width))
        q, k = self.norm(q, layer + "q_norm"), self.norm(self.by_head(k, width), layer + "k_norm")
        q, k = (self.rotate(h, rows, tokens) for h in (q, k))
        k, v = (self.keep(h, cache, n, tokens) for n, h in (("k", k), ("v", v)))
        y, _ = OPS["attention"](q, k, v, tokens.spans, heads=c.heads, kv_heads=c.kv_heads)
        return self.linear(y * sigmoid(gate.reshape(*y.shape)), layer + "o_proj")

    def rotate(self, x: Value, rows: int, tokens: Tokens) -> Value:
        """Apply the rotary embedding to the first columns of each head; return rows of tokens."""
        width, part = self.config.head_width, self.config.turned
        first = OPS["cut"](x, first=0, count=part).reshape(rows, x.spec.rows // rows * part)
        first = OPS["rotary"](first, tokens.positions, self.table, width=part)
        if part < width:
            rest = OPS["cut"](x, first=part, count=width - part)
            first = OPS["padded"](self.by_head(first, part), first=0, width=width)
            first = first + OPS["padded"](rest, first=part, width=width)
        return first.reshape(rows, x.spec.size // rows)

    def delta(self, x: Value, layer: str, tokens: Tokens, cache: str | None) -> Value:
        """out(norm(delta(q, k, v)) * silu(z)), where q, k, v come through a convolution."""
        c, layer = self.config, layer + "linear_attn."
        qkv = self.convolve(self.linear(x, layer + "in_proj_qkv"), layer, tokens, cache)
        z, b, a = (self.linear(x, f"{layer}in_proj_{n}") for n in "zba")
        q, k = (OPS["cut"](qkv, first=first, count=c.keys) for first in (0, c.keys))
        v = OPS["cut"](qkv, first=2 * c.keys, count=c.values)
        q, k = self.unit(q), self.keep(self.unit(k), cache, "k", tokens)
        given, g = (q, k, v, b), self.decay(a, layer)
        sizes = dict(heads=c.value_heads, key_heads=c.key_heads)
        if cache:
            known = {n: f"{cache}.{n}" for n in ("total", "u")}
            total, u = (
                self.declare_input(name, (self.shared_cache_rows, width))
                for name, width in zip(known.values(), (2 * c.value_heads, c.values), strict=True)
            )
            total = OPS["totals_kept"](g, tokens.spans, total)
            _, y = OPS["delta_kept"](*given, total, tokens.spans, u, **sizes)
        else:
            total = OPS["totals"](g, tokens.spans)
            _, y = OPS["delta"](*given, total, tokens.spans, **sizes)
        y = self.norm(self.by_head(y, c.value_width), layer + "norm").reshape(*z.shape)
        return self.linear(OPS["swiglu"](z, y), layer + "out_proj")

    def convolve(self, x: Value, layer: str, tokens: Tokens, cache: str | None) -> Value:
        """silu(a short convolution over the tokens that each one sees)."""
        width, taps = self.config.mixed, self.config.taps
        w = self.plain(layer + "conv1d.weight").reshape(1, width, taps, 1)
        w = OPS["swapped"](w).reshape(taps, width)
        y = OPS["convolved"](self.keep(x, cache, "x", tokens), w, tokens.spans)
        return y * sigmoid(y)

    def unit(self, x: Value) -> Value:
        """Each head divided by its length."""
        width = self.config.key_width
        y = OPS["rmsnorm"](self.by_head(x, width), self.ones, eps=1e-6 / width)
        return OPS["scaled"](y, by=width**-0.5).reshape(*x.shape)

    def decay(self, a: Value, layer: str) -> Value:
        """g = -exp(A) softplus(a + bias), for each head."""
        shifted = OPS["add_bias"](a, self.plain(layer + "dt_bias"))
        speed = OPS["exp"](self.plain(layer + "A_log")).reshape(1, a.spec.cols)
        speed = OPS["spread"](speed, times=a.spec.rows).reshape(*a.shape)
        return speed * OPS["log_sigmoid"](OPS["neg"](shifted))
