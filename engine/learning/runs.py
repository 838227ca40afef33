"""A run over several chosen base models: epochs, adapting weights, events, and what it leaves.

The training of one model for one epoch is given from outside; this decides how much each model
counts, when to stop, and what listeners and the folder of the run are told.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.core.environment import variable
from engine.core.settings import StopConfig
from engine.learning.adaptive import (
    AdaptiveConfig,
    AdaptiveWeights,
    ConfidenceAutoStop,
    Leaderboard,
)

TrainEpoch = Callable[[str, int, float, float], Awaitable[float]]


class NoBaseModels(ValueError):
    """No base models selected"""

    def __init__(self) -> None:
        super().__init__("No base models selected")


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
    """run-YYYYMMDD-HHMMSS in UTC, a second later while that one is taken; never a colon."""
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


class TrainingRun:
    """`train(model, epoch, weight, lr)` answers the model's held-out loss after that epoch."""

    def __init__(
        self,
        models: Sequence[str],
        train: TrainEpoch,
        epochs: int,
        learning_rate: float,
        clock: Callable[[], int],
        emit: Callable[[dict], Any] = lambda event: None,
        adaptive: AdaptiveConfig | None = None,
        stop: StopConfig | None = None,
        taken: Callable[[str], bool] = lambda name: False,
    ):
        self.models = list(models)
        self.train = train
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.clock = clock
        self.emit = emit
        self.weights = AdaptiveWeights(models, adaptive)
        self.stop = ConfidenceAutoStop(stop)
        self.leaderboard = Leaderboard(clock)
        self.id = generate_run_id(clock(), taken)
        self.metrics: list[dict] = []
        self.state = "ready"

    def initial_state(self) -> dict:
        """What a listener who comes now needs to know."""
        return {
            "type": "initial_state",
            "runId": self.id,
            "state": self.state,
            "models": self.models,
            "weights": self.weights.weights,
            "metrics": self.metrics,
            "leaderboard": self.leaderboard.ranking(),
            "timestamp": self._now(),
        }

    async def run(self) -> dict:
        self.state = "training"
        await self._tell(self.initial_state())
        stopped = False
        for epoch in range(1, self.epochs + 1):
            losses = await self._epoch(epoch)
            stopped = self.stop.update(sum(losses.values()))
            changed = self.weights.adjust(losses)
            await self._tell(self._epoch_end(epoch, losses))
            if changed:
                weights = {"weights": self.weights.weights, "lr_multipliers": self._rates()}
                await self._tell({"type": "weight_adjustment", "epoch": epoch, **weights})
            if stopped:
                break
        self.state = "complete"
        return await self._complete(stopped)

    def write(self, folder: Path, dna: Mapping, proof: Mapping) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "training_results.json", self.results)
        write_atomically(folder / "live_metrics.json", self.metrics)
        write_atomically(folder / "oneseek_dna.json", dict(dna))
        write_atomically(folder / "ledger_proof.json", dict(proof))

    # ---------------------------------------------------------------------------------- inside

    async def _epoch(self, epoch: int) -> dict[str, float]:
        weights, rates = self.weights.weights, self._rates()
        losses = {}
        for model in self.models:
            losses[model] = await self.train(model, epoch, weights[model], rates[model])
            self.leaderboard.record(model, loss=losses[model], weight=weights[model])
            if self.leaderboard.due():
                ranking = {"type": "leaderboard", "leaderboard": self.leaderboard.ranking()}
                await self._tell(ranking)
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

    async def _complete(self, stopped: bool) -> dict:
        self.results = {
            "runId": self.id,
            "epochs": len(self.metrics),
            "stopped_early": stopped,
            "final_losses": self.metrics[-1]["val_losses"] if self.metrics else {},
            "weights": self.weights.weights,
            "leaderboard": self.leaderboard.ranking(),
            "timestamp": self._now(),
        }
        await self._tell({"type": "training_complete", **self.results})
        return self.results

    def _rates(self) -> dict[str, float]:
        return {
            model: self.learning_rate * value for model, value in self.weights.multipliers.items()
        }

    async def _tell(self, event: dict) -> None:
        told = self.emit({"runId": self.id, **event})
        if inspect.isawaitable(told):
            await told

    def _now(self) -> str:
        return moment(self.clock())
