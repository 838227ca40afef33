"""A folder in which a model learns: PEFT's files, and beside them all that is needed to go on.

Lessons and practice are the page's own rounds over the page's own stores, kept in one SQLite file;
whatever ends the process, the same call goes on where it stopped, to the same bits.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import cast

import numpy as np

from oneseek.engine.core.exchange.arriving import EXCHANGED
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.core.storage.sqlite import SqliteStore, keep_private, make_folder
from oneseek.engine.history.round_plan import DATA_SET, LESSON, PRACTICE, TRAINING
from oneseek.engine.history.snapshot import Arrays, SnapshotDamaged
from oneseek.engine.history.versions import GENERIC, TASTE, behind
from oneseek.engine.learning import shape
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here
from oneseek.engine.learning.memory.mind import Mind
from oneseek.engine.learning.replay import History
from oneseek.engine.learning.rounds.gate_questions import AdapterScope
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.learning.skills.examples import Examples
from oneseek.engine.learning.skills.skills import Skills, line_of, skill_record
from oneseek.engine.learning.taste.taste import Taste, taste_record
from oneseek.engine.learning.trainer import RoundTrainer, check
from oneseek.engine.learning.training_engine import TrainingEngine
from oneseek.engine.learning.tuning.halving import SavedTuning, Tuning
from oneseek.engine.learning.tuning.trials import find_settings
from oneseek.engine.model.adapters import CARD, convert_layout, load_adapter, name_in, save_adapter
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from oneseek.engine.open import clock, keep_bits, versions_of

STORE = "oneseek.sqlite"
KNOWN_AS = "course"  # in `state`: what the folder is for
Heard = Callable[[dict], None]
Elsewhere = Callable[[RoundAttempt], Awaitable[None]]


def record_of(given: dict) -> dict:
    """The queue's record of a line of a lessons file."""
    question, answer = given.get("question") or given.get("prompt") or "", given.get("answer") or ""
    example = {
        "kind": "lesson",
        "prompt": question,
        "answer": answer,
        "phrasings": list(given.get("phrasings") or ()),
        "language": given.get("language") or guess(f"{question} {answer}"),
        "priority": "correction",
        "source": {"kind": "text"},
    }
    return TrainingQueue(clock).add(example)


