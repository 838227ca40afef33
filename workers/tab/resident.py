"""What stays in this worker from one request to the next: the device, the store, the model on them.

engine/open.py puts them together; this adds the browser's part: its storage, its graphics chip, and
a device that may be lost.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import js
from pyodide.ffi import JsException

from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.quick_check import both, measure_once, pace
from oneseek.engine.core.messages import (
    Changed,
    Device,
    Done,
    Failed,
    Loaded,
    LoadModel,
    ModelProgress,
    Progress,
    Rebuilding,
    RemoveModel,
    Start,
    StopLoading,
)
from oneseek.engine.core.storage.store import open_browser_store
from oneseek.engine.history import loss_curve
from oneseek.engine.history.taking_over import take_over
from oneseek.engine.history.versions import Versions, label
from oneseek.engine.learner import Round
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.trainer import TRAINING_BYTES
from oneseek.engine.model.formats import ModelFile
from oneseek.engine.model.formats.download import Damaged, DownloadError
from oneseek.engine.open import assistant_of
from oneseek.engine.turns import pause
from oneseek.importers.asking.library import Library
from oneseek.workers.post import Emit
from oneseek.workers.questions import Questions
from oneseek.workers.tab.device import (
    choose,
    device_memory,
    open_executor,
    processor,
    wait_inside,
    without_chip,
)
from oneseek.workers.tab.files import read_own
from oneseek.workers.tab.models import Models, Paused
from oneseek.workers.tab.recovery import Recovery
from oneseek.workers.tab.web_crypto import BrowserSigner


class Refusal(Exception):
    """A request that cannot be done now; the text is the sentence the person reads."""


class Resident:
    """State shared by those who answer the engine's requests; made once, filled as requests
    come."""

    def __init__(self, emit: Emit, settings: dict, modules: dict[str, Any]) -> None:
        self.emit, self.modules = emit, modules
        self.addresses, self.outside = settings["models"], settings["outside"]
        self.store: Any = None
        self.device: Device  # from `Start` on
        self.models: Models
        self.assistant: Assistant | None = None
        self.loaded: LoadModel  # from the first model on: the request that loaded it
        self.versions: Versions
        self.questions: Questions
        self.on_event: Callable[[dict], None] = lambda event: (
            None
        )  # those who listen to the HTTP API
        self.signer: BrowserSigner | None = None
        self.warming: asyncio.Future  # makes the first answer quick
        self.recovery = Recovery(emit, self.rebuild, lambda: self.device.kind)

    async def on_start(self, request: Start) -> Device:
        """Choose the device: the graphics chip when it is a real one and not slower than the
        processor, which is measured once."""
        self.device = await choose(request.engine)
        self.store = await open_browser_store(self.modules["store.js"])
        if self.device.why == "chip":
            try:
                key = f"quick check:{self.device.name}"
                took = await measure_once(self.store, key, lambda: both(open_executor))
                if took["cpu"] < took["gpu"]:
                    self.device = processor("slower")
            except (
                Exception
            ) as problem:  # whatever it was, it is told: the chip can be chosen still
                self.device = without_chip(problem)
        self.models = Models(self.store, self.addresses, self.outside)
        return self.device

    async def on_load_model(self, request: LoadModel) -> Loaded | Failed:
        """Fetch what is missing of a model and make it resident. The model in use stays until then;
        what it was taught then waits for the new one."""
        began, kept = 0.0, 0  # when the first byte came, and what was here then

        def progress(phase: str, done: int, total: int) -> None:
            nonlocal began, kept
            if done and not began:
                began, kept = time.monotonic(), done
            rate = (done - kept) / max(time.monotonic() - began, 1e-3)
            self.emit(
                ModelProgress(model=request.model, phase=phase, done=done, total=total, rate=rate)
            )

        try:
            file = await self.models.open(request.model, request.keep, request.origin, progress)
            executor = await self.open_device()
            shown = functools.partial(progress, "load")
            loaded = await self.make_resident(request, file, executor, shown, self.assistant)
            if await take_over(self.versions):
                self.emit_changed("queue")
            return loaded
        except Paused as paused:
            return Failed(where="LoadModel", reason=str(paused), detail="stopped")
        except Damaged:
            await self.models.remove(request.model)
            raise

    async def open_device(self) -> Any:
        """The executor of the chosen device, or the processor's when a graphics chip cannot be
        opened."""
        try:
            return await open_executor(self.device.kind)
        except Exception as problem:
            if self.device.kind == "cpu":
                raise
            self.device = without_chip(problem)
        return await open_executor(self.device.kind)

    async def pace(self) -> tuple[dict, str]:
        """(the speed of the device from a second of measuring, ""), or ({}, what happened) when
        that fails."""
        threads = js.oneseekThreads.possible() if self.device.kind == "cpu" else 0
        key = f"pace:{self.device.kind}:{self.device.name}:{threads}"
        try:
            return await measure_once(self.store, key, lambda: pace(self.open_device)), ""
        except Exception as problem:  # whatever it was, one can choose without knowing the speed
            return {}, f"{type(problem).__name__}: {problem}"

    async def make_resident(
        self,
        request: LoadModel,
        file: ModelFile,
        executor: Any,
        progress: Callable[[int, int], None],
        before: Assistant | None = None,
    ) -> Loaded:
        """Use a model from between two answers of the assistant `before` on."""
        assistant = await assistant_of(
            file,
            executor,
            self.store,
            request.model,
            progress=progress,
            signer=self.signer,
            memory_budget=TRAINING_BYTES[self.device.kind],
            device_memory=device_memory(),
            encoder_file=self.models.for_memory,
        )
        if before:
            await assistant.mind.remember()  # it knows by heart what the one before does
            await before.leave()
        self.assistant = assistant
        memory = self.assistant.mind.memory
        self.assistant.read_from(Sources(self.store, lambda: memory.reader))
        self.assistant.learner.rebuilder.listen(self.tell_rebuilding)
        self.versions, self.loaded = self.assistant.versions, request
        self.questions = Questions(self.assistant, self.emit, self.tell_step)
        pause.wait_by(functools.partial(wait_inside, executor.turns))
        self.warming = asyncio.ensure_future(self.warm(self.assistant))
        executor.on_lost = self.recovery.begin
        return Loaded(
            model=request.model,
            name=self.versions.family,
            version=label(await self.versions.current()),
            back_end=self.device.kind,
            why=self.device.why,
            detail=self.device.detail,
            threads=executor.most if self.device.kind == "cpu" else 0,
            cores=js.navigator.hardwareConcurrency,
            context=self.assistant.base.context,
            parameters=self.assistant.model.config.parameters,
            trainable=self.assistant.learner.trainable,
            thinks=self.assistant.model.template.thinks,
            sees=self.assistant.model.eyes is not None,
        )

    async def warm(self, assistant: Assistant) -> None:
        """Prepare the first answer and the first told fact, so that they need no network."""
        await assistant.warm()
        with suppress(DownloadError):  # it is tried again when a fact is told
            await self.models.for_memory()

    async def rebuild(self, back_end: str) -> str:
        """Load the same model on a new device, or on the processor; why on that one."""
        pause.wait_by(None)  # or plain Python would wait for a turn on the device that is gone
        self.require_assistant().abandon()
        chosen = await choose("cpu" if back_end == "cpu" else "gpu")
        if chosen.kind != back_end:
            raise LookupError("the browser gives no graphics device yet")
        executor = await open_executor(back_end)
        self.device = chosen
        loaded, told = self.loaded, lambda *figures: None
        file = await self.models.open(loaded.model, loaded.keep, loaded.origin, told)
        await self.make_resident(self.loaded, file, executor, lambda *figures: None)
        return chosen.why

    def on_stop_loading(self, request: StopLoading) -> Done:
        """Pause the download; what came is kept, unless the model was to run from memory."""
        self.models.stop()
        return Done()

    async def on_remove_model(self, request: RemoveModel) -> Done:
        """Delete what is stored of a model."""
        await self.models.remove(request.model)
        return Done()

    def require_assistant(self) -> Assistant:
        if self.assistant is None:
            raise Refusal("No base models selected. Choose a model first; nothing was sent.")
        return self.assistant

    async def tell_step(self, round: Round) -> None:
        """Store the figures of a step, and report them to whoever shows them."""
        plan = self.require_assistant().learner.training.plan.identity()
        figures = await loss_curve.add(self.store, round.run, plan, round.metrics)
        phase = "training" if figures["step"] < figures["steps"] else "checking"
        self.emit(Progress(run=round.run, kind=round.kind, phase=phase, **figures))
        self.announce("step", runId=round.run, **figures)

    def tell_rebuilding(self, how_far: dict) -> None:
        self.emit(Rebuilding(**how_far))
        self.announce("version_rebuilding", **how_far)

    def listen(self, on_event: Callable[[dict], None]) -> None:
        """Call `on_event` with what is announced, for those who listen to the HTTP API."""
        self.on_event = on_event

    def sign_with(self, signer: BrowserSigner | None) -> None:
        """Sign every new head of the ledger from now on, or no more for None."""
        self.signer = signer
        if self.assistant:
            self.assistant.versions.ledger.sign_with(signer)

    def announce(self, event: str, /, **facts: Any) -> None:
        """Tell those who listen to the HTTP API."""
        self.on_event({"type": event, **facts})

    def emit_changed(self, *stores: str) -> None:
        self.emit(Changed(stores=list(stores)))


class Sources(Library):
    """The page's sources, which can be asked: the page adds and removes them, and their texts are
    files beside the store."""

    def __init__(self, store: Any, reader: Callable[[], Reader],
                 read: Callable[[str], Awaitable[str]] = read_own) -> None:  # fmt: skip
        super().__init__(store, reader)
        self.read = read
        self.marks: dict[str, str] = {}  # source -> the hash of its loaded text

    async def load(self) -> None:
        """Load the sources that are ready now, with their present texts."""
        rows = await self.store.all("sources")
        ready = {id: one for id, one in rows if one.get("state") == "ready" and one.get("sha256")}
        for id in set(self.documents) - set(ready):
            del self.documents[id]
            self.marks.pop(id, None)
        for id, one in ready.items():
            if self.marks.get(id) != one["sha256"]:
                self.marks[id] = one["sha256"]
                with suppress(JsException):  # its file is gone: there is nothing to ask
                    self._take({**one, "texts": {".txt": await self.read(one["sha256"] + ".txt")}})
