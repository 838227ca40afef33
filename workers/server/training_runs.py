"""Runs over data sets: asked for, waiting, under way, and what became of each, kept in the store.

A run goes on after a restart with the epoch it was in, from the checkpoint of its round.
"""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Callable
from typing import Any

from engine.core.settings import MODES, StopConfig, TrainingConfig
from engine.history.dna import record_dna
from engine.history.round_plan import TRAINING, make_plan
from engine.history.versions import GENERIC, label
from engine.learning import run_data, shape
from engine.learning.needs import Watch, measured_pace, needs
from engine.learning.runs import TrainingRun, validate_base_models


def must_have_place(wanted: TrainingConfig, config: TrainingConfig) -> None:
    """A run never leaves out what was asked for, nor what was learned before."""
    if shape.written(wanted) != shape.written(config):
        raise ValueError(
            f"what is in use was trained in mode {config.mode} with rank {config.lora_config.rank}, "
            f"and a run in mode {wanted.mode} with rank {wanted.lora_config.rank} cannot go on from "
            "it without losing some of it; nothing was changed. Go back to the original model, or to "
            "a version before it, to begin anew"
        )


OPEN = "runs.open"  # in `state`: the runs that wait or are under way, oldest first
MEASURES = ("scale", "measures", "notes", "losses", "steps")


