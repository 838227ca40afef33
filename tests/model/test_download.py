"""Downloading a model must resume after any interruption, and never use a file with a wrong
hash."""

import asyncio
import contextlib
import hashlib
import http.server
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oneseek.engine.model.formats import FormatError, download, open_model
from oneseek.engine.model.formats.download import DownloadError
from oneseek.engine.model.formats.native import FolderShelf, Http
from oneseek.engine.model.formats.source import BytesSource
from tests.support import tiny
from tests.support.answering import run_server

ROOT = Path(__file__).resolve().parents[2]
SMALL = 1 << 16  # the chunk size here; the real 4 MB would only make the files larger
CONTENT = tiny.gguf("llama", "Q4_1")
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`; `server.faults` holds the fault of each request in turn."""

    def do_GET(self):
        server = self.server
        fault = server.faults.pop(0) if server.faults else None
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.asked.append(int(span[1]) if span else 0)
        if isinstance(fault, int) and fault >= 400:
            return self.send_error(fault)
        same = self.headers.get("If-Range") in (None, server.etag)
        start = int(span[1]) if span and same and server.ranges else 0
        data = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            whole = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("ETag", server.etag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if isinstance(fault, float):  # the connection breaks after this share of the bytes
            data = data[: int(len(data) * fault)]
        with contextlib.suppress(OSError):  # the client may be gone
            self.wfile.write(data)
        return None

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.etag, server.ranges = CONTENT, '"one"', True
    server.faults, server.asked = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/tiny.gguf"
    with run_server(server):
        yield server


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(download, "CHUNK", SMALL)
    monkeypatch.setattr(download, "PAUSE", 0.001)


@pytest.fixture
def shelf(tmp_path):
    return FolderShelf(tmp_path)


def fetch(shelf, server, sha256=SHA256, **more):
    return asyncio.run(
        download.download(shelf, Http(), "tiny.gguf", server.url, sha256=sha256, **more)
    )


def test_a_download_is_stored_and_opens(server, shelf):
    told = []
    source = fetch(shelf, server, progress=lambda *progress: told.append(progress))
    model = open_model(source)
    assert model.sha256() == SHA256 and model.read("model.norm.weight").shape == (256,)
    assert {phase for phase, _, _ in told} == {"download", "verify"}
    assert told[-1] == ("verify", len(CONTENT), len(CONTENT))
    again = asyncio.run(download.open_stored(shelf, "tiny.gguf"))
    assert bytes(again.read(0, again.size)) == CONTENT
    source.close()
    again.close()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_R11_a_broken_connection_costs_at_most_a_chunk(server, shelf, share):
    server.faults = [share]
    fetch(shelf, server).close()
    done = int(len(CONTENT) * share) // SMALL * SMALL
    expected = [0] if share == 1 else [0, done]
    assert server.asked == expected, "the second request begins at the first missing chunk"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99, 1.0])
def test_R11_killed_at_any_time_only_missing_chunks_are_fetched(server, shelf, share):
    def kill(phase, done, total):
        if done >= total * share and (phase == "verify" or share < 1):
            raise Killed

    with pytest.raises(Killed):
        fetch(shelf, server, progress=kill)
    record = asyncio.run(shelf.record("tiny.gguf"))
    assert record.sha256 is None and asyncio.run(download.open_stored(shelf, "tiny.gguf")) is None
    fetch(shelf, server).close()
    kept = len(record.chunks) * SMALL
    assert server.asked == ([0, kept] if kept < len(CONTENT) else [0])


@pytest.mark.slow
def test_R11_a_killed_process_leaves_a_download_that_goes_on(server, shelf):
    code = (
        "import asyncio, os, signal, sys\n"
        "from oneseek.engine.model.formats import download, native\n"
        f"download.CHUNK = {SMALL}\n"
        "def kill(phase, done, total):\n"
        "    if done > total // 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "shelf = native.FolderShelf(sys.argv[1])\n"
        "asyncio.run(download.download(shelf, native.Http(), 'tiny.gguf', sys.argv[2],"
        " progress=kill))\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, shelf.folder, server.url], cwd=ROOT, timeout=60
    )
    assert killed.returncode == -9
    kept = len(asyncio.run(shelf.record("tiny.gguf")).chunks) * SMALL
    fetch(shelf, server).close()
    assert server.asked == [0, kept] and kept >= len(CONTENT) // 4


def test_R11_chunks_torn_by_a_crash_are_fetched_again(server, shelf):
    server.faults = [0.5, 404]
    with pytest.raises(DownloadError, match="404"):
        fetch(shelf, server)
    path = shelf.path("tiny.gguf")
    data = bytearray(path.read_bytes())
    data[3 * SMALL + 5] ^= 1
    path.write_bytes(data)
    fetch(shelf, server).close()
    assert server.asked[-1] == 3 * SMALL


def test_a_pause_keeps_what_came(server, shelf):
    with pytest.raises(asyncio.CancelledError):
        fetch(shelf, server, progress=lambda *told: asyncio.current_task().cancel())
    assert asyncio.run(shelf.record("tiny.gguf")).chunks
    fetch(shelf, server).close()
    assert server.asked[1] > 0


def test_a_server_without_ranges_still_serves(server, shelf):
    server.ranges, server.faults = False, [0.5]
    fetch(shelf, server).close()
    assert len(server.asked) == 2


def test_a_file_that_changed_on_the_server_begins_anew(server, shelf):
    server.faults = [0.5, 404]
    with pytest.raises(DownloadError):
        fetch(shelf, server)
    server.content, server.etag = tiny.gguf("llama", "Q4_0"), '"two"'
    sha256 = hashlib.sha256(server.content).hexdigest()
    source = fetch(shelf, server, sha256=sha256)
    assert source.sha256() == sha256
    source.close()


def test_a_server_in_trouble_is_asked_again_and_then_named(server, shelf):
    server.faults = [503, 500, 429]
    fetch(shelf, server).close()
    server.faults = [503] * 9
    asyncio.run(shelf.forget("tiny.gguf"))
    with pytest.raises(DownloadError, match=r"broke 6 times .*503.* What came is kept"):
        fetch(shelf, server)


def test_R10_a_file_that_is_not_what_was_promised_is_never_stored(server, shelf):
    wrong = bytearray(CONTENT)
    wrong[len(wrong) // 2] ^= 1
    for server.content in (bytes(wrong), CONTENT[:-1]):
        with pytest.raises(DownloadError, match="tiny.gguf: .* not the expected one"):
            fetch(shelf, server)
        assert asyncio.run(download.open_stored(shelf, "tiny.gguf")) is None
        assert not shelf.path("tiny.gguf").exists()


@pytest.mark.parametrize("damage", ["one bit", "the last byte", "the last byte twice"])
def test_R10_a_stored_file_that_changed_is_refused_by_name(server, shelf, damage):
    fetch(shelf, server).close()
    path = shelf.path("tiny.gguf")
    data = bytearray(path.read_bytes())
    if damage == "one bit":
        data[random.Random(7).randrange(len(data))] ^= 1 << 3
    else:
        data = data[:-1] if damage == "the last byte" else data + data[-1:]
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"^tiny\.gguf: .*download it again"):
        source = asyncio.run(download.open_stored(shelf, "tiny.gguf"))
        with contextlib.closing(open_model(source)) as model:
            for name in model.names():
                model.read(name)
    asyncio.run(shelf.forget("tiny.gguf"))
    fetch(shelf, server).close()


def test_reads_across_chunks_are_exact():
    chunks = [
        hashlib.sha256(CONTENT[i : i + SMALL]).hexdigest() for i in range(0, len(CONTENT), SMALL)
    ]
    record = download.Record("", len(CONTENT), chunks=chunks)
    source = download.VerifiedSource(BytesSource(CONTENT), record)
    draw = random.Random(1)
    for _ in range(300):
        first = draw.randrange(len(CONTENT))
        length = min(draw.choice([0, 1, 9, SMALL, 3 * SMALL]), len(CONTENT) - first)
        assert bytes(source.read(first, length)) == CONTENT[first : first + length]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a\\b"])
def test_a_name_cannot_leave_the_folder(shelf, name):
    with pytest.raises(DownloadError, match="cannot be a file name"):
        shelf.path(name)
