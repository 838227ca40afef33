"""The tower that encodes a tile: a SigLIP vision transformer, and the connector that makes tokens
of its output.

Patches are read by one matrix product, positions are learned, every patch sees every other. Then
blocks of neighbours become one state each (pixel shuffle), as wide as the language model. Weights
carry the names of llama.cpp's files.
"""

from __future__ import annotations

from dataclasses import dataclass

from oneseek.engine.compiler.ir import OPS, Program, Value
from oneseek.engine.compiler.schedule import Plan, fuse, plan
from oneseek.engine.model.llama import Stored


@dataclass(frozen=True)
class Tower:
    """The sizes of a tower."""

    tile: int
    patch: int
    width: int
    hidden: int
    layers: int
    heads: int
    eps: float
    block: int  # patches of an edge that become one state
    words: int  # width of the language model

    @property
    def patches(self) -> int:
        return (self.tile // self.patch) ** 2

    @property
    def states(self) -> int:
        """How many states a tile becomes."""
        return self.patches // self.block**2

    def linears(self) -> dict[str, tuple[int, int]]:
        """Matrix products inside a layer -> (outputs, inputs)."""
        square = (self.width, self.width)
        return {
            **{f"attn_{name}": square for name in ("q", "k", "v", "out")},
            "ffn_up": (self.hidden, self.width),
            "ffn_down": (self.width, self.hidden),
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every weight and its shape; a file is checked against it."""
        shapes: dict[str, tuple[int, ...]] = {
            "v.patch_embd.weight": (self.width, 3, self.patch, self.patch),
            "v.patch_embd.bias": (self.width,),
            "v.position_embd.weight": (self.patches, self.width),
        }
        for i in range(self.layers):
            for name, shape in self.linears().items():
                shapes[f"v.blk.{i}.{name}.weight"] = shape
                shapes[f"v.blk.{i}.{name}.bias"] = shape[:1]
            for name in ("ln1", "ln2"):
                shapes |= {f"v.blk.{i}.{name}.{part}": (self.width,) for part in PARTS}
        shapes |= {f"v.post_ln.{part}": (self.width,) for part in PARTS}
        shapes["mm.model.fc.weight"] = (self.words, self.width * self.block**2)
        return shapes


PARTS = ("weight", "bias")


class Siglip:
    """Traces the tower into a program."""

    def __init__(self, program: Program, tower: Tower, stored: dict[str, Stored]) -> None:
        self.program, self.tower, self.stored = program, tower, stored

    def plain(self, name: str) -> Value:
        return self.program.input(name, self.stored[name].shape)

    def linear(self, x: Value, name: str) -> Value:
        stored = self.stored[name + ".weight"]
        rows, cols = stored.shape
        if stored.bits:
            codes = (rows, cols * stored.bits // 32)
            y = OPS["packed_linear"](
                x,
                self.program.input(f"{name}.weight.codes", codes, "u32"),
                self.program.input(f"{name}.weight.scales", (rows, cols // stored.group, 2)),
                bits=stored.bits,
            )
        else:
            y = OPS["matmul"](x, self.plain(name + ".weight"), tb=True)
        return (
            OPS["add_bias"](y, self.plain(name + ".bias")) if name + ".bias" in self.stored else y
        )

    def norm(self, x: Value, name: str) -> Value:
        gain, bias = (self.plain(f"{name}.{part}") for part in PARTS)
        return OPS["layernorm"](x, gain, bias, eps=self.tower.eps)

    def attention(self, x: Value, layer: str, spans: Value) -> Value:
        heads = self.tower.heads
        q, k, v = (self.linear(x, f"{layer}attn_{one}") for one in "qkv")
        y, _ = OPS["attention"](q, k, v, spans, heads=heads, kv_heads=heads)
        return self.linear(y, layer + "attn_out")

    def block(self, x: Value, i: int, spans: Value) -> Value:
        layer = f"v.blk.{i}."
        x = x + self.attention(self.norm(x, layer + "ln1"), layer, spans)
        y = OPS["gelu"](self.linear(self.norm(x, layer + "ln2"), layer + "ffn_up"))
        return x + self.linear(y, layer + "ffn_down")

    def states(self, patches: Value, spans: Value) -> Value:
        """Patches of a tile -> the states that the language model reads."""
        x = self.linear(patches, "v.patch_embd") + self.plain("v.position_embd.weight")
        for i in range(self.tower.layers):
            x = self.block(x, i, spans)
        return self.linear(self.shuffle_pixels(self.norm(x, "v.post_ln")), "mm.model.fc")

    def shuffle_pixels(self, x: Value) -> Value:
        """Put the patches of each block of neighbours side by side, row by row."""
        side, width = self.tower.block, self.tower.width
        edge = self.tower.tile // self.tower.patch // side
        blocks = OPS["swapped"](x.reshape(edge, side, edge, side * width))
        return blocks.reshape(edge * edge, side * side * width)


def plan_tower(tower: Tower, stored: dict[str, Stored]) -> Plan:
    """Return the plan of the tower: one tile in, its states out."""
    program = Program("look")
    patches = program.input("patches", (tower.patches, 3 * tower.patch**2))
    spans = program.input("spans", (tower.patches, 4), "i32")
    program.output("states", Siglip(program, tower, stored).states(patches, spans))
    return plan(fuse(program))
