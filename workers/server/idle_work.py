"""Work that a server does beside other work: taking facts in, the stages of questions between the
epochs of a run, and the decision whether there is anything to practise."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from oneseek.engine.core.next_work import LESSON, MEMORY, count_unpractised_lessons
from oneseek.engine.history.versions import GENERIC

LOOKED_BACK = 200  # entries of the ledger


class TakingIn:
    """When facts are taken in: `offered` is true once one was told, `refused` has the ids of those
    that cannot be known by heart, and during a round the next time is `at`."""

    def __init__(self) -> None:
        self.offered, self.at, self.refused = False, 0.0, set[str]()

    def begin(self) -> None:
        self.offered = False

    def is_due(self) -> bool:
        return self.offered and time.monotonic() >= self.at

    def offer(self) -> None:
        self.offered = True

    def end(self, began: float, left: Iterable[str]) -> None:
        """Set the next time so that half of a round's time stays its own."""
        self.at = 2 * time.monotonic() - began
        self.refused |= set(left)


async def remember(service: Any) -> None:
    """Take facts in, before any lesson about them; it takes seconds."""
    opened = await service.learner.learn(MEMORY, [], GENERIC)
    service.assistant.turns.free()
    await take_in(service, service.learner.outcome(opened))


async def take_in(service: Any, taking_in: Awaitable[dict]) -> None:
    """Take facts in, by themselves or between two steps of a round, and tell the listeners."""
    service.taking_in.begin()
    began = time.monotonic()
    ended = await taking_in
    left = [one["id"] for one in await service.assistant.mind.list_waiting()]
    service.taking_in.end(began, left)
    service.hub.tell({"type": "remembered", "facts": ended["facts"], "reason": ended["reason"]})


async def worth_practising(service: Any) -> bool:
    """Whether enough was learned that has not been practised yet."""
    chain = (await service.versions.chain())[::-1]
    if not chain or service.practised_at == chain[0]["number"]:
        return False
    newest = await service.store.all("ledger", None, LOOKED_BACK, True)
    rejections = [entry for _, entry in newest if entry["kind"] == "rejection"]
    return bool(count_unpractised_lessons(chain, rejections))


async def lesson_within(service: Any, ids: list[str], line: str) -> dict:
    """Learn a whole lesson between two epochs of a run, as a part of the run's work."""
    training, began = service.learner.training, set[str]()

    async def on_step(round: Any) -> None:
        if training.run_id not in began:
            began.add(training.run_id)
            service.hub.tell({"type": "round_started", "runId": training.run_id, "kind": LESSON})
        await service.step_done(replace(round, run=training.run_id))

    result = await service.learner.lesson(ids, line, on_step)
    await service.queue.load()
    await service.round_over(training.run_id, LESSON, result)
    return result


async def questions_between(
    service: Any, again: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Process the stages of the questions that wait now, between two epochs. The run's round is put
    off meanwhile and goes on from where it was, if there is one to be opened `again`."""
    assistant = service.assistant
    if not (waiting := await service.micro.list_waiting()):
        return
    began = assistant.learner.training.parent if again else None
    if again:
        await assistant.learner.training.put_off()
    for question in waiting:
        await service.micro.process(question)
    if not again:
        assistant.learner.trainer.rest()
        return
    if began:  # its snapshot may have been cleared
        await assistant.learner.rebuilder.weights(began["number"])
    await again()
