"""The engine worker: one device, one resident model, chat and training on it, one request a method.

What it does is engine/assistant.py's; here are only the messages, the browser's storage and the
choice of what to compute on.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Callable
from typing import Any

import js
import numpy as np
import pyodide_js
from pyodide.ffi import can_run_sync, run_sync, to_js

from engine.assistant import Assistant, ExampleGone, NothingLeft, Round
from engine.backends.gpu.errors import DeviceLost
from engine.backends.quick_check import measured
from engine.core.collecting.language import UNKNOWN, detect
from engine.core.messages import (
    Answered,
    Ask,
    Break,
    BringDataSet,
    CallApi,
    Changed,
    DataSets,
    Device,
    Done,
    Drop,
    Export,
    Failed,
    File,
    Forget,
    Forgotten,
    Grant,
    ImportAdapter,
    Imported,
    Introduce,
    Learn,
    LeaveApi,
    LetGo,
    ListDataSets,
    Loaded,
    LoadModel,
    ModelProgress,
    Opened,
    Progress,
    Question,
    Rebuilding,
    Recall,
    Recalled,
    RemoveModel,
    Reset,
    RunStarted,
    RunTakes,
    Sign,
    Signing,
    Slice,
    Start,
    StartRun,
    Stop,
    StopLoading,
    Token,
    Use,
    Verified,
    Verify,
    WhatRunTakes,
)
from engine.core.next_work import MEMORY
from engine.core.queue.saved import SavedQueue
from engine.core.queue.training_queue import TrainingQueue
from engine.core.storage.store import FencedStore, open_browser_store
from engine.core.turns import Turns, pause
from engine.history import curve
from engine.history.audit import check_store
from engine.history.snapshot import SnapshotDamaged
from engine.history.versions import Versions, label
from engine.learning import identity, run_data
from engine.learning.trainer import TRAINING_BYTES
from engine.model.formats import ModelFile
from engine.model.formats.download import Damaged
from engine.model.generate import Sampling, TooLong
from engine.open import assistant_of, clock
from workers import outbox
from workers.models import Models, Paused
from workers.post import Emit
from workers.questions import Questions
from workers.recovery import Recovery
from workers.server.training_runs import OPEN
from workers.signer import BrowserSigner

API_PACKAGES, IMPORT = ["starlette"], "/api/import"
IMPORT_PACKAGES = ["markdown-it-py", "lxml", "trafilatura"]
OPEN_SECONDS = 10  # a device the browser gave just after its graphics process died may stay silent


def language_of(messages: list[dict], setting: str = UNKNOWN) -> str:
    """The language of the last thing the person said, helped by what was said before and by the
    language they read the page in."""
    said = [message["content"] for message in messages if message["role"] == "user"]
    language = UNKNOWN
    for text in said[-3:]:
        language = detect(text, language, setting)
    return language


class Refusal(Exception):
    """A request that cannot be done now; the text is the sentence the person reads."""


class Engine:
    """One `on_<name>` for each request of engine/core/messages.py that names the engine."""

    def __init__(self, emit: Emit, settings: dict, modules: dict[str, Any]) -> None:
        self.emit, self.addresses, self.modules = emit, settings["models"], modules
        self.device: Device = None
        self.store: Any = None
        self.models: Models = None
        self.versions: Versions = None
        self.assistant: Assistant = None
        self.api: Any = None
        self.questions: Questions = None
        self.signer: BrowserSigner | None = None
        self.loaded: LoadModel = None  # the requests that made what is there now
        self.learning: Learn | None = None
        self.opening = asyncio.Lock()  # one round at a time
        self.warming: asyncio.Future  # makes the first answer quick
        self.recovery = Recovery(emit, self.rebuild, lambda: self.device.kind)

    # ---- what it computes on, and with

    async def on_start(self, request: Start) -> Device:
        """Choose what to compute on: the graphics chip when it is a real one and not slower than
        the processor, which is measured once."""
        self.device = await choose(request.engine)
        self.store = await open_browser_store(self.modules["store.js"])
        if self.device.why == "chip":
            try:
                took = await measured(self.store, self.device.name, open_executor)
                if took["cpu"] < took["gpu"]:
                    self.device = processor("slower")
            except Exception:  # whatever it was, a chip that fails at this is not for a model
                self.device = processor("silent")
        self.models = Models(self.store, self.addresses)
        return self.device

    async def on_load_model(self, request: LoadModel) -> Loaded | Failed:
        """Fetch what is missing of a model and make it resident; until then the one in use
        stays."""
        began = time.monotonic()

        def progress(phase: str, done: int, total: int) -> None:
            rate = done / max(time.monotonic() - began, 1e-3)
            self.emit(
                ModelProgress(model=request.model, phase=phase, done=done, total=total, rate=rate)
            )

        try:
            file = await self.models.open(request.model, request.keep, progress)
            executor = await self.opened()
            shown = functools.partial(progress, "load")
            return await self.make_resident(request, file, executor, shown)
        except Paused as paused:
            return Failed(where="LoadModel", reason=str(paused), detail="stopped")
        except Damaged:
            await self.models.remove(request.model)
            raise

    async def opened(self) -> Any:
        """What the chosen device computes with; a graphics chip that cannot be opened leaves the
        work to the processor."""
        try:
            return await open_executor(self.device.kind)
        except Exception:
            if self.device.kind == "cpu":
                raise
        self.device = processor("silent")
        return await open_executor(self.device.kind)

    async def make_resident(
        self,
        request: LoadModel,
        file: ModelFile,
        executor: Any,
        progress: Callable[[int, int], None],
    ) -> Loaded:
        self.assistant = await assistant_of(
            file,
            executor,
            self.store,
            request.model,
            progress=progress,
            signer=self.signer,
            memory_budget=TRAINING_BYTES[self.device.kind],
        )
        self.assistant.whole.tell = self.tell_rebuilding
        self.versions, self.loaded = self.assistant.versions, request
        self.questions = Questions(self.assistant, self.emit, self.tell_step)
        pause.wait = functools.partial(wait_inside, executor.turns)
        self.warming = asyncio.ensure_future(self.assistant.warm())
        executor.on_lost = self.recovery.begin
        return Loaded(
            model=request.model,
            name=self.versions.family,
            version=label(await self.versions.current()),
            back_end=self.device.kind,
            why=self.device.why,
            threads=executor.most if self.device.kind == "cpu" else 0,
            cores=js.navigator.hardwareConcurrency,
            context=self.assistant.base.context,
            parameters=self.assistant.model.config.parameters,
            trainable=self.assistant.trainable,
            thinks=self.assistant.model.template.thinks,
        )

    async def rebuild(self, back_end: str) -> str:
        """The same model on a new device, or on the processor; why on that one."""
        pause.wait = None  # or plain Python would wait for a turn on the device that is gone
        self.assistant.abandon()
        chosen = await choose("cpu" if back_end == "cpu" else "gpu")
        if chosen.kind != back_end:
            raise LookupError("the browser gives no graphics device yet")
        executor = await open_executor(back_end)
        self.device = chosen
        file = await self.models.open(self.loaded.model, self.loaded.keep, lambda *figures: None)
        await self.make_resident(self.loaded, file, executor, lambda *figures: None)
        return chosen.why

    def on_stop_loading(self, request: StopLoading) -> Done:
        """Pause the download; what came is kept, unless it was to run from memory."""
        self.models.stop()
        return Done()

    async def on_remove_model(self, request: RemoveModel) -> Done:
        """Delete what is stored of a model."""
        await self.models.remove(request.model)
        return Done()

    # ---- answering

    async def on_ask(self, request: Ask) -> Answered | Failed:
        """Answer a conversation; Token events carry the answer while it comes."""
        options = request.options
        seed = options.get("seed", -1)
        sampling = Sampling(
            temperature=options.get("temperature", 0.0),
            top_p=options.get("top_p", 1.0),
            max_tokens=options.get("max_tokens", 512),
            seed=random.getrandbits(31) if seed < 0 else seed,
            stop_repeats=options.get("stop_repeats", False),
        )
        prefix = options.get("prefix", "")
        teller = Teller(self.emit, request.id)
        while True:
            await self.recovery.done()
            try:
                answer, number = await self.needed().answer(
                    request.messages,
                    sampling,
                    request.id,
                    options.get("version"),
                    prefix=prefix,
                    think=options.get("think", False) and not prefix,
                    on_text=teller.again(),
                )
                break
            except DeviceLost as lost:
                self.recovery.begin(str(lost))
            except TooLong as error:
                return Failed(where="Ask", reason=str(error), detail="too-long")
        ended = "stop" if answer.ended == "cancelled" else answer.ended
        return Answered(
            text=prefix + answer.text,
            tokens=len(answer.ids),
            tokens_per_second=answer.tokens_per_second,
            first_token_ms=1e3 * max(0.0, answer.first_token - answer.began),
            context_used=len(answer.prompt) + len(answer.ids),
            context_size=self.assistant.base.context,
            dropped=answer.dropped,
            version=label(await self.versions.record(number) if number else None),
            asked_in=language_of(request.messages, options.get("language", UNKNOWN)),
            language=detect(answer.text),
            ended=ended,
            **self.assistant.whose(answer, number),
        )

    def on_stop(self, request: Stop) -> Done:
        """End an answer within a token."""
        if self.assistant:
            self.assistant.stop(request.id)
        return Done()

    def needed(self) -> Assistant:
        if self.assistant is None:
            raise Refusal("No base models selected. Choose a model first; nothing was sent.")
        return self.assistant

    # ---- learning

    async def on_learn(self, request: Learn) -> Opened | Failed:
        """Open a round, or go on with the one a closed tab left. What was told is taken in at once,
        also beside a round that is open."""
        if request.kind == MEMORY and self.assistant and self.assistant.round:
            return await self.take_in(request.examples)
        async with self.opening:
            self.learning = request
            began = time.monotonic()
            opened = await self.begun()
        used = 1e3 * (time.monotonic() - began)
        if opened is None:
            return Opened(run="", kind="", steps=0, used_ms=used)
        self.announce("round_started", runId=opened.run, kind=request.kind)
        return Opened(run=opened.run, kind=opened.kind, steps=opened.steps, used_ms=used)

    async def take_in(self, ids: list[str]) -> Opened | Failed:
        ended = await self.assistant.mind.remember(ids)
        if ended["reason"]:
            return Failed(where="Learn", reason=ended["reason"], detail="")
        self.changed("facts")
        return Opened(run="", kind=MEMORY, steps=0, used_ms=0.0)

    async def begun(self) -> Round | None:
        """The round that is wanted, once it is open, also when what computes is lost meanwhile;
        None when there is nothing left to it."""
        while True:
            await self.recovery.done()
            try:
                opened = await self.open_round()
                break
            except DeviceLost as lost:
                self.recovery.begin(str(lost))
            except (NothingLeft, ExampleGone):
                opened = None
                break
            except Exception:
                self.learning = None
                raise
        self.learning = self.learning if opened else None
        return opened

    def announce(self, event: str, /, **facts: Any) -> None:
        """Tell those who listen to the HTTP API."""
        if self.api:
            self.api.service.hub.tell({"type": event, **facts})

    async def on_question(self, request: Question) -> Done:
        """A question of the chat: its two stages."""
        self.needed()
        await self.questions.ask(request)
        return Done()

    async def on_introduce(self, request: Introduce) -> Done:
        """Who OneSeek is, as fifty lessons of the queue."""
        queue = SavedQueue(TrainingQueue(clock), self.store)
        await queue.load()
        await queue.change(lambda q: [q.add(example) for example in identity.examples()])
        self.changed("queue")
        return Done()

    async def open_round(self) -> Round | None:
        asked = self.learning
        fenced = FencedStore(self.store, asked.epoch)
        if asked.kind == "question":
            self.needed()
            opened = await self.questions.open(asked.config, fenced)
            return opened or await self.open_run(fenced)
        return await self.needed().learn(
            asked.kind,
            asked.examples,
            asked.line,
            self.tell_step,
            asked.config,
            fenced,
        )

    async def open_run(self, fenced: FencedStore) -> Round | None:
        """The run over a data set that waits, or that a closed tab left."""
        waiting = await self.store.get("state", OPEN)
        if not (waiting and waiting["ids"]):
            return None
        return (await self.api_ready()).open_run(fenced)

    async def tell_step(self, round: Round) -> None:
        """A step is done: its figures go into the store, and to whoever shows them."""
        plan = self.assistant.training.plan.identity()
        figures = await curve.add(self.store, round.run, plan, round.metrics)
        phase = "training" if figures["step"] < figures["steps"] else "checking"
        self.emit(Progress(run=round.run, kind=round.kind, phase=phase, **figures))
        self.announce("step", runId=round.run, **figures)

    def tell_rebuilding(self, how_far: dict) -> None:
        self.emit(Rebuilding(**how_far))
        self.announce("version_rebuilding", **how_far)

    async def on_grant(self, request: Grant) -> Slice:
        """Work on the open round for about this long."""
        await self.recovery.done()
        try:
            async with self.opening:
                round = self.needed().round
                if round is None and self.learning:  # it made way: go on from the checkpoint
                    round = await self.begun()
            if round is None:  # thrown away, or all it was about was taken back
                return Slice(used_ms=0.0, finished=True, outcome="", version="", reason="")
            self.assistant.turns.sparing = request.sparing
            used, ended = await self.assistant.grant(request.milliseconds)
        except DeviceLost as lost:
            self.recovery.begin(str(lost))
            return Slice(used_ms=0.0, finished=False, outcome="", version="", reason="")
        if ended is None:
            return Slice(used_ms=used, finished=False, outcome="", version="", reason="")
        self.learning = None
        if round.kind not in ("question", MEMORY):  # whose stages tell of themselves; seconds
            await curve.close(self.store, round.run, ended["version"])
        self.changed("versions", "examples", "queue", "ledger", "state", "metrics", "facts")
        version = label(ended["version"]) if ended["version"] else ""
        result = {"outcome": ended["outcome"], "reason": ended["reason"], "version": version}
        self.announce("round_ended", runId=request.run, **result)
        return Slice(
            used_ms=used,
            finished=True,
            outcome=ended["outcome"],
            version=version,
            reason=ended["reason"] or "",
        )

    async def on_drop(self, request: Drop) -> Done:
        """Throw the open round away."""
        self.learning = None
        run = self.api and self.api.service.runs.now
        if run:
            await self.api.service.runs.cancel(run.id)
            self.changed("state")
        self.needed().drop()
        return Done()

    async def on_use(self, request: Use) -> Done:
        """Make a version the one in use."""
        await self.needed().updater.rollback(request.version)
        self.changed("state", "ledger")
        return Done()

    async def on_recall(self, request: Recall) -> Recalled:
        """Ask one learned example with no chat around it."""
        text, has_value, number = await self.needed().recall(request.example)
        record = await self.versions.record(number) if number else None
        return Recalled(text=text, has_value=has_value, version=label(record))

    async def on_forget(self, request: Forget) -> Forgotten:
        """What forgetting would mean; with `now`, do it."""
        touched, before = await self.needed().forget(request.examples, request.now)
        if request.now:
            self.changed("versions", "examples", "queue", "ledger", "state", "samples", "facts")
        return Forgotten(versions=[label(one) for one in touched], retrain_from=label(before))

    async def on_let_go(self, request: LetGo) -> Done:
        """From the next question on nothing of these comes out."""
        await self.needed().mind.let_go(request.examples)
        self.changed("facts", "queue")
        return Done()

    async def on_export(self, request: Export) -> File:
        """A version as a file for the person, in OPFS out/."""
        assistant = self.needed()

        async def open_file() -> ModelFile:
            return await self.models.open(self.versions.base, True, lambda *figures: None)

        name, data = await outbox.export(
            assistant, self.versions, request.version, request.format, open_file
        )
        return File(name=name, size=await outbox.put(name, data))

    async def on_import_adapter(self, request: ImportAdapter) -> Imported:
        """An adapter from elsewhere becomes a version, and the one in use."""
        assistant = self.needed()
        flat, name = outbox.adapter_in(await outbox.taken(request.name), assistant)
        record = await assistant.training.adopt({assistant.trainer.called: flat}, name)
        self.changed("versions", "ledger", "state")
        return Imported(version=label(record))

    async def on_break(self, request: Break) -> Done:
        """For tests: lose the device or a thread, spoil what is trained, hang, or die."""
        executor: Any = self.needed().model.executor
        if request.what == "device":
            executor.device.destroy()
        elif request.what == "thread":
            executor.memory.host.end_one()
        elif request.what == "stuck":
            executor.stick()
        elif request.what == "nan":
            shadow: Any = self.needed().trainer.shadow
            nothing = np.full(shadow.trained.size, np.nan, np.float32)
            shadow.tensors[shadow.trained.name].write(nothing)
        elif request.what == "hang":
            while True:
                pass
        else:
            js.close()
        return Done()

    async def on_verify(self, request: Verify) -> Verified:
        """Check every hash that is stored, and the chain that explains them."""
        findings = await check_store(self.store)
        if request.version:
            try:
                await self.needed().whole.weights(request.version)
            except SnapshotDamaged as damaged:
                findings.append(str(damaged))
        return Verified(ok=not findings, findings=findings)

    async def on_sign(self, request: Sign) -> Signing:
        """Sign with the person's own key from now on, or no more."""
        self.signer = await BrowserSigner.of(self.store) if request.on else None
        if self.versions:
            self.versions.ledger.signer = self.signer
        return Signing(public_key=self.signer.public_key if self.signer else "")

    async def on_reset(self, request: Reset) -> Done:
        """Remove every version, example and snapshot."""
        await self.needed().reset(request.word)
        if self.api:
            self.api.service.runs.known.clear()
        self.changed(
            "versions", "examples", "queue", "ledger", "state", "metrics", "events", "facts"
        )
        return Done()

    async def on_call_api(self, request: CallApi) -> Done:
        """Answer a request to the HTTP API, in parts; its packages come when they are needed."""
        if request.path == IMPORT:
            await pyodide_js.loadPackage(to_js(IMPORT_PACKAGES))
        await (await self.api_ready()).answer(request)
        return Done()

    async def api_ready(self) -> Any:
        """The HTTP API over the model that is loaded; its package comes when it is needed."""
        await pyodide_js.loadPackage(to_js(API_PACKAGES))
        from workers.page_api import PageApi

        if self.api is None or self.api.service.assistant is not self.needed():
            model, micro = self.versions.base, self.questions.micro
            self.api = PageApi(self.assistant, model, self.emit, micro, self.tell_step)
        await self.api.service.runs.load()
        return self.api

    async def on_list_data_sets(self, request: ListDataSets) -> DataSets:
        """What a run can be trained on."""
        return DataSets(items=await run_data.available(self.store))

    async def on_bring_data_set(self, request: BringDataSet) -> DataSets:
        """Keep a person's file for runs."""
        data = await outbox.taken(request.file)
        return DataSets(items=[await run_data.bring_in(self.store, request.name, data.decode())])

    async def on_start_run(self, request: StartRun) -> RunStarted:
        """A run over a data set; it is trained in the time that is granted."""
        self.needed()
        runs = (await self.api_ready()).service.runs
        run = await runs.start(
            [self.versions.base], request.data, request.epochs, request.rate, request.threshold,
            request.patience, {"mode": request.mode},
        )  # fmt: skip
        self.changed("state")
        return RunStarted(run=run.id)

    async def on_what_run_takes(self, request: WhatRunTakes) -> RunTakes:
        """The memory and time of a run in each mode."""
        self.needed()
        runs = (await self.api_ready()).service.runs
        return RunTakes(modes=await runs.modes(request.data, request.epochs))

    def on_leave_api(self, request: LeaveApi) -> Done:
        """Whoever asked the HTTP API went away."""
        if self.api:
            self.api.leave(request.id)
        return Done()

    def changed(self, *stores: str) -> None:
        self.emit(Changed(stores=list(stores)))


