"""The browser's storage and network for models: blobs read in a worker, OPFS as a shelf, fetch as a
transport.

A stored model is read through `File` slices, which any number of tabs may do at once; only writing
takes OPFS's exclusive handle, and every path gives it back (RELIABILITY R12).
"""

import asyncio
import json
from dataclasses import asdict

import js
from pyodide.ffi import JsException, to_js

from oneseek.engine.model.formats.download import (
    DownloadError,
    Interrupted,
    Record,
    make_error,
    parse_response,
)
from oneseek.engine.model.formats.source import FormatError, Source

FOLDER = "models"
RECORDS = "state"  # the store of the files' records


class BlobSource(Source):
    """A `File` or `Blob`, dropped on the page or stored in OPFS."""

    def __init__(self, blob, name=None):
        super().__init__(name or blob.name, blob.size)
        self.blob = blob
        self.reader = js.FileReaderSync.new()

    def _read(self, offset, length):
        try:
            part = self.reader.readAsArrayBuffer(self.blob.slice(offset, offset + length))
        except JsException as error:
            raise FormatError(
                self.name,
                f"cannot be read any more ({error.name}); choose the file again",
                kind="changed",
            ) from error
        return part.to_bytes()


class OpfsShelf:
    """Models in OPFS; `store` is that of engine/core/storage/store.py, and a file's record there is
    the commit."""

    def __init__(self, store, folder=FOLDER):
        self.store, self.folder = store, folder

    async def directory(self):
        root = await js.navigator.storage.getDirectory()
        return await root.getDirectoryHandle(self.folder, create=True)

    def key(self, name):
        return f"file:{self.folder}/{name}"

    async def record(self, name):
        kept = await self.store.get(RECORDS, self.key(name))
        return Record(**kept) if kept else None

    async def keep(self, name, record):
        await self.store.batch([["put", RECORDS, self.key(name), asdict(record)]], [])

    async def forget(self, name):
        await self.store.batch([["delete", RECORDS, self.key(name)]], [])
        try:
            await (await self.directory()).removeEntry(name, recursive=True)
        except JsException as error:
            if error.name != "NotFoundError":
                raise DownloadError(f"{name} cannot be deleted now ({error.name})") from error

    async def source(self, name):
        try:
            handle = await (await self.directory()).getFileHandle(name)
        except JsException as error:
            if error.name == "NotFoundError":
                return None
            raise
        return BlobSource(await handle.getFile(), name)

    async def writer(self, name):
        handle = await (await self.directory()).getFileHandle(name, create=True)
        opening = asyncio.ensure_future(exclusive(handle))
        try:
            return HandleWriter(name, await asyncio.shield(opening))
        except asyncio.CancelledError:  # it still opens, and would stay locked
            (await opening).close()
            raise
        except JsException as error:
            if error.name != "NoModificationAllowedError":
                raise
            raise DownloadError(f"{name} is being written in another tab; wait for that") from error


async def exclusive(handle):
    """Open the file for writing, as a task that outlives a cancelled caller."""
    return await handle.createSyncAccessHandle()


class HandleWriter:
    """OPFS's synchronous access handle."""

    def __init__(self, name, handle):
        self.name, self.handle = name, handle

    def read(self, at, length):
        data = js.Uint8Array.new(length)
        count = self.handle.read(data, at=at)
        return data.to_bytes()[:count]

    def write(self, at, data):
        try:
            written = self.handle.write(to_js(data), at=at)
        except JsException as error:
            raise self.full(error.name) from error
        if written != len(data):
            raise self.full("short write")

    def full(self, reason):
        return DownloadError(
            f"{self.name}: the browser allows no more space ({reason}). "
            "What came is kept; free some space and try again"
        )

    def size(self):
        return self.handle.getSize()

    def truncate(self, size):
        self.handle.truncate(size)

    def flush(self):
        self.handle.flush()

    def close(self):
        self.handle.close()


class Fetch:
    """Downloads with fetch()."""

    def get(self, url, start, validator):
        return FetchAnswer(url, start, validator)


class FetchAnswer:
    """One response from `start` on; leaving the block ends the transfer."""

    def __init__(self, url, start, validator):
        self.url, self.headers = url, {}
        if start:
            self.headers["Range"] = f"bytes={start}-"
        if start and validator:
            self.headers["If-Range"] = validator
        self.abort = js.AbortController.new()

    async def __aenter__(self):
        options = js.JSON.parse(json.dumps({"headers": self.headers, "cache": "no-store"}))
        options.signal = self.abort.signal
        try:
            self.response = await js.fetch(self.url, options)
        except JsException as error:
            raise Interrupted(error.message) from error
        except asyncio.CancelledError:
            self.abort.abort()
            raise
        if not self.response.ok:
            raise make_error(self.url, self.response.status)
        self.start, self.size, self.validator = parse_response(
            self.response.status, self.response.headers.get
        )
        return self

    async def __aexit__(self, *error):
        self.abort.abort()

    async def parts(self):
        reader = self.response.body.getReader()
        while True:
            try:
                part = await reader.read()
            except JsException as error:
                raise Interrupted(error.message) from error
            if part.done:
                return
            yield part.value.to_bytes()


def xhr_range(url, first, last):
    """Make one Range request for `RangeSource`, synchronously, as only a worker may."""
    request = js.XMLHttpRequest.new()
    request.open("GET", url, False)
    request.responseType = "arraybuffer"
    request.setRequestHeader("Range", f"bytes={first}-{last}")
    try:
        request.send()
    except JsException as error:
        raise FormatError(url, f"the server cannot be reached ({error.name}); try again") from error
    names = ("content-range", "etag", "last-modified")
    headers = {name: request.getResponseHeader(name) for name in names}
    return request.status, {k: v for k, v in headers.items() if v}, request.response.to_bytes()
