"""OneSeek without a page: the chosen models, the queue, and learning whenever nobody asks.

The HTTP API talks to this and to nothing below it, so the page's worker and a server behave alike.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from engine import runs
from engine.assistant import Assistant, label
from engine.check import check_store
from engine.generate import Answer, Sampling
from engine.microtrain import MicroTraining
from engine.rounds import PRACTICE
from engine.versions import GENERIC, Versions
from web.queue import TrainingQueue
from web.saved_queue import SavedQueue

IDLE_SECONDS = 2.0  # quiet before learning begins
EVENTS_BEHIND = 256  # a listener that is further behind is dropped


class Hub:
    """Everyone who listens to events; a slow listener loses its place, never the others'."""

    def __init__(self):
        self.listeners: set[asyncio.Queue] = set()

    def tell(self, event: dict) -> None:
        for queue in list(self.listeners):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self.listeners.discard(queue)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue]:
        queue: asyncio.Queue = asyncio.Queue(EVENTS_BEHIND)
        self.listeners.add(queue)
        try:
            yield queue
        finally:
            self.listeners.discard(queue)


class Service:
    """One loaded model and everything that lives around it."""

    def __init__(
        self,
        store: Any,
        assistant: Assistant,
        model: str,
        known: list[str],
        clock: Callable[[], int],
        micro_training: bool = True,
    ):
        self.store, self.assistant, self.model = store, assistant, model
        self.known, self.clock, self.micro_training = known, clock, micro_training
        self.versions: Versions = assistant.versions
        self.hub = Hub()
        self.queue = SavedQueue(TrainingQueue(clock), store)
        self.micro = MicroTraining(self.versions, self.learn, self.hub.tell)
        self.runs: dict[str, runs.TrainingRun] = {}
        self.tasks: set[asyncio.Task] = set()
        self.asked = time.monotonic()  # when somebody last wanted an answer
        self.answers = self.tokens = 0
        self.started = time.monotonic()
        self.practising = False
        self.practised_at = 0  # examples known when practice was last tried
        self.wake = asyncio.Event()

    async def start(self) -> None:
        await self.queue.load()
        self.assistant.turns.free()
        self.spawn(self.live())

    async def stop(self) -> None:
        """End between two steps; what was under way goes on from its checkpoint next time."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.assistant.drop()
        await self.store.close()

    def spawn(self, work) -> asyncio.Task:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    # ---- answers

    async def answer(
        self, messages: list[dict], sampling: Sampling, key: str, version: int | None, **hooks
    ) -> tuple[Answer, int]:
        self.asked = time.monotonic()
        try:
            found = await self.assistant.answer(messages, sampling, key, version, **hooks)
        finally:
            self.asked = time.monotonic()
        self.answers += 1
        self.tokens += len(found[0].ids)
        return found

    # ---- learning when nobody asks

    async def live(self) -> None:
        """Questions first, then the queue, then practice; one thing at a time, in quiet moments."""
        while True:
            await self.quiet()
            waiting = await self.micro.waiting()
            if waiting:
                await self.micro.process(waiting[0])
            elif self.queue.queue.upcoming(1):
                await self.learn_next()
            elif await self.worth_practising():
                await self.practise()
            else:
                self.wake.clear()
                await self.wake.wait()

    async def quiet(self) -> None:
        """Until nobody has asked anything for a moment."""
        while self.assistant.answering or time.monotonic() - self.asked < IDLE_SECONDS:
            await asyncio.sleep(IDLE_SECONDS / 4)

    async def practise(self) -> None:
        """In long quiet; something new to learn ends it, and it begins again afterwards."""
        self.practising = True
        try:
            await self.round(PRACTICE, [], GENERIC)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise  # the service itself ends
            self.practised_at = 0
            self.assistant.learner.drop()
        finally:
            self.practising = False

    def hurry(self) -> None:
        """Something new waits: a lesson takes minutes, practice hours."""
        self.wake.set()
        if self.practising and self.assistant.round:
            self.assistant.round.task.cancel()

    async def worth_practising(self) -> bool:
        """There is something learned that has not been practised yet."""
        current = await self.versions.current()
        return bool(current) and current["kind"] != PRACTICE and self.answers_since(current)

    def answers_since(self, current: dict) -> bool:
        if self.practised_at == current["number"]:
            return False
        self.practised_at = current["number"]
        return True

    async def learn(self, examples: list[dict], line: str) -> dict:
        """Queue examples and learn them now; the answer MicroTraining wants."""
        ids = []
        for example in examples:
            record = await self.queue.change(lambda queue, one=example: queue.add(one))
            if record:
                ids.append(record["id"])
        if not ids:
            return {"outcome": "known", "reason": "learned before", "version": None, "examples": []}
        return {**await self.round("lesson", ids, line), "examples": ids}

    async def learn_next(self) -> None:
        records = self.queue.queue.take_lesson()
        try:
            await self.round("lesson", [record["id"] for record in records], GENERIC)
        finally:
            self.queue.queue.give_back([record["id"] for record in records])

    async def round(self, kind: str, ids: list[str], line: str) -> dict:
        """A whole round; it yields to answers by itself."""
        opened = await self.assistant.learn(kind, ids, line, self.step_done)
        self.assistant.turns.free()
        self.hub.tell({"type": "round_started", "runId": opened.run, "kind": kind})
        try:
            result = await opened.task
        finally:
            self.assistant.round = None
            await self.queue.load()
        version = label(result["version"]) if result["version"] else None
        ended = {"outcome": result["outcome"], "reason": result["reason"], "version": version}
        self.hub.tell({"type": "round_ended", "runId": opened.run, "kind": kind, **ended})
        return result

    async def step_done(self, round: Any) -> None:
        metrics = {k: v for k, v in round.metrics.items() if isinstance(v, (int, float))}
        plan = self.assistant.learner.plan.identity()
        record = {**metrics, "run": round.run, "plan": plan}
        await self.store.batch([["put", "metrics", f"{round.run}/{metrics['step']:06d}", record]])
        self.hub.tell({"type": "step", "runId": round.run, **metrics})

    async def offer(self, example: dict) -> dict | None:
        """Put an example into the queue; learning begins when it is quiet."""
        record = await self.queue.change(lambda queue: queue.add(example))
        self.hurry()
        return record

    # ---- micro-training and runs

    async def ask_micro(self, question: str, responses: list[dict], language: str = "") -> dict:
        accepted = await self.micro.submit(question, responses, language)
        self.hurry()
        return accepted

    def start_run(
        self, models: list[str], epochs: int, rate: float, threshold: float, patience: int
    ) -> runs.TrainingRun:
        """A run over base models: every epoch practises what is known and measures what is left."""
        from engine.config import StopConfig

        chosen = runs.validate_base_models(models, self.known)
        stop = StopConfig(threshold=threshold, patience=patience)
        run = runs.TrainingRun(
            chosen, self.epoch, epochs, rate, self.clock, self.hub.tell, stop=stop,
            taken=self.runs.__contains__,
        )  # fmt: skip
        self.runs[run.id] = run
        self.spawn(run.run())
        return run

    async def epoch(self, model: str, epoch: int, weight: float, rate: float) -> float:
        """One epoch of a run: practice at this rate; the loss it ended with."""
        if model != self.model:
            raise ValueError(f"{model} is not loaded; this server runs {self.model}")
        rate = min(max(rate, 1e-5), 1e-3)
        config = {"learning_rate": rate}
        opened = await self.assistant.learn(PRACTICE, [], GENERIC, self.step_done, config)
        self.assistant.turns.free()
        try:
            await opened.task
        finally:
            self.assistant.round = None
        return float(opened.metrics.get("loss", float("nan")))

    # ---- looking

    async def verify(self, number: int | None = None) -> list[str]:
        findings = await check_store(self.store)
        if number:
            await self.versions.weights(number)
        return findings

    async def find_version(self, name: str) -> int | None:
        """The number behind `model`, `model:v1.2`, `v1.2` or a full name; None is the one in use."""
        if name in ("", self.model, "oneseek"):
            return None
        wanted = name.removeprefix(self.model + ":")
        if wanted == "v0":
            return 0
        for record in await self.versions.records():
            if wanted in (label(record), record["name"], str(record["number"])):
                return record["number"]
        raise LookupError(f"there is no model {name!r}; GET /v1/models lists them")
