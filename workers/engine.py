"""The engine worker: one device, one resident model, chat and training on it, one request a method.

What it does is engine/assistant.py's; here are only the messages, the browser's storage and the
choice of what to compute on.
"""

import random
import time

import js
import numpy as np

from engine import naming
from engine.assistant import Assistant, label
from engine.formats import BytesSource, open_model
from engine.generate import Sampling
from engine.ledger import Ledger
from engine.versions import Versions
from web.store import open_browser_store
from workers.protocol import Answered, Device, Done, Loaded, ModelProgress, Token

LORA = {"rank": 16, "alpha": 32}


class Refusal(Exception):
    """A request that cannot be done now; the text is the sentence the person reads."""


class Engine:
    """One `on_<name>` for each request of workers/protocol.py that names the engine."""

    def __init__(self, emit, settings, modules):
        self.emit, self.models, self.modules = emit, settings["models"], modules
        self.device = self.store = self.versions = self.assistant = None

    # ---- what it computes on, and with

    async def on_start(self, request):
        """Choose what to compute on: the graphics chip when it is a real one, else the processor."""
        self.device = await choose(request.engine)
        self.store = await open_browser_store(self.modules["store.js"])
        return self.device

    async def on_load_model(self, request):
        """Fetch what is missing of a model and make it resident."""

        def progress(phase):
            began = time.monotonic()

            def tell(done, total):
                rate = done / max(time.monotonic() - began, 1e-3)
                told = ModelProgress(
                    model=request.model, phase=phase, done=done, total=total, rate=rate
                )
                self.emit(told)

            return tell

        if request.model not in self.models:
            raise Refusal(f"there is no model called {request.model!r}; choose one of the list")
        data = await fetched(self.models[request.model], progress("download"))
        file = open_model(BytesSource(data, request.model))
        executor = open_executor(self.device.kind)
        clock = lambda: int(time.time() * 1000)  # noqa: E731
        parameters = sum(int(np.prod(file.spec(name).shape)) for name in file.names())
        family = naming.family(parameters)
        ledger = Ledger(self.store, clock)
        self.versions = Versions(self.store, ledger, request.model, family, clock)
        self.assistant = await Assistant.load(file, executor, self.versions, LORA, progress("load"))
        return Loaded(
            model=request.model,
            name=family,
            version=label(await self.versions.current()),
            back_end=self.device.kind,
            why=self.device.why,
            context=self.assistant.base.context,
            trainable=True,
        )

    # ---- answering

    async def on_ask(self, request):
        """Answer a conversation; Token events carry the answer while it comes."""
        options = request.options
        seed = options.get("seed", -1)
        sampling = Sampling(
            temperature=options.get("temperature", 0.0),
            top_p=options.get("top_p", 1.0),
            max_tokens=options.get("max_tokens", 512),
            seed=random.getrandbits(31) if seed < 0 else seed,
        )
        answer, number = await self.needed().answer(
            request.messages,
            sampling,
            request.id,
            options.get("version"),
            on_text=lambda text: self.emit(Token(id=request.id, text=text)),
        )
        ended = "stop" if answer.ended == "cancelled" else answer.ended
        return Answered(
            text=answer.text,
            tokens=len(answer.ids),
            tokens_per_second=answer.tokens_per_second,
            first_token_ms=1e3 * max(0.0, answer.first_token - answer.began),
            context_used=len(answer.prompt) + len(answer.ids),
            context_size=self.assistant.base.context,
            dropped=answer.dropped,
            version=label(number and await self.versions.record(number)),
            asked_in="und",
            language="und",
            ended=ended,
        )

    def on_stop(self, request):
        """End an answer within a token."""
        if self.assistant:
            self.assistant.stop(request.id)
        return Done()

    def needed(self):
        if self.assistant is None:
            raise Refusal("No base models selected. Choose a model first; nothing was sent.")
        return self.assistant

    def on_ping(self, request):
        return Done()


def serve(emit, settings, modules):
    return Engine(emit, settings, modules)


def open_executor(kind):
    if kind == "gpu":
        from engine.gpu import Gpu

        return Gpu()
    from engine.wasm.executor import Wasm
    from engine.wasm.heap import PyodideHeap

    return Wasm(PyodideHeap())


async def fetched(address, progress):
    """The bytes at an address of this site, as they come."""
    answer = await js.fetch(address)
    if not answer.ok:
        raise Refusal(f"the model could not be fetched: the server said {answer.status}")
    total = int(answer.headers.get("content-length") or 0)
    data, done = np.empty(total, np.uint8), 0
    reader = answer.body.getReader()
    while not (part := await reader.read()).done:
        size = part.value.byteLength
        part.value.assign_to(data[done : done + size])
        done += size
        progress(done, total)
    return data.data


async def choose(asked):
    """The device to compute on, and why it is that one."""
    if asked == "cpu":
        return processor("asked")
    if not hasattr(js.navigator, "gpu"):
        return processor("no-webgpu")
    adapter = await js.navigator.gpu.requestAdapter()
    if adapter is None:
        return processor("no-adapter")
    info = adapter.info
    name = info.description or info.device or info.vendor or "WebGPU"
    if (info.isFallbackAdapter or "swiftshader" in name.lower()) and asked != "gpu":
        return processor("software")
    return Device(kind="gpu", name=name, why="asked" if asked == "gpu" else "chip")


def processor(why):
    return Device(kind="cpu", name="WebAssembly", why=why)
