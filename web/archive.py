"""A backup: one JSON file that anyone can read, with every store but the model files.

The page writes and reads it (web/backup.py), and so does the server: what one made, the other restores.
"""

import json

from web.store import STEPS

FORMAT = "oneseek-backup"
VERSION = 2
STORES = tuple(name for step in STEPS for name in step if name != "drafts")
BATCH = 100


class NotABackup(ValueError):
    """The file is not a backup this version understands: "newer" or "wrong". Nothing was changed."""


async def collect(store, now):
    """The text of a backup, store by store."""
    parts = []
    for name in STORES:
        rows = await store.all(name)
        parts.append('"%s":%s' % (name, json.dumps(_plain(rows))))
    return '{"format":"%s","version":%d,"made":%d,"stores":{%s}}' % (
        FORMAT,
        VERSION,
        now,
        ",".join(parts),
    )


def read(text):
    """The stores of a backup, or NotABackup."""
    try:
        found = json.loads(text)
        ours, newer = found["format"] == FORMAT, found["version"] > VERSION
        stores = {name: _bytes(found["stores"].get(name, [])) for name in STORES}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotABackup("wrong")
    if newer or not ours:
        raise NotABackup("newer" if ours else "wrong")
    return stores


async def restore(store, stores):
    """Put a backup in the place of what is stored."""
    await wipe(store)
    for name, rows in stores.items():
        for start in range(0, len(rows), BATCH):
            await store.batch(
                [["put", name, key, value] for key, value in rows[start : start + BATCH]]
            )


async def wipe(store):
    for name in STORES + ("drafts",):
        keys = await store.keys(name)
        for start in range(0, len(keys), BATCH):
            await store.batch([["delete", name, key] for key in keys[start : start + BATCH]])


def _plain(value):
    """JSON has no bytes: they travel as {"$hex": text}, which the page's Python makes fast."""
    if isinstance(value, (bytes, bytearray)):
        return {"$hex": bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def _bytes(value):
    if isinstance(value, dict):
        if "$hex" in value:
            return bytes.fromhex(value["$hex"])
        if "$base64" in value:  # a backup of version 1
            import binascii

            return binascii.a2b_base64(value["$base64"].encode())
        return {key: _bytes(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_bytes(part) for part in value]
    return value
