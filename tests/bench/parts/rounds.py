"""Times a lesson or practice as the product does it, gate included, on any back end, natively and
in a tab.  `oracle.run_module("rounds", JSON, threads=1)` runs `run_practice` with these arguments
in a process of its own."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np

from oneseek.engine.backends.select import executor_named
from oneseek.engine.core.settings import for_model
from oneseek.engine.history.round_plan import OUTSIDE_SCOPE, PRACTICE, make_plan, resolve
from oneseek.engine.learning import recipe, shape
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import assistant_over
from tests.bench.parts.patient import PatientAttempt, PatientTrainer
from tests.bench.parts.told import record_of
from tests.support.same_in_both import MemoryStore


class Rounds:
    """An assistant with the default settings for its model's size, some of them replaced."""

    def __init__(self, model: Model, settings: dict, **more: Any):
        self.config = for_model(model.config.parameters).replace(**settings)
        self.assistant = assistant_over(
            model, MemoryStore(), model.fingerprint, self.config, **more
        )

    async def took(
        self,
        kind: str,
        facts: Sequence[Sequence[str]],
        only: int = 0,
        asked: bool = False,
        alone: bool = False,
        patient: bool = False,
    ) -> dict:
        """Run a round over (question, answer) pairs, which the memory knows before; return its
        figures. `only` runs so many steps and no gate; `asked` first asks the base model for the
        answers of all steps and times that; `alone` trains a version without an adapter scope;
        `patient` judges it by the exhaustive gate."""
        training, trainer = self.assistant.learner.training, self.assistant.learner.trainer
        pairs = [dict(zip(("question", "answer"), fact, strict=True)) for fact in facts]
        records = [record_of(pair | {"language": "en"}) for pair in pairs]
        await self.assistant.mind.memory.remember(records)
        fresh = trainer.fresh()
        plan = make_plan(kind, fresh, records, [], shape.new(self.config))
        if not alone:
            plan.config[OUTSIDE_SCOPE] = await training.out_of_scope(plan)
        if patient:
            trainer = await PatientTrainer.open(
                trainer.model, self.config, trainer.memory_budget,
                kept=trainer.kept, usual=trainer.usual,
            )  # fmt: skip
        attempt = await resolve(trainer.begin(fresh, plan, PatientAttempt if patient else None))
        began, times, tokens = time.perf_counter(), [], []
        for step in range(attempt.steps if asked else 0):
            await attempt.rows(step)
        answering = time.perf_counter() - began
        while not only or len(times) < only:
            await attempt.load()  # also the base model's answers to its examples
            loaded = time.perf_counter()
            metrics = await attempt.advance(math.inf)
            times.append(time.perf_counter() - loaded)
            tokens.append(metrics["tokens"])
            if attempt.complete:
                break
        trained = time.perf_counter() - began
        found = dict(step_seconds=float(np.median(times)), planned=attempt.steps)
        found |= dict(
            tokens=float(np.mean(tokens)), token_seconds=sum(times[1:]) / max(1, sum(tokens[1:]))
        )
        if only:
            return found | dict(answers_seconds=answering)
        kept = await attempt.capture()  # the size of a checkpoint
        began = time.perf_counter()
        verdict = await attempt.judge()
        judged = time.perf_counter() - began
        # The steps that the gate asks for are trained inside `judge`, and do not count as judging.
        mended = verdict["steps"] - len(times)
        mending = mended * sum(times[1:]) / max(1, len(times) - 1)
        return found | dict(
            first_step_seconds=times[0],
            steps=len(times),
            mended_steps=mended,
            mending_seconds=mending,
            judge_seconds=judged - mending,
            seconds=trained + judged,
            outcome=verdict["outcome"],
            reason=verdict["reason"],
            kept_bytes=sum(array.nbytes for array in kept.values()),
            adapter_bytes=fresh["adapter"].nbytes,
        )


async def run_practice(
    facts: list,
    numpy: bool,
    settings: dict | None = None,
    only: int = 0,
    asked: bool = False,
    recipe_then: dict | None = None,
) -> dict:
    """The figures of practice; `recipe_then` replaces constants of the recipe for the process."""
    for name, value in (recipe_then or {}).items():
        assert hasattr(recipe, name)
        setattr(recipe, name, value)
    with closing(open_model(str(registry.find("smollm2-135m")))) as file:
        model = await Model.load(file, await executor_named("numpy" if numpy else "cpu"))
    return await Rounds(model, settings or {}).took(PRACTICE, facts, only, asked)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run_practice(**json.loads(sys.argv[1])))))
