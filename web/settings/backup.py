"""Export and import of everything, as files the person keeps: backups, and the chats as training
data.

The importer writes and reads a backup, because its weights need far more memory than the page's
Python has.
"""

import json

import js

from oneseek.engine.core import conversation
from oneseek.engine.core.conversation import load_turns
from oneseek.engine.core.messages import BackUp, Restore
from oneseek.web.lib import dom, failures, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

FILE = "backup.json"


async def export_everything(page):
    page.toast(t("backup.begun"))
    try:
        await page.app.ask_importer(BackUp(file=FILE))
    except Refused as refused:
        failures.show(page, refused.failed)
        return
    name = "oneseek-%s.json" % js.Date.new().toISOString()[:10]
    await files.save_from_outbox(FILE, "application/json", name)


async def export_chats(store, form):
    """Save every chat as a line of training data: OpenAI messages or ShareGPT."""
    lines = []
    for id, chat in await store.all("chats"):
        shown = conversation.Tree(await load_turns(store, id)).branch(chat["leaf"])
        line = (
            conversation.as_openai(chat, shown)
            if form == "openai"
            else conversation.as_sharegpt(shown)
        )
        lines.append(json.dumps(line) + "\n")
    files.save("oneseek-%s.jsonl" % form, "".join(lines), "application/jsonl")


def ask_restore():
    """Say what a backup replaces, before a file is chosen."""
    choose = dom.button(t("backup.choose"), "import-everything", drawing="up", cls="danger")
    buttons = (dom.button(t("cancel"), "close-dialog"), choose)
    text = dom.make("p", t("backup.replaces"))
    overlay.dialog(t("banner.restore"), text, actions=buttons, name="restore", important=True)


async def import_everything(page):
    chosen = await files.pick(".json", many=False)
    if not chosen:
        return
    await files.put_in_inbox(chosen[0], FILE)
    try:
        await page.app.ask_importer(Restore(file=FILE))
    except Refused as refused:
        if refused.failed.where == "backup":
            page.toast(t("backup." + refused.failed.detail), seconds=15)
        else:
            failures.show(page, refused.failed)
        return
    overlay.close_all()
    js.location.reload()
