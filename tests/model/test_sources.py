"""Reading models from disk, memory and servers, also while they change."""

import hashlib
import http.server
import re

import numpy as np
import pytest

from oneseek.engine.model.formats import (
    BytesSource,
    FileSource,
    FormatError,
    Packed,
    RangeSource,
    open_model,
)
from tests.support import tiny
from tests.support.answering import run_server


def dense(tensor):
    return tensor.dense() if isinstance(tensor, Packed) else tensor.astype(np.float32)


class Ranges(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`, whole or in ranges."""

    def do_GET(self):
        data, span = self.server.content, self.headers.get("Range")
        if span and self.server.ranges:
            first, last = (int(n) for n in re.fullmatch(r"bytes=(\d+)-(\d+)", span).groups())
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            data = data[first : last + 1]
        else:
            self.send_response(200)
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
    server.content, server.ranges, server.etag = tiny.gguf("llama", "Q4_1"), True, '"one"'
    with run_server(server):
        yield server


def url(server):
    return f"http://127.0.0.1:{server.server_port}/models/tiny.gguf?download=true"


def test_a_file_on_disk_in_memory_and_on_a_server_are_the_same_model(server, tmp_path):
    (tmp_path / "tiny.gguf").write_bytes(server.content)
    models = [
        open_model(tmp_path / "tiny.gguf"),
        open_model(BytesSource(server.content, "tiny.gguf")),
        open_model(RangeSource(url(server))),
    ]
    assert {model.name for model in models} == {"tiny.gguf"}
    assert {model.sha256() for model in models} == {hashlib.sha256(server.content).hexdigest()}
    for name in models[0].names():
        first, *others = (dense(model.read(name)) for model in models)
        assert all(np.array_equal(first, other) for other in others)
    models[0].close()


def test_a_server_without_ranges_is_refused(server):
    server.ranges = False
    with pytest.raises(FormatError, match=r"tiny.gguf: the server answered 200 .* Range"):
        RangeSource(url(server))


def test_a_file_that_changes_on_the_server_is_noticed(server):
    source = RangeSource(url(server))
    source.WINDOW = 1 << 14  # a larger window would hold the whole tiny file
    model = open_model(source)
    server.etag = '"two"'
    with pytest.raises(FormatError, match="changed on the server"):
        for name in model.names():
            model.read(name)


def test_a_server_that_is_gone_is_named():
    with pytest.raises(FormatError, match="cannot be reached"):
        RangeSource("http://127.0.0.1:9/tiny.gguf")


@pytest.mark.parametrize("change", ["cut", "rewritten"])
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path, change):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny.gguf("llama", "Q4_1"))
    model = open_model(path)
    if change == "cut":
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
    else:
        path.write_bytes(tiny.gguf("llama", "Q4_0"))
    with pytest.raises(FormatError, match=r"^tiny.gguf: .*(changed|ends|could be read)"):
        for name in model.names():
            model.read(name)
    model.close()


def test_a_missing_file_is_named():
    with pytest.raises(FormatError, match="nowhere.gguf: cannot be opened"):
        FileSource("/nowhere.gguf")
