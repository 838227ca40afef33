"""Lessons and practice on the real engine: the recipe's steps on a shadow, then the gate.

`Learner` decides when a slice runs and what becomes of the result; here is what a round does.  The
same weights and the same plan give the same bits, whether or not it was interrupted.
"""

from __future__ import annotations

import math
from copy import copy
from functools import cached_property

import numpy as np

from engine.config import TrainingConfig
from engine.data import Batch, Coder, TooLong, extent, pack
from engine.kept import Kept, Together
from engine.lessons import Lesson, LessonError
from engine.quality import ACCEPT, MORE, SCALE, SCALES, WEAKENED, Gate, Verdict
from engine.recipe import Ask, Recipe
from engine.room import Room
from engine.rounds import PRACTICE, Plan
from engine.snapshot import Arrays
from engine.train import Hyper, Shadow
from engine.trained import Trained
from engine.voices import Voices
from engine.weights import Model

MORE_LOOK_ALIKES = 2  # what a few more steps add when a lesson leaks


def lesson_of(record: dict) -> Lesson:
    """The lesson a record of the queue holds."""
    return Lesson(
        record["prompt"],
        record["answer"],
        tuple(record.get("phrasings") or ()),
        record.get("language") or "",
        record.get("source") or {},
    )


class EngineTrainer:
    """Trains adapters of one loaded model."""

    def __init__(
        self,
        model: Model,
        trained: Trained,
        config: TrainingConfig,
        kept: Kept | None = None,
        system: str = "",
        memory_budget: int | None = None,
    ):
        self.model, self.trained, self.config = model, trained, config
        self.coder = Coder(model.tokenizer, model.template, system)
        self.kept = kept or Kept.with_shipped(self.coder, model.fingerprint)
        self.memory_budget = memory_budget
        self.remembered: dict = {}

    # Memory is taken when the first lesson needs it. A step and the questions around it take turns
    # in one room.

    @cached_property
    def room(self) -> Room | None:
        return self.model.executor.room(self.memory_budget) if self.memory_budget else None

    @cached_property
    def shadow(self) -> Shadow:
        return Shadow(self.model, self.trained, self.memory_budget, room=copy(self.room))

    @cached_property
    def voices(self) -> Voices:
        return Voices(self.model, self.trained, self.coder, copy(self.room))

    def fresh(self) -> Arrays:
        return {self.trained.name: self.trained.initial(self.config.seed)}

    def begin(self, weights: Arrays, plan: Plan) -> EngineAttempt:
        attempt = EngineAttempt(self, self._flat(weights), plan)
        self.shadow.begin(attempt.start)
        return attempt

    def resume(self, weights: Arrays, plan: Plan, captured: Arrays) -> EngineAttempt:
        attempt = EngineAttempt(self, self._flat(weights), plan)
        attempt.restore(captured)
        return attempt

    def _flat(self, weights: Arrays) -> np.ndarray:
        return np.asarray(weights[self.trained.name], np.float32)


