"""Bytes stored in pieces must come back whole, natively and from the worker's heap."""

import asyncio
import sys

import numpy as np
import pytest

from oneseek.engine.core.storage import store as stores

pytestmark = pytest.mark.in_worker


def store_pieces(pieces, folder) -> bytes:
    """The stored bytes of the pieces."""
    if sys.platform == "emscripten":
        return stores._js_bytes(pieces).to_bytes()
    from oneseek.engine.core.storage.sqlite import SqliteStore

    store = SqliteStore(folder / "oneseek.db", flush=False)
    asyncio.run(store.batch([["put", "state", "pieces", {"data": pieces}]]))
    return asyncio.run(store.get("state", "pieces"))["data"]


def test_pieces_are_stored_as_one(tmp_path):
    numbers = np.arange(3, dtype=np.float32)
    pieces = stores.Pieces([b"ab", memoryview(numbers).cast("B"), b"", b"c"])
    assert len(pieces) == 15
    assert store_pieces(pieces, tmp_path) == b"ab" + numbers.tobytes() + b"c"
