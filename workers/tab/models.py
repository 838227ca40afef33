"""The models of this browser: from the site into OPFS, or from a file the person gave, checked
whenever they are read.

A model that is complete in OPFS is opened without asking the network for anything.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from oneseek.engine.model import registry
from oneseek.engine.model.formats import FormatError, ModelFile, open_model
from oneseek.engine.model.formats.browser import BlobSource, Fetch, OpfsShelf
from oneseek.engine.model.formats.download import (
    Damaged,
    DownloadError,
    Record,
    VerifiedSource,
    download,
    stored,
)
from oneseek.engine.model.formats.source import CHUNK, Source

Progress = Callable[[str, int, int], None]

INBOX = "inbox"
GIVEN = "file:"
ENCODER = "encoder"  # by which the memory knows questions; it comes with the site's models
ALONE = "tiny"  # for a look around, without anything beside it


class NotCarried(DownloadError):
    """The site does not carry a model; the text is a sentence for people, with what to do."""


class Paused(Exception):
    """The download was stopped by request."""


class Models:
    """Opens and removes models by the names engine/core/messages gives them."""

    def __init__(self, store: Any, addresses: dict[str, str]) -> None:
        self.shelf, self.inbox = OpfsShelf(store), OpfsShelf(store, INBOX)
        self.addresses = addresses
        self.fetching: asyncio.Future[Any] | None = None
        self.encoder: Source | None = None
        self.alone = asyncio.Lock()  # of two who want the encoder, one fetches it

    async def open(self, model: str, keep: bool, progress: Progress) -> ModelFile:
        """The model's file, `progress(phase, done, total)` while it is fetched; Paused when
        stopped."""
        if model.startswith(GIVEN):
            return open_model(await self.given(model.removeprefix(GIVEN), progress))
        if model not in self.addresses:
            raise NotCarried(elsewhere(model))
        self.fetching = asyncio.ensure_future(self.fetched(model, keep, progress))
        try:
            return open_model(await self.fetching)
        except asyncio.CancelledError as error:
            raise Paused(f"{model}: stopped before it was complete") from error
        finally:
            self.fetching = None

    async def fetched(self, model: str, keep: bool, progress: Progress) -> Source:
        """A model of the site, and before it the encoder where that is missing; told as one."""
        if model == ALONE or await self.has(ENCODER):
            return await self.one(model, keep, progress)
        beside, own = (known_of(one).get("bytes", 0) for one in (ENCODER, model))
        at_first = partial(told_of_both, progress, 0, beside + own)
        self.encoder = await self.one(ENCODER, keep, at_first)
        return await self.one(model, keep, partial(told_of_both, progress, beside, beside + own))

    async def has(self, model: str) -> bool:
        record = await self.shelf.record(f"{model}.gguf")
        return bool(record and record.sha256) or model == ENCODER and self.encoder is not None

    async def one(self, model: str, keep: bool, progress: Progress) -> Source:
        if keep:
            return await self.kept(model, progress)
        return await in_memory(model, self.addresses[model], progress)

    async def for_memory(self) -> Source:
        """The encoder, which is fetched now where it is not here or damaged; kept, for facts
        are."""
        async with self.alone:
            try:
                return await self.sound_encoder()
            except Damaged:
                self.encoder = None
                await self.shelf.forget(f"{ENCODER}.gguf")
                return await self.sound_encoder()

    async def sound_encoder(self) -> Source:
        if self.encoder is None:
            self.encoder = await self.kept(ENCODER, lambda phase, done, total: None)
        source = self.encoder
        for offset in range(0, source.size, CHUNK):  # each is checked when it is first read
            source.read(offset, min(CHUNK, source.size - offset))
            await asyncio.sleep(0)
        return source

    async def kept(self, model: str, progress: Progress) -> Source:
        """The stored file, fetched as far as it is missing; an older edition of it is replaced."""
        name, known = f"{model}.gguf", known_of(model).get("sha256")
        record = await self.shelf.record(name)
        if record and record.sha256 and known not in (None, record.sha256):
            await self.shelf.forget(name)
        source = await stored(self.shelf, name)
        if source:
            return source
        progress("download", 0, known_of(model).get("bytes", 0))  # the server may take its time
        return await download(self.shelf, Fetch(), name, self.addresses[model], known, progress)

    async def given(self, name: str, progress: Progress) -> Source | dict[str, Source]:
        """A person's file in OPFS inbox/, checked from its second visit on; a folder as {name:
        source}."""
        directory = await self.inbox.directory()
        try:
            file = await (await directory.getFileHandle(name)).getFile()
        except JsException as error:
            if error.name == "TypeMismatchError":
                return await folder(await directory.getDirectoryHandle(name))
            raise FormatError(
                name, f"is not there any more ({error.name}); choose it again"
            ) from error
        source, changed = BlobSource(file, name), str(file.lastModified)
        record = await self.inbox.record(name)
        if record is None or record.validator != changed:
            record = Record(GIVEN + name, source.size, changed, sha256="")
            for offset in range(0, source.size, CHUNK):
                data = source.read(offset, min(CHUNK, source.size - offset))
                record.chunks.append(hashlib.sha256(data).hexdigest())
                progress("verify", offset + len(data), source.size)
                await asyncio.sleep(0)
            await self.inbox.keep(name, record)
        return VerifiedSource(source, record)

    def stop(self) -> None:
        """Pause the download, also one whose server has fallen silent."""
        if self.fetching:
            self.fetching.cancel()

    async def remove(self, model: str) -> None:
        """Delete what is stored of a model."""
        if model.startswith(GIVEN):
            await self.inbox.forget(model.removeprefix(GIVEN))
        else:
            await self.shelf.forget(f"{model}.gguf")


def known_of(model: str) -> dict:
    return registry.encoder() if model == ENCODER else registry.known().get(model, {})


def told_of_both(tell: Progress, before: int, whole: int, phase: str, done: int, _: int) -> None:
    tell(phase, before + done, whole)


def elsewhere(model: str) -> str:
    """What to do about a model that this site does not carry."""
    known = registry.known().get(model)
    if known is None:
        return f"There is no model called {model}; choose one of the list."
    return (
        f"{known['name']} is not part of this site and nothing was fetched. Download it "
        f"({known['bytes'] / 1e6:.0f} MB) from {known['source']['url']} and choose it here as a file."
    )


async def folder(directory: Any) -> dict[str, Source]:
    """The files in a folder, each as a source."""
    sources: dict[str, Source] = {}
    async for name, handle in directory.entries():
        if handle.kind == "file":
            sources[name] = BlobSource(await handle.getFile(), name)
    return sources


async def in_memory(model: str, address: str, progress: Progress) -> Source:
    """The file as a blob the browser holds for this visit only."""
    parts, done = [], 0
    progress("download", done, known_of(model).get("bytes", 0))
    async with Fetch().get(address, 0, "") as answer:
        async for part in answer.parts():
            parts.append(to_js(part))  # at once; a constructor would take each byte by itself
            done += len(part)
            progress("download", done, answer.size)
    return BlobSource(js.Blob.new(parts), f"{model}.gguf")
