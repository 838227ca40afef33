"""A Llama-family transformer, described once and traced by every program that runs it.

Weights carry the names of the safetensors file. Capitals in comments: T tokens, S keys, R rows
that reach the head, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from oneseek.engine.compiler.ir import OPS, Program, Value
from oneseek.engine.model.trainable import TARGETS, Trained

ARCHITECTURES = {
    "llama": {},
    "mistral": {},
    "qwen2": {"qkv_bias": True},
    "qwen3": {"qk_norm": True},
    "gemma3_text": {"qk_norm": True, "gemma": True},
    "lfm2": {"qk_norm": True},
    "qwen3_5_text": {"qk_norm": True},
}


@dataclass(frozen=True)
class Config:
    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    hidden: int
    eps: float = 1e-5
    positions: int = 2048
    tied: bool = True  # the head is the embedding
    qkv_bias: bool = False
    qk_norm: bool = False
    gemma: bool = False
    local: tuple[bool, ...] = ()  # the layers that see no further back than `window`
    window: int = 0
    query_width: float = 0.0  # scores are divided by its root; 0 for the head's own width

    @classmethod
    def from_dict(cls, d: dict) -> Config:
        """From the keys of a Hugging Face config.json."""
        kind = d.get("model_type", "?")
        if kind not in ARCHITECTURES:
            raise ValueError(f"OneSeek cannot run {kind}; it knows {', '.join(ARCHITECTURES)}")
        heads = d["num_attention_heads"]
        return cls(
            vocab=d["vocab_size"],
            width=d["hidden_size"],
            layers=d["num_hidden_layers"],
            heads=heads,
            kv_heads=d.get("num_key_value_heads") or heads,
            head_width=d.get("head_dim") or d["hidden_size"] // heads,
            hidden=d["intermediate_size"],
            eps=d.get("rms_norm_eps", 1e-5),
            positions=d.get("max_position_embeddings", 2048),
            tied=bool(d.get("tie_word_embeddings", False)),
            local=tuple(layer == "sliding_attention" for layer in d.get("layer_types") or ()),
            window=d.get("sliding_window") or 0,
            query_width=d.get("query_pre_attn_scalar") or 0.0,
            **ARCHITECTURES[kind],
            **cls.own(d),
        )

    @classmethod
    def own(cls, d: dict) -> dict:
        """Return the settings that only this family has, from the same keys."""
        return {}

    def linears(self, layer: int = 0) -> dict[str, tuple[int, int]]:
        """Module name inside a layer -> (outputs, inputs)."""
        q, kv = self.heads * self.head_width, self.kv_heads * self.head_width
        return {
            "self_attn.q_proj": (q, self.width),
            "self_attn.k_proj": (kv, self.width),
            "self_attn.v_proj": (kv, self.width),
            "self_attn.o_proj": (self.width, q),
            "mlp.gate_proj": (self.hidden, self.width),
            "mlp.up_proj": (self.hidden, self.width),
            "mlp.down_proj": (self.width, self.hidden),
        }

    def find_module(self, target: str, layer: int) -> str:
        """Return the name of one of TARGETS in a layer."""
        return TARGETS[target]

    def stacks(self, layer: int) -> dict[str, tuple[str, ...]]:
        """The modules of a layer that are multiplied with the same values, by a name for both."""
        return STACKS

    @property
    def cache_cols(self) -> dict[str, int]:
        """The cache's arrays -> numbers a token: each layer's keys and values."""
        width = self.kv_heads * self.head_width
        return {f"cache.{i}.{n}": width for i in range(self.layers) for n in "kv"}

    @property
    def token_bytes(self) -> int:
        """Bytes of the cache that one token takes."""
        return 4 * sum(self.cache_cols.values())

    @property
    def rotary_width(self) -> int:
        """Columns of a head that the rotary embedding turns."""
        return self.head_width

    @property
    def order_keys(self) -> dict[str, int]:
        """The keys of config.json that GGUF's order of rows and columns depends on."""
        return {"num_attention_heads": self.heads, "num_key_value_heads": self.kv_heads}

    @property
    def last_norm(self) -> str:
        return "model.norm"

    @property
    def head_name(self) -> str:
        return "model.embed_tokens.weight" if self.tied else "lm_head.weight"

    @property
    def parameters(self) -> int:
        return sum(prod(shape) for shape in self.shapes().values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every weight of the model and its shape; readers check files against it."""
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocab, self.width)}
        for i in range(self.layers):
            layer = f"model.layers.{i}."
            for name, shape in self.linears(i).items():
                shapes[f"{layer}{name}.weight"] = shape
                if self.qkv_bias and name[-6] in "qkv" and "attn" in name:
                    shapes[f"{layer}{name}.bias"] = shape[:1]
            shapes |= {layer + name: shape for name, shape in self.other_weights(i).items()}
        shapes[self.last_norm + ".weight"] = (self.width,)
        if not self.tied:
            shapes["lm_head.weight"] = (self.vocab, self.width)
        return shapes

    def other_weights(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return a layer's weights beside its linears: norms, and what else its family has."""
        found: dict[str, tuple[int, ...]] = {}
        if self.qk_norm:
            found["self_attn.q_norm.weight"] = (self.head_width,)
            found["self_attn.k_norm.weight"] = (self.head_width,)
        norms = ["input_layernorm", "post_attention_layernorm"]
        if self.gemma:
            norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
        return found | {f"{norm}.weight": (self.width,) for norm in norms}


def rotary_table(frequencies: np.ndarray, positions: int) -> np.ndarray:
    """f32[positions, head_width]: cosines of every angle, then sines. `frequencies` are the
    radians a position adds to each pair."""
    angles = np.arange(positions)[:, None] * frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], -1).astype(np.float32)


