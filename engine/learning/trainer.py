"""The trainer of rounds: one loaded model, one candidate, one trained array.

`TrainingEngine` opens, advances, stores and finishes a round; `Learner` and `turns.py` decide
when. The steps of a round are in rounds/lesson.py (lessons and consolidation), rounds/dataset.py
and taste/attempt.py.
"""

from __future__ import annotations

from collections.abc import Awaitable

import numpy as np

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import PRACTICE, TRAINING, Plan, resolve
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning import shape
from oneseek.engine.learning.batch import Coder, TooLong
from oneseek.engine.learning.lessons import Lesson, LessonError, lesson_of
from oneseek.engine.learning.rounds.adoption import Adoption
from oneseek.engine.learning.rounds.dataset import DataSetAttempt
from oneseek.engine.learning.rounds.lesson import LessonAttempt, RoundAttempt
from oneseek.engine.learning.rounds.workbench import Workbench
from oneseek.engine.learning.taste.attempt import TasteAttempt
from oneseek.engine.model.adapters import convert_layout, holds
from oneseek.engine.model.trainable import Trained

Kind = type[DataSetAttempt] | type[LessonAttempt] | type[TasteAttempt]

# Memory of a step in a tab beside its weights; a layer that does not fit is recomputed.
TRAINING_BYTES = {"gpu": 100 << 20, "cpu": 80 << 20}


class RoundTrainer(Workbench):
    """Trains one loaded model, in the shape in which it was opened. Where the weights or the plan
    need another shape, a second bench trains, for which this one releases its memory."""

    beside: RoundTrainer | None = None

    def begin(
        self, weights: Arrays, plan: Plan, kind: Kind | None = None
    ) -> RoundAttempt | Awaitable[RoundAttempt]:
        """Begin a round, of its plan's kind unless another is given."""
        return self._on_its_bench(weights, plan, None, kind or kind_of(plan))

    def resume(
        self, weights: Arrays, plan: Plan, captured: Arrays
    ) -> RoundAttempt | Awaitable[RoundAttempt]:
        return self._on_its_bench(weights, plan, captured, kind_of(plan))

    def shape_for(self, weights: Arrays, plan: Plan) -> TrainingConfig:
        """Return the shape that a round trains in. A lesson resumes from the current weights: it
        takes the plan's shape if that has room for them, else it keeps theirs. Consolidation begins
        with the base, and so in the plan's shape."""
        here = shape.config_of(shape.unpack_weights(weights)[0], self.usual)
        wanted = shape.select(plan.config)
        if plan.kind == PRACTICE:
            return self.usual.replace(**wanted)
        larger, layout = here.replace(**wanted), self.layout(here)
        if says_nothing(layout, weights):
            return larger
        begins = min(one.lora_config.first_layer for one in (here, larger))
        larger = larger.replace(lora_config={"first_layer": begins})
        dropout = {"lora_config": {"dropout": larger.lora_config.dropout}}
        return larger if holds(self.layout(larger), layout) else here.replace(**dropout)

    def rest(self) -> None:
        super().rest()
        self.beside = None

    def layout(self, config: TrainingConfig) -> Trained:
        return Trained.from_training(self.model.config, config)

    def layout_of(self, weights: Arrays) -> Trained:
        """Return the layout of stored weights."""
        return self.layout(shape.config_of(shape.unpack_weights(weights)[0], self.usual))

    def grow(self, weights: Arrays) -> np.ndarray:
        """Return weights of a smaller shape in this one's, computing the same; where they do not
        fit, the initial weights."""
        name, flat = shape.unpack_weights(weights)
        if name == self.called:
            return flat
        here, start = self.layout_of(weights), self.fresh()[self.called]
        return (
            convert_layout(here, flat, self.trained, start) if holds(self.trained, here) else start
        )

    def adopt(self, weights: Arrays, plan: Plan, given: Arrays) -> RoundAttempt:
        """Begin a round that only evaluates an adapter made elsewhere, in the shape this was opened
        in."""
        return Adoption(self, self.grow(weights), plan, shape.unpack_weights(given)[1])

    # ---- inside

    def _on_its_bench(
        self, weights: Arrays, plan: Plan, captured: Arrays | None, kind: Kind
    ) -> RoundAttempt | Awaitable[RoundAttempt]:
        config = self.shape_for(weights, plan)
        if same_bench(config, self.config):
            self.beside = None
            return self._attempt(weights, plan, captured, kind)
        return self._elsewhere(config, weights, plan, captured, kind)

    async def _elsewhere(
        self,
        config: TrainingConfig,
        weights: Arrays,
        plan: Plan,
        captured: Arrays | None,
        kind: Kind,
    ) -> RoundAttempt:
        if self.beside is None or not same_bench(config, self.beside.config):
            self.rest()
            self.beside = await RoundTrainer.open(
                self.model,
                config,
                self.memory_budget,
                usual=self.usual,
                kept=self.kept,
                reads=self.reads,
            )
        return await resolve(self.beside._attempt(weights, plan, captured, kind))

    def _attempt(
        self, weights: Arrays, plan: Plan, captured: Arrays | None, kind: Kind
    ) -> RoundAttempt | Awaitable[RoundAttempt]:
        attempt = kind(self, self.grow(weights), plan)
        here = self.layout_of(weights)
        if isinstance(attempt, LessonAttempt) and not holds(self.trained, here):
            if not says_nothing(here, weights):
                attempt.compare_with(here, shape.unpack_weights(weights)[1])
        if captured is None:
            self.candidate.begin(attempt.start)
        else:
            attempt.restore(captured)
            self.candidate.hold_to(attempt.start)
        if captured is None and attempt.config.skip_poor and isinstance(attempt, DataSetAttempt):
            return attempt.sift()
        return attempt


def kind_of(plan: Plan) -> Kind:
    if plan.kind != TRAINING:
        return LessonAttempt
    return TasteAttempt if "choices" in plan.lessons[0] else DataSetAttempt


def says_nothing(layout: Trained, weights: Arrays) -> bool:
    """Whether an adapter leaves the base model unchanged: all its arrays but A are zero."""
    _, flat = shape.unpack_weights(weights)
    changes = [name for name in layout.entries if not name.endswith("lora_A.weight")]
    return not layout.full_names and not any(layout.part(flat, name).any() for name in changes)


def same_bench(one: TrainingConfig, other: TrainingConfig) -> bool:
    """Whether one set of programs and arrays serves both."""
    return (
        shape.describe(one) == shape.describe(other)
        and one.lora_config.dropout == other.lora_config.dropout
        and one.lora_config.frozen_a == other.lora_config.frozen_a
        and one.proximal == other.proximal
    )


def check(coder: Coder, record: dict) -> Lesson:
    """The lesson of a record; LessonError says why it cannot be taught, before it is queued."""
    lesson = lesson_of(record)
    try:
        coder.answer(lesson.answer)
    except TooLong as error:
        raise LessonError(str(error)) from error
    return lesson
