"""Tries settings on a data set before its run, each by a short training of a candidate.

The examples held out to compare them come from the run's training part, so that the held-out part
by which the evaluator judges the run has no say in its settings.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from typing import Any, cast

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import TRAINING, Plan, resolve
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning import shape
from oneseek.engine.learning.batch import ROW_SIZES, TOKEN_SIZES
from oneseek.engine.learning.datasets import DataError
from oneseek.engine.learning.lessons import Draw
from oneseek.engine.learning.rounds.dataset import VALIDATED, DataSetAttempt, row_of
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.learning.rounds.rate_schedule import FallingPace
from oneseek.engine.learning.rounds.variants import ACTIVE, CANDIDATE
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.learning.training_engine import TrainingEngine
from oneseek.engine.learning.tuning.halving import (
    BATCHES,
    DEFAULTS,
    HELD_ROWS,
    LEAST_STEPS,
    RANKS,
    SavedTuning,
    Tuning,
    of_rank,
    steps_of,
    tries_of,
)

LEAST_HELD, HELD = 6, 4  # held-out examples for the comparison: at least LEAST_HELD, one of HELD
FEWEST = 18  # training examples, at least, for settings to be told apart
HELD_TOKENS = 96  # of a regularisation example, at most
Save = Callable[[SavedTuning], Any]


async def at_once() -> None:
    """Do not wait, because nobody else does."""


class Trial(DataSetAttempt):
    """A part of the run's training, without the validation of epochs and without evaluation."""

    async def sift(self) -> Trial:
        return self  # once for all tries

    async def worth(self) -> list[int]:
        """Return the examples that are worth learning."""
        if self.config.skip_poor:
            await super().sift()
        return sorted(self.training)

    def narrow(self, worth: list[int], scores: dict[int, int], share: float) -> None:
        """Train for this share of the whole, on three of four examples; the others are held out."""
        c = self.config
        order = Draw(self.plan.seed, "tuning").shuffle(worth)
        held = min(VALIDATED, max(LEAST_HELD, len(order) // HELD))
        self.validation, self.training = order[:held], sorted(order[held:])
        self.scores = scores
        self._lay_out(c, self.training)
        settings = {"epochs": c.epochs, "batch_size": c.batch_size}
        steps = steps_of(settings, c, len(worth), share)
        self.pace = FallingPace(c.learning_rate, steps, min(c.warmup_steps, steps // 10), 0.1)

    async def on_step(self, step: int, measured: dict, hardest: list[float]) -> None:
        await RoundAttempt.on_step(self, step, measured, hardest)

    async def measure(self) -> tuple[list[float], list[int]]:
        """Return nats a token, and tokens, of each held-out example."""
        await self._show()
        rows = [self.row(self.data[number]) for number in self.validation]
        losses = await self.trainer.variants.surprise(CANDIDATE, rows)
        return losses, [len(row.target) for row in rows]

    async def harm(self) -> list[str]:
        """Return the measures that the evaluator would find worse."""
        self.trainer.variants.put(ACTIVE, self.before)
        await self._show()
        found = await self.trainer.gate(self._recipe()).measure_harm()
        return [measure.name for measure in found if not measure.ok]


class Trials:
    """One data set's tries: `clock` gives seconds of computing, `save` stores the table whenever a
    try is over, `breathe` lets others go first."""

    def __init__(
        self,
        trainer: RoundTrainer,
        before: Arrays,
        plan: Plan,
        clock: Callable[[], float],
        save: Save,
        breathe: Callable[[], Awaitable[None]],
    ) -> None:
        self.trainer, self.before, self.plan = trainer, before, plan
        self.clock, self.save, self.breathe = clock, save, breathe
        self.usual = trainer.shape_for(before, plan).replace(**plan.config)
        must_be_adapter(self.usual)
        self.worth: list[int] = []
        self.scores: dict[int, int] = {}

    async def tune(self, kept: SavedTuning | None, seconds: float) -> Tuning:
        """Resume a search, or begin one, until it is complete or the time is over."""
        if kept and kept["chosen"] is not None:
            return Tuning(kept, self.usual)
        began = self.clock()
        first = await self._sift()
        if kept is None or not kept["shares"]:
            count = len(self.worth)
            tries = tries_of(self.usual, self._ranks(), count, self.plan.seed, self._batches(first))
            tuning = Tuning.begin(seconds, self.usual, tries, count)
            await self._measure(tuning, first, began)
        else:
            tuning = Tuning(kept, self.usual)
        while coming := tuning.next():
            await self._try(tuning, *coming)
            await self._save(tuning)
        await self._save(tuning)
        return tuning

    # ---- inside

    async def _sift(self) -> Trial:
        first = await self._begin({}, 1.0)
        self.worth = await first.worth()
        self.scores = dict(first.scores)
        must_suffice(len(self.worth))
        return first

    def _ranks(self) -> list[int]:
        """Return the ranks that have room for the weights in use."""

        def has_place(lora: dict) -> bool:
            there = self.trainer.shape_for(self.before, self._plan({"lora_config": lora}))
            return shape.describe(there) == shape.describe(there.replace(lora_config=lora))

        return [rank for rank in RANKS if has_place(of_rank(rank, self.usual))]

    def _batches(self, first: Trial) -> list[int]:
        """Return the batch sizes that fit a step, even with the longest examples."""
        rows = [row_of(first.data[number], first.trainer.coder) for number in self.worth]
        answers = sorted((len(row.target) for row in rows), reverse=True)
        tokens = sorted((len(row.prompt) + len(row.target) for row in rows), reverse=True)

        def fits(batch: int) -> bool:
            held = HELD_ROWS * HELD_TOKENS
            return (
                sum(answers[:batch]) + held <= ROW_SIZES[-1]
                and sum(tokens[:batch]) + held <= TOKEN_SIZES[-1]
            )

        return [batch for batch in BATCHES if fits(batch)]

    def _plan(self, settings: dict) -> Plan:
        p = self.plan
        return Plan(p.kind, p.lessons, p.pool, p.seed, merge_settings(p.config, settings))

    async def _begin(self, settings: dict, share: float) -> Trial:
        one = cast(
            Trial, await resolve(self.trainer.begin(self.before, self._plan(settings), Trial))
        )
        if self.worth:
            one.narrow(self.worth, self.scores, share)
        return one

    async def _measure(self, tuning: Tuning, first: Trial, began: float) -> None:
        first.narrow(self.worth, self.scores, 1.0)
        since = self.clock()
        for _ in range(min(LEAST_STEPS, first.steps)):
            await first.advance(math.inf)
            await self.breathe()
        now = self.clock()
        tuning.kept["spent"] = now - began
        tuning.set_pace(now - since, min(LEAST_STEPS, first.steps))

    async def _try(self, tuning: Tuning, number: int, rung: int, share: float) -> None:
        began, left = self.clock(), tuning.kept["seconds"] - tuning.kept["spent"]
        one = await self._begin(tuning.kept["tries"][number], share)
        while await one.advance(math.inf) is not None:
            if self.clock() - began > left:
                tuning.kept["spent"] += self.clock() - began
                return tuning.out_of_time()
            await self.breathe()
        losses, tokens = await one.measure()
        result = tuning.add_result(number, rung, losses, tokens, self.clock() - began)
        if number != DEFAULTS and rung == len(tuning.kept["shares"]) - 1 and tuning.beats(result):
            result["harm"] = await one.harm()
            tuning.kept["spent"] = tuning.kept["spent"] - result["seconds"] + self.clock() - began
        one.trainer.variants.release()

    async def _save(self, tuning: Tuning) -> None:
        saved = self.save(tuning.kept)
        if inspect.isawaitable(saved):
            await saved


def must_suffice(examples: int) -> None:
    if examples < FEWEST:
        raise DataError(
            f"there are {examples} examples to train on, and to find settings {FEWEST} are needed; "
            "nothing was trained. Train with the settings as they are"
        )


def must_be_adapter(config: TrainingConfig) -> None:
    if config.mode != "lora":
        raise ValueError(
            "settings are found for a run that trains an adapter (mode lora), not in mode "
            f"{config.mode}; nothing was trained"
        )


async def find_settings(
    training: TrainingEngine,
    record: dict,
    kept: SavedTuning | None,
    seconds: float,
    clock: Callable[[], float],
    save: Save,
    breathe: Callable[[], Awaitable[None]] = at_once,
) -> Tuning:
    """Find the settings for the run that comes next in `training`, and put them into its plan."""
    before, plan = await training.plan_next(TRAINING, [record])
    tries = Trials(cast(RoundTrainer, training.trainer), before, plan, clock, save, breathe)
    tuning = await tries.tune(kept, seconds)
    training.configure(merge_settings(training.config, tuning.settings))
    return tuning


def merge_settings(config: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's configuration with what was chosen."""
    both = config | settings
    if settings.get("lora_config"):
        both["lora_config"] = config.get("lora_config", {}) | settings["lora_config"]
    return both


def widest(usual: TrainingConfig) -> TrainingConfig:
    """Return the configuration of all tries that takes the most memory."""
    rank = max(usual.lora_config.rank, *RANKS)
    return usual.replace(batch_size=max(usual.batch_size, *BATCHES), lora_config={"rank": rank})
