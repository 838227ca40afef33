"""What every step of a round works with: the loaded model, the shadow, the voices that are compared."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Self

import numpy as np

from engine.backends.room import Room
from engine.core.settings import ConfigError, TrainingConfig
from engine.history.round_plan import Plan
from engine.history.snapshot import Arrays
from engine.learning.base_answers import Kept
from engine.learning.batch import Coder
from engine.learning.recipe import Recipe
from engine.learning.rounds.block_windows import Windows, masters
from engine.learning.rounds.gate import Gate
from engine.learning.rounds.shadow import Shadow
from engine.learning.rounds.voices import Voices
from engine.model.loaded import Model
from engine.model.trainable import Trained


class Bench:
    """One model and the one array that is trained of it."""

    def __init__(
        self,
        model: Model,
        trained: Trained,
        config: TrainingConfig,
        kept: Kept | None = None,
        system: str = "",
        memory_budget: int | None = None,
        masters: np.ndarray | None = None,
    ) -> None:
        self.model, self.trained, self.config, self.masters = model, trained, config, masters
        self.coder = Coder(model.tokenizer, model.template, system)
        self.kept = kept or Kept.with_shipped(self.coder, model.fingerprint)
        self.memory_budget = memory_budget
        self.remembered: dict = {}

    @classmethod
    async def open(
        cls, model: Model, config: TrainingConfig, memory_budget: int | None = None
    ) -> Self:
        """In the mode of the configuration; whole blocks begin as the model's own."""
        trained = Trained.chosen(model.config, config)
        own = await masters(model, trained) if trained.whole else None
        return cls(model, trained, config, memory_budget=memory_budget, masters=own)

    # Memory is taken when the first lesson needs it. A step and the questions around it take turns
    # in one room.

    @cached_property
    def room(self) -> Room | None:
        return self.model.executor.room(self.memory_budget) if self.memory_budget else None

    @cached_property
    def shadow(self) -> Shadow | Windows:
        if self.trained.whole:
            return Windows(self.model, self.trained, self.config, self.memory_budget)
        dropout = self.config.lora_config.dropout
        return Shadow(self.model, self.trained, self.memory_budget, dropout, copy(self.room))

    @cached_property
    def voices(self) -> Voices:
        voices = Voices(self.model, self.trained, self.coder, copy(self.room))
        nothing = np.broadcast_to(np.float32(0), (self.trained.size,))  # takes no memory
        voices.put("base", nothing if self.masters is None else self.masters)
        return voices

    def gate(self, recipe: Recipe) -> Gate:
        return Gate(self.voices, recipe, self.coder, self.remembered, self.kept.said)

    def fresh(self) -> Arrays:
        flat = self.trained.initial(self.config.seed)
        return {self.trained.name: flat if self.masters is None else flat + self.masters}

    def config_of(self, plan: Plan) -> TrainingConfig:
        config = self.config.replace(**plan.config) if plan.config else self.config
        if config.mode != self.config.mode:
            raise ConfigError(
                f"this training is of mode {config.mode!r}, the engine was opened in mode "
                f"{self.config.mode!r}; nothing was changed"
            )
        return config
