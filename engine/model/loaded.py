"""A model loaded on an executor: its weights are uploaded one tensor at a time, in packed form.

Programs are traced when first asked for and cached; every program of a model shares these tensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

import numpy as np

from oneseek.engine.backends.executor import Executor, Run, Tensor
from oneseek.engine.backends.room import Room
from oneseek.engine.compiler.ir import Spec
from oneseek.engine.compiler.merge import merge
from oneseek.engine.compiler.ops.linear import unpack
from oneseek.engine.compiler.schedule import Plan, plan
from oneseek.engine.model import programs
from oneseek.engine.model.choice.sampling import Manner
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import ModelFile, Packed, inverse_frequencies, local_frequencies
from oneseek.engine.model.llama import Config, Stack, Stored, rotary_table
from oneseek.engine.model.template import ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.engine.model.trainable import Trained
from oneseek.engine.model.vision.eyes import Eyes, knows_pictures

FILLED = 0.99  # of a budget, at most: values that lie in one stretch leave gaps
WHOLE = 1024  # elements of a weight: at multiples, a binding of codes and scales may begin


def extract_fingerprint_bytes(weight: np.ndarray | Packed) -> memoryview:
    """Return the bytes of a weight that go into the model's fingerprint."""
    if isinstance(weight, Packed):
        return np.ascontiguousarray(weight.scales).data
    return np.ascontiguousarray(weight, np.float32).data


def stacks_of(config: Config, file: ModelFile) -> dict[str, tuple[Stack, int]]:
    """Return the stack of each weight that is multiplied together with others, and its first row
    there; only weights that are packed alike are stacked."""
    found = {}
    for i in range(config.layers):
        for name, modules in config.stacks(i).items():
            names = [f"model.layers.{i}.{module}.weight" for module in modules]
            specs = [file.spec(one) for one in names]
            alike = len({(spec.kind.bits, spec.kind.group, spec.shape[1]) for spec in specs}) == 1
            if not alike or not specs[0].kind.bits or any(prod(s.shape) % WHOLE for s in specs):
                continue
            stack = Stack(f"model.layers.{i}.{name}", sum(spec.shape[0] for spec in specs))
            first = 0
            for one, spec in zip(names, specs, strict=True):
                found[one] = stack, first
                first += spec.shape[0]
    return found


def layout_of(trained: Trained | None) -> tuple | None:
    """Return a key of an adapter's layout, equal for adapters that one program computes."""
    if trained is None:
        return None
    still = trained.still and tuple(trained.still.entries.items())
    return tuple(trained.entries.items()), trained.scale, still


class Blind(ValueError):
    """A picture was given to a model without eyes."""


async def eyes_of(
    file: ModelFile, template: ChatTemplate, tokenizer: Tokenizer, executor: Executor
) -> tuple[Eyes | None, str]:
    """Return the eyes of a model, or why it has none."""
    if file.eyes is None:
        return None, file.blind
    if not template.sees or not knows_pictures(tokenizer):
        return None, "its chat template has no place for pictures"
    return await Eyes.load(file.eyes, executor, file.config["vocab_size"]), ""


