"""OneSeek without a page: the loaded model, the queue, and learning whenever nobody asks.

The HTTP API calls this and nothing below it, so the page's worker and a server behave alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from oneseek.engine.assistant import Assistant
from oneseek.engine.core.next_work import (
    BEGUN,
    LESSON,
    MEMORY,
    PRACTICE,
    QUESTION,
    RUN,
    next_work,
)
from oneseek.engine.core.queue.batches import BatchManager
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.scheduler import AWAY_MS
from oneseek.engine.history import loss_curve
from oneseek.engine.history.certificate import EVERY_QUESTIONS
from oneseek.engine.history.versions import GENERIC, Versions, label
from oneseek.engine.learner import NothingLeft
from oneseek.engine.learning.lessons import LessonError
from oneseek.engine.learning.questions.microtrain import MicroTraining, hold, offer_examples
from oneseek.engine.learning.runs import RunState, TrainingRun
from oneseek.engine.learning.trainer import check
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import BATCHES, Answer
from oneseek.engine.turns import urgent
from oneseek.importers.asking.library import Library
from oneseek.workers.server.admission import Admission
from oneseek.workers.server.fact_memory import FactMemory
from oneseek.workers.server.guests import Guests
from oneseek.workers.server.hub import Hub
from oneseek.workers.server.idle_work import (
    TakingIn,
    lesson_within,
    remember,
    take_in,
    worth_practising,
)
from oneseek.workers.server.model_names import Names
from oneseek.workers.server.share import take_turns
from oneseek.workers.server.training_runs import Runs

IDLE_SECONDS = 2.0  # quiet before learning begins
PATIENCE = 10.0  # seconds that learning waits for quiet while answers never end

log = logging.getLogger("oneseek")


async def always() -> bool:
    return True


class Service:
    """One loaded model and everything that lives around it.

    A server learns by itself; a `paced` host, the page, learns in the time it grants, and handles
    the queue and the questions itself. Statements in chats are kept if `hears()` is true. `kept()`
    is called for each run that is stored.
    """

    def __init__(
        self,
        store: Any,
        assistant: Assistant,
        model: str,
        clock: Callable[[], int],
        micro_training: bool = True,
        folder: Path | None = None,
        paced: bool = False,
        share: float = 1.0,
        guests: Guests | None = None,
        micro: MicroTraining | None = None,
        dna_every: int = EVERY_QUESTIONS,
        hears: Callable[[], Awaitable[bool]] = always,
        kept: Callable[[], Any] = lambda: None,
    ) -> None:
        self.store, self.assistant, self.model, self.clock = store, assistant, model, clock
        self.learner = assistant.learner
        self.micro_training, self.folder, self.paced = micro_training, folder, paced
        self.hears = hears
        self.share = share  # of the time that learning may take
        self.guests = guests or Guests({})
        self.names = Names(model, assistant.versions, self.guests)
        self.versions: Versions = assistant.versions
        self.hub = Hub()
        self.queue = SavedQueue(TrainingQueue(clock), store)
        self.batches = BatchManager(self.queue.queue)
        self.micro = micro or MicroTraining(
            self.versions, self.learn, dna_every=dna_every, ask=partial(hold, self.queue)
        )
        self.micro.listen(self.hub.tell)
        self.runs = Runs(self, self.hub.tell, kept)
        self.fact_memory = FactMemory(self)
        reads = assistant.library or Library(store, lambda: assistant.mind.memory.reader)
        self.library: Any = assistant.read_from(reads)  # the page has its own
        self.admission = Admission(BATCHES[-1])
        self.reading = asyncio.Semaphore(1)  # one import at a time
        self.tasks: set[asyncio.Task] = set()
        self.practising = False
        self.started = self.asked = time.monotonic()  # the start; the last question
        self.answers = self.tokens = self.failures = 0
        self.patience = PATIENCE
        self.trained_at: float | None = None
        self.rounds = 0  # that ended; `trained_at` is when the last did
        self.practised_at = 0  # the version that practice was last tried on
        self.wake = asyncio.Event()
        self.did: str | None = None  # the last kind of work
        self.taking_in = TakingIn()
        self.compared: dict[str, list[tuple[str, int]]] = {}  # blind, without a choice yet

    async def start(self) -> None:
        await self.queue.load()
        await self.runs.load()
        if not self.paced:
            self.assistant.turns.yield_to(lambda: not self.is_quiet)
            self.spawn(take_turns(self.assistant.turns, lambda: self.is_quiet, self.share))
            self.learner.rebuilder.listen(self.tell_rebuilding)
            self.spawn(self.live())

    async def stop(self) -> None:
        """End between two steps; a round under way goes on from its checkpoint next time."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.learner.drop()
        await self.store.close()

    def count_failure(self) -> None:
        self.failures += 1

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def tell_rebuilding(self, how_far: dict) -> None:
        self.hub.tell({"type": "version_rebuilding", **how_far})

    async def assistant_for(self, model: str, run: str = "") -> Assistant:
        """The assistant of a base model, which is loaded with its versions."""
        if model == self.model:
            return self.assistant
        return await self.guests.get(model, self.assistant.turns, run)

    # ---- answers

    async def answer(
        self,
        messages: list[dict],
        sampling: Sampling,
        key: str,
        version: int | None,
        client: str = "",
        model: str = "",
        **hooks: Any,
    ) -> tuple[Answer, int]:
        """Answer with this service's model, or with the `model` beside it; (answer, version)."""
        async with self.admission.place(client):
            self.asked = time.monotonic()
            try:
                with urgent():
                    asked = await self.assistant_for(model or self.model)
                found = await asked.answer(messages, sampling, key, version, **hooks)
            finally:
                self.asked = time.monotonic()
                asyncio.get_running_loop().call_later(IDLE_SECONDS, self.assistant.turns.wake)
        self.answers += 1
        self.tokens += len(found[0].ids)
        return found

    # ---- learning when nobody asks

    @property
    def learning(self) -> bool:
        return self.learner.round is not None

    async def live(self) -> None:
        """Do the work that waits, one thing at a time, in quiet moments where there are any."""
        while True:
            await self.quiet()
            self.wake.clear()
            if not await self.work():
                await self.wake.wait()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is being answered, and nobody has asked for IDLE_SECONDS."""
        busy = self.assistant.answering or self.guests.answering
        return not busy and time.monotonic() - self.asked >= IDLE_SECONDS

    async def quiet(self) -> None:
        """Wait until nobody is answered, or until that has taken too long."""
        until = time.monotonic() + self.patience
        while not self.is_quiet and time.monotonic() < until:
            await asyncio.sleep(IDLE_SECONDS / 4)

    async def waits(self) -> dict[str, Any]:
        """The work that waits, by the kinds of engine/core/next_work.py."""
        coming = self.runs.coming
        return {
            MEMORY: await self.has_unremembered(),
            BEGUN: [run for run in coming if run.state == RunState.TRAINING]
            or await self.find_interrupted(),
            LESSON: self.queue.queue.peek(1),
            QUESTION: await self.micro.list_waiting(),
            RUN: coming,
            PRACTICE: await worth_practising(self),
        }

    async def work(self) -> bool:
        """Do the next work. False when there is none, or when it failed: then it is tried again
        when something new comes."""
        if not self.learner.trainable:
            return False
        try:
            if await self.fact_memory.finish():
                return True
            waits = await self.waits()
            kind = next_work(waits)
            if kind == MEMORY == self.did:  # endless statements leave other work its turn
                kind = next_work({**waits, MEMORY: False}) or MEMORY
            if kind is None:
                return False
            self.did = kind
            await self.do(kind, waits[kind])
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise  # the service itself ends
            return True  # a round made way, and goes on from its checkpoint
        except NothingLeft:
            return True  # it is learned anew, from the queue
        except Exception as fault:
            self.count_failure()
            log.error("learning failed, what is saved is untouched", exc_info=fault)
            self.hub.tell({"type": "learning_failed", "reason": str(fault)})
            return False
        return True

    async def do(self, kind: str, waits: Any) -> None:
        if kind == MEMORY:
            await remember(self)
        elif kind == LESSON:
            await self.learn_next()
        elif kind == QUESTION:
            await self.micro.process(waits[0])
        elif kind == PRACTICE:
            await self.practise()
        elif isinstance(waits, list):
            await self.complete(waits[0])
        else:
            await self.round(LESSON, [], waits)

    async def has_unremembered(self) -> bool:
        """Whether a fact was told that is not known by heart, and can be."""
        waiting = {one["id"] for one in await self.assistant.mind.list_waiting()}
        return not waiting <= self.taking_in.refused

    async def find_interrupted(self) -> str | None:
        """The line of a lesson that a killed server left half done; practice has its own time."""
        prefix = f"round.{self.versions.base}."
        for key in map(str, await self.store.keys("snapshots")):
            line = key.removeprefix(prefix)
            if line != key and await self.learner.training.find_interrupted(line) == LESSON:
                return line
        return None

    async def practise(self) -> None:
        """Practise in long quiet; something new ends it, and it begins again afterwards."""
        self.practising = True
        current = await self.versions.current()
        self.practised_at = current["number"] if current else 0
        try:
            await self.round(PRACTICE, [], GENERIC)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise  # the service itself ends
            self.practised_at = 0
            self.learner.training.drop()
        finally:
            self.practising = False

    def hurry(self) -> None:
        """Wake for something new, and end practice: a lesson takes minutes, practice hours."""
        self.wake.set()
        if self.practising:
            self.learner.interrupt()

    async def learn(self, examples: list[dict], line: str) -> dict:
        """Queue examples and learn them now; the result is what MicroTraining expects."""
        ids, nothing = await offer_examples(self.queue, self.learner.trainer.coder, examples)
        if not ids:
            return nothing
        learn = partial(lesson_within, self) if self.runs.now else partial(self.round, LESSON)
        return {**await learn(ids, line), "examples": ids}

    async def learn_next(self) -> None:
        active = time.monotonic() - self.asked < AWAY_MS / 1e3
        records = self.batches.next_batch(active)
        ids = [record["id"] for record in records]
        try:
            await self.round(LESSON, ids, GENERIC)
        except LessonError:  # what can never be taught stays to be seen, and is not tried again
            for record in records:
                if not self.teachable(record):
                    await self.queue.change(lambda queue, id=record["id"]: queue.skip(id))
        finally:
            self.queue.queue.give_back(ids)

    async def round(self, kind: str, ids: list[str], line: str, config: dict | None = None) -> dict:
        """Do a whole round, which yields to answers by itself."""
        opened = await self.learner.learn(kind, ids, line, self.step_done, config)
        if kind == PRACTICE and self.wake.is_set():  # something new came while it was opened
            self.learner.interrupt()
        if self.share >= 1:
            self.assistant.turns.free()
        self.hub.tell({"type": "round_started", "runId": opened.run, "kind": kind})
        try:
            result = await self.learner.outcome(opened)
        finally:
            await self.queue.load()
        await self.round_over(opened.run, kind, result)
        return {**result, "metrics": opened.metrics}

    async def round_over(self, run: str, kind: str, result: dict) -> None:
        await loss_curve.close(self.store, run, result["version"])
        self.rounds, self.trained_at = self.rounds + 1, time.monotonic()
        version = label(result["version"]) if result["version"] else None
        ended = {"outcome": result["outcome"], "reason": result["reason"], "version": version}
        self.hub.tell({"type": "round_ended", "runId": run, "kind": kind, **ended})

    async def step_done(self, round: Any) -> None:
        plan = self.learner.training.plan.identity()
        figures = await loss_curve.add(self.store, round.run, plan, round.metrics)
        self.hub.tell({"type": "step", "runId": round.run, **figures})
        # A told fact is known long before the round ends.
        if self.taking_in.is_due():
            await take_in(self, self.assistant.mind.remember())

    def teachable(self, record: dict) -> bool:
        with contextlib.suppress(LessonError):
            return bool(check(self.learner.trainer.coder, record))
        return False

    async def add(self, example: dict) -> dict | None:
        """Put an example into the queue, if it can be taught at all."""
        self.learner.must_learn()
        check(self.learner.trainer.coder, example)
        return await self.queue.change(lambda queue: queue.add(example))

    async def offer(self, example: dict) -> dict | None:
        """Put an example into the queue; learning begins when it is quiet."""
        record = await self.add(example)
        self.taking_in.offer()
        self.hurry()
        return record

    # ---- micro-training and runs

    async def ask_micro(
        self, question: str, responses: list[dict], language: str = "", analyzed: dict | None = None
    ) -> dict:
        self.learner.must_learn()
        accepted = await self.micro.submit(question, responses, language, analyzed=analyzed)
        self.hurry()
        return accepted

    async def complete(self, run: TrainingRun) -> None:
        """Do a whole run, which yields to answers by itself."""
        opened = self.runs.begin(run, self.step_done)
        if self.share >= 1:
            self.assistant.turns.free()
        try:
            ended = await self.learner.outcome(opened)
            await loss_curve.close(self.store, run.id, ended.get("version"))
        except asyncio.CancelledError:
            if not run.over:
                raise  # the service itself ends; the run goes on next time
        finally:
            await self.queue.load()


def service_of(request: Any) -> Service:
    return request.app.state.service
