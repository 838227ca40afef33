"""A server of the standard library that answers in a thread, for as long as a block lasts."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from typing import TypeVar

POLL_S = 0.01  # how soon it sees that it shall end

Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextlib.contextmanager
def run_server(server: Server) -> Iterator[Server]:
    """Yields the server while it answers; it is closed when the block is left."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