@dataclass
class Model:
    """One loaded model: everything that its programs share."""

    name: str
    config: Config
    stored: dict[str, Stored]
    tensors: dict
    executor: Executor
    tokenizer: Tokenizer
    template: ChatTemplate
    positions: int
    fingerprint: str = ""  # of its weights, whatever the file is called
    manner: Manner = Manner()  # how its makers mean it to answer
    eyes: Eyes | None = None
    blind: str = ""  # why it has none
    _plans: dict = field(default_factory=dict)
    _learning: dict = field(default_factory=dict)  # the plans of training steps within a budget
    _shares: dict = field(default_factory=dict)  # bytes that a layer keeps of a token

    @classmethod
    async def load(
        cls,
        file: ModelFile,
        executor: Executor,
        positions: int = 2048,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Model:
        """Read `file` onto the executor; `progress(bytes done, bytes in all)` as it goes."""
        config = configure(file.config)
        positions = min(positions, config.positions)
        # Template and tokenizer first: the weights may have the memory that these take meanwhile.
        template = ChatTemplate(file.chat_template, file.special_tokens)
        tokenizer = Tokenizer(file.tokenizer_data)
        stored: dict[str, Stored] = {}
        frequencies = inverse_frequencies(file.config, file.name)
        tensors = {"rotary.table": executor.upload(rotary_table(frequencies, positions))}
        if config.gemma:
            local = rotary_table(local_frequencies(file.config), positions)
            tensors["rotary.local"] = executor.upload(local)
        digest = hashlib.sha256()
        stacks = stacks_of(config, file) if executor.bindings else {}
        total, done = sum(file.spec(name).nbytes for name in file.names()), 0
        for name in file.names():
            weight = file.read(name)
            digest.update(extract_fingerprint_bytes(weight))
            if isinstance(weight, Packed):
                stack, first = stacks.get(name, (None, 0))
                stored[name] = Stored(weight.shape, weight.bits, weight.group, stack, first)
                for part, array in (("codes", weight.codes), ("scales", weight.scales)):
                    if stack is None:
                        tensors[f"{name}.{part}"] = executor.upload(array)
                        continue
                    whole = f"{stack.name}.{part}"
                    if whole not in tensors:
                        kind = "u32" if part == "codes" else "f32"
                        shape = (stack.rows, *array.shape[1:])
                        tensors[whole] = executor.empty(Spec(shape, kind))
                    tensors[whole].write(array, first * prod(array.shape[1:]))
            else:
                stored[name] = Stored(weight.shape)
                plain = np.ascontiguousarray(weight, np.float32)
                tensors[name] = executor.upload(plain)
            done += file.spec(name).nbytes
            progress(done, total)
            await executor.breathe()
        eyes, blind = await eyes_of(file, template, tokenizer, executor)
        return cls(
            file.name,
            config,
            stored,
            tensors,
            executor,
            tokenizer,
            template,
            positions,
            digest.hexdigest()[:16],
            Manner.of(file),
            eyes,
            blind,
        )

    def read(self, messages: list[dict], **variables: Any) -> list[int]:
        """Encode a conversation by the model's own template; a message's pictures stand before its
        words."""
        text = self.template.render(messages, **variables)
        pictures = [seen for message in messages for seen in message.get("pictures", ())]
        if not pictures:
            return self.tokenizer.encode(text, special=True)
        return self.must_see().encode(self.tokenizer, text, pictures)

    def must_see(self) -> Eyes:
        """Return its eyes, or raise Blind."""
        if self.eyes is None:
            raise Blind(
                f"{self.name} cannot see pictures: {self.blind}. Nothing was asked; ask without the "
                "picture, or load a vision model"
            )
        return self.eyes

    async def see(self, messages: list[dict]) -> list[dict]:
        """Return a conversation with encoded pictures in the place of tiles."""
        return [
            {**one, "pictures": [await self.must_see().look(each) for each in one["pictures"]]}
            if one.get("pictures")
            else one
            for one in messages
        ]

    async def dense(self, name: str) -> np.ndarray:
        """A weight as plain numbers, read back from the executor."""
        stored = self.stored[name]
        if not stored.bits:
            return (await self.tensors[name].read()).reshape(stored.shape)
        where, rows = stored.stack.name if stored.stack else name, stored.shape[0]
        codes, scales = [
            np.asarray(await self.tensors[f"{where}.{part}"].read())[stored.first :][:rows]
            for part in ("codes", "scales")
        ]
        return unpack(codes, scales, stored.bits).reshape(stored.shape)

    def program(self, kind: str, *shape: int, trained: Trained | None = None, **more):
        """The plan of `programs.<kind>` at a shape, traced the first time it is asked for."""
        key = kind, shape, layout_of(trained), tuple(sorted(more.items()))
        if key not in self._plans:
            self._plans[key] = self.trace(kind, *shape, trained=trained, **more)
        return self._plans[key]

    def trace(self, kind: str, *shape: int, trained: Trained | None = None, **more) -> Plan:
        build = getattr(programs, kind)
        program = build(self.config, self.stored, *shape, self.positions, trained, **more)
        return plan(merge(program, self.executor.bindings))

    def plan_learning(
        self, tokens: int, rows: int, trained: Trained, memory_budget: int | None, **more
    ) -> Plan:
        """Return the plan of a training step that keeps as many layers' activations as the budget
        allows and recomputes the others in the backward pass."""
        if memory_budget is None:
            return self.program("learn", tokens, rows, trained=trained, **more)
        layout = layout_of(trained)
        asked = tokens, rows, layout, memory_budget, tuple(sorted(more.items()))
        if asked not in self._learning:
            self._learning[asked] = self._plan_learning(asked, trained, more)
        return self._learning[asked]

    def _plan_learning(self, asked: tuple, trained: Trained, more: dict) -> Plan:
        """Trace once where all activations fit. Where they do not, a second trace tells a layer's
        bytes per token, once for each layout."""
        tokens, rows, layout, memory_budget, _ = asked

        def plan_keeping(blocks: int) -> Plan:
            return self.trace("learn", tokens, rows, trained=trained, keep_blocks=blocks, **more)

        first = more.get("first") or trained.first_layer
        most, layers = FILLED * memory_budget, self.config.layers - first
        whole = plan_keeping(layers)
        if whole.lower_bound <= most or not layers:
            return whole
        if layout not in self._shares:
            spared = whole.lower_bound - plan_keeping(layers // 2).lower_bound
            self._shares[layout] = max(1.0, spared / (layers - layers // 2)) / tokens
        each = self._shares[layout] * tokens
        keep = max(0, layers - ceil((whole.lower_bound - most) / each))
        while (planned := plan_keeping(keep)).lower_bound > most and keep:
            keep -= 1
        return planned

    def prepare(self, planned: Plan, tensors: dict[str, Tensor], room: Room | None = None) -> Run:
        """A run of a plan over this model's weights and the given tensors."""
        return self.executor.prepare(planned, {**self.tensors, **tensors}, room)