STACKS = {
    "self_attn.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "mlp.gate_up": ("mlp.gate_proj", "mlp.up_proj"),
}


@dataclass(frozen=True)
class Stack:
    """Weights with the same input that lie one after the other in memory."""

    name: str
    rows: int  # of all of them


@dataclass(frozen=True)
class Stored:
    """How a weight lies in memory: packed in `bits` with groups of `group`, or plain (bits 0); by
    itself, or in a stack from row `first` on."""

    shape: tuple[int, ...]
    bits: int = 0
    group: int = 32
    stack: Stack | None = None
    first: int = 0


@dataclass
class Tokens:
    """The T tokens of a program: their ids, their positions, and which keys they see."""

    ids: Value
    positions: Value
    spans: Value
    slots: Value | None = None  # rows of the key/value cache, when there is one
    words: Value | None = None  # 1 where it is a word, 0 where it is a part of a picture
    pictured: Value | None = None  # the states of those parts, where there are any

    @classmethod
    def inputs(
        cls, program: Program, count: int, cached: bool = False, pictured: int = 0
    ) -> Tokens:
        """Declare the inputs of a program; `pictured` is the width of a picture's state, 0 for
        none."""
        return cls(
            program.input("ids", (count,), "i32"),
            program.input("positions", (count,), "i32"),
            program.input("spans", (count, 4), "i32"),
            program.input("slots", (count,), "i32") if cached else None,
            program.input("words", (count, 1)) if pictured else None,
            program.input("pictured", (count, pictured)) if pictured else None,
        )


