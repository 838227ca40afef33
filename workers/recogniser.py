"""Text recognition in pictures inside the page: tesseract.js from our own files, in one worker that
ends when idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import create_proxy, to_js

from oneseek.importers.image import Recognised

IDLE_SECONDS = 30
SCRIPT = "ocr/tesseract.js"


class Recogniser:
    """`read` a prepared picture; `tell(done, total)` reports how far it is, in hundredths."""

    def __init__(
        self, settings: dict, modules: dict[str, Any], tell: Callable[[int, int], None]
    ) -> None:
        self.address = settings["scripts"][SCRIPT]
        self.module = modules[SCRIPT].default
        self.tell = tell
        self.worker = None
        self.ending: asyncio.Future | None = None

    async def read(self, png: bytes) -> list[Recognised]:
        if self.ending:
            self.ending.cancel()
        try:
            worker = await self.start_worker()
            wanted = _object({"blocks": True, "text": False})
            found = await worker.recognize(js.Blob.new(to_js([to_js(png)])), _object({}), wanted)
            return _lines(found.data.blocks)
        finally:
            self.ending = asyncio.ensure_future(self.end_when_idle())

    async def start_worker(self) -> Any:
        if self.worker is None:
            folder = js.URL.new(".", js.URL.new(self.address, js.location.href)).href
            options = {
                "workerPath": folder + "worker.min.js",
                "corePath": folder,
                "langPath": folder,
                "workerBlobURL": False,
                "cacheMethod": "none",  # the service worker keeps the files
                "logger": create_proxy(self.hear),
            }
            self.worker = await self.module.createWorker("swe+eng", 1, _object(options))
        return self.worker

    def hear(self, message: Any) -> None:
        if message.status == "recognizing text":
            self.tell(round(message.progress * 100), 100)

    async def end_when_idle(self) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        worker, self.worker = self.worker, None
        if worker:
            await worker.terminate()


def _lines(blocks: Any) -> list[Recognised]:
    """The lines of all blocks, each with the number of its paragraph."""
    found = []
    number = 0
    for block in blocks or ():
        for paragraph in block.paragraphs:
            for line in paragraph.lines:
                found.append(Recognised(line.text.strip(), float(line.confidence), number))
            number += 1
    return found


def _object(options: dict) -> Any:
    return to_js(options, dict_converter=js.Object.fromEntries)
