"""Where a version that learned some facts keeps silent: the memory before it does not take the
question for one about them, and the base answers alone.

Found out before a round begins and kept in its plan, by short hashes, so that a replay of the round
asks the same questions and the history holds no words of anybody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import PRACTICE, Plan, ids_of
from oneseek.engine.learning.lessons import lesson_of
from oneseek.engine.learning.memory.encoder import Meaning
from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.recogniser import NEAR
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.asked import knowledge, languages, look_alikes, talk


def short(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:8]


class Silence:
    """What the gate would ask of a round, as far as the memory lets none of it through."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._read: dict[tuple[str, ...], list[Meaning]] = {}  # what every round is asked

    async def of(self, plan: Plan) -> list[str] | None:
        """None where the memory does not know all of the facts: then no guard stands before the
        version, and it speaks everywhere."""
        await self.memory.load()
        ids = {*ids_of(plan.lessons), *ids_of(plan.pool)}
        if not ids <= self.memory.covered():
            return None
        lessons, pool = (list(map(lesson_of, some)) for some in (plan.lessons, plan.pool))
        if plan.kind == PRACTICE:
            lessons, pool = [*pool, *lessons], []
        recipe = Recipe(lessons, pool, TrainingConfig(), plan.seed)
        codes = languages(recipe.lessons)
        general = (*(question for question, _ in knowledge(codes)), *talk(codes))
        near = look_alikes(recipe, recipe.lessons, recipe.earlier)
        silent = self._silent(ids, general, await self._general(general))
        silent += self._silent(ids, near, await self.memory.encoder.of(near))
        return silent

    async def _general(self, questions: tuple[str, ...]) -> list[Meaning]:
        if questions not in self._read:
            self._read[questions] = await self.memory.encoder.of(questions)
        return self._read[questions]

    def _silent(self, ids: set[str], asked: Sequence[str], read: Sequence[Meaning]) -> list[str]:
        found = []
        for question, meaning in zip(asked, read, strict=True):
            near = (one for one in self.memory.ask(meaning, question) if one.score >= NEAR)
            if not any(ids & {one.id, *one.fact["also"]} for one in near):
                found.append(short(question))
        return found
