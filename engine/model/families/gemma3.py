"""Gemma 3, where it differs from a Llama: its gate, four norms a block, the scaled embedding, and
layers with local attention and a rotary base of their own.

The gains of its norms are 1 + w; a reader of files hands them out so.
"""

from __future__ import annotations

from oneseek.engine.compiler.ir import OPS, Value
from oneseek.engine.model.llama import Llama, Tokens


class Gemma3(Llama):
    """x + norm(attention(norm(x))), then x + norm(mlp(norm(x)))."""

    def states(self, tokens: Tokens, *more, **named) -> Value:
        self.near = OPS["window"](tokens.spans, width=self.config.window)
        self.local = self.declare_input("rotary.local", self.table.shape)
        return super().states(tokens, *more, **named)

    def embed(self, ids: Value) -> Value:
        return OPS["scaled"](super().embed(ids), by=self.config.width**0.5)

    def block(self, x: Value, i: int, tokens: Tokens, cache: str | None) -> Value:
        layer, local = f"model.layers.{i}.", self.config.local[i]
        spans, table = (self.near, self.local) if local else (tokens.spans, self.table)
        y = self.norm(x, layer + "input_layernorm")
        y = self.attention(y, layer, tokens, cache, spans, table)
        x = x + self.norm(y, layer + "post_attention_layernorm")
        y = self.mlp(self.norm(x, layer + "pre_feedforward_layernorm"), layer)
        return x + self.norm(y, layer + "post_feedforward_layernorm")

    def queries(self, q: Value) -> Value:
        c = self.config
        by = (c.head_width / c.query_width) ** 0.5 if c.query_width else 1.0
        return OPS["scaled"](q, by=by) if by != 1.0 else q

    def apply_gate(self, gate: Value, up: Value) -> Value:
        return OPS["geglu"](gate, up)
