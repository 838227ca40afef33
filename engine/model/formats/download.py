"""Downloads a model once and keeps it: any interruption costs one chunk, and nothing unchecked is
ever used.

The file is written in chunks of 4 MB whose sha256 go into a record. A record without a hash of the
whole is a paused download; with it the file is complete. A shelf keeps both and a transport
fetches: `native.py` has those of this machine, `browser.py` those of the page.
"""

import asyncio
import hashlib
import urllib.parse
from dataclasses import dataclass, field

from oneseek.engine.model.formats.source import CHUNK, FormatError, Source

RETRIES = 5  # without a new chunk between them
PAUSE = 0.5  # seconds before the first retry, doubled each time
LONGEST = 60  # seconds that a server may ask to wait


class DownloadError(Exception):
    """The download did not succeed; the message says why, what is kept and what to do."""


class NotTheFile(DownloadError):
    """The server sent another file than the known one; the text is a sentence for people."""


class Damaged(FormatError):
    """A stored file is no longer what was downloaded; it must be deleted and fetched again."""


class Interrupted(Exception):
    """The connection broke, or the server asks to wait `after` seconds; transports raise it, and
    the download resumes where it was."""

    def __init__(self, reason, after=0.0):
        super().__init__(reason)
        self.after = after


@dataclass
class Record:
    """The state of a stored file; it is complete once `sha256` is there."""

    url: str
    size: int
    validator: str = ""
    chunks: list = field(default_factory=list)
    sha256: str | None = None


class VerifiedSource(Source):
    """A stored file whose every chunk is checked when it is first read."""

    def __init__(self, source, record):
        super().__init__(source.name, source.size)
        if source.size != record.size:
            raise Damaged(
                source.name, f"has {source.size} bytes, not {record.size}; download it again"
            )
        self.source = source
        self.chunks = record.chunks
        self.checked = set()
        self.held = -1, b""

    def _chunk(self, index):
        if self.held[0] == index:
            return self.held[1]
        start = index * CHUNK
        data = self.source.read(start, min(CHUNK, self.size - start))
        if index not in self.checked:
            if hashlib.sha256(data).hexdigest() != self.chunks[index]:
                raise Damaged(
                    self.name,
                    f"the bytes from {start} on are not those that were downloaded; "
                    "the file is damaged and is not used; download it again",
                )
            self.checked.add(index)
        self.held = index, data
        return data

    def _read(self, offset, length):
        parts = []
        while length:
            index, start = divmod(offset, CHUNK)
            if index in self.checked and index != self.held[0] and (start or length < CHUNK):
                part = self.source.read(offset, min(length, CHUNK - start))
            else:
                part = self._chunk(index)[start : start + length]
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self):
        self.source.close()


async def open_stored(shelf, name):
    """The complete file of this name as a checked source, or None when it has to be downloaded."""
    record = await shelf.record(name)
    if record is None or record.sha256 is None:
        return None
    source = await shelf.source(name)
    try:
        return source and VerifiedSource(source, record)
    except FormatError:
        source.close()
        raise


async def download(shelf, transport, name, url, sha256=None, progress=None, size=None):
    """Fetch what is missing of `url`, check all of it, and return it as a source.

    `progress(phase, done, total)` has the phases download and verify; what came is kept when it is
    cancelled. A file of another `size` than the known one is refused before it comes.
    """
    progress = progress or (lambda phase, done, total: None)
    failures, before = 0, -1
    while True:
        try:
            record = await _fetch(shelf, transport, name, url, size, progress)
            break
        except Interrupted as error:
            kept = await shelf.record(name)
            came = len(kept.chunks) if kept else 0
            failures, before = failures + 1 if came <= before else 1, came
            if error.after > LONGEST:
                raise DownloadError(
                    f"{name}: {error}, and asks to wait {error.after:.0f} s. "
                    "What came is kept; try again then to go on from there"
                ) from error
            if failures > RETRIES:
                raise DownloadError(
                    f"{name}: the connection broke {failures} times ({error}). "
                    "What came is kept; try again to go on from there"
                ) from error
            await asyncio.sleep(max(error.after, PAUSE * 2 ** (failures - 1)))
    return await _finish(shelf, name, record, sha256, progress)


