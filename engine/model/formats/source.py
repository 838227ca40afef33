"""Sources of a model's bytes: a file, memory, or a server that answers Range requests.

Every source has a `name` for messages, a `size`, and `read(offset, length)`, which gives exactly
that many bytes or raises; the browser's own sources (OPFS, a dropped file) are in `browser.py`.
"""

import hashlib
import os
import re
import urllib.error
import urllib.request

CHUNK = 4 << 20


KINDS = (
    "architecture",
    "changed",
    "cut",
    "damaged",
    "folder",
    "no_model",
    "parts",
    "several",
    "template",
    "tokenizer",
    "unsupported",
    "zip",
)


class FormatError(Exception):
    """A model that cannot be used. Nothing was loaded or changed; the message names the file and
    the reason. `kind`, one of KINDS, and `what` it is about let a page say it in its own words."""

    def __init__(self, name, reason, kind="damaged", what=""):
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.kind, self.what = kind, str(what)


class Source:
    """Bytes with a name; a subclass has `_read`, which may return too little but never too much."""

    def __init__(self, name, size):
        self.name = name
        self.size = size

    def read(self, offset, length):
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FormatError(
                self.name,
                f"bytes {offset} to {offset + length} are needed but the file ends at {self.size}; "
                "it is cut short; download it again",
                kind="cut",
            )
        data = self._read(offset, length)
        if len(data) != length:
            raise FormatError(
                self.name,
                f"only {len(data)} of {length} bytes at {offset} could be read; "
                "the file changed while it was read, open it again",
                kind="changed",
            )
        return data

    def sha256(self, told=lambda count: None):
        """The hash of the whole content, read in chunks; `told` receives the length of each."""
        digest = hashlib.sha256()
        for offset in range(0, self.size, CHUNK):
            length = min(CHUNK, self.size - offset)
            digest.update(self.read(offset, length))
            told(length)
        return digest.hexdigest()

    def close(self):
        """Release what the operating system or the browser lent."""


class BytesSource(Source):
    """Bytes that are already in memory."""

    def __init__(self, data, name="bytes"):
        super().__init__(name, len(data))
        self.data = memoryview(data).cast("B")

    def _read(self, offset, length):
        return self.data[offset : offset + length]


class FileSource(Source):
    """A file on disk.

    Plain reads, not a mapping: a mapped file that is cut while it is read ends the process with
    SIGBUS.
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        try:
            self.file = open(self.path, "rb", buffering=0)
        except OSError as error:
            raise FormatError(self.path, f"cannot be opened ({error.strerror})") from error
        self.stamp = self._stamp()
        super().__init__(os.path.basename(self.path), self.stamp[0])

    def _stamp(self):
        status = os.fstat(self.file.fileno())
        return status.st_size, status.st_mtime_ns

    def _read(self, offset, length):
        self.file.seek(offset)
        parts = []
        while length:
            part = self.file.read(min(length, 1 << 30))
            if not part:
                break
            parts.append(part)
            length -= len(part)
        if self._stamp() != self.stamp:
            reason = "the file changed while it was read; open it again"
            raise FormatError(self.name, reason, kind="changed")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self):
        self.file.close()


def http_range(url, first, last):
    """Make one Range request with the standard library: (status, headers in lower case, body)."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={first}-{last}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            headers = {key.lower(): value for key, value in answer.headers.items()}
            # A server that ignores Range would send everything: take no more than was asked for.
            return answer.status, headers, answer.read(last - first + 1)
    except urllib.error.HTTPError as error:
        return error.code, {}, b""
    except OSError as error:
        raise FormatError(url, f"the server cannot be reached ({error}); try again") from error


class RangeSource(Source):
    """A file on a server, read in windows; `get(url, first, last)` makes one Range request."""

    WINDOW = CHUNK

    def __init__(self, url, get=http_range):
        self.url = url
        self.get = get
        self.validator = None
        self.start, self.window = 0, b""
        super().__init__(url.split("?")[0].rsplit("/", 1)[-1] or url, 0)
        self._request(0, 0)

    def _request(self, first, last):
        status, headers, body = self.get(self.url, first, last)
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range", ""))
        if status != 206 or not span or int(span[1]) != first:
            raise FormatError(
                self.name,
                f"the server answered {status} to a request for part of the file; "
                "it must allow Range requests",
            )
        validator = (int(span[3]), headers.get("etag"), headers.get("last-modified"))
        if self.validator not in (None, validator):
            raise FormatError(self.name, "the file changed on the server; open it again")
        self.validator = validator
        self.size = validator[0]
        return body

    def _read(self, offset, length):
        if length >= self.WINDOW:
            parts = range(offset, offset + length, self.WINDOW)
            return b"".join(
                self._request(at, min(at + self.WINDOW, offset + length) - 1) for at in parts
            )
        end = self.start + len(self.window)
        if not self.start <= offset <= offset + length <= end:
            last = min(offset + self.WINDOW, self.size) - 1
            self.start, self.window = offset, self._request(offset, last) if length else b""
        return self.window[offset - self.start : offset - self.start + length]
