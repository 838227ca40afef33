"""A run over several base models: they take turns, an epoch each, every one from where it stopped.

A turn begins as after a restart, from the checkpoint of the model's round: models that do not fit
beside each other are loaded one after the other, to the same bits. The rate of an epoch is the
run's times a factor of the model, from the losses of all models before
(engine/learning/adaptive.py).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from oneseek.engine.assistant import Assistant
from oneseek.engine.history import loss_curve
from oneseek.engine.history.round_plan import RoundEnd
from oneseek.engine.history.versions import Versions, label
from oneseek.engine.learning.runs import NoMoreSteps, TrainingRun

MEASURES = ("scale", "measures", "notes", "losses", "steps", "doing", "taste")
Load = Callable[[str], Awaitable[Assistant]]


def describe_outcome(ended: RoundEnd) -> dict:
    """The outcome of a round, as a run tells it."""
    gate, version = ended["gate"], ended["version"]
    return {
        "outcome": ended["outcome"],
        "reason": ended["reason"],
        "version": version and label(version),
        "version_name": version and version["name"],
        "gate": {name: gate[name] for name in MEASURES if name in gate},
        "wrong": ended["wrong"],
    }


async def find_outcome(run: str, versions: Versions) -> RoundEnd | None:
    """The outcome of a run that was stopped after its version was stored and before its own record
    was; else None."""
    for record in await versions.records():
        gate = record["gate"]
        if gate.get("run") == run:
            outcome, reason = gate["outcome"], gate["reason"]
            return RoundEnd(outcome=outcome, reason=reason, version=record, gate=gate, wrong=[])
    return None


def must_have_come_to(epoch: int, training: Any) -> None:
    """Raise the reason why a round without steps left has not validated this epoch."""
    if training.broken:
        raise ArithmeticError(training.broken)
    if len(training.attempt.losses) < epoch:
        raise NoMoreSteps


class Relay:
    """`load(model)` loads a model, `begin(assistant, rate_multipliers)` opens its round or goes on
    with it, `dna(versions)` takes the fingerprint of the result."""

    def __init__(
        self,
        run: TrainingRun,
        store: Any,
        load: Load,
        begin: Callable[[Assistant, list[float]], Awaitable[None]],
        dna: Callable[[Versions], Awaitable[dict]],
    ) -> None:
        self.run, self.store = run, store
        self.load, self.begin, self.dna = load, begin, dna

    async def train(self, model: str, epoch: int, weight: float, rate: float) -> float:
        """Train one epoch of one model; the loss of its validation part."""
        assistant = await self.turn(model, epoch)
        learner = assistant.learner
        attempt: Any = learner.training.attempt
        await learner.training.put_off()
        learner.trainer.rest()
        return attempt.losses[epoch - 1]

    async def turn(self, model: str, epoch: int) -> Assistant:
        """The model with its round open, trained up to this epoch."""
        assistant = await self.load(model)
        training = assistant.learner.training
        await self.begin(assistant, self.run.weights.given[model][:epoch])
        while await training.advance(math.inf) is not None:
            await self.step_done(model, assistant)
            await assistant.turns.breathe()
        must_have_come_to(epoch, training)
        return assistant

    async def step_done(self, model: str, assistant: Assistant) -> None:
        training, each = assistant.learner.training, f"{self.run.id}.{model}"
        plan, metrics = training.plan.identity(), training.get_latest_metrics()
        figures = await loss_curve.add(self.store, each, plan, metrics)
        await self.run.tell({"type": "step", "model": model, **figures})

    async def finish(self) -> dict:
        """Take each model to its gate; the results of all, and those of the best on top."""
        for model in self.run.models:
            if model not in self.run.ended:
                await self.judge(model)
        best = self.run.leaderboard.rank()[0]["model"]
        return {**self.run.ended[best], "best": best, "models": self.run.ended}

    async def judge(self, model: str) -> None:
        assistant = await self.load(model)
        ended = await find_outcome(self.run.id, assistant.versions)
        if not ended:
            assistant = await self.turn(model, len(self.run.metrics))
            ended = await assistant.learner.training.finish({"run": self.run.id})
        await loss_curve.close(self.store, f"{self.run.id}.{model}", ended["version"])
        dna = await self.dna(assistant.versions)
        await self.run.record_outcome(model, describe_outcome(ended) | {"dna": dna})
        assistant.learner.trainer.rest()
