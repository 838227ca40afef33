"""A member of a group: evaluates what it gets, trains on its own part, and returns B and figures.

Its folder holds what it last took from the group and nothing else: what a person taught lies in
another folder and never travels.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import IMPORT, TRAINING, make_plan, resolve
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.rounds.dataset import VALIDATED, DataSetAttempt
from oneseek.engine.learning.rounds.variants import ACTIVE, CANDIDATE
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import model_named
from oneseek.engine.with_flower.shared import Arrays, Unfit, mark, put_in, take_out

PROXIMAL = "proximal-mu"  # as Flower's FedProx says it
SLACK = 0.01  # nats a token: a loss worse by no more counts as equal
JUDGED = {"num-examples", "refused", "scale", "loss_last", "loss_received"}
TRAINED = JUDGED | {"steps", "loss", "loss_trained", "seconds"}
Figures = dict[str, int | float]


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Return one loop for the whole process: a model belongs to the loop it was loaded in."""
    return asyncio.new_event_loop()


@cache
def load_model(model: str | None, backend: str) -> Model:
    return loop().run_until_complete(model_named(model, backend))


class Member:
    """One member's part of the data, and the weights it last took from the group."""

    def __init__(self, trainer: RoundTrainer, last: Path, data: Path) -> None:
        self.trainer, self.last, self.record = trainer, last, data_set_record(data)

    @classmethod
    async def open(cls, model: Model, folder: Path, data: Path, told: Mapping[str, Any]) -> Self:
        """Open a member; Unfit where this is not the model, or not the A, that the group has agreed
        on."""
        if model.fingerprint != told["base"]:
            raise Unfit(f"the group trains another model than {model.name}; nothing was trained")
        config = TrainingConfig(**json.loads(told["training"]))
        config = config.replace(proximal=float(told.get(PROXIMAL, 0.0)))
        trainer = await RoundTrainer.open(model, config)
        if mark(trainer.trained, trainer.fresh()[trainer.called]) != told["a"]:
            raise Unfit(
                "this member's LoRA matrix A is not the group's; nothing was trained. All members "
                "need the same release of OneSeek"
            )
        folder.mkdir(parents=True, exist_ok=True)
        return cls(trainer, folder / f"{told['base']}-{told['a']}.npy", data)

    async def train(self, given: Arrays) -> tuple[dict[str, np.ndarray], Figures]:
        """Evaluate the B that came, train from it, or from the last good one where it is refused,
        and return the new B."""
        began = time.monotonic()
        judged = await self.judge(given)
        attempt, loss = await self._round(), math.nan
        while (metrics := await attempt.advance(math.inf)) is not None:
            loss = metrics["loss"]
        flat, _, steps = await self.trainer.candidate.look()
        figures = judged | {
            "steps": steps,
            "loss": loss,
            "loss_trained": await attempt.validate(CANDIDATE, flat),
            "seconds": time.monotonic() - began,
        }
        return take_out(self.trainer.trained, flat), figures

    async def judge(self, given: Arrays) -> Figures:
        """Evaluate whether the B that came is used here: it must not be worse on this member's own
        part, and the evaluator must accept it, as any adapter from elsewhere. The whole part is
        asked: both are means of what all members learned, and the few held-out examples tell
        little.

        Where the evaluator scales it down, that is only for answers: training continues from all of
        it, or else the group's mean would shrink from round to round.
        """
        attempt = await self._round()
        examples, last = len(attempt.training), attempt.before
        asked = [*attempt.validation, *attempt.training][:VALIDATED]
        came = put_in(self.trainer.trained, last, given)
        before = now = await attempt.validate(ACTIVE, last, asked)
        scale = 1.0
        if not np.array_equal(came, last):
            now = await attempt.validate(CANDIDATE, came, asked)
            scale = await self._scale(came) if now <= before + SLACK else 0.0
            if scale:
                self._take(came)
        return {
            "num-examples": examples,
            "refused": int(not scale),
            "scale": scale,
            "loss_last": before,
            "loss_received": now,
        }

    # ---- inside

    async def _round(self) -> DataSetAttempt:
        """Begin a round over this member's part, from what it took last."""
        weights = {self.trainer.called: self._last()}
        plan = make_plan(TRAINING, weights, [self.record], [], {})
        return cast(DataSetAttempt, await resolve(self.trainer.begin(weights, plan)))

    async def _scale(self, came: np.ndarray) -> float:
        """Return how much of it the evaluator accepts; 0 where it rejects it."""
        weights = {self.trainer.called: self._last()}
        plan = make_plan(IMPORT, weights, [], [], {})
        decision = await self.trainer.adopt(weights, plan, {self.trainer.called: came}).judge()
        return decision["scale"] if decision["accepted"] else 0.0

    def _last(self) -> np.ndarray:
        return (
            np.load(self.last) if self.last.exists() else self.trainer.fresh()[self.trainer.called]
        )

    def _take(self, flat: np.ndarray) -> None:
        part = self.last.with_suffix(".tmp")
        with part.open("wb") as file:
            np.save(file, flat)
        part.replace(self.last)
