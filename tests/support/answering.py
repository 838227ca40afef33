"""Runs a standard-library server in a thread for the length of a block."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from typing import TypeVar

POLL_S = 0.01  # how soon it notices the shutdown

Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextlib.contextmanager
def run_server(server: Server) -> Iterator[Server]:
    """Yield the server while it answers; close it when the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