class Teller:
    """Sends an answer's text as it comes; an answer that starts again repeats nothing."""

    def __init__(self, emit: Emit, id: str) -> None:
        self.emit, self.id, self.said = emit, id, 0

    def again(self) -> Callable[[str], None]:
        """What to call with each new piece of one attempt."""
        heard = 0

        def tell(text: str) -> None:
            nonlocal heard
            fresh = text[max(0, self.said - heard) :]
            heard += len(text)
            if fresh:
                self.said = heard
                self.emit(Token(id=self.id, text=fresh))

        return tell


def wait_inside(turns: Turns) -> None:
    """Wait for a turn in the middle of plain Python: the browser suspends the whole stack."""
    if can_run_sync():
        run_sync(turns.breathe())


def serve(emit: Emit, settings: dict, modules: dict[str, Any]) -> Engine:
    return Engine(emit, settings, modules)


async def open_executor(kind: str) -> Any:
    if kind == "gpu":
        from engine.backends.gpu.executor import GPU

        async with asyncio.timeout(OPEN_SECONDS):
            return await GPU.open()
    from engine.backends.wasm.executor import Wasm
    from engine.backends.wasm.tab import Tab

    return Wasm(Tab())


async def choose(asked: str) -> Device:
    """The device to compute on, and why it is that one."""
    if asked == "cpu":
        return processor("asked")
    if not hasattr(js.navigator, "gpu"):
        return processor("no-webgpu")
    adapter = await js.navigator.gpu.requestAdapter()
    if not adapter:  # JavaScript has a null of its own
        return processor("no-adapter")
    info = adapter.info
    name = info.description or info.device or info.vendor or "WebGPU"
    if (info.isFallbackAdapter or "swiftshader" in name.lower()) and asked != "gpu":
        return processor("software")
    return Device(kind="gpu", name=name, why="asked" if asked == "gpu" else "chip")


def processor(why: str) -> Device:
    return Device(kind="cpu", name="WebAssembly", why=why)
