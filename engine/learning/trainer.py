"""The real engine as a trainer of rounds: one loaded model, one shadow, one trained array.

`TrainingEngine` decides when a slice runs and what becomes of the result; what a round does is in
lesson.py (lessons and practice) and dataset.py.
"""

from __future__ import annotations

import numpy as np

from engine.history.round_plan import TRAINING, Plan
from engine.history.snapshot import Arrays
from engine.learning.batch import Coder, TooLong
from engine.learning.lessons import Lesson, LessonError, lesson_of
from engine.learning.rounds.bench import Bench
from engine.learning.rounds.dataset import DataSetAttempt
from engine.learning.rounds.lesson import LessonAttempt, Steps

# What a step in a tab may need beside its weights: a layer that does not fit is computed twice.
TRAINING_BYTES = {"gpu": 100 << 20, "cpu": 52 << 20}


class EngineTrainer(Bench):
    """Trains adapters of one loaded model."""

    def begin(self, weights: Arrays, plan: Plan) -> Steps:
        attempt = self._attempt(weights, plan)
        self.shadow.begin(attempt.start)
        return attempt

    def resume(self, weights: Arrays, plan: Plan, captured: Arrays) -> Steps:
        attempt = self._attempt(weights, plan)
        attempt.restore(captured)
        return attempt

    def _attempt(self, weights: Arrays, plan: Plan) -> Steps:
        kind = DataSetAttempt if plan.kind == TRAINING else LessonAttempt
        return kind(self, np.asarray(weights[self.trained.name], np.float32), plan)


def check(coder: Coder, record: dict) -> Lesson:
    """The lesson of a record, or why it cannot be taught: asked before it is queued."""
    lesson = lesson_of(record)
    try:
        coder.answer(lesson.answer)
    except TooLong as error:
        raise LessonError(str(error)) from error
    return lesson
