"""The trained parameters: one flat array, with a name for each range of it.

A LoRA adapter, the whole blocks of `full` and both of `hybrid` are all such arrays, so an update, a
snapshot, a promotion and a rollback each handle one array whatever is trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from math import prod

import numpy as np

from oneseek.engine.compiler.ir import Program, Spec, Value
from oneseek.engine.turns import pause

ALIGNMENT = 64  # elements: a GPU binds buffers at multiples of 256 bytes

# the names of the user's documents -> the modules of a layer
TARGETS = {
    "attention.q": "self_attn.q_proj",
    "attention.k": "self_attn.k_proj",
    "attention.v": "self_attn.v_proj",
    "attention.o": "self_attn.o_proj",
    "ffn.gate": "mlp.gate_proj",
    "ffn.up": "mlp.up_proj",
    "ffn.down": "mlp.down_proj",
}


def layer_of(name: str) -> str:
    return ".".join(name.split(".")[:3])


def number_of(name: str) -> int:
    """Return the number of the layer that an entry belongs to."""
    return int(name.split(".")[2])


@dataclass(frozen=True)
class Trained:
    """Where each trained tensor lies in the flat array `adapter`."""

    entries: dict[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    scale: float = 1.0  # alpha / rank
    rank: int = 0
    name: str = "adapter"
    still: Trained | None = None  # what differs from the base as well, but is not trained now

    @classmethod
    def of(cls, shapes: dict[str, tuple[int, ...]], **more) -> Trained:
        entries, offset = {}, 0
        for name, shape in shapes.items():
            entries[name] = (offset, shape)
            offset += -(-prod(shape) // ALIGNMENT) * ALIGNMENT
        return cls(entries, **more)

    @classmethod
    def lora(
        cls, config, rank: int, alpha: float, targets=tuple(TARGETS), bias=False,
        layers: Iterable[int] | None = None,
    ) -> Trained:  # fmt: skip
        """Return an adapter on the given layers, or on all."""
        modules: dict[str, tuple[int, int]] = {}
        for i in range(config.layers) if layers is None else layers:
            linears = config.linears(i)
            for module in (config.find_module(target, i) for target in targets):
                modules[f"model.layers.{i}.{module}"] = linears[module]
        return cls.beside(modules, rank, alpha, bias)

    @classmethod
    def beside(
        cls, modules: dict[str, tuple[int, int]], rank: int, alpha: float, bias=False
    ) -> Trained:
        """Return an adapter on modules of these (outputs, inputs)."""
        shapes: dict[str, tuple[int, ...]] = {}
        for module, (outputs, inputs) in modules.items():
            shapes[f"{module}.lora_A.weight"] = (rank, inputs)
            shapes[f"{module}.lora_B.weight"] = (outputs, rank)
            if bias:
                shapes[f"{module}.lora_bias"] = (outputs,)
        return cls.of(shapes, scale=alpha / rank, rank=rank)

    @classmethod
    def from_training(cls, config, training) -> Trained:
        """Return what a training configuration trains: an adapter, the last blocks, or both."""
        lora = training.lora_config
        layers = range(min(lora.first_layer, config.layers - 1), config.layers)
        adapter = cls.lora(
            config, lora.rank, lora.alpha, lora.target_modules, lora.enable_bias, layers
        )
        if training.mode == "lora":
            return adapter
        first = config.layers - min(training.full_blocks, config.layers)
        inside = tuple(f"model.layers.{i}." for i in range(first, config.layers))
        blocks = {name: s for name, s in config.shapes().items() if name.startswith(inside)}
        if training.mode == "full":
            return cls.of(blocks)
        shapes = {name: shape for name, (_, shape) in adapter.entries.items()}
        return cls.of(shapes | blocks, scale=adapter.scale, rank=adapter.rank)

    def __contains__(self, name: str) -> bool:
        return name in self.entries or (self.still is not None and name in self.still)

    def begin_of(self, layer: int) -> int:
        """Return where the first entry of the layers from this one on lies."""
        offsets = (at for name, (at, _) in self.entries.items() if number_of(name) >= layer)
        return min(offsets) if layer else 0

    @property
    def full_names(self) -> list[str]:
        """The weights that are trained themselves, not by an adapter."""
        return [name for name in self.entries if ".lora_" not in name]

    @property
    def layers(self) -> list[int]:
        """The layers that anything is changed of, in their order."""
        names = [*self.entries, *(self.still.entries if self.still else ())]
        return sorted({number_of(name) for name in names})

    @property
    def first_layer(self) -> int:
        """The first of them: all layers below are the base's."""
        return self.layers[0]

    @property
    def size(self) -> int:
        offset, shape = list(self.entries.values())[-1]
        return offset + -(-prod(shape) // ALIGNMENT) * ALIGNMENT

    @property
    def spec(self) -> Spec:
        return Spec((self.size,))

    @property
    def stretches(self) -> list[tuple[int, int, list[str]]]:
        """The flat array layer by layer: where each begins, its size, and its entries."""
        found: list[tuple[int, int, list[str]]] = []
        for _, names in groupby(self.entries, layer_of):
            inside = list(names)
            first, (last, shape) = self.entries[inside[0]][0], self.entries[inside[-1]]
            found.append((first, last + -(-prod(shape) // ALIGNMENT) * ALIGNMENT - first, inside))
        return found

    def stretches_from(self, layer: int) -> list[tuple[int, int, list[str]]]:
        """The stretches of a layer and of those above it."""
        return [one for one in self.stretches if number_of(one[2][0]) >= layer]

    def value(self, program: Program, name: str) -> Value:
        """The stretch `name` of the program's input `adapter`; the same value at each use."""
        if name not in self.entries and self.still:
            return self.still.value(program, name)
        flat = program.inputs.get(self.name) or program.input(self.name, (self.size,))
        made = program.windows.setdefault(self.name, {})
        if name not in made:
            made[name] = flat.view(*self.entries[name], name)
        return made[name]

    def first_changed(self, flat: np.ndarray) -> int | None:
        """Return the first layer that a flat array changes, None if none: one that differs from the
        base in anything but the A of adapters whose B is 0."""
        changed = (
            number_of(name)
            for name in self.entries
            if not name.endswith("lora_A.weight") and self.part(flat, name).any()
        )
        return min(changed, default=None)

    def begin_of_change(self, flat: np.ndarray) -> int:
        """Return where the first layer lies that a flat array changes; 0 if none."""
        return self.begin_of(self.first_changed(flat) or 0)

    def part(self, flat: np.ndarray, name: str) -> np.ndarray:
        """The stretch `name` of a flat array, as a view."""
        offset, shape = self.entries[name]
        return flat[offset : offset + prod(shape)].reshape(shape)

    def initial(self, seed: int) -> np.ndarray:
        """Return the initial values: A uniform in +-1/sqrt(inputs), the others 0, so that a new
        adapter is the base."""
        flat, rng = np.zeros(self.size, np.float32), np.random.default_rng(seed)
        for name, (_, shape) in self.entries.items():
            if name.endswith("lora_A.weight"):
                pause()
                bound = shape[1] ** -0.5
                self.part(flat, name)[...] = rng.uniform(-bound, bound, shape)
        return flat
