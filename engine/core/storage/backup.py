"""A backup: one JSON file that anyone can read, with every store but the model files.

The importer worker writes and reads it for the page, and so does the server: what one made, the
other restores. It is written as it is made, a few records at a time.
"""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

from oneseek.engine.core.storage.store import KEPT, wipe

FORMAT = "oneseek-backup"
VERSION = 2
ROWS = 20  # records in memory at once; one with weights has megabytes


class NotABackup(ValueError):
    """The file is not a backup this version understands: "newer" or "wrong". Nothing was
    changed."""


async def collect(store: Any, now: int) -> AsyncIterator[str]:
    """Yield the text of a backup in pieces, store by store."""
    about = {"format": FORMAT, "version": VERSION, "made": now}
    yield json.dumps(about)[:-1] + ', "stores": {'
    for name in KEPT:
        yield ("" if name == KEPT[0] else ",\n") + json.dumps(name) + ":["
        after, comma = None, ""
        while rows := await store.all(name, after, ROWS):
            for row in rows:
                yield comma + json.dumps(_plain(row))
                comma = ",\n"
            after = rows[-1][0]
        yield "]"
    yield "}}"


def read(text: str) -> dict[str, list]:
    """Return the stores of a backup, or raise NotABackup."""
    try:
        found = json.loads(text)
        ours, newer = found["format"] == FORMAT, found["version"] > VERSION
        stores = {name: _bytes(found["stores"].get(name, [])) for name in KEPT}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotABackup("wrong") from error
    if newer or not ours:
        raise NotABackup("newer" if ours else "wrong")
    return stores


async def restore(store: Any, stores: dict[str, list]) -> None:
    """Replace what is stored by a backup."""
    await wipe(store)
    for name, rows in stores.items():
        for start in range(0, len(rows), ROWS):
            await store.batch(
                [["put", name, key, value] for key, value in rows[start : start + ROWS]]
            )


def _plain(value: Any) -> Any:
    """Return a value for JSON, which has no bytes: they travel as {"$base64": text}."""
    if isinstance(value, bytes):
        return {"$base64": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def _bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if "$base64" in value:
            return base64.b64decode(value["$base64"], validate=True)
        if "$hex" in value:  # how earlier builds wrote the same version
            return bytes.fromhex(value["$hex"])
        return {key: _bytes(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_bytes(part) for part in value]
    return value