class Session:
    """One model's rounds in one folder."""

    trainer: RoundTrainer
    training: TrainingEngine

    def __init__(self, folder: Path, model: Model, budget: int | None):
        make_folder(folder)
        self.folder, self.model, self.budget = folder, model, budget
        self.store = SqliteStore(folder / STORE)
        self.versions = versions_of(model, self.store, model.fingerprint)

    @classmethod
    async def open(
        cls,
        folder: Path,
        model: Model,
        config: TrainingConfig | None = None,
        adapter: Path | None = None,
        budget: int | None = None,
    ) -> Session:
        """The folder's session, or a new one that begins with an adapter. Without a configuration
        it has the one that it was made with."""
        if adapter and not (folder / STORE).exists() and (adapter / STORE).exists():
            copy_store(adapter / STORE, folder / STORE)
        session = cls(folder, model, budget)
        await keep_bits(model, session.store)
        try:
            await session.configure(await session._recognise(config))
            if adapter and adapter.resolve() != folder.resolve():
                await session.begin_with(adapter)
        except BaseException:
            await session.close()
            raise
        return session

    async def _recognise(self, config: TrainingConfig | None) -> TrainingConfig:
        """Remember what this folder is for, or refuse to use it for something else."""
        known = await self.store.get("state", KNOWN_AS)
        if known is None:
            config = config or for_model(self.model.config.parameters)
            mine = {"model": self.model.fingerprint, "config": config.to_dict()}
            await self.store.batch([["put", "state", KNOWN_AS, mine]])
            return config
        before = TrainingConfig(**known["config"])
        if known["model"] != self.model.fingerprint:
            raise ValueError(
                f"{self.folder} belongs to another model than {self.model.name}. Nothing was "
                "changed. Choose another --out"
            )
        shapes = [
            Trained.from_training(self.model.config, shape.over_all_layers(one))
            for one in (before, config or before)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{self.folder} contains an adapter of another shape (mode {before.mode}, "
                f"{before.lora_config}). Nothing was changed. Choose another --out"
            )
        return config or before

    async def configure(self, config: TrainingConfig) -> None:
        """Train by this configuration from now on."""
        self.config = config
        opened = shape.over_all_layers(config)
        self.mind = Mind(self.model, Encoder(encoder_here, self.model.executor), self.versions)
        self.skills = Skills(self.versions, self.mind.memory.encoder)
        self.trainer = await RoundTrainer.open(self.model, opened, self.budget, reads=self.skills)
        self.examples = Examples(self.skills)
        self.taste = Taste(self.versions)
        self.training = TrainingEngine(
            self.versions,
            self.trainer,
            shape.new(config),
            out_of_scope=AdapterScope(self.mind.memory).list_outside,
        )

    async def close(self) -> None:
        await self.store.close()

    # ---- what it knows

    async def list_learned(self) -> list[dict]:
        """Everything accepted that still stands, in the order it was learned."""
        return await self.versions.pool()

    async def list_refused(self) -> list[dict]:
        """The lessons that the gate refused, which practice may still make right, and those that
        another device brought."""
        queue = [r for _, r in await self.store.all("queue") if r["kind"] != DATA_SET]
        return [
            r for r in queue
            if r["state"] == "rejected" or (r["state"], r["why"]) == ("ready", EXCHANGED)
        ]  # fmt: skip

    async def find_outcome(self, id: str) -> dict | None:
        """The outcome of an example's earlier round, or None."""
        for record in await self.versions.records():
            if id in record["lessons"]:
                gate = record["gate"]
                return _make_outcome(gate["outcome"], gate["reason"], record, gate)
        record = await self.store.get("queue", id)
        if record and record.get("state") == "rejected":
            return _make_outcome("not learned", record["why"], None, {})
        return None

    async def weights(self) -> np.ndarray:
        """The adapter in use, as one over all layers."""
        return self.trainer.grow(await self._weights())

    async def adapter(self) -> tuple[Trained, np.ndarray]:
        """The adapter in use as it was trained."""
        weights = await self._weights()
        return self.trainer.layout_of(weights), shape.unpack_weights(weights)[1]

    async def _weights(self) -> Arrays:
        """The weights in use; damaged ones are trained again to the same bits."""
        number = await self.versions.number(GENERIC)
        if not number:
            return self.trainer.fresh()
        try:
            return await self.versions.weights(number)
        except SnapshotDamaged:
            return await History(self.versions, self.trainer).repair(number)

    async def begin_with(self, adapter: Path) -> None:
        """Start from an adapter made elsewhere; a folder that has versions keeps its own."""
        if await self.versions.number(GENERIC):
            return
        flat = convert_layout(*load_adapter(adapter, self.model.config), self.trainer.trained)
        await self.training.adopt({self.trainer.called: flat})

    # ---- rounds

    async def admit(self, adapter: Path) -> dict:
        """Use an adapter made elsewhere if the gate finds nothing worse."""
        began = time.monotonic()
        flat = convert_layout(*load_adapter(adapter, self.model.config), self.trainer.trained)
        ended = await self.training.admit({self.trainer.called: flat}, _read_name(adapter))
        if ended["version"]:
            await self.save()
        return {**ended, "seconds": time.monotonic() - began}

    async def open_round(
        self, record: dict | None = None, also: Iterable[dict] = ()
    ) -> RoundAttempt:
        """Open the round that would come next: over a data set, or practice of what is known here
        and of what is given. Nothing is trained."""
        kind, records = PRACTICE, [*await self.list_refused(), *also]
        if record:
            kind, records = TRAINING, [record]
        await self.training.open(kind, records)
        return cast(RoundAttempt, self.training.attempt)

    async def teach(self, records: list[dict], heard: Heard = lambda metrics: None) -> dict:
        """Teach one lesson, or several that take turns; the outcome."""
        for record in records:
            check(self.trainer.coder, record)
        await self.store.batch([["put", "queue", record["id"], record] for record in records])
        await self.mind.remember([record["id"] for record in records])
        return await self._round(LESSON, records, heard)

    async def practise(
        self,
        heard: Heard = lambda metrics: None,
        also: Iterable[dict] = (),
        elsewhere: Elsewhere | None = None,
    ) -> dict:
        """Train a new adapter on everything learned, refused as a lesson, or given now; it takes
        over when it is not worse."""
        new = list(also)
        await self.store.batch([["put", "queue", record["id"], record] for record in new])
        await self.mind.remember()
        return await self._round(PRACTICE, [*await self.list_refused(), *new], heard, elsewhere)

    async def tune(self, record: dict, seconds: float | None, heard: Heard) -> Tuning | None:
        """The settings for training over a data set, found by tries that last so long and go on
        where they stopped; those found before if a training by them was interrupted."""
        key = f"tuning.{record['id']}"
        asked = {"seconds": seconds, "config": self.config.to_dict()}
        kept = await self.store.get("state", key)
        half = await self.training.find_interrupted() == TRAINING
        done = kept is not None and kept["table"]["chosen"] is not None
        if half and seconds and not done:
            raise ValueError(
                f"{self.folder} contains an interrupted training without --tune. Nothing was "
                "changed. Continue it by the same command without --tune, or choose another --out"
            )
        if not (half and done) and (seconds is None or (kept and kept["asked"] != asked)):
            kept = None
        if seconds is None and kept is None:
            return None
        asked = kept["asked"] if kept else asked

        async def save(table: SavedTuning) -> None:
            heard(table)
            await self.store.batch([["put", "state", key, {"asked": asked, "table": table}]])

        table = kept and kept["table"]
        return await find_settings(
            self.training, record, table, asked["seconds"], time.monotonic, save
        )

    async def train(
        self,
        record: dict,
        heard: Heard = lambda metrics: None,
        elsewhere: Elsewhere | None = None,
    ) -> dict:
        """Train over a data set (dataset_attempt.data_set_record) until it no longer gets
        better."""
        await self.store.batch([["put", "queue", record["id"], record]])
        return await self._round(TRAINING, [record], heard, elsewhere)

    async def teach_skill(
        self, name: str, record: dict, heard: Heard = lambda metrics: None
    ) -> dict:
        """Teach a skill from a data set; questions find it once its adapter does it better. Killed
        in between, the same call goes on."""
        record, number = skill_record(name, record), await self.skills.number(name)
        before = await self.versions.record(number) if number else {"lessons": []}
        ended = await self.find_outcome(record["id"]) if record["id"] in before["lessons"] else None
        if ended is None:
            await self.store.batch([["put", "queue", record["id"], record]])
            ended = await self._round(TRAINING, [record], heard, line=line_of(name))
        await self.examples.record_outcome(name, record, ended)
        return ended

    async def train_taste(self, heard: Heard = lambda metrics: None) -> dict:
        """Train a taste from all choices; it is used once it decides what is held back as the
        person did. Killed in between, the same call goes on."""
        record, number = await taste_record(self.store), await self.versions.number(TASTE)
        before = await self.versions.record(number) if number else {"lessons": []}
        if record["id"] in before["lessons"]:
            ended = await self.find_outcome(record["id"])
            assert ended
            return ended
        await self.store.batch([["put", "queue", record["id"], record]])
        ended = await self._round(TRAINING, [record], heard, line=TASTE)
        await self.store.batch([["delete", "queue", record["id"]]])
        return ended

    async def _round(
        self,
        kind: str,
        lessons: Iterable[dict],
        heard: Heard,
        elsewhere: Elsewhere | None = None,
        line: str = GENERIC,
    ) -> dict:
        """Do a round; `elsewhere` takes the steps instead of the engine here, the gate is the
        same."""
        began = time.monotonic()
        await History(self.versions, self.trainer).resume()  # finishes what another device forgot
        if not await self.training.reopen(line, kind if kind == TRAINING else ""):
            await self.training.open(kind, lessons, line)
        if elsewhere:
            await elsewhere(cast(RoundAttempt, self.training.attempt))
        while (metrics := await self.training.advance(math.inf)) is not None:
            heard(metrics)
        ended = await self.training.finish()
        if ended["version"]:
            await self.versions.clear_old_snapshots()
            if line == GENERIC:
                await self.save()
        return {**ended, "seconds": time.monotonic() - began}

    async def save(self) -> None:
        """Write the adapter in use as PEFT's files."""
        record = await self.versions.current()
        more: dict = {}
        if record:
            name = record["name"]
            more = {"name": name, "extra": {"version": name}, "behind": behind(record)}
        save_adapter(self.folder, *await self.adapter(), self.model.name, **more)


def _make_outcome(outcome: str, reason: str, version: dict | None, gate: dict) -> dict:
    return {
        "outcome": outcome, "reason": reason, "version": version, "gate": gate, "seconds": 0.0
    }  # fmt: skip


def _read_name(adapter: Path) -> str:
    """The name that an adapter came with."""
    card = adapter / CARD
    return name_in(card.read_bytes()) if card.exists() else ""


def copy_store(source: Path, target: Path) -> None:
    """Copy a whole store, also what is still in the write-ahead log."""
    make_folder(target.parent)
    keep_private(target)
    with contextlib.closing(sqlite3.connect(source)) as old:
        with contextlib.closing(sqlite3.connect(target)) as new:
            old.backup(new)
