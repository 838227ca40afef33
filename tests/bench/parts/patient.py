"""An exhaustive gate, against which `bench gate` and `bench cpu` measure the engine's own.

It finishes every reply, computes each row alone and from the first layer on, asks the base model
again each time, and refuses only when every measure is known.  Its verdicts should be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from oneseek.engine.learning.batch import extent, pack
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.gate import Gate
from oneseek.engine.learning.rounds.lesson import LessonAttempt, find_lost
from oneseek.engine.learning.rounds.variants import ModelVariants
from oneseek.engine.learning.rounds.verdict import MORE, SCALE
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.trainable import Trained


class PatientVariants(ModelVariants):
    async def replies(
        self, who: str, questions: Sequence[str], tokens: int, begins: Sequence[str] = (),
        enough: Sequence = (),
    ) -> list[str]:  # fmt: skip
        prompts = [self.coder.prompt(question) for question in questions]
        forced = [self.coder.begin(begin) for begin in begins]
        return [answer.text for answer in await self._answers(who, prompts, tokens, forced)]

    async def loss(self, who: str, rows) -> float:
        self._activate(who)
        rows = list(rows)
        needs = [extent([row]) for row in rows]
        shape = max(t for t, _ in needs), max(r for _, r in needs)
        nats = 0.0
        for row in rows:
            run = await self._run("score", pack([row], shape=shape))
            nats += float((await run.read("losses")).sum()) * len(row.target)
        return nats / sum(len(row.target) for row in rows)

    async def _run(
        self, program: str, batch, chosen: bool = False, frozen=None, **more: np.ndarray
    ) -> Any:
        shape = len(batch.arrays["ids"]), len(batch.arrays["take"])
        names = ["ids", "positions", "spans", "take"]
        if program == "score":
            names += ["target_ids", "target_probs", "target_rest", "weight"]
        arrays = {name: batch.arrays[name] for name in names} | more
        asked = {"chosen": True} if chosen else {}
        return await self._ran(program, shape, arrays, trained=self.trained, **asked)


class PatientGate(Gate):
    def ask_anew(self) -> None:
        self.said.clear()
        self.remembered.pop("said", None)

    async def measure_harm(self) -> list:
        return [await self.probes(), *await self.drift(SCALE), await self.perplexity()]


class PatientAttempt(LessonAttempt):
    async def _judge_lesson(self, gate: Gate):
        learned = await gate.measure_lessons()
        if gate.verdict(learned, []).advice in (MORE, SCALE):
            self.lost = find_lost(learned, "earlier facts lost")
            await self._more(leaks=any(m.name == "leak" and not m.ok for m in learned))
            learned = await gate.measure_lessons()
        return await self._mend(gate.verdict(learned, await gate.measure_harm()), gate.lesson)


class PatientTrainer(RoundTrainer):
    def variants_of(self, trained: Trained, masters: np.ndarray | None = None) -> ModelVariants:
        variants = PatientVariants(self.model, trained, self.coder, copy(self.room))
        variants.put("base", np.zeros(trained.size, np.float32) if masters is None else masters)
        return variants

    def gate(self, recipe: Recipe, variants: Any = None, outside_scope: Any = None) -> Gate:
        heard = variants or self.variants
        return PatientGate(
            heard, recipe, self.coder, self.remembered, self.kept.find_likeliest, outside_scope
        )
