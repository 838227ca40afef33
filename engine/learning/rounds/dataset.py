"""Batch training over a data set: epochs, held-out evaluation, the best state, early stopping.

Every answer of the set is one row. As in consolidation, each step has regularisation examples, so
that what was known stays known; a skill, which is asked nothing else, has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from oneseek.engine.core.collecting.quality import answers_of, is_poor
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import Plan
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning.adaptive import ConfidenceAutoStop
from oneseek.engine.learning.base_answers import SingleAnswers
from oneseek.engine.learning.batch import Batch, Coder, Row
from oneseek.engine.learning.datasets import DataError, DataSet, Example, file_of
from oneseek.engine.learning.lessons import Draw, Lesson, guess
from oneseek.engine.learning.recipe import Recipe, any_anchor, any_text
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.learning.rounds.rate_schedule import FallingPace, pace_through
from oneseek.engine.learning.rounds.sifting import qualities, summary
from oneseek.engine.learning.rounds.variants import ACTIVE, BASE, CANDIDATE, Variant, mean_nats
from oneseek.engine.learning.rounds.verdict import ACCEPT, REJECT, Measure, Verdict, within
from oneseek.engine.learning.rounds.workbench import Workbench
from oneseek.engine.learning.skills.held_out import HeldOutTest, Score, foreseen, sentence

LONGEST = 512  # tokens of an example, at most
VALIDATED = 128  # examples of the validation part, at most
ANSWERED = 24  # and of these that are answered
LOOKED_AT = 64  # training examples that decide how answers are compared
SURE = 2  # epochs in a row with every held-back example right
TIMES_AT_LAST = 2  # passes over the held-out examples after the run was accepted
WEIGHTS = {"adapter", "best"}  # captured arrays that lie like the adapter
OF_WEIGHTS = WEIGHTS | {"m", "v"}  # and those of its moments, which are zero where none is trained
TASTED = 8  # examples that tell the evaluator in which languages to ask


def row_of(example: Example, coder: Coder) -> Row:
    """The row of an example: a long answer without its end, a long history without its start."""
    if not example.history:
        ids = coder.tokenizer.encode(example.answer)[: LONGEST - 1]
        return Row("taught", ids[:1], [*ids[1:], coder.end])
    target = [*coder.tokenizer.encode(example.answer), coder.end][: LONGEST // 2]
    return Row("taught", coder.conversation(example.history)[len(target) - LONGEST :], target)


class DataSetAttempt(RoundAttempt):
    """One run over a data set."""

    usual = "trained"
    pace: FallingPace
    compared: tuple[Score, Score]  # held-out scores: now, and before

    def __init__(self, trainer: Workbench, before: np.ndarray, plan: Plan) -> None:
        c, (record,) = trainer.config_of(plan), plan.lessons
        self.data, self.is_skill = DataSet(file_of(record)), "skill" in record
        if self.data.sha256 != record["sha256"]:
            raise DataError(
                f"{record['prompt']} is not the file this training began with; nothing was "
                "changed. Put the first file back, or train into a new folder"
            )
        order = Draw(plan.seed, "validation").shuffle(range(len(self.data)))
        held = max(1, int(len(order) * c.validation_split))
        self.validation = order[:held][:VALIDATED]
        self._lay_out(c, sorted(order[held:]) or self.validation)  # a single example is both
        super().__init__(trainer, plan, before, before, pace_through(c, self.epoch_steps))
        self.kept = SingleAnswers(trainer.kept)
        self.first_layer = self._find_first_layer(before)
        self.frozen = trainer.frozen_rows(self._rows, self.first_layer) if self.is_skill else None
        self.stop = ConfidenceAutoStop(c.confidence_auto_stop)
        self.test = self._test()
        self.results: list[Score] = []  # held-out score after each epoch
        self.losses: list[float] = []  # validation loss after each epoch
        self.validated: float | None = None  # the newest of them, if the last step ended an epoch
        self.best: np.ndarray | None = None
        self._order: tuple[int, list[int]] = (-1, [])
        self.last: list[list[int]] = []  # examples of the final steps, and the first of these
        self.last_from = 0
        self.sifted: dict[str, Any] | None = None  # what was judged and skipped
        self.scores: dict[int, int] = {}

    def _rows(self) -> Iterator[Row]:
        return (row_of(example, self.trainer.coder) for example in self.data)

    def _find_first_layer(self, before: np.ndarray) -> int:
        """Return the first layer that is trained, if the states below it can be given: the middle
        one where the settings say so and the weights `before` change nothing below."""
        trained, c = self.trainer.trained, self.config
        if trained.full_names or c.lora_config.frozen_a or not (self.is_skill or c.upper_half):
            return 0
        half = self.trainer.model.config.layers // 2
        first = trained.first_changed(before)
        unchanged = first is None or first >= half
        return max(trained.first_layer, half if c.upper_half and unchanged else 0)

    def _lay_out(self, c: TrainingConfig, training: list[int]) -> None:
        self.training = training
        self.epoch_steps = math.ceil(len(training) / c.batch_size)

    def _test(self) -> HeldOutTest | None:
        """Return the held-out test; None for plain text, which asks nothing."""
        held = [self.data[number] for number in self.validation[:ANSWERED]]
        seen = [self.data[number] for number in self.training[:LOOKED_AT]]
        held, seen = ([one for one in some if one.history] for some in (held, seen))
        if not held:
            return None
        corrected, trainer = bool(self.plan.lessons[0].get("corrected")), self.trainer
        return HeldOutTest(
            trainer.coder, self.row, held, seen, self.is_skill, trainer.reads, corrected
        )

    async def frozen_states(self, batch: Batch) -> dict[str, np.ndarray]:
        if not self.first_layer:
            return {}
        if self.frozen:
            return {"below": await self.frozen.of(batch)}
        return {"below": await self.trainer.variants.compute_frozen(batch, self.first_layer)}

    @property
    def stops_by_doing(self) -> bool:
        """Whether held-out answers decide when to stop; if models take turns, the run does."""
        c = self.config
        return c.stop_by == "doing" and self.test is not None and not c.rate_multipliers

    @property
    def teaches_all(self) -> bool:
        return self.stops_by_doing and self.config.mode == "lora" and bool(self.results)

    # ---- what is worth learning

    async def sift(self) -> DataSetAttempt:
        """Score every example before the first step: skip the poor, and train on the best first."""
        found = await self._qualities(self.training)
        scored = zip(self.training, found, strict=True)
        good = {number: one["score"] for number, one in scored if not is_poor(one)}
        if not good:
            raise DataError(
                f"no example of {self.data.path.name} is good enough to learn; nothing was "
                "trained. `oneseek sift` shows the reasons; skip_poor=false trains on all"
            )
        self._keep(good)
        self.sifted = summary(found)
        return self

    async def _qualities(self, numbers: list[int]) -> list[dict]:
        coder, variants = self.trainer.coder, self.trainer.variants
        examples = [self.data[number] for number in numbers]
        found = await qualities(
            examples,
            [row_of(example, coder) for example in examples],
            partial(variants.surprise, BASE, frozen=self.frozen),
            answers_of(self.plan.pool),
        )
        variants.release()
        return found

    def _keep(self, good: dict[int, int]) -> None:
        self.scores = good
        self._lay_out(self.config, sorted(good))
        self.pace = pace_through(self.config, self.epoch_steps)
        self._order = -1, []

    # ---- steps

    def select_batch(self, step: int) -> list[int]:
        """Return the examples of a step: each comes once an epoch, in a new order each time."""
        if self.last:
            return self.last[step - self.last_from]
        epoch, place = divmod(step, self.epoch_steps)
        if self._order[0] != epoch:
            order = Draw(self.plan.seed, "epoch", epoch).shuffle(self.training)
            if not epoch and self.scores:
                order = sorted(order, key=lambda number: -self.scores[number])
            self._order = epoch, order
        size = self.config.batch_size
        return self._order[1][place * size : (place + 1) * size]

    def asks(self, step: int) -> list:
        practice, draw = self.config.practice, Draw(self.plan.seed, "anchors", step)
        examples: list[Any] = [self.data[number] for number in self.select_batch(step)]
        if self.is_skill:
            return examples  # it is asked nothing else
        code = guess(examples[0].answer)
        asks = [any_anchor(code, draw) for _ in range(math.ceil(practice.anchor_rows))]
        asks += [any_text(code, draw) for _ in range(math.ceil(practice.text_rows))]
        return examples + asks

    def row(self, ask: Any) -> Row:
        return row_of(ask, self.trainer.coder) if isinstance(ask, Example) else super().row(ask)

    async def on_step(self, step: int, measured: dict, hardest: list[float]) -> None:
        """After each epoch: validate, keep the best state, and stop early if nothing improves."""
        await super().on_step(step, measured, hardest)
        self.validated = None
        last = step + 1 == self.steps
        if not last and (step + 1) % self.epoch_steps:
            return
        flat, _, _ = await self.trainer.candidate.state()
        if self.stops_by_doing:
            self.trainer.variants.put(CANDIDATE, flat)
            loss, done = await self.foreseen()
            self.results.append(done)
        else:
            loss = await self.validate(CANDIDATE, flat)
        self.losses.append(loss)
        self.validated = loss
        if self._best_epoch() == len(self.losses) - 1:
            self.best = flat
        if self._enough(loss):
            self.pace.end_at(step + 1)

    def _best_epoch(self) -> int:
        """Return the best epoch so far: by the examples right and their mean score, then by loss,
        then the newest. The mean score counts because one of few examples is right by chance."""
        scores = self.results or [Score(0, 0.0)] * len(self.losses)
        done = [one.right / self._held_out_count + one.score for one in scores]
        return max(range(len(done)), key=lambda at: (done[at], -self.losses[at], at))

    @property
    def _held_out_count(self) -> int:
        return len(self.test.held) if self.test else 1

    def _enough(self, loss: float) -> bool:
        """Whether to stop early: neither the held-out score nor the loss improved for a while."""
        by_loss, c = self.stop.update(loss), self.config.confidence_auto_stop
        if not self.stops_by_doing:
            return by_loss
        sure = [one.right == self._held_out_count for one in self.results[-SURE:]] == [True] * SURE
        newest = max(self._best_epoch(), self.losses.index(min(self.losses)))
        still = len(self.results) - 1 - newest >= c.patience
        return c.enabled and len(self.results) >= c.min_epochs and (still or sure)

    async def foreseen(self) -> tuple[float, Score]:
        """Return the validation loss, and the score that greedy answers would have, from one
        forward pass over the wanted answers; decoding would take a pass for each token."""
        examples = [self.data[number] for number in self.validation]
        rows = [self.row(one) for one in examples]
        nats, each = await self.trainer.variants.foreseen(CANDIDATE, rows, self.frozen)
        pairs = zip(examples[:ANSWERED], each[:ANSWERED], strict=True)
        return mean_nats(rows, nats), foreseen([one for example, one in pairs if example.history])

    async def score_held_out(self, who: Variant) -> Score:
        """Return the held-out score of one variant, from an empty cache, so that no earlier
        question counts."""
        assert self.test
        self.trainer.variants.release()
        return await self.test.by(self.trainer.variants, who)

    async def validate(self, who: Variant, flat: np.ndarray, of: list[int] | None = None) -> float:
        """Return nats a token of the validation examples, or of these."""
        variants, coder = self.trainer.variants, self.trainer.coder
        variants.put(who, flat)
        rows = (row_of(self.data[number], coder) for number in of or self.validation)
        return await variants.loss(who, rows)

    async def _teach_all(self, best: np.ndarray) -> None:
        """Train on the held-out examples after the evaluation, mixed with as many of the others, in
        a few slow steps from the best state. A worse result is thrown away."""
        candidate, c = self.trainer.candidate, self.config
        known, first = self.results[self._best_epoch()], candidate.steps
        self.last, self.last_from = await self._last_steps(c.max_steps - first), first
        self.pace.go_further(first, len(self.last))
        candidate.begin(best, None, first)
        while not self.complete:
            await self.load()
            await candidate.advance()
            self.batch = None
            await self.trainer.model.executor.breathe()
        flat, _, _ = await candidate.state()
        self.trainer.variants.put(CANDIDATE, flat)
        if known.better_than((await self.foreseen())[1]):
            candidate.begin(best, None, candidate.steps)
            flat = best
        self.best = flat

    async def _last_steps(self, most: int) -> list[list[int]]:
        """Return the examples of each final step: the held-out ones worth learning, some times, and
        as many of the others."""
        held = [number for number in self.validation if number not in self.training]
        if self.config.skip_poor and held:
            judged = zip(held, await self._qualities(held), strict=True)
            held = [number for number, one in judged if not is_poor(one)]
        draw, size = Draw(self.plan.seed, "at last"), self.config.batch_size
        held = held * TIMES_AT_LAST
        times = -(-len(held) // len(self.training))
        others = draw.sample(self.training * times, len(held))
        order = draw.shuffle([*held, *others])
        return [order[at : at + size] for at in range(0, len(order), size)][:most]

    def _report(self, loss: float, norm: float) -> dict:
        more = {
            "epoch": min(self.trainer.candidate.steps // self.epoch_steps, self.config.epochs),
            "validation": self.losses[-1] if self.losses else None,
            "held_out": self.validated,
            "right": self.results[-1].right if self.results else None,
        }
        return super()._report(loss, norm) | more

    # ---- stopping and going on

    def adopt_validation(self, losses: list[float], best: np.ndarray | None) -> None:
        """Take over another engine's validation losses and best state."""
        self.losses, self.best = losses, best

    async def capture(self) -> Arrays:
        """Return what `RoundAttempt` does, of the layers that are trained, and the results."""
        best = {} if self.best is None else {"best": self.best}
        kept = {"kept": np.array(sorted(self.scores.items()))} if self.scores else {}
        losses = {"losses": np.array(self.losses, np.float64)}
        done = {"dones": np.array([[one.right, one.score] for one in self.results], np.float64)}
        captured = await super().capture() | best
        first = self.trainer.trained.begin_of(self.first_layer)
        whole = {name: captured[name][first:] for name in captured.keys() & OF_WEIGHTS}
        return captured | whole | kept | losses | done

    def restore(self, captured: Arrays) -> None:
        for name in captured.keys() & OF_WEIGHTS:
            below = self.start[: max(0, len(self.start) - len(captured[name]))]
            below = below if name in WEIGHTS else np.zeros_like(below)
            captured = captured | {name: np.concatenate([below, captured[name]])}
        if "kept" in captured:
            self._keep(dict(captured["kept"].tolist()))
        super().restore(captured)
        for loss in captured["losses"].tolist():
            self.losses.append(loss)
            self.stop.update(loss)
        self.best = captured.get("best")
        for right, score in captured.get("dones", np.zeros((0, 2))).tolist():
            self.results.append(Score(int(right), score))

    # ---- evaluation

    async def judge(self) -> dict:
        """Evaluate: better on the held-out examples and, unless it is a skill, nothing lost that
        was known."""
        trainer = self.trainer
        gate = trainer.gate(self._recipe())
        trainer.variants.put(ACTIVE, self.before)
        await self._show(self.best)
        better = self._better_done if self.test else self._better_loss
        told = {"losses": self.losses} | ({"sifted": self.sifted} if self.sifted else {})

        async def verdict(_: Verdict | None = None) -> Verdict:
            found = await better()
            if found.ok and self.teaches_all and self.best is not None and not self.last:
                await self._teach_all(self.best)
                await self._show(self.best)
            asks = found.ok and not self.is_skill
            return gate.verdict([found], await gate.measure_harm() if asks else [])

        decision = await self.decide(await verdict(), verdict) | told
        if not self.test:
            return decision
        done = await self.test.compare(trainer.variants, *self.compared, self.is_first)
        self.wrong = self.test.wrong(self.compared[0])
        if not self.test.is_passed(*self.compared):
            decision["reason"] = f"the held-back score did not improve: {sentence(done)}"
        return decision | {"doing": done | {"told": sentence(done)}}

    async def _better_loss(self) -> Measure:
        variants = self.trainer.variants
        rows = [row_of(self.data[number], self.trainer.coder) for number in self.validation]
        before, now = await variants.loss(ACTIVE, rows), await variants.loss(CANDIDATE, rows)
        limit = f"< {before:.3f} as before"
        return Measure("validation loss", now, limit, within(now, before, REJECT))

    @property
    def is_first(self) -> bool:
        """Whether the version before it is the base model."""
        return np.array_equal(self.before, self.trainer.fresh()[self.trainer.called])

    async def _better_done(self) -> Measure:
        now = await self.score_held_out(CANDIDATE)
        before = await self.score_held_out(BASE if self.is_first else ACTIVE)
        if self.last:  # trained on the held-out examples since: the worse score counts
            now = min(now, self.compared[0], key=lambda one: (one.right, one.score))
        self.compared = now, before
        accepted = ACCEPT if self.test and self.test.is_passed(now, before) else REJECT
        limit = f"> {before.right} as before"
        return Measure("held-back examples right", now.right, limit, accepted)

    def _recipe(self) -> Recipe:
        """Return a recipe of a few examples, by which the evaluator knows its languages."""
        examples = [self.data[number] for number in self.training[:TASTED]]
        lessons = [
            Lesson(e.history[-1]["content"][:500] if e.history else "?", e.answer[:500])
            for e in examples
        ]
        return Recipe(lessons, [], self.config, self.plan.seed)
