"""Removes a skill or a taste, and with it the runs that taught it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from oneseek.engine.learning.skills.examples import Examples
from oneseek.engine.learning.taste.taste import is_taste
from oneseek.workers.server.training_runs import Runs


async def remove_skill(runs: Runs, name: str) -> None:
    """Remove a skill with its examples and every run that taught it."""
    examples = Examples(runs.service.assistant.skills)
    await examples.must_be(name)
    await forget(runs, lambda about: about.get("skill") == name)
    await runs.service.learner.beneath(examples.remove(name))


async def remove_choices(runs: Runs, ids: Collection[str] = ()) -> list[int]:
    """Remove these choices, or all of them, with the runs over them and the versions they made; the
    numbers of those versions."""
    taste = runs.service.assistant.taste
    await taste.must_have(ids)
    await forget(runs, is_taste)
    return await runs.service.learner.beneath(taste.remove(ids))


async def forget(runs: Runs, fits: Callable[[dict], bool]) -> None:
    """End the runs that fit, and delete their records."""
    mine = [run for run in runs.known.values() if fits(run.about)]
    for run in mine:
        if not run.over:
            await runs.cancel(run.id)
        del runs.known[run.id]
        await runs.store.batch([["delete", "queue", run.about["record"]]])
    await runs.store.batch([["delete", "state", run.id] for run in mine])