class EngineAttempt:
    """One round under way."""

    def __init__(self, trainer: EngineTrainer, before: np.ndarray, plan: Plan):
        self.trainer, self.plan, self.before = trainer, plan, before
        self.config = trainer.config.replace(**plan.config) if plan.config else trainer.config
        self.practising = plan.kind == PRACTICE
        lessons = [lesson_of(record) for record in plan.lessons]
        pool = [lesson_of(record) for record in plan.pool]
        if self.practising:
            lessons, pool = [*pool, *lessons], []
        self.recipe = Recipe(lessons, pool, self.config, plan.seed)
        # Practice starts from the base: a fresh adapter, of the same beginnings at any time.
        self.start = trainer.fresh()[trainer.trained.name] if self.practising else before
        self.result: np.ndarray | None = None
        self.taught = dict.fromkeys(self.recipe.lessons, math.inf)
        self.extra = 0
        self.batch: Batch | None = None
        self.metrics: dict = {}
        self.examples = self.tokens = 0  # examples in all, tokens of the last step
        self.steps = self._planned_steps()
        self.kept = Together(trainer.kept, self.recipe.company)
        self.shape = self._shape()

    def _planned_steps(self) -> int:
        if self.practising:
            return self.recipe.practice_steps
        return self.config.lesson.max_steps * len(self.recipe.lessons)

    def asks(self, step: int) -> list[Ask]:
        if self.practising:
            return self.recipe.practice_step(step)
        return self.recipe.lesson_step(step, self.extra)

    def _shape(self) -> tuple[int, int]:
        """One shape for all steps of the round, so that one program serves them."""
        seen = range(min(self.steps, 48))
        needs = [extent(self.kept.most(self.asks(step))) for step in seen]
        return max(t for t, _ in needs), max(r for _, r in needs)

    # ---- training

    async def advance(self, budget_ms: float) -> dict | None:
        """Train for about this long; None once the round is complete."""
        shadow = self.trainer.shadow
        if self.batch is None:
            if self.complete:
                return None
            await self.load()
        outcome = await shadow.advance(None if math.isinf(budget_ms) else budget_ms)
        if outcome is None:
            return self.metrics or self._report(math.nan, 0.0) | {"loss": 0.0}
        measured = self.batch.measure(outcome.losses)
        self.examples += self.batch.examples
        self.batch = None
        if not self.practising:
            self.taught[self._taught_at(outcome.step - 1)] = measured["taught"]
        self.metrics = self._report(float(outcome.losses.sum()), outcome.norm) | {"parts": measured}
        return self.metrics

    @property
    def complete(self) -> bool:
        if self.trainer.shadow.steps >= self.steps:
            return True
        low = self.config.lesson.stop_loss
        return not self.practising and all(loss < low for loss in self.taught.values())

    def _taught_at(self, step: int) -> Lesson:
        return self.recipe.lessons[step % len(self.recipe.lessons)]

    async def load(self) -> None:
        """Ask the base what the next step needs of it, and set the step up."""
        step, kept = self.trainer.shadow.steps, self.kept
        asks = self.asks(step)
        await kept.fill(self.trainer.voices, asks)
        part = self.config.practice if self.practising else self.config.lesson
        self.batch = pack([kept.row(ask) for ask in asks], part.kl_weight, self.shape)
        self.tokens = len(self.batch.arrays["ids"])
        self.trainer.voices.leave()
        c = self.config
        hyper = Hyper(
            self.rate(step),
            c.adam_beta1,
            c.adam_beta2,
            c.adam_epsilon,
            c.weight_decay,
            c.max_grad_norm,
        )
        self.trainer.shadow.load(self.batch.arrays, hyper)

    def rate(self, step: int) -> float:
        """Warm-up; then constant in a lesson, falling to a tenth in practice."""
        part = self.config.practice if self.practising else self.config.lesson
        rate = self.config.learning_rate * min(1.0, (step + 1) / max(1, part.warmup_steps))
        if self.practising:
            rate *= 1 - (1 - part.final_rate) * (step + 1) / self.steps
        return rate

    def _report(self, loss: float, norm: float) -> dict:
        step = self.trainer.shadow.steps
        return {
            "step": step,
            "steps": self.steps,
            "loss": loss,
            "learning_rate": self.rate(max(0, step - 1)),
            "grad_norm": norm,
            "examples_processed": self.examples,
            "tokens": self.tokens,
        }

    # ---- stopping and going on

    async def capture(self) -> Arrays:
        """Everything the next step depends on; a step under way is finished first."""
        while self.batch is not None:
            await self.advance(math.inf)
        adapter, (m, v), steps = await self.trainer.shadow.state()
        taught = np.array(list(self.taught.values()), np.float64)
        counts = np.array([steps, self.examples, self.extra, self.steps])
        return {"adapter": adapter, "m": m, "v": v, "taught": taught, "counts": counts}

    def restore(self, captured: Arrays) -> None:
        steps, self.examples, self.extra, self.steps = map(int, captured["counts"])
        moments = captured["m"].copy(), captured["v"].copy()
        self.trainer.shadow.begin(captured["adapter"].copy(), moments, steps)
        self.taught = dict(zip(self.taught, captured["taught"].tolist(), strict=True))

    async def weights(self) -> Arrays:
        if self.result is None:
            adapter, _, _ = await self.trainer.shadow.state()
            return {self.trainer.trained.name: adapter}
        return {self.trainer.trained.name: self.result}

    # ---- the gate

    async def judge(self) -> dict:
        """Accept, a few more steps once, scale down, or refuse."""
        trainer = self.trainer
        gate = Gate(trainer.voices, self.recipe, trainer.coder, trainer.remembered)
        trainer.voices.put("active", self.before)
        await self._show()
        if self.practising:
            verdict = await gate.practice()
        else:
            verdict = await self._judge_lesson(gate)
        after, scale = self.result, 1.0
        for scale_down in SCALES:
            if verdict.advice != SCALE:
                break
            scale = scale_down
            await self._show(scaled(trainer.trained, self.start, after, scale))
            verdict = await (
                gate.practice() if self.practising else self._judge_again(gate, verdict)
            )
        return self._decision(verdict, scale)

    async def _show(self, flat: np.ndarray | None = None) -> None:
        """What the gate sees as the shadow: the trained weights unless told otherwise."""
        self.result = None
        self.result = (await self.weights())[self.trainer.trained.name] if flat is None else flat
        self.trainer.voices.put("shadow", self.result)

    async def _judge_lesson(self, gate: Gate) -> Verdict:
        """Its own facts first: what they lack a few more steps mend, once."""
        learned = await gate.learned()
        if gate.verdict(learned, []).advice in (MORE, SCALE):
            await self._more(leaks=any(m.name == "leak" and not m.ok for m in learned))
            await self._show()
            learned = await gate.learned()
        return gate.verdict(learned, await gate.unharmed())

    async def _judge_again(self, gate: Gate, verdict: Verdict) -> Verdict:
        """After scaling down. A smaller change harms less: what was within its limits stays so."""
        learned = await gate.learned()
        before = list(verdict.measures[len(learned) :])
        unharmed = before if all(m.ok for m in before) else await gate.unharmed()
        return gate.verdict(learned, unharmed)

    async def _more(self, leaks: bool) -> None:
        self.extra = MORE_LOOK_ALIKES if leaks else 0
        self.shape = self._shape()
        self.taught = dict.fromkeys(self.taught, math.inf)
        self.steps = self.trainer.shadow.steps + self.config.lesson.more_steps * len(self.taught)
        while await self.advance(math.inf) is not None:
            pass

    def _decision(self, verdict: Verdict, scale: float) -> dict:
        accepted = verdict.advice in (ACCEPT, WEAKENED)
        usual = "practised" if self.practising else "learned"
        outcome = {ACCEPT: usual, WEAKENED: "weakened"}.get(verdict.advice, f"not {usual}")
        reason = verdict.reason
        if accepted and scale < 1:
            reason = f"scaled to {scale:g} to keep what was known" + (reason and f"; {reason}")
        return {
            "accepted": accepted,
            "outcome": outcome,
            "reason": reason,
            "scale": scale,
            "steps": self.trainer.shadow.steps,
            **verdict.to_dict(),
        }


def scaled(trained: Trained, before: np.ndarray, after: np.ndarray, scale: float) -> np.ndarray:
    """Only the last change of B made smaller: A scaled too would count twice."""
    result = after.copy()
    for name in trained.entries:
        if not name.endswith("lora_A.weight"):
            old, new = trained.part(before, name), trained.part(after, name)
            trained.part(result, name)[...] = old + np.float32(scale) * (new - old)
    return result


def check(coder: Coder, record: dict) -> Lesson:
    """The lesson of a record, or why it cannot be taught: asked before it is queued."""
    lesson = lesson_of(record)
    try:
        coder.answer(lesson.answer)
    except TooLong as error:
        raise LessonError(str(error)) from error
    return lesson
