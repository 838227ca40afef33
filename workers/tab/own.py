"""The files that the page's workers keep beside the store (OPFS): whole, or not there at all."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import js
from pyodide.ffi import to_js

IMPORTED = "importer"  # the folder of what was imported: HASH.txt and HASH.json


async def read_own(name: str) -> str:
    """What is kept of an import."""
    handle = await (await folder(IMPORTED)).getFileHandle(name)
    return await (await handle.getFile()).text()


async def write_own(name: str, text: str) -> None:
    async with open_writer(IMPORTED, name) as write:
        await write(text)


@contextlib.asynccontextmanager
async def open_writer(where: str, name: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """What to call with each piece of text of a file; it takes its place when all is written."""
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
