"""Serves the site over HTTP on this machine, with its own headers."""

import http.server
import re
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Any

from oneseek.workers.site import headers


class CannotServe(OSError):
    """The port is taken or forbidden; the message says what to do."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Static files; each answer carries the headers of its path."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        path = self.path.split("?")[0].lstrip("/") or "index.html"
        for name, value in self.headers_of(path).items():
            if name != "Content-Type":
                self.send_header(name, value)
        super().end_headers()

    def headers_of(self, path: str) -> dict[str, str]:
        return headers.headers(path)

    def guess_type(self, path: Any) -> str:
        return headers.headers(str(path))["Content-Type"]

    def translate_path(self, path: str) -> str:
        """The file of an address; one without an ending is the page of that name, as at many
        hosts."""
        found = super().translate_path(path)
        page = found.rstrip("/") + ".html"
        return page if not Path(found).exists() and Path(page).is_file() else found

    def send_head(self) -> Any:
        """Send the end of a file when a download goes on from the middle, else the whole file."""
        path = Path(self.translate_path(self.path))
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not span or not path.is_file():
            return super().send_head()
        size, changed = path.stat().st_size, self.date_time_string(int(path.stat().st_mtime))
        if self.headers.get("If-Range", changed) != changed or int(span[1]) >= size:
            return super().send_head()
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Range", f"bytes {span[1]}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - int(span[1])))
        self.send_header("Last-Modified", changed)
        self.end_headers()
        file = path.open("rb")
        file.seek(int(span[1]))
        return file

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: nobody reads a line a file, and the page tells what fails."""


class Plain(Handler):
    """A host that knows nothing of this site."""

    def headers_of(self, path: str) -> dict[str, str]:
        return {}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a tab that is closed in the middle of a file."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def handler(folder: Path, kind: type[Handler] = Handler) -> type[Handler]:
    """A handler class for one folder."""

    class Here(kind):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

    return Here


def server(folder: Path, port: int, kind: type[Handler] = Handler) -> Server:
    """A server for one folder."""
    try:
        return Server(("127.0.0.1", port), handler(folder, kind))
    except OSError as error:
        raise CannotServe(f"port {port} cannot be used ({error.strerror}); try --port 0") from error


def run(folder: Path, port: int, open_browser: bool, kind: type[Handler] = Handler) -> int:
    with server(folder, port, kind) as running:
        address = f"http://127.0.0.1:{running.server_port}/"
        print(f"OneSeek is at {address}  (Ctrl+C stops it)", file=sys.stderr)
        if open_browser:
            webbrowser.open(address)
        running.serve_forever()
    return 0
