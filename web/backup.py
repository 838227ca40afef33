"""Everything out, everything back: one JSON file anyone can read, and the chats as training data.

A backup holds every store but the model files, which can be fetched again.
"""

import json

import js

from web import clock, files, overlay, turns
from web.chat import stored_turns
from web.words import t

FORMAT = "oneseek-backup"
VERSION = 1
STORES = (
    "chats",
    "messages",
    "settings",
    "state",
    "queue",
    "examples",
    "snapshots",
    "versions",
    "ledger",
    "samples",
    "sources",
    "events",
    "metrics",
)
BATCH = 100


class NotABackup(ValueError):
    """The file is not a backup this version understands; nothing was changed."""


async def collect(store):
    """The text of a backup, store by store; bytes as base64."""
    parts = []
    for name in STORES:
        rows = await store.all(name)
        parts.append('"%s":%s' % (name, json.dumps(_plain(rows))))
    return '{"format":"%s","version":%d,"made":%d,"stores":{%s}}' % (
        FORMAT,
        VERSION,
        clock.now(),
        ",".join(parts),
    )


def read(text):
    """The stores of a backup, or NotABackup."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT or found["version"] > VERSION:
            raise NotABackup(t("backup.newer"))
        return {name: _bytes(found["stores"].get(name, [])) for name in STORES}
    except (ValueError, KeyError, TypeError) as fault:
        if isinstance(fault, NotABackup):
            raise
        raise NotABackup(t("backup.wrong"))


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


async def export_everything(store):
    name = "oneseek-%s.json" % js.Date.new().toISOString()[:10]
    files.save(name, await collect(store), "application/json")


async def export_chats(store, form):
    """Every chat as a line of training data: OpenAI messages or ShareGPT."""
    lines = []
    for id, chat in await store.all("chats"):
        shown = turns.Tree(await stored_turns(store, id)).branch(chat["leaf"])
        line = turns.as_openai(chat, shown) if form == "openai" else turns.as_sharegpt(shown)
        lines.append(json.dumps(line) + "\n")
    files.save("oneseek-%s.jsonl" % form, "".join(lines), "application/jsonl")


async def import_everything(page):
    chosen = await files.pick(".json", many=False)
    if not chosen:
        return
    try:
        stores = read(await chosen[0].text())
    except NotABackup as wrong:
        page.toast(str(wrong), seconds=15)
        return
    overlay.close_all()
    await restore(page.store, stores)
    js.location.reload()


def _plain(value):
    """JSON has no bytes: they travel as {"$base64": text}."""
    if isinstance(value, (bytes, bytearray)):
        import binascii

        return {"$base64": binascii.b2a_base64(value).decode().strip()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def _bytes(value):
    if isinstance(value, dict):
        if "$base64" in value:
            import binascii

            return binascii.a2b_base64(value["$base64"])
        return {key: _bytes(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_bytes(part) for part in value]
    return value
