"""Learning rate schedules: how many steps a round takes, and the rate of each.

A lesson ends when greedy decoding would give the answer to its question, and at most a quarter of a
step's wordings stay unsure, for several steps in a row; in its last steps, as in those of
consolidation, the rate falls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oneseek.engine.core.settings import LessonConfig, TrainingConfig
from oneseek.engine.history.snapshot import Arrays

MENDING_STEPS, MENDING_RATE = 8, 0.25  # after consolidation, and their share of the full rate


class Pace:
    """A constant rate for a number of steps."""

    def __init__(self, rate: float, steps: int) -> None:
        self.full, self.steps = rate, steps

    def rate(self, step: int) -> float:
        return self.full

    def on_step(self, step: int, hardest: list[float]) -> None:
        """`hardest` is the largest token loss of each taught row, in nats."""

    def go_on(self, step: int, times: int = 1) -> None:
        """Add a few more steps, `times` over, for the evaluator."""
        raise NotImplementedError

    def end_at(self, steps: int) -> None:
        """Take at most `steps` steps."""
        self.steps = min(self.steps, steps)

    def capture(self) -> Arrays:
        """Return what a resumed round needs."""
        return {"pace": np.array([self.steps])}

    def restore(self, captured: Arrays) -> None:
        (self.steps,) = captured["pace"].tolist()


class LessonPace(Pace):
    """Constant after a short warm-up, then a few cooling steps. Several lessons take turns."""

    def __init__(self, config: LessonConfig, rate: float, lessons: int) -> None:
        super().__init__(rate, config.max_steps * lessons)
        self.config, self.lessons = config, lessons
        self.sure = [0] * lessons  # steps in a row in which a lesson was certain

    @property
    def cooling(self) -> int:
        return self.config.cooling_steps * self.lessons

    def at(self, step: int) -> int:
        """Return the lesson whose turn it is."""
        return step % self.lessons

    def rate(self, step: int) -> float:
        rate = self.full * min(1.0, (step + 1) / max(1, self.config.warmup_steps))
        return rate * min(1.0, (self.steps - step) / (self.cooling + 1))

    def on_step(self, step: int, hardest: list[float]) -> None:
        turn, low = self.at(step), self.config.stop_loss
        odd = sum(cost >= low for cost in hardest)  # a drawn wording may be one nobody would say
        certain = hardest[0] < low and odd <= len(hardest) // 4
        self.sure[turn] = self.sure[turn] + 1 if certain else 0
        if min(self.sure) >= self.config.stop_after:
            self.steps = min(self.steps, step + 1 + self.cooling)

    def go_on(self, step: int, times: int = 1) -> None:
        self.sure = [0] * self.lessons
        self.steps = step + times * self.config.more_steps * self.lessons

    def capture(self) -> Arrays:
        return {"pace": np.array([self.steps, *self.sure])}

    def restore(self, captured: Arrays) -> None:
        self.steps, *self.sure = captured["pace"].tolist()


class FallingPace(Pace):
    """A warm-up, then a linear decay to `final` of the rate: from the start, or after a share
    `held` of the steps at the full rate. Steps added later start at a low rate and decay to
    zero."""

    def __init__(
        self, rate: float, steps: int, warmup: int, final: float, held: float = 0.0
    ) -> None:
        super().__init__(rate, steps)
        self.planned, self.warmup, self.final, self.held = steps, warmup, final, held
        self.mending_from = steps

    def rate(self, step: int) -> float:
        rate = self.full * min(1.0, (step + 1) / max(1, self.warmup))
        if step >= self.mending_from:
            left = (self.steps - step) / max(1, self.steps - self.mending_from)
            return self.full * MENDING_RATE * min(1.0, left)
        gone = max(0.0, (step + 1) / self.planned - self.held) / (1 - self.held)
        return rate * (1 - (1 - self.final) * gone)

    def go_on(self, step: int, times: int = 1) -> None:
        self.go_further(step, times * MENDING_STEPS)

    def go_further(self, step: int, steps: int) -> None:
        self.mending_from, self.steps = step, step + steps

    def capture(self) -> Arrays:
        return {"pace": np.array([self.steps, self.mending_from])}

    def restore(self, captured: Arrays) -> None:
        self.steps, *mending = captured["pace"].tolist()
        self.mending_from = mending[0] if mending else self.planned


class PaceInTurns(FallingPace):
    """The same for a model that takes turns of an epoch with others: each epoch has a multiplier of
    its rate, and the steps end with the last turn so far."""

    def __init__(
        self, falling: FallingPace, epoch_steps: int, multipliers: Sequence[float]
    ) -> None:
        super().__init__(falling.full, falling.planned, falling.warmup, falling.final)
        self.epoch_steps, self.multipliers = epoch_steps, multipliers
        self.steps = min(self.planned, len(multipliers) * epoch_steps)

    def rate(self, step: int) -> float:
        turn = min(step // self.epoch_steps, len(self.multipliers) - 1)
        return super().rate(step) * self.multipliers[turn]

    def restore(self, captured: Arrays) -> None:
        """Keep the plan's number of steps: it has one more turn than when this was stored."""


def pace_through(c: TrainingConfig, epoch_steps: int) -> FallingPace:
    """Return the schedule of several epochs of a data set."""
    steps = min(c.max_steps, c.epochs * epoch_steps)
    pace = FallingPace(c.learning_rate, steps, min(c.warmup_steps, steps // 10), 0.1)
    return PaceInTurns(pace, epoch_steps, c.rate_multipliers) if c.rate_multipliers else pace
