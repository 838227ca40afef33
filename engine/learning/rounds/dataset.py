"""Batch training over a data set: epochs, a validation part, the best state kept, the end by
confidence.

Every answer of the set is one row; the base model's own answers to general questions are held in
every step, as in lessons, so that what was known stays known.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from oneseek.engine.core.collecting.quality import answers_of, is_poor
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import DATA_SET, Plan
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning.adaptive import ConfidenceAutoStop
from oneseek.engine.learning.base_answers import Alone
from oneseek.engine.learning.batch import Coder, Row
from oneseek.engine.learning.datasets import DataError, DataSet, Example
from oneseek.engine.learning.lessons import Draw, Lesson, guess
from oneseek.engine.learning.recipe import Recipe, any_anchor, any_text
from oneseek.engine.learning.rounds.bench import Bench
from oneseek.engine.learning.rounds.lesson import Steps
from oneseek.engine.learning.rounds.rate_schedule import FallingPace, PaceInTurns
from oneseek.engine.learning.rounds.sifting import qualities, summary
from oneseek.engine.learning.rounds.verdict import REJECT, Measure, Verdict, within

LONGEST = 512  # tokens of an example: of what is longer, the end is kept
VALIDATED = 128  # examples of the validation part that are asked
TASTED = 8  # examples by which the gate knows the languages


def data_set_record(path: Path) -> dict:
    """A data set as the queue would hold it: one example, named by its hash."""
    data = DataSet(path)
    return {
        "id": data.sha256[:16],
        "kind": DATA_SET,
        "prompt": path.name,
        "answer": str(path.resolve()),
        "language": "und",
        "source": {"kind": "text"},
        "examples": len(data),
        "forms": sorted(data.forms),
        "sha256": data.sha256,
    }


def file_of(record: dict) -> Path:
    """Where the data set lies; one that came with its text is written out when it is needed."""
    if "text" not in record:
        return Path(record["answer"])
    path = Path(tempfile.gettempdir()) / f"oneseek-{record['sha256'][:32]}{record['suffix']}"
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != record["sha256"]:
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_text(record["text"], "utf-8")
        part.replace(path)
    return path


def row_of(example: Example, coder: Coder) -> Row:
    """What is learned of an example; of a long one, its end."""
    if not example.history:
        ids = coder.tokenizer.encode(example.answer)[: LONGEST - 1]
        return Row("taught", ids[:1], [*ids[1:], coder.end])
    target = [*coder.tokenizer.encode(example.answer), coder.end][: LONGEST // 2]
    return Row("taught", coder.conversation(example.history)[len(target) - LONGEST :], target)


class DataSetAttempt(Steps):
    """One run over a data set."""

    usual = "trained"

    def __init__(self, trainer: Bench, before: np.ndarray, plan: Plan) -> None:
        c, (record,) = trainer.config_of(plan), plan.lessons
        self.data = DataSet(file_of(record))
        if self.data.sha256 != record["sha256"]:
            raise DataError(
                f"{record['prompt']} is not the file this training began with; nothing was "
                "changed. Bring it back, or train into a new folder"
            )
        order = Draw(plan.seed, "validation").shuffled(range(len(self.data)))
        held = max(1, int(len(order) * c.validation_split))
        self.validation = order[:held][:VALIDATED]
        self._lay_out(c, sorted(order[held:]) or self.validation)  # a single example is both
        super().__init__(trainer, plan, before, before, self._pace(c))
        self.kept = Alone(trainer.kept)
        self.stop = ConfidenceAutoStop(c.confidence_auto_stop)
        self.losses: list[float] = []  # of the validation part, after each epoch
        self.validated: float | None = None  # by the last step, when it ended an epoch
        self.best: np.ndarray | None = None
        self._order: tuple[int, list[int]] = (-1, [])
        self.sifted: dict[str, Any] | None = None  # what was judged and skipped
        self.scores: dict[int, int] = {}

    def _lay_out(self, c: TrainingConfig, training: list[int]) -> None:
        self.training = training
        self.epoch_steps = math.ceil(len(training) / c.batch_size)

    def _pace(self, c: TrainingConfig) -> FallingPace:
        steps = min(c.max_steps, c.epochs * self.epoch_steps)
        pace = FallingPace(c.learning_rate, steps, min(c.warmup_steps, steps // 10), 0.1)
        if c.rate_multipliers:
            return PaceInTurns(pace, self.epoch_steps, c.rate_multipliers)
        return pace

    # ---- what is worth learning

    async def sift(self) -> DataSetAttempt:
        """Judge every example before the first step; what is poor is skipped, and of the rest the
        best comes first."""
        coder, voices = self.trainer.coder, self.trainer.voices
        examples = [self.data[number] for number in self.training]
        found = await qualities(
            examples,
            [row_of(example, coder) for example in examples],
            partial(voices.surprise, "base"),
            answers_of(self.plan.pool),
        )
        voices.leave()
        scored = zip(self.training, found, strict=True)
        good = {number: one["score"] for number, one in scored if not is_poor(one)}
        if not good:
            raise DataError(
                f"nothing in {self.data.path.name} is worth learning; nothing was trained. "
                "`oneseek sift` says why, skip_poor=false trains on it all the same"
            )
        self._keep(good)
        self.sifted = summary(found)
        return self

    def _keep(self, good: dict[int, int]) -> None:
        self.scores = good
        self._lay_out(self.config, sorted(good))
        self.pace = self._pace(self.config)
        self._order = -1, []

    # ---- steps

    def chosen(self, step: int) -> list[int]:
        """The examples of a step: everyone's turn comes once an epoch, in a new order each time."""
        epoch, place = divmod(step, self.epoch_steps)
        if self._order[0] != epoch:
            order = Draw(self.plan.seed, "epoch", epoch).shuffled(self.training)
            if not epoch and self.scores:
                order = sorted(order, key=lambda number: -self.scores[number])
            self._order = epoch, order
        size = self.config.batch_size
        return self._order[1][place * size : (place + 1) * size]

    def asks(self, step: int) -> list:
        practice, draw = self.config.practice, Draw(self.plan.seed, "anchors", step)
        examples: list[Any] = [self.data[number] for number in self.chosen(step)]
        code = guess(examples[0].answer)
        asks = [any_anchor(code, draw) for _ in range(math.ceil(practice.anchor_rows))]
        asks += [any_text(code, draw) for _ in range(math.ceil(practice.text_rows))]
        return examples + asks

    def row(self, ask: Any) -> Row:
        return row_of(ask, self.trainer.coder) if isinstance(ask, Example) else super().row(ask)

    async def heard(self, step: int, measured: dict, hardest: list[float]) -> None:
        """After each epoch: is it still getting better?"""
        await super().heard(step, measured, hardest)
        self.validated = None
        last = step + 1 == self.steps
        if not last and (step + 1) % self.epoch_steps:
            return
        flat, _, _ = await self.trainer.shadow.state()
        loss = await self.validate("shadow", flat)
        self.losses.append(loss)
        self.validated = loss
        if loss <= min(self.losses):
            self.best = flat
        if self.stop.update(loss):
            self.pace.steps = step + 1

    async def validate(self, who: str, flat: np.ndarray) -> float:
        """Nats a token on examples that nobody trains on."""
        voices = self.trainer.voices
        voices.put(who, flat)
        rows = (row_of(self.data[number], self.trainer.coder) for number in self.validation)
        return await voices.loss(who, rows)

    def _report(self, loss: float, norm: float) -> dict:
        epoch = min(self.trainer.shadow.steps // self.epoch_steps, self.config.epochs)
        more = {
            "epoch": epoch,
            "validation": self.losses[-1] if self.losses else None,
            "held_out": self.validated,
        }
        return super()._report(loss, norm) | more

    # ---- stopping and going on

    def validated_elsewhere(self, losses: list[float], best: np.ndarray | None) -> None:
        """Another engine asked what is held back, after each epoch."""
        self.losses, self.best = losses, best

    async def capture(self) -> Arrays:
        best = {} if self.best is None else {"best": self.best}
        kept = {"kept": np.array(sorted(self.scores.items()))} if self.scores else {}
        losses = {"losses": np.array(self.losses, np.float64)}
        return await super().capture() | best | kept | losses

    def restore(self, captured: Arrays) -> None:
        if "kept" in captured:
            self._keep(dict(captured["kept"].tolist()))
        super().restore(captured)
        for loss in captured["losses"].tolist():
            self.losses.append(loss)
            self.stop.update(loss)
        self.best = captured.get("best")

    # ---- the gate

    async def judge(self) -> dict:
        """Better on what was held back, and nothing that was known is lost."""
        trainer = self.trainer
        gate = trainer.gate(self._recipe())
        before = await self.validate("active", self.before)
        await self._show(self.best)

        async def verdict(_: Verdict | None = None) -> Verdict:
            now = await self.validate("shadow", self.result)
            better = Measure(
                "validation loss", now, f"< {before:.3f} as before", within(now, before, REJECT)
            )
            return gate.verdict([better], await gate.unharmed())

        told = {"sifted": self.sifted} if self.sifted else {}
        return await self.judged(await verdict(), verdict) | {"losses": self.losses} | told

    def _recipe(self) -> Recipe:
        """By a few examples the gate knows the languages it has to ask in."""
        examples = [self.data[number] for number in self.training[:TASTED]]
        lessons = [
            Lesson(e.history[-1]["content"][:500] if e.history else "?", e.answer[:500])
            for e in examples
        ]
        return Recipe(lessons, [], self.config, self.plan.seed)
