"""Who answers: the base alone, the version in use, or either of them saying what is remembered.

Two limits, both measured: from NEAR on a question is about something taught, from SURE on it asks
for it.  Forgotten facts still stand guard where a version has learned them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from engine.learning.memory.keys import directions
from engine.learning.memory.memory import Found, Memory
from engine.learning.memory.recogniser import NEAR, SURE
from engine.learning.memory.saying import Saying
from engine.model.generate import Answer, Generator, Sampling
from engine.model.tokenizer import Tokenizer

BASE, MEMORY, VERSION = "base", "memory", "version"
AT_ONCE = 3  # facts that one answer says
BESIDE = 0.5  # how sure the others have to be, of what the first is


@dataclass
class Speaking:
    """Decides about one answer, when its question was read; `version` is the generator of the
    version in use where a guard stands before it, and `learned` what that version has learned."""

    memory: Memory
    tokenizer: Tokenizer
    version: Generator | None
    learned: Collection[str]
    question: str
    pushes: bool = True
    by: str = BASE
    facts: list[dict] = field(default_factory=list)

    def __call__(self, answer: Answer, states: np.ndarray) -> Generator | None:
        """The question was read: who goes on, the version from the question on, or whoever read."""
        return self.decide(answer, self.memory.ask(directions(states[None])[0], self.question))

    def decide(self, answer: Answer, found: list[Found]) -> Generator | None:
        near = [one for one in found if one.score >= NEAR]
        live = [one for one in near if not one.gone]
        least = max([SURE, *(BESIDE * one.score for one in live[:1])])
        sure = [one for one in live if one.score >= least][:AT_ONCE] if self.pushes else []
        knows = bool(live) and len(live) == len(near) and live[0].id in self.learned
        if sure:
            pairs = [(one.fact["answer"], one.fact["value"]) for one in sure]
            answer.push = Saying(self.tokenizer, pairs)
        version = self.version if knows else None
        self.by = VERSION if version or self.by == VERSION else MEMORY if sure else BASE
        self.facts = [one.told() for one in (live if version else sure)]
        return version

    async def always(self) -> dict:
        """For a version that always speaks: what it is asked is found out beforehand."""
        states = await self.memory.keys.of([self.question])
        self.by = VERSION
        draft = Answer("", [], Sampling())
        self.decide(draft, self.memory.ask(states[0], self.question))
        return {"speaking": self, "push": draft.push}
