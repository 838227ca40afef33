"""The evaluator's questions: hard negatives of the facts, common knowledge and general prompts. No
step trains on any of them.

A version answers only within its adapter scope: a question that the memory (the router) does not
recognise as one about its facts goes to the base. The questions out of scope are found before a
round begins and stored in its plan as short hashes: so a replay asks the same questions, and the
history holds nobody's words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import PRACTICE, Plan, ids_of
from oneseek.engine.learning.lessons import (
    FOR_THE_GATE,
    Draw,
    Lesson,
    lesson_of,
    load_held_out_anchors,
    probes,
)
from oneseek.engine.learning.memory.encoder import Meaning
from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.recogniser import NEAR
from oneseek.engine.learning.recipe import Recipe

ANCHORS, PROBES, EARLIER_LOOK_ALIKES, AT_MOST = 24, 16, 5, 48
Probe = tuple[str, tuple[str, ...]]


def languages(lessons: Iterable[Lesson]) -> list[str]:
    return sorted({lesson.language for lesson in lessons} | {"en"})


def knowledge(codes: list[str]) -> list[Probe]:
    """Return questions of common knowledge, some to spare, because the base does not know all."""
    known = [probe for code in codes for probe in probes(code)]
    return Draw("probes").sample(known, PROBES + PROBES // 2)


def talk(codes: list[str]) -> list[str]:
    """Return the prompts on which the drift from the base is measured."""
    share = ANCHORS // len(codes)
    return [prompt for code in codes for prompt in load_held_out_anchors(code)[:share]]


def look_alikes(recipe: Recipe, now: Sequence[Lesson], before: Sequence[Lesson]) -> list[str]:
    """Return hard negatives of what is taught now, and of some that was taught before."""
    near = [n.question for x in now for n in recipe.hard_negatives(x)[:FOR_THE_GATE]]
    draw = Draw(recipe.seed, "gate")
    old = [n.question for x in before for n in recipe.hard_negatives(x)[:FOR_THE_GATE]]
    return draw.sample(near, AT_MOST // 2) + draw.sample(old, EARLIER_LOOK_ALIKES)


def short_hash(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:8]


class AdapterScope:
    """Finds the evaluator's questions that lie outside the scope of a round's adapter."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._read: dict[tuple[str, ...], list[Meaning]] = {}  # of the general questions

    async def list_outside(self, plan: Plan) -> list[str] | None:
        """Return short hashes of the questions out of scope; None where the memory does not know
        all of the facts, so that the version answers everything."""
        await self.memory.load()
        ids = {*ids_of(plan.lessons), *ids_of(plan.pool)}
        if not ids <= self.memory.list_covered():
            return None
        lessons, pool = (list(map(lesson_of, some)) for some in (plan.lessons, plan.pool))
        if plan.kind == PRACTICE:
            lessons, pool = [*pool, *lessons], []
        recipe = Recipe(lessons, pool, TrainingConfig(), plan.seed)
        codes = languages(recipe.lessons)
        general = (*(question for question, _ in knowledge(codes)), *talk(codes))
        near = look_alikes(recipe, recipe.lessons, recipe.earlier)
        outside = self._find_outside(ids, general, await self._general(general))
        outside += self._find_outside(ids, near, await self.memory.encoder.of(near))
        return outside

    async def _general(self, questions: tuple[str, ...]) -> list[Meaning]:
        if questions not in self._read:
            self._read[questions] = await self.memory.encoder.of(questions)
        return self._read[questions]

    def _find_outside(
        self, ids: set[str], asked: Sequence[str], read: Sequence[Meaning]
    ) -> list[str]:
        found = []
        for question, meaning in zip(asked, read, strict=True):
            near = (one for one in self.memory.ask(meaning, question) if one.score >= NEAR)
            if not any(ids & {one.id, *one.fact["also"]} for one in near):
                found.append(short_hash(question))
        return found
