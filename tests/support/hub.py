"""A model hub on another origin, with a second host for its files, and faults of either."""

import contextlib
import http.server
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from oneseek.engine.model.demo import MODEL
from tests.support.answering import run_server

REPOSITORY, REVISION = "acme/demo-GGUF", "0123456789abcdef0123456789abcdef01234567"
FILE = "demo-Q4_1.gguf"


def demo(size: int = 0) -> bytes:
    """The demo model, padded with unread bytes to the length that a download needs."""
    data = MODEL.read_bytes()
    return data + random.Random(1).randbytes(max(0, size - len(data)))


@dataclass
class Hub:
    """A hub whose requests for the file take the `faults` in turn: a status, a status with the
    seconds of Retry-After, or the share of the requested bytes after which the connection
    breaks."""

    content: bytes
    sha256: str = ""  # as the hub states it
    more: dict[str, bytes] = field(default_factory=dict)  # other files, without faults
    cors: bool = True
    ranges: bool = True
    rate: float = 0.0  # bytes a second for each answer
    etag: str = '"one"'
    faults: list = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)  # when set, the file is sent
    asked: list = field(default_factory=list)  # (path, range, headers) of every request
    address: str = ""
    second: str = ""

    def __post_init__(self) -> None:
        self.hold.set()

    @property
    def file(self) -> str:
        return f"{self.address}/{REPOSITORY}/resolve/{REVISION}/{FILE}"

    def ranges_asked(self) -> list[str]:
        return [span for path, span, _ in self.asked if path.startswith("/blob")]

    def make_listing(self) -> dict:
        large = {"sha256": self.sha256, "size": len(self.content)} if self.sha256 else None
        one = {"rfilename": FILE, "size": len(self.content)} | ({"lfs": large} if large else {})
        return {
            "sha": REVISION,
            "tags": ["gguf", "license:apache-2.0"],
            "siblings": [
                {"rfilename": "README.md", "size": 9},
                one,
                *({"rfilename": name, "size": len(data)} for name, data in self.more.items()),
            ],
        }


def handler(hub: Hub) -> type[http.server.BaseHTTPRequestHandler]:
    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.asked.append((self.path, self.headers.get("Range", ""), dict(self.headers)))
            if self.path.startswith("/api/models/" + REPOSITORY):
                self.give(200, json.dumps(hub.make_listing()).encode(), {})
            elif "/resolve/" in self.path:
                name = self.path.rpartition("/")[2]
                there = name if name in hub.more else FILE
                self.give(302, b"", {"Location": f"{hub.second}/blob/{there}"})
            elif (name := self.path.rpartition("/")[2]) in hub.more:
                self.give(200, hub.more[name], {})
            elif self.path.startswith("/blob/"):
                self.file()
            else:
                self.give(404, b"", {})

        def file(self) -> None:
            hub.hold.wait()
            fault = hub.faults.pop(0) if hub.faults else None
            if isinstance(fault, tuple):
                self.give(fault[0], b"", {"Retry-After": str(fault[1])})
                return
            if isinstance(fault, int):
                self.give(fault, b"", {})
                return
            span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            told = {"ETag": hub.etag, "Accept-Ranges": "bytes"}
            if not span or not hub.ranges:
                self.give(200, hub.content, told, fault)
                return
            first, last = int(span[1]), int(span[2] or len(hub.content) - 1)
            data = hub.content[first : last + 1]
            told["Content-Range"] = f"bytes {first}-{first + len(data) - 1}/{len(hub.content)}"
            self.give(206, data, told, fault)

        def give(self, status: int, data: bytes, told: dict, share: float | None = None) -> None:
            self.send_response(status)
            if hub.cors:
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Access-Control-Expose-Headers", "*")
            for name, value in told.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if share is not None:
                data = data[: int(len(data) * share)]
            step = max(1, int(hub.rate / 20)) if hub.rate else 1 << 18
            with contextlib.suppress(OSError):  # the client may be gone
                for at in range(0, len(data), step):
                    self.wfile.write(data[at : at + step])
                    time.sleep(step / hub.rate if hub.rate else 0)
            if share is not None:
                self.close_connection = True

        def log_message(self, *words: object) -> None:
            pass

    return Answers


@contextlib.contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """Run the hub at `address`, and its files at `second`."""
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(hub)) for _ in range(2)]
    hub.address, hub.second = (f"http://127.0.0.1:{one.server_port}" for one in servers)
    with run_server(servers[0]), run_server(servers[1]):
        try:
            yield hub
        finally:
            hub.hold.set()
