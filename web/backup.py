"""Everything out, everything back, as files the person keeps: backups, and the chats as training data."""

import json

import js

from web import archive, clock, files, overlay, turns
from web.chat import stored_turns
from web.words import t


class Whole:
    """The store, and with each source what the importer keeps of it in files: its text and its lessons."""

    def __init__(self, store):
        self.store = store

    async def all(self, name):
        rows = await self.store.all(name)
        for _, source in rows if name == "sources" else ():
            source["texts"] = {}
            for kind in (".txt", ".json") if source.get("sha256") else ():
                text = await files.read_text("importer", source["sha256"] + kind)
                source["texts"][kind] = text
        return rows


async def export_everything(store):
    name = "oneseek-%s.json" % js.Date.new().toISOString()[:10]
    files.save(name, await archive.collect(Whole(store), clock.now()), "application/json")


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
        stores = archive.read(await chosen[0].text())
    except archive.NotABackup as wrong:
        page.toast(t("backup." + wrong.args[0]), seconds=15)
        return
    overlay.close_all()
    for _, source in stores["sources"]:
        for kind, text in source.pop("texts", {}).items():
            await files.write("importer", source["sha256"] + kind, text)
    await archive.restore(page.store, stores)
    js.location.reload()
