"""The objects that every step of a round uses: the loaded model, the candidate in training, and the
variants that are compared with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np

from oneseek.engine.backends.room import Room
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import OUTSIDE_SCOPE, Plan
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning import shape
from oneseek.engine.learning.base_answers import BaseAnswers
from oneseek.engine.learning.batch import Coder, Row
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.block_windows import Windows, masters
from oneseek.engine.learning.rounds.candidate import Candidate
from oneseek.engine.learning.rounds.frozen_layers import FrozenRows
from oneseek.engine.learning.rounds.gate import Gate
from oneseek.engine.learning.rounds.variants import (
    ACTIVE,
    BASE,
    Enough,
    ModelVariants,
    Variant,
)
from oneseek.engine.learning.skills.held_out import Reads
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained


class MixedShapes:
    """Variants for the evaluator where the active model has another shape than the trained one: it
    has variants of its own, so that consolidation is compared with all of it. Both may lie in one
    room: neither finds anything of the other's in it."""

    def __init__(self, variants: ModelVariants, active: ModelVariants) -> None:
        self.variants, self.active = variants, active

    def _ready(self, who: Variant) -> ModelVariants:
        ready, other = (
            (self.active, self.variants) if who == ACTIVE else (self.variants, self.active)
        )
        other.release()
        ready.release()
        return ready

    async def replies(
        self,
        who: Variant,
        questions: Sequence[str],
        tokens: int,
        begins: Sequence[str] = (),
        enough: Sequence[Enough | None] = (),
    ) -> list[str]:
        return await self._ready(who).replies(who, questions, tokens, begins, enough)

    async def go_on(
        self, who: Variant, prompts: list[list[int]], tokens: int, forms: Sequence[Form | None] = ()
    ) -> list[list[int]]:
        return await self._ready(who).go_on(who, prompts, tokens, forms)

    async def drift(
        self, who: Variant, rows: list[tuple[list[int], list[int]]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        return await self._ready(who).drift(who, rows)

    async def loss(self, who: Variant, rows: Iterable[Row]) -> float:
        return await self._ready(who).loss(who, rows)


class Workbench:
    """One model and the one array that is trained of it."""

    def __init__(
        self,
        model: Model,
        trained: Trained,
        config: TrainingConfig,
        kept: BaseAnswers | None = None,
        system: str = "",
        memory_budget: int | None = None,
        masters: np.ndarray | None = None,
        usual: TrainingConfig | None = None,
        reads: Reads | None = None,
    ) -> None:
        self.model, self.trained, self.config, self.masters = model, trained, config, masters
        self.usual = usual or config  # whose shape stored weights have when they say no other
        self.coder = Coder(model.tokenizer, model.template, system)
        self.kept = kept or BaseAnswers.with_shipped(self.coder, model.fingerprint)
        self.memory_budget = memory_budget
        self.reads = reads  # reads the questions of a skill
        self.remembered: dict = {}

    @classmethod
    async def open(
        cls, model: Model, config: TrainingConfig, memory_budget: int | None = None, **more: Any
    ) -> Self:
        """Open a bench in the configuration's mode; blocks trained in full begin with the model's
        weights."""
        trained = Trained.from_training(model.config, config)
        own = await masters(model, trained) if trained.full_names else None
        return cls(model, trained, config, memory_budget=memory_budget, masters=own, **more)

    # Memory is taken when the first lesson needs it. A step and the evaluation around it take turns
    # in one room.

    @cached_property
    def room(self) -> Room | None:
        return self.model.executor.room(self.memory_budget) if self.memory_budget else None

    @cached_property
    def candidate(self) -> Candidate | Windows:
        if self.trained.full_names or self.config.lora_config.frozen_a:
            return Windows(
                self.model, self.trained, self.config, self.memory_budget, copy(self.room)
            )
        dropout = self.config.lora_config.dropout
        return Candidate(
            self.model, self.trained, self.memory_budget, dropout, copy(self.room),
            near=self.config.proximal,
        )  # fmt: skip

    @cached_property
    def variants(self) -> ModelVariants:
        return self.variants_of(self.trained, self.masters)

    def variants_of(self, trained: Trained, masters: np.ndarray | None = None) -> ModelVariants:
        variants = ModelVariants(self.model, trained, self.coder, copy(self.room))
        nothing = np.broadcast_to(np.float32(0), (trained.size,))  # takes no memory
        variants.put(BASE, nothing if masters is None else masters)
        return variants

    async def with_active(self, layout: Trained, flat: np.ndarray) -> MixedShapes:
        """Return the variants, with an active model of another shape."""
        own = await masters(self.model, layout) if layout.full_names else None
        active = self.variants_of(layout, own)
        active.put(ACTIVE, flat)
        return MixedShapes(self.variants, active)

    def gate(
        self,
        recipe: Recipe,
        variants: MixedShapes | None = None,
        outside_scope: Collection[str] | None = None,
    ) -> Gate:
        models = variants or self.variants
        return Gate(
            models, recipe, self.coder, self.remembered, self.kept.find_likeliest, outside_scope
        )

    @property
    def called(self) -> str:
        """The name of the array that weights of this shape are stored as."""
        return shape.name_of(self.config, self.usual)

    def frozen_rows(self, rows: Callable[[], Iterable[Row]], layer: int) -> FrozenRows | None:
        """Return a cache of these rows' states below a layer; None for layer 0, below which there
        are none, or for too many rows."""
        if not layer or not FrozenRows.fit(rows(), self.model.config.width):
            return None
        return FrozenRows(rows(), layer, lambda some: self.variants.compute_frozen(some, layer))

    def fresh(self) -> Arrays:
        flat = self.trained.initial(self.config.seed)
        return {self.called: flat if self.masters is None else flat + self.masters}

    def config_of(self, plan: Plan) -> TrainingConfig:
        """The configuration with a plan's settings, except the shape, which is this bench's."""
        others = {n: v for n, v in plan.config.items() if n not in (*shape.FIELDS, OUTSIDE_SCOPE)}
        return self.config.replace(**others) if others else self.config

    def rest(self) -> None:
        """Release the memory that training takes, until it is needed again."""
        for part in ("room", "candidate", "variants"):
            self.__dict__.pop(part, None)
