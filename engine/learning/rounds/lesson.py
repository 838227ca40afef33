"""A round under way, of any kind (`RoundAttempt`): its steps, checkpoints and decision; and lessons
and consolidation (`LessonAttempt`).

The same weights and the same plan give the same bits, whether or not the round was interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import numpy as np

from oneseek.engine.history.round_plan import DATA_SET, OUTSIDE_SCOPE, PRACTICE, Plan
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning.base_answers import BaseAnswers, GroupedAnswers
from oneseek.engine.learning.batch import Batch, Row, extent, fit_shape, pack
from oneseek.engine.learning.lessons import lesson_of
from oneseek.engine.learning.recipe import Ask, Recipe
from oneseek.engine.learning.rounds.block_windows import Plateau, Windows
from oneseek.engine.learning.rounds.candidate import Hyper
from oneseek.engine.learning.rounds.gate import EARLIER_LOST, LOST, SCALES, Gate
from oneseek.engine.learning.rounds.rate_schedule import FallingPace, LessonPace, Pace
from oneseek.engine.learning.rounds.variants import ACTIVE, CANDIDATE
from oneseek.engine.learning.rounds.verdict import ACCEPT, MORE, SCALE, WEAKENED, Measure, Verdict
from oneseek.engine.learning.rounds.workbench import Workbench
from oneseek.engine.model.trainable import Trained

HELD = 0.5  # of consolidation at the full rate, so that it takes fewer steps
ASKED_OVER = 2  # times, facts that consolidation left unlearned
MORE_LOOK_ALIKES = 2  # hard negatives that each further step adds when a lesson leaks


class RoundAttempt:
    """One attempt of a round, step by step. A subclass says what a step trains on and what the
    evaluator asks."""

    usual = "learned"  # the outcome when all is well

    def __init__(
        self,
        trainer: Workbench,
        plan: Plan,
        before: np.ndarray,
        start: np.ndarray,
        pace: Pace,
    ) -> None:
        self.trainer, self.plan, self.before, self.start = trainer, plan, before, start
        self.config = trainer.config_of(plan)
        self.pace = pace
        self.result: np.ndarray | None = None
        self.batch: Batch | None = None
        self.metrics: dict = {}
        self.examples = self.tokens = 0  # examples in all, tokens of the last step
        self.plateau = Plateau(self.config)
        self.switches: list[dict] = []
        self.before_switch: np.ndarray | None = None

    kept: BaseAnswers  # the base's answers that this round trains towards
    wrong: Sequence[dict] = ()  # evaluation questions answered wrongly; never stored, for privacy
    shapes: Sequence[tuple[int, int]] = ()  # compiled batch shapes, smallest first; empty: any
    first_layer = 0  # of those that a step computes, where those below are frozen

    def asks(self, step: int) -> list:
        """Return the examples of a step: to learn, and for regularisation."""
        raise NotImplementedError

    def row(self, ask: Any) -> Row:
        return self.kept.row(ask)

    @property
    def kl_weight(self) -> float:
        return self.config.practice.kl_weight

    async def rows(self, step: int) -> list[Row]:
        """Return a step's rows, those of regularisation examples with the base's answers."""
        asks = self.asks(step)
        await self.kept.fill(self.trainer.variants, asks)
        return [self.row(ask) for ask in asks]

    async def pack_step(self, step: int) -> Batch:
        """Return the arrays of a step."""
        rows = await self.rows(step)
        return pack(rows, self.kl_weight, self.shape(rows))

    async def frozen_states(self, batch: Batch) -> dict[str, np.ndarray]:
        """Return the cached states of a step's tokens below `first_layer`, if any."""
        return {}

    def shape(self, rows: list[Row]) -> tuple[int, int] | None:
        """The smallest shape that holds the rows (each has its own program); None means any."""
        tokens, targets = extent(rows)
        fit = (one for one in self.shapes if tokens <= one[0] and targets <= one[1])
        return next(fit, self.shapes[-1] if self.shapes else None)

    async def judge(self) -> dict:
        """Have the evaluator judge the candidate."""
        raise NotImplementedError

    async def on_step(self, step: int, measured: dict, hardest: list[float]) -> None:
        """Update the schedule; in mode `hybrid`, train in full once the loss stops falling."""
        self.pace.on_step(step, hardest)
        candidate = self.trainer.candidate
        if self.config.mode != "hybrid" or candidate.mode == "full":
            return
        if self.plateau.update(measured["taught"]) and step + 1 < self.steps:
            assert isinstance(candidate, Windows)
            self.before_switch = await candidate.go_on_in_full()
            told = {"step": step + 1, "from": "lora", "to": "full", "loss": measured["taught"]}
            self.switches.append(told)

    @property
    def steps(self) -> int:
        return self.pace.steps

    @property
    def complete(self) -> bool:
        return self.trainer.candidate.steps >= self.steps

    # ---- training

    async def advance(self, budget_ms: float) -> dict | None:
        """Train for about `budget_ms` and return metrics; None once the round is complete."""
        candidate = self.trainer.candidate
        if self.batch is None:
            if self.complete:
                return None
            await self.load()
        batch = self.batch
        assert batch, "`load` makes it"
        outcome = await candidate.advance(None if math.isinf(budget_ms) else budget_ms)
        if outcome is None:
            return self.metrics or self._report(math.nan, 0.0) | {"loss": 0.0}
        measured = batch.measure(outcome.losses)
        hardest = batch.hardest(outcome.losses, "taught")
        loss = batch.loss(outcome.losses)
        self.examples += batch.examples
        self.batch = None
        await self.on_step(outcome.step - 1, measured, hardest)
        self.metrics = self._report(loss, outcome.norm)
        self.metrics |= {"parts": measured, "hardest": hardest, "mode": candidate.mode}
        return self.metrics

    async def load(self) -> None:
        """Prepare the next step."""
        step, c = self.trainer.candidate.steps, self.config
        self.batch = await self.pack_step(step)
        arrays = self.batch.arrays | await self.frozen_states(self.batch)
        self.trainer.variants.release()
        self.tokens = len(self.batch.arrays["ids"])
        hyper = Hyper(
            self.pace.rate(step),
            c.adam_beta1,
            c.adam_beta2,
            c.adam_epsilon,
            c.weight_decay,
            c.max_grad_norm,
        )
        self.trainer.candidate.load(arrays, hyper, self.plan.seed % 2**31, self.first_layer)

    def _report(self, loss: float, norm: float) -> dict:
        step = self.trainer.candidate.steps
        return {
            "step": step,
            "steps": self.steps,
            "loss": loss,
            "learning_rate": self.pace.rate(max(0, step - 1)),
            "grad_norm": norm,
            "examples_processed": self.examples,
            "tokens": self.tokens,
        }

    # ---- stopping and going on

    def adopt_steps(
        self, flat: np.ndarray, moments: tuple[np.ndarray, np.ndarray], steps: int
    ) -> None:
        """Take over the steps of another engine, for the evaluator to judge."""
        self.trainer.candidate.begin(flat, moments, steps)
        self.pace.end_at(steps)

    async def capture(self) -> Arrays:
        """Return all that the next step depends on, to be stored before it; a step under way is
        finished first."""
        while self.batch is not None:
            await self.advance(math.inf)
        adapter, (m, v), steps = await self.trainer.candidate.look()
        counts = np.array([steps, self.examples])
        more = {"felt": np.array(self.plateau.losses, np.float64)} | self.pace.capture()
        if self.before_switch is not None:
            more["before_switch"] = self.before_switch
            more["switched"] = np.array([[s["step"], s["loss"]] for s in self.switches])
        return {"adapter": adapter, "m": m, "v": v, "counts": counts, **more}

    def restore(self, captured: Arrays) -> None:
        steps, self.examples = map(int, captured["counts"])
        moments = captured["m"].copy(), captured["v"].copy()
        for loss in captured["felt"].tolist():
            self.plateau.update(loss)
        self.before_switch = captured.get("before_switch")
        for step, loss in captured.get("switched", np.zeros((0, 2))).tolist():
            self.switches.append({"step": int(step), "from": "lora", "to": "full", "loss": loss})
        if isinstance(self.trainer.candidate, Windows):
            self.trainer.candidate.go_on_with(lora=self.config.mode != "full" and not self.switches)
        self.trainer.candidate.begin(captured["adapter"].copy(), moments, steps)
        self.pace.restore(captured)

    async def weights(self) -> Arrays:
        if self.result is None:
            adapter, _, _ = await self.trainer.candidate.state()
            return {self.trainer.called: adapter}
        return {self.trainer.called: self.result}

    # ---- evaluation

    async def decide(
        self, verdict: Verdict, again: Callable[[Verdict], Awaitable[Verdict]]
    ) -> dict:
        """Turn a verdict into a decision; scale down or roll back where the evaluator says so."""
        scale, why = 1.0, ""
        for scale_down in SCALES:
            if verdict.advice != SCALE:
                break
            scale, why = scale_down, why or verdict.reason
            after, _, _ = await self.trainer.candidate.look()
            await self._show(weaken(self.trainer.trained, self.start, after, scale))
            verdict = await again(verdict)
        if self.before_switch is not None and verdict.advice not in (ACCEPT, WEAKENED):
            self.switches.append({"to": "lora", "why": f"rolled back: {verdict.reason}"})
            await self._show(self.before_switch)
            verdict, scale, why = await again(verdict), 1.0, ""
        return self._decision(verdict, scale, why)

    async def _show(self, flat: np.ndarray | None = None) -> None:
        """Give the evaluator these weights as the candidate; by default the trained ones."""
        self.result = flat
        if flat is None:
            flat, _, _ = await self.trainer.candidate.look()
        self.trainer.variants.put(CANDIDATE, flat)

    def _decision(self, verdict: Verdict, scale: float, why: str) -> dict:
        """Return the decision as a record; `why` is the reason for scaling down, if any."""
        accepted = verdict.advice in (ACCEPT, WEAKENED)
        outcome = {ACCEPT: self.usual, WEAKENED: "weakened"}
        reason = verdict.reason
        if scale < 1:
            reason = f"scaled to {scale:g} because {why}" + (reason and f"; {reason}")
        return {
            "accepted": accepted,
            "outcome": outcome.get(verdict.advice, f"not {self.usual}"),
            "reason": reason,
            "scale": scale,
            "steps": self.trainer.candidate.steps,
            "switches": self.switches,
            **verdict.to_dict(),
        }


