"""Packs arrays as bytes and unpacks them, checked: a snapshot carries its format number, and its
hash is stored beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgpack
import numpy as np

from oneseek.engine.core.storage.store import Pieces
from oneseek.engine.turns import pause

Arrays = dict[str, np.ndarray]

FORMAT = 1
PIECE = 1 << 20  # bytes hashed at once
MIGRATIONS: dict[int, Callable[[dict], dict]] = {}
"""From a format to the next: takes and returns the unpacked content."""


class SnapshotDamaged(Exception):
    """The bytes are not what was saved; the version cannot be used, others still can."""


def weights_sha256(weights: Mapping[str, np.ndarray]) -> str:
    """One hash for one set of weights, whatever order or file they are in."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name}\0{array.dtype.str}\0{list(array.shape)}\0".encode())
        digest_of(array.reshape(-1).view(np.uint8).data, digest)
    return digest.hexdigest()


def digest_of(data: bytes | memoryview, digest: Any = None) -> str:
    """Return the SHA-256, computed in pieces, so that no answer waits for megabytes."""
    digest, whole = digest or hashlib.sha256(), memoryview(data)
    for first in range(0, len(whole), PIECE):
        digest.update(whole[first : first + PIECE])
        pause()
    return digest.hexdigest()


def pack(arrays: Mapping[str, np.ndarray], facts: dict | None = None) -> dict:
    """Return the record to store before an array changes: {format, sha256, bytes, data}."""
    data, digest = Pieces(parts(arrays, facts or {})), hashlib.sha256()
    for part in data.parts:
        digest_of(part, digest)
    return {
        "format": FORMAT,
        "sha256": digest.hexdigest(),
        "bytes": len(data),
        "data": data,
    }


def parts(arrays: Mapping[str, np.ndarray], facts: dict) -> Iterator[bytes | memoryview]:
    """Yield the msgpack of {facts, arrays: {name: [dtype, shape, bytes]}} without copying the
    arrays: a checkpoint is as large as training itself, and memory must not hold two of it."""
    packer = msgpack.Packer()
    yield packer.pack_map_header(2) + packer.pack("facts") + packer.pack(facts)
    yield packer.pack("arrays") + packer.pack_map_header(len(arrays))
    for name, array in sorted(arrays.items()):
        yield packer.pack(name) + packer.pack_array_header(3)
        yield packer.pack(array.dtype.str) + packer.pack(list(array.shape))
        yield b"\xc6" + array.nbytes.to_bytes(4, "big")  # bytes of up to 4 GB
        yield np.ascontiguousarray(array).data.cast("B")


def unpack(record: dict, what: str = "the snapshot") -> tuple[Arrays, dict]:
    """Return the arrays and facts of a stored record; the hash is checked on every load."""
    found = digest_of(record["data"])
    if found != record["sha256"]:
        raise SnapshotDamaged(
            f"{what} is damaged: its sha256 is {found[:8]}, it was saved as "
            f"{record['sha256'][:8]}; other versions are not affected"
        )
    content = msgpack.unpackb(record["data"])
    if record["format"] > FORMAT:
        raise SnapshotDamaged(
            f"{what} has format {record['format']}, this OneSeek reads up to {FORMAT}: use a newer one"
        )
    for format in range(record["format"], FORMAT):
        content = MIGRATIONS[format](content)
    arrays = {
        name: np.frombuffer(data, dtype).reshape(shape).copy()
        for name, (dtype, shape, data) in content["arrays"].items()
    }
    return arrays, content["facts"]
