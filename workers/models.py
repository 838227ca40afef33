"""The models of this browser: from the site into OPFS, or from a file the person gave, checked whenever they are read.

A model that is complete in OPFS is opened without asking the network for anything.
"""

import js
from pyodide.ffi import JsException

from engine import registry
from engine.formats import FormatError, open_model
from engine.formats.browser import BlobSource, Fetch, OpfsShelf
from engine.formats.download import DownloadError, download, stored

INBOX = "inbox"
GIVEN = "file:"


class Models:
    """Opens and removes models by the names workers/protocol.py gives them."""

    def __init__(self, store, addresses):
        self.shelf, self.addresses = OpfsShelf(store), addresses
        self.stopping = False

    async def open(self, model, keep, progress):
        """The model's file, `progress(phase, done, total)` while it is fetched; Paused when stopped."""
        self.stopping = False
        if model.startswith(GIVEN):
            return open_model(await given(model.removeprefix(GIVEN)))
        if model not in self.addresses:
            raise DownloadError(f"there is no model called {model!r} here; choose one of the list")
        if not keep:
            return open_model(await in_memory(model, self.addresses[model], progress))
        return open_model(await self.kept(model, progress))

    async def kept(self, model, progress):
        """The stored file, fetched as far as it is missing; an older edition of it is replaced."""
        name, known = f"{model}.gguf", registry.known().get(model, {}).get("sha256")
        record = await self.shelf.record(name)
        if record and record.sha256 and known not in (None, record.sha256):
            await self.shelf.forget(name)
        source = await stored(self.shelf, name)
        if source:
            return source
        url, stopped = self.addresses[model], lambda: self.stopping
        return await download(self.shelf, Fetch(), name, url, known, progress, stopped)

    def stop(self):
        """Pause the download at the next part that comes."""
        self.stopping = True

    async def remove(self, model):
        """Delete what is stored of a model."""
        if model.startswith(GIVEN):
            directory = await inbox()
            await directory.removeEntry(model.removeprefix(GIVEN), recursive=True)
        else:
            await self.shelf.forget(f"{model}.gguf")


async def inbox():
    root = await js.navigator.storage.getDirectory()
    return await root.getDirectoryHandle(INBOX, create=True)


async def given(name):
    """What the page put into OPFS inbox/: a file, or a folder as {file name: source}."""
    directory = await inbox()
    try:
        return BlobSource(await (await directory.getFileHandle(name)).getFile(), name)
    except JsException as error:
        if error.name != "TypeMismatchError":
            raise FormatError(
                name, f"is not there any more ({error.name}); choose it again"
            ) from error
    folder, sources = await directory.getDirectoryHandle(name), {}
    async for key, handle in folder.entries():
        if handle.kind == "file":
            sources[key] = BlobSource(await handle.getFile(), key)
    return sources


async def in_memory(model, address, progress):
    """The file as a blob the browser holds for this visit only."""
    parts, done = [], 0
    async with Fetch().get(address, 0, "") as answer:
        async for part in answer.parts():
            parts.append(js.Uint8Array.new(part))
            done += len(part)
            progress("download", done, answer.size)
    return BlobSource(js.Blob.new(parts), f"{model}.gguf")
