"""Downloads on this machine: a folder as the shelf, the standard library as the transport."""

import asyncio
import io
import json
import os
import urllib.error
import urllib.request
import zipfile
from dataclasses import asdict
from pathlib import Path

from oneseek.engine.model.formats.download import (
    DownloadError,
    Interrupted,
    Record,
    make_error,
    parse_response,
)
from oneseek.engine.model.formats.source import FileSource, FormatError, RangeSource


class FolderShelf:
    """Files in a folder, each with its record beside it."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def path(self, name):
        if name in ("", ".", "..") or "/" in name or "\\" in name:
            raise DownloadError(f"{name!r} cannot be a file name")
        return self.folder / name

    async def record(self, name):
        try:
            return Record(**json.loads(self.path(name + ".record.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    async def keep(self, name, record):
        path = self.path(name + ".record.json")
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(record)))
        os.replace(unfinished, path)

    async def forget(self, name):
        self.path(name + ".record.json").unlink(missing_ok=True)
        self.path(name).unlink(missing_ok=True)

    def is_partial(self, name):
        """Whether a download of this file was begun here and is not complete."""
        try:
            return json.loads(self.path(name + ".record.json").read_text())["sha256"] is None
        except (OSError, ValueError, KeyError):  # put there by hand, or nothing was downloaded yet
            return self.path(name).is_file() and not self.path(name).stat().st_size

    async def source(self, name):
        return FileSource(self.path(name)) if self.path(name).exists() else None

    async def writer(self, name):
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileWriter(self.path(name))


class FileWriter:
    """Random access to a file being downloaded."""

    def __init__(self, path):
        self.file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)

    def read(self, at, length):
        self.file.seek(at)
        return self.file.read(length)

    def write(self, at, data):
        self.file.seek(at)
        while data:
            data = data[self.file.write(data) :]

    def size(self):
        return os.fstat(self.file.fileno()).st_size

    def truncate(self, size):
        self.file.truncate(size)

    def flush(self):
        os.fsync(self.file.fileno())

    def close(self):
        self.file.close()


class Http:
    """Downloads with the standard library; the blocking calls run in a thread."""

    def get(self, url, start, validator):
        return HttpAnswer(url, start, validator)


class HttpAnswer:
    """One response from `start` on; `size` is that of the whole file."""

    def __init__(self, url, start, validator):
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-"} | ({"If-Range": validator} if validator else {})
        self.request = urllib.request.Request(url, headers=headers)

    async def __aenter__(self):
        try:
            self.response = await asyncio.to_thread(
                urllib.request.urlopen, self.request, timeout=30
            )
        except urllib.error.HTTPError as error:
            error.close()
            after = error.headers.get("Retry-After") or ""
            raise make_error(self.request.full_url, error.code, after) from error
        except OSError as error:
            raise Interrupted(str(error)) from error
        headers = self.response.headers
        self.start, self.size, self.validator = parse_response(self.response.status, headers.get)
        return self

    async def __aexit__(self, *error):
        self.response.close()

    async def parts(self):
        while True:
            try:
                part = await asyncio.to_thread(self.response.read, 1 << 18)
            except OSError as error:
                raise Interrupted(str(error)) from error
            if not part:
                return
            yield part


class SourceFile(io.RawIOBase):
    """A source as a file that is read and sought in."""

    def __init__(self, source):
        self.source, self.at = source, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=os.SEEK_SET):
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.source.size}[whence]
        self.at = start + offset
        return self.at

    def readinto(self, buffer):
        count = max(0, min(len(buffer), self.source.size - self.at))
        buffer[:count] = self.source.read(self.at, count)
        self.at += count
        return count


class Member:
    """Downloads one file of a zip archive, unpacked while it arrives; always from its beginning."""

    def __init__(self, name):
        self.name = name

    def get(self, url, start, validator):
        return MemberAnswer(url, self.name)


class MemberAnswer:
    start, validator = 0, ""

    def __init__(self, url, name):
        self.url, self.name = url, name

    async def __aenter__(self):
        await asyncio.to_thread(self._open)
        return self

    def _open(self):
        try:
            archive = zipfile.ZipFile(io.BufferedReader(SourceFile(RangeSource(self.url))))
            self.size = archive.getinfo(self.name).file_size
            self.file = archive.open(self.name)
        except FormatError as error:
            raise Interrupted(str(error)) from error
        except (zipfile.BadZipFile, KeyError) as error:
            raise DownloadError(
                f"{self.url} is not the archive that it was; nothing was downloaded"
            ) from error

    async def __aexit__(self, *error):
        self.file.close()

    async def parts(self):
        while True:
            try:
                part = await asyncio.to_thread(self.file.read, 1 << 18)
            except (FormatError, zipfile.BadZipFile) as error:
                raise Interrupted(str(error)) from error
            if not part:
                return
            yield part
