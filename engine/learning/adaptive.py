"""Adaptive weights and early stopping of a run over several base models, and their leaderboard.

After each epoch every model has a held-out loss. `top_model_boost` raises the multiplier of the
best model, `bottom_model_penalty` lowers that of the worst, and the others change by linear
interpolation between the two losses. Multipliers stay between min and max; the weights are the
multipliers, normalised to sum 1 unless that is switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oneseek.engine.core.settings import Number, Settings, StopConfig, flag


class AdjustStrategy(Settings):
    FIELDS = {
        "top_model_boost": Number(0.3, 0.0, 1.0),
        "bottom_model_penalty": Number(0.4, 0.0, 0.9),
        "normalize_weights": flag(True),
        "adjust_every_epoch": flag(True),
    }


class AdaptiveConfig(Settings):
    PARTS = {"adjust_strategy": AdjustStrategy}
    FIELDS = {
        "enabled": flag(True),
        "min_multiplier": Number(0.5, 0.01, 1.0),
        "max_multiplier": Number(1.5, 1.0, 10.0),
    }


class AdaptiveWeights:
    def __init__(self, models: Sequence[str], config: AdaptiveConfig | None = None) -> None:
        self.config = config or AdaptiveConfig()
        self.multipliers = dict.fromkeys(models, 1.0)
        self.given = {model: [1.0] for model in models}  # of each epoch; the last is the next one's
        self.adjusted = False

    @property
    def weights(self) -> dict[str, float]:
        if not self.config.adjust_strategy.normalize_weights:
            return dict(self.multipliers)
        total = sum(self.multipliers.values())
        return {model: value / total for model, value in self.multipliers.items()}

    def adjust(self, losses: Mapping[str, float]) -> bool:
        """Update the multipliers from an epoch's held-out losses; return whether any changed."""
        before = dict(self.multipliers)
        self._move(losses)
        for model, value in self.multipliers.items():
            self.given[model].append(value)
        return self.multipliers != before

    def _move(self, losses: Mapping[str, float]) -> None:
        strategy = self.config.adjust_strategy
        once = self.adjusted and not strategy.adjust_every_epoch
        best, worst = min(losses.values()), max(losses.values())
        if not self.config.enabled or once or best == worst:
            return
        for model, loss in losses.items():
            place = (worst - loss) / (worst - best)
            change = place * strategy.top_model_boost - (1 - place) * strategy.bottom_model_penalty
            changed = self.multipliers[model] * (1 + change)
            self.multipliers[model] = min(
                max(changed, self.config.min_multiplier), self.config.max_multiplier
            )
        self.adjusted = True


class ConfidenceAutoStop:
    """Stop when the total loss has fallen by less than `threshold` for `patience` epochs in a
    row."""

    def __init__(self, config: StopConfig | None = None) -> None:
        self.config = config or StopConfig()
        self.last: float | None = None
        self.change: float | None = None
        self.epochs = 0
        self.still = 0

    def update(self, total_loss: float) -> bool:
        self.epochs += 1
        if self.last is not None:
            self.change = self.last - total_loss
            self.still = self.still + 1 if self.change < self.config.threshold else 0
        self.last = total_loss
        enough = self.still >= self.config.patience and self.epochs >= self.config.min_epochs
        return bool(self.config.enabled and enough)

    def info(self) -> dict:
        return {
            "remaining": max(0, self.config.patience - self.still),
            "threshold": self.config.threshold,
            "current_change": self.change,
        }


class Leaderboard:
    """Ranks models by held-out loss, then by their share of wins in blind comparisons; reports at
    most every `refresh_ms`."""

    def __init__(self, clock: Callable[[], float], refresh_ms: float = 5000) -> None:
        self.clock = clock
        self.refresh_ms = refresh_ms
        self.rows: dict[str, dict[str, Any]] = {}
        self.told_at: float | None = None

    def record(self, model: str, **figures: Any) -> None:
        row = self.rows.setdefault(model, {"model": model, "loss": None, "wins": 0, "games": 0})
        row.update(figures)

    def rank(self) -> list[dict]:
        def place(row: dict) -> tuple:
            loss = row["loss"]
            share = row["wins"] / row["games"] if row["games"] else 0
            return (loss is None, loss or 0.0, -share, row["model"])

        return [
            {"rank": i + 1, **row} for i, row in enumerate(sorted(self.rows.values(), key=place))
        ]

    def due(self) -> bool:
        """Return whether listeners are due a report; if so, the next interval begins."""
        now = self.clock()
        if self.told_at is not None and 0 <= now - self.told_at < self.refresh_ms:
            return False
        self.told_at = now
        return True


def score(version: Mapping | None) -> dict[str, float]:
    """Count a version's wins and games in blind comparisons; a tie is half a win."""
    wins, ties, losses = ((version or {}).get(name, 0) for name in ("wins", "ties", "losses"))
    return {"wins": wins + ties / 2, "games": wins + ties + losses}