class Runs:
    """The runs of one service; `emit(event)` reaches everyone who listens."""

    def __init__(self, service: Any, emit: Callable[[dict], Any]) -> None:
        self.service, self.emit = service, emit
        self.store, self.versions = service.store, service.assistant.versions
        self.known: dict[str, TrainingRun] = {}
        self.now: TrainingRun | None = None
        self.loaded = False

    @property
    def coming(self) -> list[TrainingRun]:
        """What waits; a run that a restart interrupted first."""
        waiting = [run for run in self.known.values() if not run.over and run is not self.now]
        return sorted(waiting, key=lambda run: run.state != "training")

    async def load(self) -> None:
        """What is stored of earlier runs."""
        if self.loaded:
            return
        self.loaded = True
        for key in await self.store.keys("state"):
            if str(key).startswith("run-"):
                kept = await self.store.get("state", key)
                self.known[key] = TrainingRun.of(kept, self.service.clock, self.emit, self.keep)

    async def keep(self, run: TrainingRun) -> None:
        waiting = [id for id, one in self.known.items() if not one.over]
        begun = [id for id in waiting if self.known[id].state == "training"]
        told = {"ids": waiting, "begun": begun[0] if begun else ""}
        await self.store.batch(
            [["put", "state", run.id, run.to_dict()], ["put", "state", OPEN, told]]
        )

    async def start(
        self, models: list[str], data: str, epochs: int, rate: float, threshold: float,
        patience: int, shaped: dict | None = None,
    ) -> TrainingRun:  # fmt: skip
        """A run that begins when nobody is waiting for an answer; `shaped` says what it trains of
        the model (mode, full_blocks, lora_config), otherwise it goes on in the shape in use."""
        self.service.assistant.must_learn()
        await self.load()
        chosen = validate_base_models(models, [self.service.model])
        record = await run_data.find(self.store, data)
        stop = StopConfig(threshold=threshold, patience=patience)
        wanted = shaped or {}
        about = {"datasetId": data, "dataset": record["prompt"], "record": record["id"],
                 "examples": record["examples"], "shape": wanted,
                 "needs": await self.needs(record, epochs, wanted)}  # fmt: skip
        run = TrainingRun(
            chosen, epochs, rate, self.service.clock, self.emit, stop=stop,
            taken=self.known.__contains__, about=about, keep=self.keep,
        )  # fmt: skip
        self.known[run.id] = run
        await self.store.batch([["put", "queue", record["id"], record]])
        await self.keep(run)
        return run

    async def modes(self, data: str, epochs: int) -> list[dict]:
        """What a run in each mode would take, or why it cannot be."""
        record, told = await run_data.find(self.store, data), []
        for mode in MODES:
            try:
                told.append(await self.needs(record, epochs, {"mode": mode}))
            except ValueError as why:
                told.append({"mode": mode, "refused": str(why)})
        return told

    async def needs(self, record: dict, epochs: int, wanted: dict) -> dict:
        """The memory and the time a run will take; ValueError when the version in use has no place
        in what it would train."""
        trainer = self.service.assistant.trainer
        number = await self.versions.number(GENERIC)
        before = await self.service.assistant.whole.weights(number) if number else trainer.fresh()
        plan = make_plan(TRAINING, {}, [record], [], wanted)
        config = trainer.shape_for(before, plan)
        asked = config.replace(**wanted)
        must_have_place(asked, config)
        pace = await measured_pace(self.store)
        return needs(trainer, asked.replace(epochs=epochs), record, pace)

    async def cancel(self, id: str) -> TrainingRun:
        """End a run; what it trained is thrown away, and the chat keeps the version it has."""
        run = self.run(id)
        if run.over:
            raise ValueError(f"{id} is over already ({run.state}); nothing was changed")
        run.state = "cancelled"
        if run is self.now:
            round, self.now = self.service.assistant.round, None
            self.service.assistant.drop()
            if round:
                await asyncio.wait({round.task})
        await self.store.batch([["delete", "snapshots", f"round.{self.versions.base}.{GENERIC}"]])
        await run.fail("a person ended it; nothing was changed", "cancelled")
        return run

    def run(self, id: str) -> TrainingRun:
        if id not in self.known:
            raise LookupError(f"there is no run {id!r}")
        return self.known[id]

    # ---- doing one

    def begin(self, run: TrainingRun, on_step: Callable, store: Any = None) -> Any:
        """The run as a round of the assistant, done in the time it grants."""
        self.now = run
        assistant = self.service.assistant
        return assistant.look_into(lambda: self.work(run, on_step, store), TRAINING, run.id)

    async def work(self, run: TrainingRun, on_step: Callable, store: Any) -> dict:
        """All of it: epochs, gate, and the files it leaves; what became of its round."""
        ended: dict = {}
        watch = Watch(self.service.assistant.model.executor)

        async def finish() -> dict:
            ended.update(await self.service.assistant.training.finish())
            gate, version = ended["gate"], ended["version"]
            return {
                "outcome": ended["outcome"],
                "reason": ended["reason"],
                "version": version and label(version),
                "version_name": version and version["name"],
                "gate": {name: gate[name] for name in MEASURES if name in gate},
                "memory_used": watch.most(),
            }

        try:
            await self.open(run, store)
            await run.run(lambda model, epoch, weight, rate: self.epoch(epoch, on_step), finish)
            await self.leave_files(run)
        except asyncio.CancelledError:
            raise
        except Exception as fault:
            await run.fail(str(fault))
            raise
        finally:
            self.now = None
        return ended

    async def open(self, run: TrainingRun, store: Any) -> None:
        record = await self.store.get("queue", run.about["record"])
        if record is None:
            raise LookupError(f"the data set {run.about['dataset']!r} is no longer there")
        stop = run.stop.config.to_dict()
        wanted = run.about.get("shape", {})
        config = {"epochs": run.epochs, "learning_rate": run.learning_rate,
                  "confidence_auto_stop": stop} | wanted  # fmt: skip
        await self.service.assistant.data_set_round(record, run.id, config, store)
        trained = self.service.assistant.training.attempt.trainer.config
        must_have_place(trained.replace(**wanted), trained)
        self.service.assistant.round.steps = self.service.assistant.training.attempt.steps

    async def epoch(self, epoch: int, on_step: Callable) -> float:
        """Train until so many epochs were validated; the loss of the validation part."""
        assistant = self.service.assistant
        training = assistant.training
        losses = training.attempt.losses
        while len(losses) < epoch:
            if await training.advance(math.inf) is None:
                raise ArithmeticError(training.broken or f"it ended before epoch {epoch}")
            assistant.round.metrics = training.get_latest_metrics()
            await on_step(assistant.round)
            await assistant.turns.breathe()
        return losses[epoch - 1]

    async def forget(self) -> None:
        """What runs that are over left: their records and their folders."""
        gone = [id for id, run in self.known.items() if run.over]
        if gone:
            await self.store.batch([["delete", "state", id] for id in gone])
        for id in gone:
            del self.known[id]
        if self.service.folder:
            shutil.rmtree(self.service.folder / "runs", ignore_errors=True)

    async def leave_files(self, run: TrainingRun) -> None:
        if not self.service.folder:
            return
        count = (await self.service.micro.stats())["stage_counts"]["stage2"]
        dna = await record_dna(self.versions, GENERIC, count)
        proof = {"entries": await self.versions.ledger.entries(),
                 "head": await self.versions.ledger.head()}  # fmt: skip
        run.write(self.service.folder / "runs" / run.id, dna, proof)
