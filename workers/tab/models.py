"""The models of this browser: fetched from this site or another one into OPFS, or files that the
person gave, checked whenever they are read.

A model that is complete in OPFS is opened without asking the network for anything.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from oneseek.engine.core import hub
from oneseek.engine.model import registry
from oneseek.engine.model.formats import FormatError, ModelFile, open_model
from oneseek.engine.model.formats.browser import BlobSource, Fetch, OpfsShelf
from oneseek.engine.model.formats.download import (
    Damaged,
    DownloadError,
    Record,
    VerifiedSource,
    download,
    open_stored,
    other_hash,
    other_size,
)
from oneseek.engine.model.formats.source import CHUNK, Source
from oneseek.workers.tab.outside import Outside

Progress = Callable[[str, int, int], None]

INBOX = "inbox"
GIVEN = "file:"
EYES = "-" + hub.BESIDE  # the end of a name for the eyes of a model
ENCODER = "encoder"  # the memory recognises questions by it; it comes with the site's models
NOWHERE = {"address": "", "bytes": 0, "sha256": ""}
ALONE = "tiny"  # the test model, which needs nothing beside it


class NotCarried(DownloadError):
    """The site does not carry a model; the text is a sentence for people, with what to do."""


class Paused(Exception):
    """The download was stopped by request."""


@dataclass
class Origin:
    """Where a model comes from, and what is known of its file; 0 and None stand for unknown."""

    address: str
    size: int
    sha256: str | None
    transport: Any
    eyes: tuple[str, Origin] | None = None  # the name they are kept under, and their origin


class Models:
    """Opens and removes models by the names engine/core/messages gives them."""

    def __init__(self, store: Any, addresses: dict[str, str], outside: str) -> None:
        self.shelf, self.inbox = OpfsShelf(store), OpfsShelf(store, INBOX)
        self.addresses, self.outside = addresses, outside
        self.fetching: asyncio.Future[Any] | None = None
        self.encoder: Source | None = None
        self.alone = asyncio.Lock()  # of two who want the encoder, one fetches it

    async def open(self, model: str, keep: bool, origin: dict, progress: Progress) -> ModelFile:
        """The model's file; `progress(phase, done, total)` is called while it is fetched. Raises
        Paused when stopped."""
        self.fetching = asyncio.ensure_future(self.source(model, keep, origin, progress))
        try:
            return open_model(await self.fetching)
        except asyncio.CancelledError as error:
            raise Paused(f"{model}: stopped before it was complete") from error
        finally:
            self.fetching = None

    async def source(
        self, model: str, keep: bool, origin: dict, progress: Progress
    ) -> Source | dict[str, Source]:
        if model in self.addresses:
            return await self.fetch_all(model, keep, self.here(model), progress)
        if await self.has(model):
            here = await self.elsewhere(model, NOWHERE, origin.get("eyes"))
            return await self.fetch_all(model, True, here, progress)
        if origin:
            there = await self.elsewhere(model, origin, origin.get("eyes"))
            return await self.fetch_all(model, keep, there, progress)
        if model.startswith(GIVEN):
            return await self.open_inbox(model.removeprefix(GIVEN), progress)
        raise NotCarried(elsewhere(model))

    def here(self, model: str) -> Origin:
        known = look_up(model)
        return Origin(self.addresses[model], known.get("bytes", 0), known.get("sha256"), Fetch())

    async def elsewhere(self, model: str, origin: dict, eyes: dict | None = None) -> Origin:
        """The origin of a model of another site. The list's size and hash come first; for a file on
        no list, those that the hub tells. Its eyes are those that are here, or that may be fetched.
        """
        known = look_up(model) or origin
        found = Origin(origin["address"], known["bytes"], known["sha256"] or None, None)
        name = eyes_name(model, eyes)
        if name and (eyes or await self.has(name)):
            found.eyes = name, await self.elsewhere(name, eyes or NOWHERE)
        return found

    async def fetch_all(
        self, model: str, keep: bool, origin: Origin, progress: Progress
    ) -> Source | dict[str, Source]:
        """A model with its eyes, and before it the encoder if it is missing; progress counts them
        as one."""
        wanted = [(model, origin), *([origin.eyes] if origin.eyes else [])]
        if model != ALONE and not await self.has(ENCODER):
            wanted.insert(0, (ENCODER, self.here(ENCODER)))
        whole, before, found = sum(one.size for _, one in wanted), 0, {}
        for name, one in wanted:
            told = partial(tell_overall, progress, before, whole) if wanted[1:] else progress
            source = await self.one(name, keep, one, told)
            before += one.size
            if name == ENCODER:
                self.encoder = source
            else:
                found[self.place(name)[1]] = source
        return found if origin.eyes else source

    async def has(self, model: str) -> bool:
        """Whether all of a model's file is stored, and was checked."""
        shelf, name = self.place(model)
        record, known = await shelf.record(name), look_up(model).get("sha256")
        here = bool(record and record.sha256) and known in (None, record.sha256)
        return here or model == ENCODER and self.encoder is not None

    def place(self, model: str) -> tuple[OpfsShelf, str]:
        if model.startswith(GIVEN):
            return self.inbox, model.removeprefix(GIVEN)
        return self.shelf, f"{model}.gguf"

    async def one(self, model: str, keep: bool, origin: Origin, progress: Progress) -> Source:
        if origin.transport is None:
            origin.transport = Outside(self.outside, origin.size, Waits(progress))
            progress = origin.transport.wait.report
        if keep:
            return await self.fetch_missing(model, origin, progress)
        return await in_memory(model, origin, progress)

    async def for_memory(self) -> Source:
        """The encoder, fetched now if it is missing or damaged. It is always kept, as facts are."""
        async with self.alone:
            try:
                return await self.sound_encoder()
            except Damaged:
                self.encoder = None
                await self.shelf.forget(f"{ENCODER}.gguf")
                return await self.sound_encoder()

    async def sound_encoder(self) -> Source:
        if self.encoder is None:
            self.encoder = await self.fetch_missing(ENCODER, self.here(ENCODER), untold)
        source = self.encoder
        for offset in range(0, source.size, CHUNK):  # each is checked when it is first read
            source.read(offset, min(CHUNK, source.size - offset))
            await asyncio.sleep(0)
        return source

    async def fetch_missing(self, model: str, origin: Origin, progress: Progress) -> Source:
        """The stored file, after what is missing of it was fetched; an older edition of it is
        replaced."""
        shelf, name = self.place(model)
        record = await shelf.record(name)
        if record and record.sha256 and origin.sha256 not in (None, record.sha256):
            await shelf.forget(name)
        source = await open_stored(shelf, name)
        if source:
            return source
        progress("download", 0, origin.size)  # the server may take its time
        return await download(
            shelf,
            origin.transport,
            name,
            origin.address,
            origin.sha256,
            progress,
            origin.size if isinstance(origin.transport, Outside) else None,
        )

    async def open_inbox(self, name: str, progress: Progress) -> Source | dict[str, Source]:
        """A person's file in OPFS inbox/, checked from its second visit on; {name: source} for a
        folder."""
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
        if record and record.sha256 is None:
            raise FormatError(name, "was not downloaded to its end; download it again")
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
        """Delete what is stored of a model, and of the eyes that the list knows for it."""
        for one in (model, eyes_name(model, None)):
            if one:
                shelf, name = self.place(one)
                await shelf.forget(name)