async def _fetch(shelf, transport, name, url, size, progress):
    """Write the chunks that are missing; each is flushed before the record names it."""
    record = await shelf.record(name)
    record = record if record and record.url == url else None
    writer = await shelf.writer(name)
    try:
        record = record and _intact(record, writer)
        done = len(record.chunks) * CHUNK if record else 0
        if record and done >= record.size:
            return record
        async with transport.get(url, done, record.validator if record else "") as answer:
            if size and answer.size != size:
                raise other_size(name, answer.size, size)
            if record is None or (answer.size, answer.validator) != (record.size, record.validator):
                record = Record(url, answer.size, answer.validator)
                writer.truncate(0)
                await shelf.keep(name, record)
                if answer.start:
                    raise Interrupted("the file changed on the server")
            await _pour(shelf, name, record, writer, answer, progress)
        return record
    finally:
        writer.close()


def _intact(record, writer):
    """Return the record up to the first chunk that is damaged or missing in the file."""
    for index, expected in enumerate(record.chunks):
        length = min(CHUNK, record.size - index * CHUNK)
        if hashlib.sha256(writer.read(index * CHUNK, length)).hexdigest() != expected:
            return Record(record.url, record.size, record.validator, record.chunks[:index])
    return record


async def _pour(shelf, name, record, writer, answer, progress):
    position, waiting = answer.start, bytearray()
    async for part in answer.parts():
        start = len(record.chunks) * CHUNK
        if position < start:  # a server that ignores ranges sends the beginning again
            skip = min(len(part), start - position)
            position, part = position + skip, part[skip:]
        waiting += part
        position += len(part)
        progress("download", min(start + len(waiting), record.size), record.size)
        while len(waiting) >= CHUNK or (waiting and position >= record.size):
            chunk = bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
            writer.write(len(record.chunks) * CHUNK, chunk)
            writer.flush()
            record.chunks.append(hashlib.sha256(chunk).hexdigest())
            await shelf.keep(name, record)
        if position >= record.size:
            return
    raise Interrupted(f"it ended after {position} of {record.size} bytes")


async def _finish(shelf, name, record, sha256, progress):
    """Hash the closed file, chunk by chunk and as a whole; the record with that hash is the
    commit."""
    source, digest = await shelf.source(name), hashlib.sha256()
    try:
        checked = VerifiedSource(source, record)
        for offset in range(0, record.size, CHUNK):
            digest.update(checked.read(offset, min(CHUNK, record.size - offset)))
            progress("verify", min(offset + CHUNK, record.size), record.size)
            await asyncio.sleep(0)
        if sha256 not in (None, digest.hexdigest()):
            raise other_hash(name, digest.hexdigest(), sha256)
    except (Damaged, NotTheFile) as error:
        source.close()
        await shelf.forget(name)
        if isinstance(error, NotTheFile):
            raise
        raise DownloadError(f"{error}. It was deleted; try again later") from error
    except BaseException:
        source.close()
        raise
    record.sha256 = digest.hexdigest()
    await shelf.keep(name, record)
    return checked


def other_size(name, found, size):
    return NotTheFile(
        f"{name}: the server has another file than expected ({found} bytes instead of {size}). "
        "Nothing was downloaded or changed. Download the file from another place."
    )


def other_hash(name, found, sha256):
    return NotTheFile(
        f"{name}: the downloaded file is not the expected one (sha256 {found[:16]} instead of "
        f"{sha256[:16]}). It was deleted and not used. Download it again, or from another place."
    )


def make_error(url, status, after=""):
    """Return the error for an HTTP status other than success; `after` is the header Retry-After."""
    host = urllib.parse.urlsplit(url).netloc
    if status in (408, 429, 500, 502, 503, 504):
        return Interrupted(f"{host} answered {status}", float(after) if after.isdigit() else 0.0)
    return DownloadError(f"{url}: the server answered {status}; nothing was downloaded")


def parse_response(status, header):
    """(where the body begins, size of the whole, the validator that tells whether it changed)."""
    validator = header("ETag") or header("Last-Modified") or ""
    if status == 206:
        span, _, size = (header("Content-Range") or "").removeprefix("bytes ").partition("/")
        first = span.partition("-")[0]
        if first.isdigit() and size.isdigit():
            return int(first), int(size), validator
    elif status == 200 and (header("Content-Length") or "").isdigit():
        return 0, int(header("Content-Length")), validator
    raise DownloadError(f"the server answered {status} without saying how long the file is")
