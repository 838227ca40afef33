"""Voices for a gate where the version in use has another shape than what is trained: it speaks with
one of its own, so that practice is never held against less than there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from oneseek.engine.learning.batch import Row
from oneseek.engine.learning.rounds.voices import Enough, Voices
from oneseek.engine.model.choice.form import Form


class Apart:
    """Both may lie in one room: whoever is asked finds nothing of the other's."""

    def __init__(self, voices: Voices, active: Voices) -> None:
        self.voices, self.active = voices, active

    def asked(self, who: str) -> Voices:
        asked, other = (self.active, self.voices) if who == "active" else (self.voices, self.active)
        other.leave()
        asked.leave()
        return asked

    async def replies(
        self,
        who: str,
        questions: Sequence[str],
        tokens: int,
        begins: Sequence[str] = (),
        enough: Sequence[Enough | None] = (),
    ) -> list[str]:
        return await self.asked(who).replies(who, questions, tokens, begins, enough)

    async def go_on(
        self, who: str, prompts: list[list[int]], tokens: int, forms: Sequence[Form | None] = ()
    ) -> list[list[int]]:
        return await self.asked(who).go_on(who, prompts, tokens, forms)

    async def drift(
        self, who: str, rows: list[tuple[list[int], list[int]]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        return await self.asked(who).drift(who, rows)

    async def loss(self, who: str, rows: Iterable[Row]) -> float:
        return await self.asked(who).loss(who, rows)