class Waits:
    """Reports how far a download is, and that it waits when a site asks for that."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.last = progress, (0, 0)

    def report(self, phase: str, done: int, total: int) -> None:
        self.last = done, total
        self.progress(phase, done, total)

    def __call__(self, seconds: float) -> None:
        self.progress("hold", *self.last)


def untold(phase: str, done: int, total: int) -> None:
    """Report nothing: nobody waits for this download."""


def look_up(model: str) -> dict:
    """The list's record of a model, of a model's eyes, or of the encoder; empty if there is
    none."""
    if model == ENCODER:
        return registry.encoder()
    owner = model.removesuffix(EYES)
    known = registry.load_models().get(owner, {})
    return known if owner == model else known.get("eyes", {})


def eyes_name(model: str, eyes: dict | None) -> str:
    """The name that a model's eyes are kept under; empty when it has none."""
    if look_up(model).get("eyes"):
        return model + EYES
    return GIVEN + hub.name_file(eyes["address"]) if eyes else ""


def tell_overall(tell: Progress, before: int, whole: int, phase: str, done: int, _: int) -> None:
    tell(phase, before + done, whole)


def elsewhere(model: str) -> str:
    """The sentence on what to do about a model that this site does not carry."""
    known = registry.load_models().get(model)
    if known is None:
        return f"There is no model called {model}; choose one of the list."
    return (
        f"{known['name']} is not on this device, and no other site was asked. Choose it under "
        f"Models to download it ({known['bytes'] / 1e6:.0f} MB)."
    )


async def folder(directory: Any) -> dict[str, Source]:
    """The files in a folder, each as a source."""
    sources: dict[str, Source] = {}
    async for name, handle in directory.entries():
        if handle.kind == "file":
            sources[name] = BlobSource(await handle.getFile(), name)
    return sources


async def in_memory(model: str, origin: Origin, progress: Progress) -> Source:
    """The file as a blob that the browser holds for this visit only."""
    parts, done, digest = [], 0, hashlib.sha256()
    progress("download", done, origin.size)
    async with origin.transport.get(origin.address, 0, "") as answer:
        if origin.size and answer.size != origin.size and origin.sha256:
            raise other_size(model, answer.size, origin.size)
        async for part in answer.parts():
            parts.append(to_js(part))  # converted here; a constructor would take byte by byte
            digest.update(part)
            done += len(part)
            progress("download", done, answer.size)
    if origin.sha256 not in (None, digest.hexdigest()):
        raise other_hash(model, digest.hexdigest(), origin.sha256)
    return BlobSource(js.Blob.new(parts), f"{model}.gguf")
