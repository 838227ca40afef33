"""Files in the page's workers: those of their own beside the store (OPFS), each whole or absent,
and the person's, which the page hands over on a channel and which are read where they lie."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import js
from pyodide.ffi import create_proxy, to_js

from oneseek.engine.model.formats import Source
from oneseek.engine.model.formats.browser import BlobSource

PICTURES = "pictures"  # the folder of the pictures in messages
IMPORTED = "importer"  # the folder of what was imported: HASH.txt and HASH.json
HAND_OVER_SECONDS = 30
AGAIN_SECONDS = 0.2  # the page's end of the channel may not be open yet at the first request


async def read_own(name: str) -> str:
    """The text of a file that is kept of an import."""
    return await (await open_own(IMPORTED, name)).text()


async def open_own(where: str, name: str) -> Any:
    """A file that page and workers keep, as the browser's `File`."""
    return await (await (await folder(where)).getFileHandle(name)).getFile()


async def write_own(name: str, text: str) -> None:
    async with open_writer(IMPORTED, name) as write:
        await write(text)


@contextlib.asynccontextmanager
async def open_writer(where: str, name: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """A function that writes a piece of a file; the file takes its place when all is written."""
    handle = await (await folder(where)).getFileHandle(name, to_js_object({"create": True}))
    writable = await handle.createWritable()
    try:
        yield writable.write
    except BaseException:
        await writable.abort()
        raise
    await writable.close()


async def folder(name: str) -> Any:
    root = await js.navigator.storage.getDirectory()
    return await root.getDirectoryHandle(name, to_js_object({"create": True}))


def to_js_object(options: dict) -> Any:
    return to_js(options, dict_converter=js.Object.fromEntries)


async def receive_files(channel: str) -> dict[str, Source]:
    """The files that the page hands over on a channel: every thread that has a browser's file can
    read it."""
    line = js.BroadcastChannel.new(channel)
    came: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on_message(event: Any) -> None:
        if not came.done():
            came.set_result(event.data)

    hear = create_proxy(on_message)
    line.onmessage = hear
    try:
        async with asyncio.timeout(HAND_OVER_SECONDS):
            while not came.done():
                line.postMessage("ready")
                await asyncio.wait([came], timeout=AGAIN_SECONDS)
    finally:
        line.close()
        hear.destroy()
    return {file.name: BlobSource(file) for file in came.result()}
