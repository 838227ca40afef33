"""Packing of a person's model while it is taken in, in the importer, where no answer waits for
it."""

from __future__ import annotations

import asyncio
from contextlib import closing

from pyodide.ffi import can_run_sync, run_sync

from oneseek.engine.core.messages import Done, Failed, PackedModel, Packing, PackModel, StopPacking
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.formats.browser import OpfsShelf
from oneseek.engine.model.formats.packing import pack
from oneseek.workers.post import Emit
from oneseek.workers.tab.files import receive_files

INBOX = "inbox"
LAYERS = "Q4_1"


class Stopped(Exception):
    """The person stopped the packing."""


class Packer:
    """Packs one model at a time; an unfinished file lies beside the models until it is whole."""

    def __init__(self, emit: Emit) -> None:
        self.emit, self.inbox = emit, OpfsShelf(None, INBOX)
        self.stopping = False

    async def on_pack_model(self, request: PackModel) -> PackedModel | Failed:
        self.stopping = False
        part = request.name + PackModel.unfinished
        try:
            with (
                closing(open_model(await receive_files(request.channel))) as file,
                closing(await self.inbox.writer(part)) as writer,
            ):
                await pack(file, writer, LAYERS, request.embeddings, self.progress)
        except Stopped:
            return Failed(where="PackModel", reason="Packing was stopped.", detail="stopped")
        handle = await (await self.inbox.directory()).getFileHandle(part)
        await handle.move(request.name)
        return PackedModel(name=request.name)

    def on_stop_packing(self, request: StopPacking) -> Done:
        self.stopping = True
        return Done()

    def progress(self, phase: str, done: int, total: int) -> None:
        """Tell the page, and let it answer: a message arrives only when Python yields."""
        self.emit(Packing(phase=phase, done=done, total=total))
        if can_run_sync():
            run_sync(asyncio.sleep(0))
        if self.stopping:
            raise Stopped
