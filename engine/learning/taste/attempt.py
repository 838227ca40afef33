"""Preference training on choices: a new adapter from the base, evaluated by held-out choices and by
its answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneseek.engine.history.round_plan import Plan
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning.base_answers import SingleAnswers
from oneseek.engine.learning.batch import Row, extent
from oneseek.engine.learning.lessons import Draw, Lesson, guess
from oneseek.engine.learning.recipe import Hold, Recipe, any_anchor
from oneseek.engine.learning.rounds.gate_questions import talk
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.learning.rounds.rate_schedule import FallingPace
from oneseek.engine.learning.rounds.variants import ACTIVE, BASE, CANDIDATE, ModelVariants, Variant
from oneseek.engine.learning.rounds.verdict import ACCEPT, REJECT, SCALE, Measure, Verdict, within
from oneseek.engine.learning.rounds.workbench import Workbench
from oneseek.engine.learning.taste.choices import (
    PREFERRED,
    Choice,
    Choices,
    count_anchors,
    pack_choices,
)
from oneseek.engine.learning.taste.wording import in_words, traits
from oneseek.engine.model.choice.repetition import goes_round

STEPS, TIMES = 32, 2  # steps, enough for forty choices; epochs of more
HELD_BACK = 0.25  # of the choices
WON = 0.8  # share of the held-out choices, at least
ANSWERED, TOKENS = 12, 96  # prompts that are answered before and after, and tokens of an answer
GENERAL = 6  # prompts of small talk among them
LONGER, SHORTER = 2.0, 0.5  # than the longer and the shorter of the base's answers and the choices
FAR = 0.5  # nats a token from the base, on small talk
NATS = 10.0  # the scale of a gain, in nats a token, in the held-out loss
LOST = 2  # pieces of common knowledge


@dataclass(frozen=True)
class Won:
    """The result on held-out choices: how many are won, and the mean loss."""

    won: int
    loss: float


async def nats(
    variants: ModelVariants, who: Variant, rows: Sequence[Sequence[Row]]
) -> list[list[float]]:
    """Return the nats of each answer of some choices under one variant, the preferred first."""
    each = iter(await variants.surprise(who, [row for some in rows for row in some]))
    return [[next(each) * len(row.target) for row in some] for some in rows]


def gain(rows: Sequence[Row], base: Sequence[float], now: Sequence[float]) -> float:
    """Return by how many nats a token the preferred answer gained on the base more than the other:
    above zero the choice is won."""
    each = [
        (before - after) / len(row.target) * (1 if row.part == PREFERRED else -1)
        for row, before, after in zip(rows, base, now, strict=True)
    ]
    return sum(each)


class TasteAttempt(RoundAttempt):
    """One round of preference training."""

    pace: FallingPace

    def __init__(self, trainer: Workbench, before: np.ndarray, plan: Plan) -> None:
        c, (record,) = trainer.config_of(plan), plan.lessons
        self.choices = [Choice(**one) for one in record["choices"]]
        order = Draw(plan.seed, "held back").shuffle(range(len(self.choices)))
        held = max(1, round(HELD_BACK * len(order)))
        self.held, self.training = sorted(order[:held]), sorted(order[held:])
        self.epoch_steps = math.ceil(len(self.training) / c.batch_size)
        enough = max(STEPS, TIMES * self.epoch_steps)
        steps = min(c.max_steps, c.epochs * self.epoch_steps, enough)
        pace = FallingPace(c.learning_rate, steps, min(c.warmup_steps, steps // 10), 0.1)
        super().__init__(trainer, plan, before, trainer.fresh()[trainer.called], pace)
        self.usual = "trained"
        self.kept = SingleAnswers(trainer.kept)
        self.rows_of = [choice.rows(trainer.coder) for choice in self.choices]
        self.base: list[list[float]] = []  # the base's nats of each answer
        self.wons: list[Won] = []  # after each epoch
        self.best: np.ndarray | None = None
        self.shapes = self._shapes()

    # ---- steps

    def select_batch(self, step: int) -> list[int]:
        """Return the choices of a step: each comes once an epoch, in a new order each time."""
        epoch, place = divmod(step, self.epoch_steps)
        order = Draw(self.plan.seed, "epoch", epoch).shuffle(self.training)
        size = self.config.batch_size
        return order[place * size : (place + 1) * size]

    def asks(self, step: int) -> list[Hold]:
        """Return small talk as regularisation examples."""
        draw = Draw(self.plan.seed, "anchors", step)
        return [any_anchor(self.language, draw) for _ in range(count_anchors(self.config))]

    @property
    def language(self) -> str:
        first = self.choices[self.training[0]]
        return guess(f"{first.prompt} {first.chosen or first.rejected}")

    @property
    def kl_weight(self) -> float:
        return self.config.practice.kl_weight

    def _shapes(self) -> list[tuple[int, int]]:
        """One shape for most steps, and one for the largest: each has a program of its own."""
        needs = zip(*(extent(self._most(step)) for step in range(min(self.steps, 48))), strict=True)
        tokens, targets = map(sorted, needs)
        middle = 2 * len(tokens) // 3
        return [(tokens[middle], targets[middle]), (tokens[-1], targets[-1])]

    def _most(self, step: int) -> list:
        rows = [row for number in self.select_batch(step) for row in self.rows_of[number]]
        return rows + self.kept.most(self.asks(step))

    async def pack_step(self, step: int) -> Choices:
        await self._know_the_base()
        asks, numbers = self.asks(step), self.select_batch(step)
        await self.kept.fill(self.trainer.variants, asks)
        held = [self.row(ask) for ask in asks]
        rows = [self.rows_of[number] for number in numbers]
        return pack_choices(
            [self.choices[number] for number in numbers],
            rows,
            [self.base[number] for number in numbers],
            held,
            self.config.batch_size,
            self.kl_weight,
            self.shape([row for some in rows for row in some] + held),
        )

    async def _know_the_base(self) -> None:
        """Compute the base's nats of all answers at once, so that their bits depend on the choices
        alone."""
        if not self.base:
            self.base = await self._nats(BASE, range(len(self.choices)))

    async def _nats(self, who: Variant, numbers: Iterable[int]) -> list[list[float]]:
        return await nats(self.trainer.variants, who, [self.rows_of[number] for number in numbers])

    async def on_step(self, step: int, measured: dict, hardest: list[float]) -> None:
        """After each epoch: measure the held-out choices, keep the best state, and stop early."""
        await super().on_step(step, measured, hardest)
        if (step + 1) % self.epoch_steps and step + 1 < self.steps:
            return
        flat, _, _ = await self.trainer.candidate.state()
        self.trainer.variants.put(CANDIDATE, flat)
        self.wons.append(await self.measure_choices(CANDIDATE))
        if self._best_epoch() == len(self.wons) - 1:
            self.best = flat
        if len(self.wons) - 1 - self._best_epoch() >= self.config.confidence_auto_stop.patience:
            self.pace.end_at(step + 1)

    @property
    def losses(self) -> list[float]:
        """The held-out loss after each epoch."""
        return [one.loss for one in self.wons]

    def _best_epoch(self) -> int:
        """The epoch of the least loss: that with the most choices won would be the luckiest."""
        return min(range(len(self.wons)), key=lambda epoch: (self.wons[epoch].loss, -epoch))

    async def measure_choices(self, who: Variant) -> Won:
        """Return how one of the variants decides the held-out choices."""
        await self._know_the_base()
        now = await self._nats(who, self.held)
        gains = [
            gain(self.rows_of[number], self.base[number], costs)
            for number, costs in zip(self.held, now, strict=True)
        ]
        losses = np.logaddexp(0, -NATS * np.array(gains))
        return Won(sum(one > 0 for one in gains), float(losses.mean()))

    def _report(self, loss: float, norm: float) -> dict:
        last = self.wons[-1] if self.wons else None
        told = {"epoch": min(self.trainer.candidate.steps // self.epoch_steps, self.config.epochs)}
        told |= {"right": last and last.won, "validation": last and last.loss}
        return super()._report(loss, norm) | told

    # ---- stopping and going on

    async def capture(self) -> Arrays:
        best = {} if self.best is None else {"best": self.best}
        wons = np.array([[one.won, one.loss] for one in self.wons], np.float64)
        return await super().capture() | best | {"wons": wons}

    def restore(self, captured: Arrays) -> None:
        super().restore(captured)
        self.wons = [Won(int(won), loss) for won, loss in captured["wons"].tolist()]
        self.best = captured.get("best")

    # ---- evaluation

    async def judge(self) -> dict:
        """Evaluate: enough of the held-out choices won, and nothing worse."""
        trainer = self.trainer
        trainer.variants.put(ACTIVE, self.before)
        self.prompts = self._choose_prompts()
        self.said = {BASE: await self._answers(BASE)}
        self.traits = traits(self.choices)
        await self._show(self.best)

        async def verdict(_: Verdict | None = None) -> Verdict:
            return Verdict(tuple(await self._measure()))

        decision = await self.decide(await verdict(), verdict)
        if self.told["won"] < math.ceil(WON * len(self.held)):
            decision["reason"] = f"too few held-back choices were right: {self.told['told']}"
        return decision | {"taste": self.told}

    def _choose_prompts(self) -> list[str]:
        """Return prompts of held-out choices, and of small talk that is never trained on."""
        own = list(dict.fromkeys(self.choices[number].prompt for number in self.held))
        count = ANSWERED - GENERAL
        return own[:count] + talk([self.language])[:GENERAL]

    async def _answers(self, who: Variant) -> list[list[int]]:
        prompts = [self.trainer.coder.prompt(prompt) for prompt in self.prompts]
        self.trainer.variants.release()
        return await self.trainer.variants.go_on(who, prompts, TOKENS)

    def _text(self, ids: list[int]) -> str:
        coder = self.trainer.coder
        return coder.tokenizer.decode([id for id in ids if not coder.ends(id)])

    async def _measure(self) -> list[Measure]:
        """Return the evaluator's measures of the candidate as it is now; `told` is what a person is
        shown."""
        won, count = (await self.measure_choices(CANDIDATE)).won, len(self.held)
        least = math.ceil(WON * count)
        verdict = within(least - won, 0, REJECT)
        measures = [Measure("held-back choices won", won, f">= {least} of {count}", verdict)]
        self.said[CANDIDATE] = await self._answers(CANDIDATE)
        before, after = self.said[BASE], self.said[CANDIDATE]
        loops = [sum(map(goes_round, some)) for some in (before, after)]
        limit = f"<= {loops[0]} as before"
        verdict = within(loops[1] - loops[0], 0, SCALE)
        measures.append(Measure("answers that go round", loops[1], limit, verdict))
        measures.append(self._length(before, after))
        recipe = self._recipe()
        gate = self.trainer.gate(recipe)
        rows = await gate.anchor_rows(talk([self.language]))
        pairs = await self.trainer.variants.drift(CANDIDATE, rows)
        drift = float(np.concatenate([kl for kl, _ in pairs]).mean())
        measures.append(Measure("KL, mean", drift, f"<= {FAR}", within(drift, FAR, SCALE)))
        probes = await gate.probes()
        verdict = within(probes.value, LOST, SCALE)
        measures.append(Measure(probes.name, probes.value, f"<= {LOST}", verdict, probes.detail))
        texts = {who: [self._text(ids) for ids in said] for who, said in self.said.items()}
        followed = {
            who: sum(all(trait.is_in(text) for trait in self.traits[:1]) for text in some)
            for who, some in texts.items()
        }
        words = in_words(self.traits)
        self.told: dict[str, Any] = {
            "won": won, "of": count, "choices": len(self.choices), "words": words,
            "traits": [trait.key for trait in self.traits], "drift": drift, "loops": loops,
            "followed": {"now": followed[CANDIDATE], "before": followed[BASE],
                         "of": len(self.prompts)},
            "told": f"{words}; {won} of {count} held-back choices",
        }  # fmt: skip
        return measures

    def _length(self, before: list[list[int]], after: list[list[int]]) -> Measure:
        """Measure the mean length of an answer in tokens: near that of the base and of what was
        chosen."""
        chosen = [len(row.target) for some in self.rows_of for row in some if row.part == PREFERRED]
        usual = [float(np.mean([len(ids) for ids in before]))]
        usual += [float(np.mean(chosen))] if chosen else []
        least, most = SHORTER * min(usual), LONGER * max(usual)
        now = float(np.mean([len(ids) for ids in after]))
        verdict = ACCEPT if least <= now <= most else SCALE
        return Measure("tokens of an answer", now, f"{least:.0f} to {most:.0f}", verdict)

    def _recipe(self) -> Recipe:
        """Return a recipe of one choice, by which the evaluator knows its language."""
        choice = self.choices[self.training[0]]
        return Recipe([Lesson(choice.prompt[:500], "-")], [], self.config, self.plan.seed)