class Llama:
    """Traces the model into a program. Weights become inputs the first time they are used."""

    HEAD_NORMS = "q_norm", "k_norm"
    MIXED = "self_attn.o_proj"
    MLP = "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"

    def __init__(
        self,
        program: Program,
        config: Config,
        stored: dict[str, Stored],
        positions: int,
        trained: Trained | None = None,
        dropout: float = 0.0,
    ):
        self.program, self.config, self.stored = program, config, stored
        self.trained, self.dropout = trained, dropout
        table = (positions, config.rotary_width)
        self.table = self.declare_input("rotary.table", table)
        self.blocks: list[tuple[int, int]] = []  # the steps of each layer

    def declare_input(self, name: str, shape: tuple[int, ...], dtype: str = "f32") -> Value:
        inputs = self.program.inputs
        return inputs[name] if name in inputs else self.program.input(name, shape, dtype)

    def plain(self, name: str) -> Value:
        """A weight that is not packed; the trained copy where there is one."""
        if self.trained and name in self.trained:
            return self.trained.value(self.program, name)
        return self.declare_input(name, self.stored[name].shape)

    def declare_packed(self, name: str) -> tuple[Value, Value]:
        stored = self.stored[name]
        rows, cols = stored.shape
        codes, scales = (cols * stored.bits // 32,), (cols // stored.group, 2)
        if stack := stored.stack:
            whole = (
                self.declare_input(f"{stack.name}.codes", (stack.rows, *codes), "u32"),
                self.declare_input(f"{stack.name}.scales", (stack.rows, *scales)),
            )
            return (
                whole[0].view(stored.first * prod(codes), (rows, *codes), f"{name}.codes"),
                whole[1].view(stored.first * prod(scales), (rows, *scales), f"{name}.scales"),
            )
        return (
            self.declare_input(f"{name}.codes", (rows, *codes), "u32"),
            self.declare_input(f"{name}.scales", (rows, *scales)),
        )

    def linear(self, x: Value, module: str) -> Value:
        """x W^T, plus the LoRA term and the biases the module has."""
        name, trained = module + ".weight", self.trained
        h = b = None
        if trained and module + ".lora_A.weight" in trained:
            a = trained.value(self.program, module + ".lora_A.weight")
            b = trained.value(self.program, module + ".lora_B.weight")
            h = OPS["matmul"](self.apply_dropout(x), a, tb=True, scale=trained.scale)
        if self.stored[name].bits and not (trained and name in trained):
            y = OPS["packed_linear"](
                x, *self.declare_packed(name), h, b, bits=self.stored[name].bits
            )
        else:
            y = OPS["matmul"](x, self.plain(name), tb=True)
            if h:
                y = y + OPS["matmul"](h, b, tb=True)
        if module + ".bias" in self.stored:
            y = OPS["add_bias"](y, self.plain(module + ".bias"))
        if trained and module + ".lora_bias" in trained:
            y = OPS["add_bias"](y, trained.value(self.program, module + ".lora_bias"))
        return y

    def apply_dropout(self, x: Value) -> Value:
        if not self.dropout:
            return x
        seed = self.declare_input("seed", (1,), "u32")
        return OPS["dropout"](x, seed, rate=self.dropout, stream=len(self.program.steps))

    def norm(self, x: Value, name: str) -> Value:
        return OPS["rmsnorm"](x, self.plain(name + ".weight"), eps=self.config.eps)

    def last_norm(self, x: Value) -> Value:
        return self.norm(x, self.config.last_norm)

    def attention(
        self, x: Value, layer: str, tokens: Tokens, cache: str | None, spans: Value, table: Value
    ) -> Value:
        c, width = self.config, self.config.head_width
        q, k, v = (self.linear(x, f"{layer}self_attn.{n}_proj") for n in "qkv")
        if c.qk_norm:
            q, k = (
                self.norm(h.reshape(h.spec.size // width, width), f"{layer}self_attn.{name}")
                .reshape(*h.shape)
                for h, name in zip((q, k), self.HEAD_NORMS, strict=True)
            )  # fmt: skip
        q, k = (OPS["rotary"](h, tokens.positions, table, width=width) for h in (q, k))
        k, v = (self.keep(h, cache, n, tokens) for n, h in (("k", k), ("v", v)))
        q = self.queries(q)
        y, _ = OPS["attention"](q, k, v, spans, heads=c.heads, kv_heads=c.kv_heads)
        return self.linear(y, layer + self.MIXED)

    def keep(self, x: Value, cache: str | None, name: str, tokens: Tokens) -> Value:
        """Return all rows of the cache after adding these, where there is a cache."""
        if not cache:
            return x
        rows = self.declare_input(f"{cache}.{name}", (self.shared_cache_rows, x.spec.cols))
        return OPS["cache_write"](rows, x, tokens.slots)

    def queries(self, q: Value) -> Value:
        return q

    def mlp(self, x: Value, layer: str) -> Value:
        gate, up, down = (layer + name for name in self.MLP)
        return self.linear(self.apply_gate(self.linear(x, gate), self.linear(x, up)), down)

    def apply_gate(self, gate: Value, up: Value) -> Value:
        return OPS["swiglu"](gate, up)

    def block(self, x: Value, i: int, tokens: Tokens, cache: str | None) -> Value:
        layer = f"model.layers.{i}."
        y = self.norm(x, layer + "input_layernorm")
        x = x + self.attention(y, layer, tokens, cache, tokens.spans, self.table)
        return x + self.mlp(self.norm(x, layer + "post_attention_layernorm"), layer)

    def states(
        self, tokens: Tokens, cache_rows: int = 0, layers: int | None = None, first: int = 0
    ) -> Value:
        """ids -> [T, width], ready for the head; or the output of the first `layers`. From layer
        `first` on, the output of those below is an input."""
        self.shared_cache_rows = cache_rows
        if first:
            x = self.declare_input("below", (tokens.ids.spec.size, self.config.width))
        else:
            x = self.with_pictures(self.embed(tokens.ids), tokens)
        for i in range(first, self.config.layers if layers is None else layers):
            first = len(self.program.steps)
            x = self.block(x, i, tokens, f"cache.{i}" if cache_rows else None)
            self.blocks.append((first, len(self.program.steps)))
        return x

    def with_pictures(self, x: Value, tokens: Tokens) -> Value:
        """Put the states of pictures in the place of embeddings."""
        if tokens.words is None or tokens.pictured is None:
            return x
        words = OPS["spread"](tokens.words, times=self.config.width).reshape(*x.shape)
        return x * words + tokens.pictured

    def embed(self, ids: Value) -> Value:
        name = "model.embed_tokens.weight"
        if self.stored[name].bits:
            return OPS["packed_rows"](*self.declare_packed(name), ids, bits=self.stored[name].bits)
        return OPS["rows"](self.plain(name), ids)

    def logits(self, x: Value) -> Value:
        """[R, width] -> [R, V], final norm included."""
        return self.head(self.last_norm(x))

    def head(self, x: Value) -> Value:
        name = self.config.head_name
        if self.stored[name].bits:
            return OPS["packed_linear"](x, *self.declare_packed(name), bits=self.stored[name].bits)
        return OPS["matmul"](x, self.plain(name), tb=True)

    def head_dx(self, dlogits: Value) -> Value:
        name = self.config.head_name
        if self.stored[name].bits:
            bits = self.stored[name].bits
            return OPS["packed_linear_dx"](dlogits, *self.declare_packed(name), bits=bits)
        return OPS["matmul"](dlogits, self.plain(name))
