"""Skills that take turns, natively or in a tab: what finding the skill of a question costs, and
what putting its adapter in place does. Arguments and results are plain data."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import Any

import numpy as np

from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import number_of
from oneseek.engine.open import assistant_over

WARM = 4  # questions to warm up with


class SkillTurns:
    def __init__(self, model: Model, store: Any, **more: Any):
        self.store = store
        self.assistant = assistant_over(model, store, model.fingerprint, **more)

    async def find(self, asked: dict[str, list[str]], questions: list[str]) -> tuple[float, float]:
        """The median milliseconds of finding the skill of a question, with skills of these
        examples: of one that was sent at once, and of one that was read while it was typed."""
        skills = self.assistant.skills
        await skills.load()
        kept = {name: {"asked": examples} for name, examples in asked.items()}
        await skills._fit(kept)
        at_once, typed = [], []
        for question in questions[:WARM] + questions:
            skills._forget_readings()
            for times in (at_once, typed):  # the second time, it is read
                began = time.perf_counter()
                await skills.like([question])
                times.append(time.perf_counter() - began)
        at_once, typed = (1e3 * statistics.median(some[WARM:]) for some in (at_once, typed))
        return at_once, typed

    async def switch(self, count: int, rounds: int) -> dict[str, float]:
        """The milliseconds until another of `count` adapters of the upper half of the layers is in
        place: the median for those that were not there yet, and of all later turns."""
        assistant, layout = self.assistant, self.assistant.trained
        training, (name,) = assistant.learner.training, assistant.learner.trainer.fresh()
        half, numbers = max(layout.layers) // 2 + 1, []
        for seed in range(count):
            flat, draw = layout.initial(seed), np.random.default_rng(seed)
            for entry in layout.entries:
                if number_of(entry) >= half:
                    part = layout.part(flat, entry)
                    part[:] = draw.normal(0, 0.01, part.shape)
            numbers.append((await training.adopt({name: flat}))["number"])
            kept = await self.store.get("snapshots", numbers[-1])
            kept["data"] = kept["data"].join()  # as a store on disk does
        times = []
        for number in itertools.chain(*[numbers] * (1 + rounds)):
            began = time.perf_counter()
            await assistant.generator(number)
            times.append(1e3 * (time.perf_counter() - began))
        later = times[count:]
        return {"first": statistics.median(times[:count]), "later": statistics.median(later),
                "latest": max(later)}  # fmt: skip
