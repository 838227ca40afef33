"""A run over chosen base models: epochs, adaptive weights, early stopping, events and result files.

The caller passes in what trains one model for one epoch. A run decides how much each model counts
and when to stop, and reports to listeners and to a folder.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from oneseek.engine.core.environment import variable
from oneseek.engine.core.settings import StopConfig
from oneseek.engine.learning.adaptive import (
    AdaptiveConfig,
    AdaptiveWeights,
    ConfidenceAutoStop,
    Leaderboard,
)
from oneseek.engine.model.registry import NoBaseModels

TrainEpoch = Callable[[str, int, float, float], Awaitable[float]]


def validate_base_models(models: Sequence[str] | str | None, known: Sequence[str]) -> list[str]:
    """The chosen models, each once; there is never a default."""
    if models is None:
        models = variable("BASE_MODELS")
    if isinstance(models, str):
        models = [name.strip() for name in models.split(",")]
    chosen = list(dict.fromkeys(name for name in models if name))
    if not chosen:
        raise NoBaseModels
    for name in chosen:
        if name not in known:
            raise ValueError(f"there is no base model {name!r}; there are: {', '.join(known)}")
    return chosen


def moment(time_ms: int) -> str:
    """ISO 8601 in UTC, as the documents write it: 2026-01-31T12:00:00.250Z."""
    told = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


def generate_run_id(time_ms: int, taken: Callable[[str], bool] = lambda name: False) -> str:
    """Run-YYYYMMDD-HHMMSS in UTC, a second later while that one is taken; without a colon."""
    while True:
        name = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("run-%Y%m%d-%H%M%S")
        if not taken(name):
            return name
        time_ms += 1000


def write_atomically(path: Path, content: Any) -> None:
    """A reader finds the old file or the new one, never half of one."""
    part = path.with_name(path.name + ".tmp")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))
    part.replace(path)


async def nothing() -> dict:
    return {}


class RunState(StrEnum):
    READY = "ready"
    TRAINING = "training"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NoMoreSteps(Exception):
    """A run has taken all its steps before its last epoch."""


class TrainingRun:
    """`train(model, epoch, weight, lr)` returns the model's held-out loss after that epoch,
    `finish()` the outcome of the run; `keep(run)` stores the run after each change."""

    def __init__(
        self,
        models: Sequence[str],
        epochs: int,
        learning_rate: float,
        clock: Callable[[], int],
        emit: Callable[[dict], Any] = lambda event: None,
        adaptive: AdaptiveConfig | None = None,
        stop: StopConfig | None = None,
        taken: Callable[[str], bool] = lambda name: False,
        about: Mapping | None = None,
        keep: Callable[[TrainingRun], Any] = lambda run: None,
    ) -> None:
        self.models = list(models)
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.clock = clock
        self.emit = emit
        self.keep = keep
        self.weights = AdaptiveWeights(models, adaptive)
        self.stop = ConfidenceAutoStop(stop)
        self.leaderboard = Leaderboard(clock)
        self.id = generate_run_id(clock(), taken)
        self.about = dict(about or {})  # what it trains on, for reports
        self.metrics: list[dict] = []
        self.results: dict = {}
        self.ended: dict[str, dict] = {}  # outcome of each evaluated model
        self.state, self.reason = RunState.READY, ""
        self.enough = False  # stopped early: only `finish` is left

    def cancel(self) -> None:
        self.state = RunState.CANCELLED

    def use(self, epochs: int, learning_rate: float) -> None:
        """Use the settings that trials found."""
        self.epochs, self.learning_rate = epochs, learning_rate

    # ---- what is kept of it

    def to_dict(self) -> dict:
        return {
            "runId": self.id,
            "models": self.models,
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "stop": self.stop.config.to_dict(),
            "adaptive": self.weights.config.to_dict(),
            "about": self.about,
            "state": self.state.value,
            "reason": self.reason,
            "metrics": self.metrics,
            "ended": self.ended,
            "results": self.results,
        }

    @classmethod
    def of(
        cls,
        kept: Mapping,
        clock: Callable[[], int],
        emit: Callable[[dict], Any],
        keep: Callable[[TrainingRun], Any],
    ) -> TrainingRun:
        """Restore a stored run; one that was under way resumes after its last epoch."""
        run = cls(
            kept["models"], kept["epochs"], kept["learning_rate"], clock, emit,
            AdaptiveConfig(**kept["adaptive"]), StopConfig(**kept["stop"]),
            about=kept["about"], keep=keep,
        )  # fmt: skip
        run.id, run.state, run.reason = kept["runId"], RunState(kept["state"]), kept["reason"]
        run.metrics, run.results = list(kept["metrics"]), kept["results"]
        run.ended = dict(kept.get("ended", {}))
        for event in run.metrics:
            run.enough, _ = run._take_in(event["val_losses"])
        return run

    @property
    def over(self) -> bool:
        return self.state in (RunState.COMPLETE, RunState.FAILED, RunState.CANCELLED)

    def version_of(self, model: str) -> str:
        """Return the full name of the version that the run made of a model, or nothing."""
        one = self.ended.get(model) or (self.results if len(self.models) == 1 else {})
        return one.get("version_name") or ""

    def initial_state(self) -> dict:
        """Return the event that a new listener needs."""
        return {
            "type": "initial_state",
            "runId": self.id,
            "state": self.state.value,
            "reason": self.reason,
            **self.about,
            "models": self.models,
            "epochs": self.epochs,
            "weights": self.weights.weights,
            "metrics": self.metrics,
            "results": self.results,
            "leaderboard": self.leaderboard.rank(),
            "timestamp": self._now(),
        }

    # ---- doing it

    async def run(
        self,
        train: TrainEpoch,
        finish: Callable[[], Awaitable[dict]] = nothing,
        between: Callable[[], Awaitable[Any]] = nothing,
    ) -> dict:
        """Train epoch by epoch, with `between` awaited between two of them; return the results."""
        self.state = RunState.TRAINING
        await self._save()
        await self.tell(self.initial_state())
        while not self.enough and len(self.metrics) < self.epochs:
            epoch = len(self.metrics) + 1
            if epoch > 1:
                await between()
            try:
                losses = await self._epoch(train, epoch)
            except NoMoreSteps:
                break
            self.enough, changed = self._take_in(losses)
            await self.tell(self._epoch_end(epoch, losses))
            if changed:
                weights = {"weights": self.weights.weights, "lr_multipliers": self._rates()}
                adjusted = {"type": "weight_adjustment", "epoch": epoch, **weights}
                await self.tell({**adjusted, "timestamp": self._now()})
            await self._save()
        return await self.complete(await finish())

    async def complete(self, ended: dict) -> dict:
        """Mark the run as complete, with its outcome; return the results."""
        self.state = RunState.COMPLETE
        self.reason = ended.get("reason") or ""
        self.results = {
            "runId": self.id,
            **self.about,
            "epochs": len(self.metrics),
            "stopped_early": len(self.metrics) < self.epochs,
            "final_losses": self.metrics[-1]["val_losses"] if self.metrics else {},
            **ended,
            "weights": self.weights.weights,
            "leaderboard": self.leaderboard.rank(),
            "timestamp": self._now(),
        }
        await self._save()
        await self.tell({"type": "training_complete", **self.results})
        return self.results

    async def record_outcome(self, model: str, ended: dict) -> None:
        """Store the outcome of one model, so that a restart does not ask for it again."""
        self.ended[model] = ended
        await self._save()

    async def fail(self, reason: str, state: RunState = RunState.FAILED) -> None:
        """Mark the run as failed or cancelled, and store the reason."""
        self.state, self.reason = state, reason
        await self._save()
        await self.tell({"type": f"training_{state}", "reason": reason, "timestamp": self._now()})

    async def tell(self, event: dict) -> None:
        """Send an event to the listener."""
        told = self.emit({"runId": self.id, **event})
        if inspect.isawaitable(told):
            await told

    def write(self, folder: Path, dna: Mapping, proof: Mapping) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "training_results.json", self.results)
        write_atomically(folder / "live_metrics.json", self.metrics)
        write_atomically(folder / "oneseek_dna.json", dict(dna))
        write_atomically(folder / "ledger_proof.json", dict(proof))

    # ---------------------------------------------------------------------------------- inside

    @property
    def stops_by_loss(self) -> bool:
        """Whether the loss decides when to stop; else the run's one model does, by its held-out
        answers."""
        return self.about.get("shape", {}).get("stop_by", "loss") == "loss"

    def _take_in(self, losses: Mapping[str, float]) -> tuple[bool, bool]:
        """Record an epoch's losses; return whether to stop, and whether the models' weights
        changed."""
        weights = self.weights.weights
        for model in self.models:
            self.leaderboard.record(model, loss=losses[model], weight=weights[model])
        enough = self.stop.update(sum(losses.values())) and self.stops_by_loss
        return enough, self.weights.adjust(losses)

    async def _epoch(self, train: TrainEpoch, epoch: int) -> dict[str, float]:
        weights, rates = self.weights.weights, self._rates()
        losses = {}
        for model in self.models:
            losses[model] = await train(model, epoch, weights[model], rates[model])
            self.leaderboard.record(model, loss=losses[model], weight=weights[model])
            if self.leaderboard.due():
                ranking = {"type": "leaderboard", "leaderboard": self.leaderboard.rank()}
                await self.tell(ranking)
        return losses

    def _epoch_end(self, epoch: int, losses: dict[str, float]) -> dict:
        event = {
            "type": "epoch_end",
            "epoch": epoch,
            "val_losses": losses,
            "weights": self.weights.weights,
            "lr_multipliers": self._rates(),
            "total_loss": sum(losses.values()),
            "auto_stop_info": self.stop.info(),
            "progress_percent": 100 * epoch / self.epochs,
            "timestamp": self._now(),
        }
        self.metrics.append(event)
        return event

    async def _save(self) -> None:
        kept = self.keep(self)
        if inspect.isawaitable(kept):
            await kept

    def _rates(self) -> dict[str, float]:
        return {
            model: self.learning_rate * value for model, value in self.weights.multipliers.items()
        }

    def _now(self) -> str:
        return moment(self.clock())
