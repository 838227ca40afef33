"""Runs over data sets: those that wait, the one under way, and the outcome of each, kept in the
store.

After a restart a run goes on with the epoch it was in, from the checkpoint of its round.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.executor import DeviceLost
from oneseek.engine.core.settings import (
    DATA_PRESETS,
    MODES,
    StopConfig,
    run_settings,
)
from oneseek.engine.history.certificate import record_dna
from oneseek.engine.history.round_plan import TRAINING, RoundEnd, make_plan
from oneseek.engine.history.versions import GENERIC, LEARNED, Versions, round_of
from oneseek.engine.learning import run_data, shape
from oneseek.engine.learning.adaptive import AdaptiveConfig
from oneseek.engine.learning.needs import Watch, needs, read_pace
from oneseek.engine.learning.runs import RunState, TrainingRun, validate_base_models
from oneseek.engine.learning.skills.examples import Examples
from oneseek.engine.learning.skills.skills import line_in, skill_record
from oneseek.engine.learning.taste.taste import is_taste
from oneseek.engine.learning.tuning import trials
from oneseek.engine.turns import urgent
from oneseek.workers.server.idle_work import questions_between
from oneseek.workers.server.relay import Relay, describe_outcome, find_outcome, must_have_come_to

log = logging.getLogger("oneseek")
OPEN = "runs.open"  # in `state`: the runs that wait or are under way, oldest first


class Runs:
    """The runs of one service; `emit(event)` reaches everyone who listens."""

    def __init__(
        self, service: Any, emit: Callable[[dict], Any], kept: Callable[[], Any] = lambda: None
    ) -> None:
        self.service, self.emit = service, emit
        self.store, self.versions = service.store, service.assistant.versions
        self.guests = service.guests
        self.known: dict[str, TrainingRun] = {}
        self.now: TrainingRun | None = None
        self.task: asyncio.Task | None = None  # that does it
        self.loaded = False
        self.kept = kept  # called when a run was stored

    @property
    def coming(self) -> list[TrainingRun]:
        """The waiting runs of models that are here; one that a restart interrupted comes first."""
        waiting = [run for run in self.known.values() if not run.over and run is not self.now]
        waiting = [run for run in waiting if not self.list_missing(run)]
        return sorted(waiting, key=lambda run: run.state != RunState.TRAINING)

    def list_missing(self, run: TrainingRun) -> list[str]:
        """The models that a run waits for: it was requested from a host that had them."""
        return [one for one in run.models if not run.over and one not in self.service.names.models]

    def list_runs(self) -> list[dict]:
        """Every run as the API tells it, newest first."""
        newest = [self.known[id] for id in sorted(self.known)[::-1]]
        return [{**run.to_dict(), "waits_for": self.list_missing(run)} for run in newest]

    async def load(self) -> None:
        """Load what is stored of earlier runs."""
        if self.loaded:
            return
        self.loaded = True
        for key in await self.store.keys("state"):
            if str(key).startswith("run-"):
                kept = await self.store.get("state", key)
                self.known[key] = TrainingRun.of(kept, self.service.clock, self.emit, self.keep)

    async def keep(self, run: TrainingRun) -> None:
        waiting = [id for id, one in self.known.items() if not one.over]
        begun = [id for id in waiting if self.known[id].state == RunState.TRAINING]
        told = {"ids": waiting, "begun": begun[0] if begun else ""}
        await self.store.batch(
            [["put", "state", run.id, run.to_dict()], ["put", "state", OPEN, told]]
        )
        self.kept()

    async def start(
        self, models: list[str], data: str, epochs: int | None, rate: float | None,
        stop: dict, shaped: dict | None = None, adaptive: AdaptiveConfig | None = None,
        tune: float = 0.0, preset: str = DATA_PRESETS[0], skill: str = "",
    ) -> TrainingRun:  # fmt: skip
        """Store a run that begins when nobody is waiting for an answer. It follows a recipe for
        data sets, except for the given epochs, rate and `stop`; `shaped` says what it trains of the
        model (mode, full_blocks, lora_config), otherwise it keeps the shape in use. `tune` seconds
        of tries come before it. A run with a `skill` teaches that one."""
        await self.load()
        chosen = validate_base_models(models, self.service.names.models)
        record = await run_data.find(self.store, data)
        if skill:
            record = skill_record(skill, record)
        recipe = self.recipe(chosen, preset, record)
        usual = recipe.pop("epochs"), recipe.pop("learning_rate")
        epochs, rate = epochs or usual[0], rate or usual[1]
        wanted = recipe | (shaped or {})
        if is_taste(record) and chosen != [self.service.model]:
            raise ValueError(
                f"only {self.service.model}, the model that answers here, can learn a taste; "
                "nothing was changed. Name no other model"
            )
        if chosen != [self.service.model] or record["forms"] == ["text"]:
            wanted["stop_by"] = "loss"  # the measure that models in turns share
        if tune and chosen != [self.service.model]:
            raise ValueError(
                f"settings are found only for {self.service.model}, the model that answers here; "
                "nothing was changed. Leave tune out, or name only that model"
            )
        with urgent():  # the caller waits
            taken = await self.needs_of(chosen, record, epochs, wanted, tune)
        about = {"datasetId": data, "dataset": record["prompt"], "record": record["id"],
                 "examples": record["examples"], "shape": wanted, "needs": taken}  # fmt: skip
        more = ("tune", tune), ("skill", skill), ("taste", is_taste(record))
        about |= {name: one for name, one in more if one}
        run = TrainingRun(
            chosen, epochs, rate, self.service.clock, self.emit, adaptive, StopConfig(**stop),
            self.known.__contains__, about, self.keep,
        )  # fmt: skip
        self.known[run.id] = run
        await self.store.batch([["put", "queue", record["id"], record]])
        await self.keep(run)
        return run

    def recipe(self, models: list[str], preset: str, record: dict) -> dict:
        """The usual settings of a run's plan; of several models the largest decides, as it needs
        the smallest rate."""
        sizes = {name: one.parameters for name, one in self.guests.known.items()}
        sizes[self.service.model] = self.service.assistant.model.config.parameters
        largest = max(sizes[name] for name in models)
        return run_settings(preset, largest, record["examples"], "skill" in record)

    async def modes(
        self, data: str, epochs: int | None, tune: float = 0.0, chosen: dict | None = None
    ) -> list[dict]:
        """What a run in each mode would take with the `chosen` settings, or why it is refused."""
        record, told = await run_data.find(self.store, data), []
        recipe = self.recipe([self.service.model], DATA_PRESETS[0], record)
        epochs = epochs or recipe["epochs"]
        del recipe["epochs"], recipe["learning_rate"]
        for mode in MODES:
            try:
                wanted = recipe | (chosen or {}) | {"mode": mode}
                told.append(await self.needs(self.service.model, record, epochs, wanted, tune))
            except ValueError as why:
                told.append({"mode": mode, "refused": str(why)})
        return told

    async def needs_of(
        self, models: list[str], record: dict, epochs: int, wanted: dict, tune: float = 0.0
    ) -> dict[str, Any]:
        """What a run over several models takes; one of them computes at a time."""
        if models == [self.service.model]:
            return await self.needs(models[0], record, epochs, wanted, tune)
        each = {model: await self.needs(model, record, epochs, wanted) for model in models}
        seconds = [one["seconds"] for one in each.values()]
        return {
            "memory_bytes": max(one["memory_bytes"] for one in each.values()),
            "seconds": None if None in seconds else sum(seconds),
            "models": each,
        }

    async def needs(
        self, model: str, record: dict, epochs: int, wanted: dict, tune: float = 0.0
    ) -> dict:
        """The memory and the time a run will take, with its tries; ValueError when the version in
        use does not fit into what it would train, or when there is no room for the model."""
        learner = (await self.service.assistant_for(model)).learner
        learner.must_learn()
        trainer, number = learner.trainer, await learner.versions.number(line_in(record))
        before = await learner.rebuilder.weights(number) if number else trainer.fresh()
        plan = make_plan(TRAINING, {}, [record], [], wanted)
        config = trainer.shape_for(before, plan)
        asked = config.replace(**wanted)
        shape.must_have_place(asked, config)
        pace = await read_pace(self.store)
        if tune:
            trials.must_be_adapter(asked)
            trials.must_suffice(int(record["examples"] * (1 - asked.validation_split)))
            asked = trials.widest(asked)
        told = needs(trainer, asked.replace(epochs=epochs), record, pace)
        if tune and told["seconds"]:
            told["seconds"] += tune
        if model != self.service.model:
            self.guests.must_fit(model, told["memory_bytes"])
            told["memory_bytes"] += self.guests.known[model].bytes
        return told

    async def cancel(self, id: str) -> TrainingRun:
        """End a run; what it trained is thrown away, and the chat keeps its version."""
        run = self.run(id)
        if run.over:
            raise ValueError(f"{id} is over already ({run.state}); nothing was changed")
        run.cancel()
        if run is self.now:
            self.now = None
            self.service.learner.drop()
            if self.task:
                await asyncio.wait({self.task})
        await self.forget_checkpoints(run)
        await run.fail("a person ended the run; nothing was changed", RunState.CANCELLED)
        return run

    async def forget_checkpoints(self, run: TrainingRun) -> None:
        """Delete a run's checkpoints: another run over the same data must not go on from them."""
        here = [model for model in run.models if model in self.service.names.models]
        line = line_in(run.about)
        keys = [round_of(self.service.names.base_of(model), line, TRAINING) for model in here]
        await self.store.batch([["delete", "snapshots", key] for key in keys])

    def run(self, id: str) -> TrainingRun:
        if id not in self.known:
            raise LookupError(f"there is no run {id!r}")
        return self.known[id]

    # ---- doing one

    def begin(self, run: TrainingRun, on_step: Callable, store: Any = None) -> Any:
        """The run as a round of the assistant, done in the time it grants."""
        self.now = run
        round = self.service.learner.look_into(
            lambda: self.work(run, on_step, store), TRAINING, run.id
        )
        self.task = round.task
        return round

    async def work(self, run: TrainingRun, on_step: Callable, store: Any) -> dict:
        """Do a whole run: epochs, gate, and the files it leaves; the outcome of its round."""
        try:
            if run.models == [self.service.model]:
                ended = await self.alone(run, on_step, store)
            else:
                ended = await self.in_turns(run, store)
            await self.leave_files(run)
        except (asyncio.CancelledError, DeviceLost):
            raise
        except Exception as fault:
            log.error("a run failed, what is saved is untouched", exc_info=fault)
            self.service.count_failure()
            await self.forget_checkpoints(run)
            await run.fail(str(fault))
            ended = {"outcome": "failed", "reason": run.reason, "version": None, "gate": {}}
        finally:
            self.now = None
        return ended

    async def alone(self, run: TrainingRun, on_step: Callable, store: Any) -> dict:
        """Do a run of the model that answers: one round from its first epoch to its gate."""
        if made := await find_outcome(run.id, self.versions):
            await self.settle(run, made)
            await run.complete(describe_outcome(made) | {"memory_used": None})
            return dict(made)
        ended: dict = {}
        watch = Watch(self.service.assistant.model.executor)

        async def finish() -> dict:
            await self.come_to(len(run.metrics), on_step)  # a restart may have gone back behind it
            came = await self.service.learner.training.finish({"run": run.id})
            ended.update(came)
            await self.settle(run, came)
            return describe_outcome(came) | {"memory_used": watch.most()}

        record = await self.record(run)
        await self.tune(run, record)
        await self.open(run, self.service.assistant, record, {}, store)
        again = partial(self.open, run, self.service.assistant, record, {}, store)
        between = partial(questions_between, self.service, again)
        await run.run(lambda model, at, weight, rate: self.epoch(at, on_step), finish, between)
        return ended

    async def settle(self, run: TrainingRun, ended: RoundEnd) -> None:
        """Record the outcome of a skill, so that questions for it find it; delete the queue's
        record of a taste, so that a refused one leaves no second copy of its choices."""
        if skill := run.about.get("skill"):
            known = Examples(self.service.assistant.skills)
            await known.record_outcome(skill, await self.record(run), ended)
        if is_taste(run.about):
            await self.store.batch([["delete", "queue", run.about["record"]]])

    async def tune(self, run: TrainingRun, record: dict) -> None:
        """Find the settings of a run by tries, which are kept with it."""
        if not run.about.get("tune"):
            return
        training, turns = self.service.learner.training, self.service.learner.turns
        training.configure(self.config_of(run))

        async def save(table: dict) -> None:
            run.about["tuning"] = table
            await self.keep(run)

        table, seconds = run.about.get("tuning"), run.about["tune"]
        tuning = await trials.find_settings(
            training, record, table, seconds, lambda: turns.worked, save, turns.breathe
        )
        settings = dict(tuning.settings)
        run.use(settings.pop("epochs"), settings.pop("learning_rate"))
        run.about["shape"] = trials.merge_settings(run.about["shape"], settings)
        await self.keep(run)

    async def in_turns(self, run: TrainingRun, store: Any) -> dict:
        """Do a run of several base models, or of one that is not the one that answers."""
        record = await self.record(run)
        self.guests.pin(run.id)

        async def begin(assistant: Assistant, multipliers: list[float]) -> None:
            await self.store.batch([["put", "queue", record["id"], record]])
            more = {"rate_multipliers": multipliers, "confidence_auto_stop": {"enabled": False}}
            await self.open(run, assistant, record, more, store)

        async def load(model: str) -> Assistant:
            return await self.service.assistant_for(model, run.id)

        try:
            relay = Relay(run, self.store, load, begin, self.dna)
            between = partial(questions_between, self.service)
            results = await run.run(relay.train, relay.finish, between)
            if any(one["version"] for one in run.ended.values()):
                await self.store.batch([["delete", "queue", record["id"]]])
        finally:
            self.guests.unpin()
        return {**results, "version": None}  # that is for rounds of the model that answers

    async def record(self, run: TrainingRun) -> dict:
        """The record of its data set: in the queue, or in the examples once a model learned it."""
        for place in ("queue", "examples"):
            if kept := await self.store.get(place, run.about["record"]):
                others = {name: kept[name] for name in kept if name not in LEARNED}
                return {**others, "state": "run"}
        raise LookupError(f"the data set {run.about['dataset']!r} is no longer there")

    async def open(
        self, run: TrainingRun, assistant: Assistant, record: dict, more: dict, store: Any
    ) -> None:
        """Open the round of a model in this run, or go on with it."""
        wanted = run.about.get("shape", {})
        config = self.config_of(run) | more
        learner = assistant.learner
        await learner.data_set_round(record, run.id, config, store, line_in(record))
        attempt: Any = learner.training.attempt
        trained = attempt.trainer.config
        shape.must_have_place(trained.replace(**wanted), trained)

    def config_of(self, run: TrainingRun) -> dict[str, Any]:
        """The settings of the run's plan."""
        return {"epochs": run.epochs, "learning_rate": run.learning_rate,
                "confidence_auto_stop": run.stop.config.to_dict(),
                **run.about.get("shape", {})}  # fmt: skip

    async def epoch(self, epoch: int, on_step: Callable) -> float:
        """Train one more epoch; the loss of the validation part."""
        await self.come_to(epoch, on_step)
        return self.service.learner.training.attempt.losses[epoch - 1]

    async def come_to(self, epoch: int, on_step: Callable) -> None:
        """Train until so many epochs were validated."""
        learner = self.service.learner
        while len(learner.training.attempt.losses) < epoch:
            if not await learner.step(on_step):
                must_have_come_to(epoch, learner.training)

    async def forget(self) -> None:
        """Delete every run, also the one under way: its record, its checkpoint and its folder."""
        for run in list(self.known.values()):
            if not run.over:
                await self.cancel(run.id)
        await self.store.batch([["delete", "state", key] for key in (*self.known, OPEN)])
        self.known.clear()
        self.guests.leave()
        if self.service.folder:
            shutil.rmtree(self.service.folder / "runs", ignore_errors=True)

    async def leave_files(self, run: TrainingRun) -> None:
        if not self.service.folder:
            return
        models = run.results.get("models")
        dna = (
            {one: models[one]["dna"] for one in models} if models else await self.dna(self.versions)
        )
        proof = {"entries": await self.versions.ledger.entries(),
                 "head": await self.versions.ledger.head()}  # fmt: skip
        run.write(self.service.folder / "runs" / run.id, dna, proof)

    async def dna(self, versions: Versions) -> dict:
        count = (await self.service.micro.stats())["stage_counts"]["stage2"]
        return await record_dna(versions, GENERIC, count)
