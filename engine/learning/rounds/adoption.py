"""Evaluates an adapter made elsewhere before it is used: no step is trained, and the evaluator asks
what it asks after a consolidation."""

from __future__ import annotations

import numpy as np

from oneseek.engine.history.round_plan import DATA_SET, Plan
from oneseek.engine.learning.base_answers import BaseAnswers
from oneseek.engine.learning.lessons import lesson_of
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.learning.rounds.rate_schedule import Pace
from oneseek.engine.learning.rounds.variants import ACTIVE
from oneseek.engine.learning.rounds.verdict import Verdict
from oneseek.engine.learning.rounds.workbench import Workbench


class Adoption(RoundAttempt):
    """Accepts an adapter no worse on taught facts than the version in use, if it lost nothing
    known."""

    usual = "imported"

    def __init__(
        self, trainer: Workbench, before: np.ndarray, plan: Plan, given: np.ndarray
    ) -> None:
        super().__init__(trainer, plan, before, trainer.fresh()[trainer.called], Pace(0.0, 0))
        known = [record for record in plan.pool if record.get("kind") != DATA_SET]
        self.recipe = Recipe([lesson_of(record) for record in known], [], self.config, plan.seed)
        self.kept: BaseAnswers = trainer.kept
        trainer.candidate.begin(given)

    async def judge(self) -> dict:
        gate = self.trainer.gate(self.recipe)
        self.trainer.variants.put(ACTIVE, self.before)
        await self._show()

        async def verdict(_: Verdict | None = None) -> Verdict:
            if self.recipe.facts:
                return await gate.practice()
            return gate.verdict([], await gate.measure_harm())

        return await self.decide(await verdict(), verdict)