class LessonAttempt(RoundAttempt):
    """A lesson or a consolidation, by the recipe's steps."""

    def __init__(self, trainer: Workbench, before: np.ndarray, plan: Plan) -> None:
        self.practising = plan.kind == PRACTICE
        lessons, pool = (
            [lesson_of(record) for record in records if record.get("kind") != DATA_SET]
            for records in (plan.lessons, plan.pool)
        )
        if self.practising:
            lessons, pool = [*pool, *lessons], []
            self.usual = "practised"
        if not lessons:
            raise ValueError("there is nothing to learn: no lesson was given")
        c = trainer.config_of(plan)
        self.recipe = Recipe(lessons, pool, c, plan.seed, behind=OUTSIDE_SCOPE in plan.config)
        pace: Pace = LessonPace(c.lesson, c.learning_rate, len(self.recipe.lessons))
        if self.practising:
            steps, p = self.recipe.practice_steps, c.practice
            pace = FallingPace(c.learning_rate, steps, p.warmup_steps, p.final_rate, HELD)
        # Consolidation starts from the base, with a fresh adapter that is always the same.
        start = trainer.fresh()[trainer.called] if self.practising else before
        super().__init__(trainer, plan, before, start, pace)
        self.extra = 0
        self.elsewhere: tuple[Trained, np.ndarray] | None = None  # version in use of another shape
        self.lost: tuple[str, ...] = ()  # forgotten questions that further steps repeat
        self.unsure: tuple[str, ...] = ()  # and of facts that consolidation left unlearned
        self.kept = GroupedAnswers(trainer.kept, self.recipe.answer_group)
        self.shapes = self._shapes()

    def compare_with(self, layout: Trained, flat: np.ndarray) -> None:
        """Set the version in use where it has another shape, in which it answers."""
        self.elsewhere = layout, flat

    def asks(self, step: int) -> list[Ask]:
        mending = self.recipe.hold_lost(self.lost)
        if self.practising:
            unsure = self.unsure if step >= self.recipe.practice_steps else ()
            return self.recipe.practice_step(step, unsure) + mending
        return self.recipe.lesson_step(step, self.extra, self.lost) + mending

    def _shapes(self) -> list[tuple[int, int]]:
        """Return one shape for all steps of a lesson, so that one program serves them; for
        consolidation, which has many, also one for the smaller half of them."""
        seen = range(min(self.steps, 48))
        needs = zip(*(extent(self.kept.most(self.asks(step))) for step in seen), strict=True)
        tokens, targets = map(sorted, needs)
        usual = [fit_shape(tokens[len(tokens) // 2], targets[len(targets) // 2])] * self.practising
        return [*usual, (tokens[-1], targets[-1])]

    @property
    def kl_weight(self) -> float:
        return (self.config.practice if self.practising else self.config.lesson).kl_weight

    async def capture(self) -> Arrays:
        return await super().capture() | {"extra": np.array([self.extra])}

    def restore(self, captured: Arrays) -> None:
        super().restore(captured)
        self.extra = int(captured["extra"][0])

    # ---- evaluation

    async def judge(self) -> dict:
        """Evaluate: accept, train a few more steps once, scale down, or reject."""
        trainer = self.trainer
        apart = await trainer.with_active(*self.elsewhere) if self.elsewhere else None
        gate = trainer.gate(self.recipe, apart, self.plan.config.get(OUTSIDE_SCOPE))
        trainer.variants.put(ACTIVE, self.before)
        await self._show()
        if self.practising:
            await self._make_sure(gate)
            first = await self._mend(await gate.practice(), gate.practice)
            decision = await self.decide(first, lambda _: gate.practice())
        else:
            decision = await self.decide(
                await self._judge_lesson(gate), lambda verdict: self._judge_again(gate, verdict)
            )
        before, after = await gate.measure_held_out(ACTIVE), await gate.measure_held_out(CANDIDATE)
        return {**decision, "held_out": {"before": before, "after": after}}

    async def _make_sure(self, gate: Gate) -> None:
        """Train a few more steps on facts not yet answered in their own wording, then ask again,
        because these steps may cost another fact."""
        for _ in range(ASKED_OVER):
            self.unsure = tuple(await gate.unsure())
            if not self.unsure:
                return
            times = math.ceil(len(self.unsure) / self.recipe.unsure_together)
            await self._more(leaks=False, times=times)

    async def _judge_lesson(self, gate: Gate) -> Verdict:
        """Evaluate new and earlier facts; where some are missing, train a few more steps, once."""
        learned = await gate.measure_lessons()
        if gate.verdict(learned, []).advice in (MORE, SCALE):
            self.lost = find_lost(learned, EARLIER_LOST)
            await self._more(leaks=any(m.name == "leak" and not m.ok for m in learned))
            learned = await gate.measure_lessons()
            if gate.verdict(learned, []).advice == MORE:
                return gate.verdict(learned, [])  # no smaller change teaches more
        return await self._mend(gate.verdict(learned, await gate.measure_harm()), gate.lesson)

    async def _mend(self, verdict: Verdict, again: Callable[[], Awaitable[Verdict]]) -> Verdict:
        """Train a few steps that hold lost common knowledge, before anything is scaled."""
        lost = find_lost(verdict.measures, LOST)
        if not lost or verdict.advice not in (SCALE, WEAKENED):
            return verdict
        self.lost += lost
        await self._more(leaks=False)
        return await again()

    async def _judge_again(self, gate: Gate, verdict: Verdict) -> Verdict:
        """Evaluate after scaling down, which harms less: what was within its limits stays so."""
        learned = await gate.measure_lessons()
        before = list(verdict.measures[len(learned) :])
        unharmed = before if all(m.ok for m in before) else await gate.measure_harm()
        return gate.verdict(learned, unharmed)

    async def _more(self, leaks: bool, times: int = 1) -> None:
        self.extra = MORE_LOOK_ALIKES if leaks else 0
        self.shapes = self._shapes()
        self.pace.go_on(self.trainer.candidate.steps, times)
        self.result = None
        while await self.advance(math.inf) is not None:
            pass
        await self._show()


def find_lost(measures: Iterable[Measure], name: str) -> tuple[str, ...]:
    """Return the questions behind a failed measure of this name."""
    return next((m.detail for m in measures if m.name == name and not m.ok), ())


def weaken(trained: Trained, before: np.ndarray, after: np.ndarray, scale: float) -> np.ndarray:
    """Return the weights with a scaled change, of B only: A scaled too would count twice."""
    result = after.copy()
    for name in trained.entries:
        if not name.endswith("lora_A.weight"):
            old, new = trained.part(before, name), trained.part(after, name)
            trained.part(result, name)[...] = old + np.float32(scale) * (new - old)
    return result
