"""Owns learning: the round under way, the time it may take, the weights it begins with.

The page's worker, the server and the command line send it commands and hear of each step. Nothing
else changes its state.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.next_work import MEMORY
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import DATA_SET, LESSON, TRAINING, RoundEnd
from oneseek.engine.history.snapshot import SnapshotDamaged
from oneseek.engine.history.versions import GENERIC, Versions
from oneseek.engine.learning import shape
from oneseek.engine.learning.memory.mind import Mind
from oneseek.engine.learning.needs import judge, model_takes
from oneseek.engine.learning.rebuilder import Rebuilder
from oneseek.engine.learning.replay import History, must_be_reset, reset
from oneseek.engine.learning.rounds.gate_questions import AdapterScope
from oneseek.engine.learning.runs import generate_run_id
from oneseek.engine.learning.skills.held_out import Reads
from oneseek.engine.learning.trainer import RoundTrainer, check
from oneseek.engine.learning.training_engine import TrainingEngine
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from oneseek.engine.turns import background, urgent

BASE = 0  # the number of the version that has learned nothing
Work = Callable[[], Awaitable[Any]]


class Busy(RuntimeError):
    """A round is open already."""


class NothingLeft(LookupError):
    """The interrupted round is gone, or its parent version has changed; its examples are queued
    again."""


class ExampleGone(KeyError):
    """An example was removed from the queue just before its lesson."""


class OnlyChats(ValueError):
    """The model is too large to be trained."""


@dataclass
class Round:
    """A round under way; its task works whenever the turns allow."""

    run: str
    kind: str
    steps: int
    task: asyncio.Task
    metrics: dict = field(default_factory=dict)


OnStep = Callable[[Round], Awaitable[None]]


async def _ignore_step(round: Round) -> None:
    """Ignore the steps of a round."""


class Learner:
    """One model's rounds, one at a time. `reads` reads the questions of skills; `reread()` is
    called when versions or facts were changed in the store itself."""

    def __init__(
        self,
        model: Model,
        versions: Versions,
        config: TrainingConfig,
        mind: Mind,
        reads: Reads,
        reread: Callable[[], None],
        memory_budget: int | None = None,
        device_memory: int = 0,
    ) -> None:
        self.model, self.versions, self.config, self.mind = model, versions, config, mind
        self.reread, self.device_memory = reread, device_memory  # 0 where the device does not say
        self.turns = model.executor.turns
        opened = shape.over_all_layers(config)
        trained = Trained.from_training(model.config, opened)
        self.trainer = RoundTrainer(
            model, trained, opened, memory_budget=memory_budget, reads=reads
        )
        self.training = TrainingEngine(
            versions,
            self.trainer,
            monotonic=lambda: self.turns.worked,
            out_of_scope=AdapterScope(mind.memory).list_outside,
        )
        self.history = History(versions, self.trainer)
        self.rebuilder = Rebuilder(versions, self.history, self.make_room)
        self.round: Round | None = None

    @cached_property
    def fits(self) -> dict:
        """Return the memory that the model needs, the memory there is, and whether it can learn."""
        name = self.model.executor.name
        return judge(model_takes(self.model, self.trainer.memory_budget), name, self.device_memory)

    @property
    def trainable(self) -> bool:
        return self.fits["learns"]

    def must_learn(self) -> None:
        if not self.trainable:
            needed, room = (f"{self.fits[key] / 1e9:.1f} GB" for key in ("learn_bytes", "room"))
            raise OnlyChats(
                f"{self.model.name} can answer here but not learn: learning needs about {needed} "
                f"of memory, and {room} can be used. Nothing was changed; teach a smaller model"
            )

    async def learn(
        self,
        kind: str,
        ids: list[str],
        line: str,
        on_step: OnStep = _ignore_step,
        config: dict | None = None,
        store: Any = None,
    ) -> Round:
        """Open a round on queued examples, or resume the interrupted one. It works in the time that
        `grant` gives and writes through `store`, if there is one. A round of kind `memory` only
        stores them in the memory, or without any all that wait."""
        self._no_other_round()
        if kind == MEMORY:
            return self.look_into(lambda: self.mind.remember(ids), kind)
        await self._open(kind, ids, line, config, store)
        assert self.training.attempt, "a round was opened"
        steps = self.training.attempt.steps
        return self._begin(self.training.run_id, kind, steps, lambda: self._train(on_step))

    def look_into(self, work: Work, kind: str = "question", run: str = "") -> Round:
        """Run any other work that learns as a round of its own, in the time that `grant` gives."""
        self._no_other_round()
        run = run or generate_run_id(self.versions.clock())
        return self._begin(run, kind, 0, work)

    async def lesson(
        self,
        ids: list[str],
        line: str,
        on_step: OnStep,
        config: dict | None = None,
        store: Any = None,
        kind: str = "lesson",
    ) -> RoundEnd:
        """Run a whole lesson or consolidation within other work; return its outcome."""
        await self._open(kind, ids, line, config, store)
        return await self._train(on_step)

    async def data_set_round(
        self, record: dict, run: str, config: dict, store: Any, line: str = GENERIC
    ) -> None:
        """Begin or resume a run over a data set within other work."""
        await self._open(TRAINING, [record["id"]], line, config, store, run)

    def _no_other_round(self) -> None:
        self.must_learn()
        if self.round and not self.round.task.done():
            raise Busy(f"{self.round.run} is still open; finish it or discard it first")

    async def _open(
        self, kind: str, ids: list[str], line: str, config: dict | None, store: Any, run: str = ""
    ) -> None:
        """Open while nothing else has the candidate; a damaged version in use is retrained
        first."""
        try:
            async with self.rebuilder.alone:
                await self._open_alone(kind, ids, line, config, store, run)
        except SnapshotDamaged:
            await self.rebuilder.weights(await self.versions.number(line) or BASE)
            async with self.rebuilder.alone:
                await self._open_alone(kind, ids, line, config, store, run)

    async def _open_alone(
        self, kind: str, ids: list[str], line: str, config: dict | None, store: Any, run: str
    ) -> None:
        if await self.versions.store.get("state", INTENT):  # a closed tab was forgetting something
            with urgent():
                await self.history.resume()
        self.training.configure(config or shape.new(self.config))
        self.training.write_through(store or self.versions.store)
        reopened = await self.training.reopen(line, kind)
        if run or not (reopened and self.training.run_id):
            self.training.call(run or generate_run_id(self.versions.clock()))
        if not reopened and kind == LESSON and not ids:
            raise NothingLeft("there is no interrupted lesson to go on with; nothing was changed")
        if not reopened:
            records = [await self.versions.store.get("queue", id) for id in ids]
            missing = [id for id, record in zip(ids, records, strict=True) if record is None]
            if missing:
                raise ExampleGone(f"the queue holds no example {missing[0]!r} any more")
            for record in records:
                if record["kind"] != DATA_SET:
                    check(self.trainer.coder, record)
            await self.training.open(kind, records, line)

    def _begin(self, run: str, kind: str, steps: int, work: Work) -> Round:
        self.turns.grant(0)
        self.round = Round(run, kind, steps, asyncio.ensure_future(self._run_granted(work)))
        return self.round

    async def _run_granted(self, work: Work) -> Any:
        with background():
            await self.turns.breathe()
            return await work()

    async def _train(self, on_step: OnStep) -> RoundEnd:
        """Store what is taught in the memory, take the steps and evaluate, slice by slice as the
        turns allow; return the outcome."""
        await self.mind.remember()
        while await self.step(on_step):
            pass
        ended = await self.training.finish()
        if ended["version"]:
            await self.versions.clear_old_snapshots()
        return ended

    async def step(self, on_step: OnStep) -> bool:
        """Take one step of training within the work of the round; False when none is left."""
        if await self.training.advance(math.inf) is None:
            return False
        round = self.round
        assert round, "a step is part of one"
        round.metrics = self.training.get_latest_metrics()
        await on_step(round)
        await self.turns.breathe()
        return True

    async def outcome(self, round: Round) -> Any:
        """Return the result of a round that needs no grants, once it has ended."""
        try:
            return await round.task
        finally:
            if self.round is round:
                self.round = None

    def interrupt(self) -> None:
        """End the open round between two steps; it resumes from its checkpoint another time."""
        if self.round:
            self.round.task.cancel()

    async def grant(self, milliseconds: float, sparing: bool = False) -> tuple[float, dict | None]:
        """Let the open round work, or wait for the store, for about this long; on one core if it is
        to be `sparing`. Return the milliseconds used, and its outcome if it ended."""
        round = self.round
        if round is None:
            raise LookupError("no round is open")
        self.turns.spend(sparing)
        if self.turns.answering():
            return 0.0, None
        began = self.turns.clock()
        self.turns.held.clear()
        self.turns.grant(milliseconds)
        held = asyncio.ensure_future(self.turns.held.wait())
        either = {round.task, held}
        await asyncio.wait(either, timeout=milliseconds / 1e3, return_when=asyncio.FIRST_COMPLETED)
        held.cancel()
        used = (self.turns.clock() - began) * 1e3
        if not round.task.done() or round.task.cancelled():  # thrown away meanwhile
            return used, None
        self.round = None
        return used, round.task.result()

    def drop(self) -> None:
        """Drop the open round; the chat keeps its version. A task that waits for its turn inside
        synchronous code is cancelled only when it gets one."""
        if self.round:
            self.round.task.cancel()
            self.round = None
            self.turns.free()
        self.training.drop()

    async def make_room(self) -> None:
        """Take the one candidate from the open round, once its task has ended; the round resumes
        from its checkpoint."""
        task = self.round.task if self.round else None
        if task is not None and task is not asyncio.current_task():
            self.drop()
            await asyncio.wait({task})

    async def forget(self, ids: list[str], now: bool) -> tuple[list[dict], dict | None]:
        """Return the versions that learned from these examples, and the one before them; with `now`
        also remove them and retrain everything after without the examples."""
        touched = await self.history.find_versions(ids)
        parents = [one["parent"] for one in touched]
        mine = {one["number"] for one in touched}
        before = next((n for n in parents if n and n not in mine), None)
        record = await self.versions.record(before) if before else None
        if now:
            await self.beneath(self.history.forget(ids))
        return touched, record

    async def finish_forgetting(self) -> bool:
        """Finish a forgetting begun here or by another device; return whether there was any."""
        if not await self.versions.store.get("state", INTENT):
            return False
        return await self.beneath(self.history.resume()) is not None

    async def beneath(self, change: Awaitable[Any]) -> Any:
        """Await a change of facts or versions in the store. A round under way stops first and goes
        on from its checkpoint later; everything read from the store is read again."""
        async with self.rebuilder.alone:
            await self.make_room()
            done = await change
        self.reread()
        return done

    async def reset(self, word: str) -> None:
        """Remove every version, example and snapshot; the base model stays. Another word than RESET
        changes nothing."""
        must_be_reset(word)
        self.drop()
        await reset(self.versions, word)
        self.reread()
