"""Micro-training in the page: every question of the chat, and of the page's API, goes through two
stages.

A question whose answers nobody approved is compared and counted at once; one that may be learned
waits for granted time.
"""

from __future__ import annotations

from oneseek.engine.assistant import Assistant
from oneseek.engine.core.messages import Changed, Question
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.store import FencedStore
from oneseek.engine.learner import OnStep, Round
from oneseek.engine.learning.questions.microtrain import MicroTraining, hold, offer_examples
from oneseek.workers.post import Emit

SHOWN = ("samples", "events", "state", "ledger")
OVER = {"outcome": "", "reason": "", "version": None}  # the stages report themselves


class Questions:
    """`on_step(round)` is called after every training step."""

    def __init__(self, assistant: Assistant, emit: Emit, on_step: OnStep) -> None:
        self.assistant, self.emit, self.on_step = assistant, emit, on_step
        self.store, self.clock = assistant.versions.store, assistant.versions.clock
        self.micro = MicroTraining(
            assistant.versions, self.learn, self.emit_changed, ask=self.put_to_person
        )
        self.config: dict = {}
        self.fenced: FencedStore | None = None

    async def ask(self, request: Question) -> None:
        """Store a question; process it at once when nothing of it may be learned."""
        language = request.language if request.language != "und" else ""
        source = {"kind": "chat", "chat": request.chat}
        accepted = await self.micro.submit(
            request.question, request.responses, language, request.approved, source
        )
        if not request.approved:
            await self.micro.process(accepted["run"])

    async def open(self, config: dict, fenced: FencedStore) -> Round | None:
        """The next question that waits, as a round, or None. Those that come during a run over a
        data set are learned between its epochs, by the same settings."""
        self.config, self.fenced = config, fenced
        waiting = await self.micro.list_waiting()
        if not waiting:
            return None
        return self.assistant.learner.look_into(lambda: self.process(waiting[0]))

    async def process(self, run: str) -> dict:
        await self.micro.process(run)
        return OVER

    async def learn(self, examples: list[dict], line: str) -> dict:
        """Learn from one stage: its examples become lessons of the queue."""
        queue = SavedQueue(TrainingQueue(self.clock), self.store)
        await queue.load()
        ids, nothing = await offer_examples(queue, self.assistant.learner.trainer.coder, examples)
        if not ids:
            return nothing
        lesson = self.assistant.learner.lesson
        ended = await lesson(ids, line, self.on_step, self.config, self.fenced)
        self.emit(Changed(stores=["queue", "examples", "versions", "state", "ledger"]))
        return {**ended, "examples": ids}

    async def put_to_person(self, examples: list[dict]) -> list[str]:
        """Hold answers that disagree in the queue until a person chooses one; their ids."""
        queue = SavedQueue(TrainingQueue(self.clock), self.store)
        await queue.load()
        ids = await hold(queue, examples)
        self.emit(Changed(stores=["queue"]))
        return ids

    def emit_changed(self, event: dict) -> None:
        self.emit(Changed(stores=list(SHOWN)))
