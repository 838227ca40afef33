"""The list on the left: every chat, with search, pins, folders, names, instructions, deletion with
Undo, and export."""

import json

from oneseek.engine.core import conversation
from oneseek.engine.core.conversation import load_turns
from oneseek.web.chat.folders import Folders
from oneseek.web.learning.learn_from import LEVELS
from oneseek.web.lib import clock, dom, files, overlay
from oneseek.web.lib.words import t

DAY = 86400000
SOME = 50


class Conversations:
    def __init__(self, page, chat):
        self.page = page
        self.chat = chat
        self.chats = []
        self.folders = Folders(page, self)
        self.deleted, self.deleted_pictures = {}, {}
        self.found = None
        self.searches = 0
        self.opening, self.shown = 0, dom.asyncio.Event()
        self.shown.set()
        self.list = dom.by_id("chat-list")
        page.watch(self.load, "chats")
        page.watch(self.draw, "chat", "words")
        dom.listen("click", "#new-chat", self.new)
        dom.listen("input", "#chat-search", self.search)
        dom.verbs(
            {
                "show-chat": lambda of, el: self.show(of),
                "chat-menu": lambda of, el: self.menu(of, el),
                "chat-thinks": lambda of, el: self.think(of),
                "pin-chat": lambda of, el: self.pin(of),
                "instruct-chat": lambda of, el: self.ask_instructions(of),
                "save-instructions": lambda of, el: self.instruct(of, dom.field(el, "text")),
                "rename-chat": lambda of, el: self.ask_name(of),
                "save-title": lambda of, el: self.rename(of, dom.field(el, "title")),
                "delete-chat": lambda of, el: self.delete(of),
                "undelete-chat": lambda of, el: self.undelete(of),
                "export-chat-md": lambda of, el: self.export(of, "md"),
                "export-chat-json": lambda of, el: self.export(of, "json"),
                "clear-search": lambda of, el: self.clear_search(),
            }
        )

    async def load(self):
        self.chats = [chat for _, chat in await self.page.store.all("chats")]
        self.chats.sort(key=lambda chat: -chat["updated"])
        self.draw()

    def new(self, event=None):
        """Open an empty chat at once: text that is typed right after belongs to it."""
        self.page.aside.close_sheets()
        self.page.composer.put("")
        self.page.composer.focus()
        self.chat.show_empty()
        return self.settle()

    async def settle(self):
        await self.chat.remember()
        await self.page.composer.restore()

    def show(self, id):
        """Open a stored chat; a message that is sent meanwhile waits for it."""
        self.page.aside.close_sheets()
        self.page.composer.put("")
        self.opening += 1
        self.shown.clear()
        return self.open(id)

    async def open(self, id):
        try:
            await self.chat.open(id)
        finally:
            self.opening -= 1
            if not self.opening:
                self.shown.set()
        await self.page.composer.restore()
        if self.found is not None:
            await self.page.reading_position.find(dom.by_id("chat-search").value)

    async def search(self, event=None):
        """Search the titles at once, and the text of the chats a moment later."""
        self.searches += 1
        mine, wanted = self.searches, dom.by_id("chat-search").value.strip()
        if not wanted:
            self.found = None
            self.draw()
            return
        self.found = [chat["id"] for chat in self.chats if conversation.matches(chat, (), wanted)]
        self.draw()
        await dom.asyncio.sleep(0.25)
        for chat in list(self.chats):
            if mine != self.searches:
                return
            if chat["id"] not in self.found:
                said = await load_turns(self.page.store, chat["id"])
                if mine == self.searches and conversation.matches(chat, said, wanted):
                    self.found.append(chat["id"])
                    self.draw()

    async def clear_search(self):
        dom.by_id("chat-search").value = ""
        await self.search()
        dom.by_id("chat-search").focus()

    # -------------------------------------------------------------------------------- drawing

    def draw(self):
        shown = [c for c in self.chats if self.found is None or c["id"] in self.found]
        if not shown:
            dom.replace(self.list, self.empty())
            return
        today = clock.now() - DAY
        parts = []
        loose = [chat for chat in shown if not chat.get("folder")]
        parts.append(self.section("nav.pinned", [chat for chat in loose if chat.get("pinned")]))
        for name in self.folders.names():
            inside = [chat for chat in shown if chat.get("folder") == name]
            inside.sort(key=lambda chat: not chat.get("pinned"))
            if inside:
                rows = [self.row(chat) for chat in inside[:200]]
                parts.append(self.folders.draw(name, rows, self.found is not None))
        loose = [chat for chat in loose if not chat.get("pinned")]
        newer = [chat for chat in loose if chat["updated"] >= today]
        parts.append(self.section("nav.today", newer))
        older = [chat for chat in loose if chat["updated"] < today]
        parts.append(self.section("nav.earlier", older))
        dom.replace(self.list, parts)

    def section(self, heading, chats):
        if not chats:
            return None
        rows = [self.row(chat) for chat in chats[:200]]
        return [dom.make("h2", t(heading)), dom.make("ul", rows)]

    def empty(self):
        wanted = dom.by_id("chat-search").value.strip()
        if not wanted:
            return dom.make("p", t("nav.empty"), cls="empty")
        clear = dom.button(t("clear"), "clear-search", cls="link")
        return dom.make("p", t("nav.no_match", text=wanted), " ", clear, cls="empty")

    def row(self, chat):
        current = chat["id"] == self.chat.id
        link = dom.make(
            "button",
            dom.make("span", chat["title"]),
            type="button",
            cls="chat-link",
            do="show-chat",
            of=chat["id"],
            aria_current="true" if current else None,
        )
        more = dom.icon_button(t("nav.more", title=chat["title"]), "chat-menu", chat["id"], "more")
        dom.change(more, aria_haspopup="menu")
        return dom.make("li", link, more, cls="current" if current else None)

    # ----------------------------------------------------------------------------------- acts

    def record(self, id):
        return next(chat for chat in self.chats if chat["id"] == id)

    def title(self, id):
        """The title of a chat, or None when it is gone."""
        return next((chat["title"] for chat in self.chats if chat["id"] == id), None)

    def menu(self, id, anchor):
        pin = "nav.unpin" if self.record(id).get("pinned") else "nav.pin"
        overlay.menu(
            anchor,
            dom.button(t(pin), "pin-chat", id, "up"),
            dom.button(t("folder.move"), "choose-folder", id, "file"),
            dom.button(t("nav.rename"), "rename-chat", id, "edit"),
            dom.button(t("nav.instruct"), "instruct-chat", id, "gear"),
            *self.draw_learning(id),
            *self.draw_thinking(id),
            dom.button(t("nav.export_md"), "export-chat-md", id, "load"),
            dom.button(t("nav.export_json"), "export-chat-json", id, "load"),
            dom.button(t("nav.delete"), "delete-chat", id, "trash", cls="danger"),
        )

    def draw_learning(self, id):
        """Buttons for the other levels of what this chat may teach."""
        now = self.page.teaching.learns_from(id)
        others = [level for level in LEVELS if level != now]
        return [
            dom.button(t("nav.learn_" + level), "chat-learns", "%s %s" % (level, id), "seed")
            for level in others
        ]

    def draw_thinking(self, id):
        """The button that switches thinking in this chat, for a model that can think."""
        if not self.page.model or not self.page.model.thinks:
            return []
        words = "nav.think_no" if self.chat.thinks(id) else "nav.think"
        return [dom.button(t(words), "chat-thinks", id, "help")]

    async def think(self, id):
        chats = set(self.page.settings["think"])
        await self.page.set(think=sorted(chats - {id} if id in chats else chats | {id}))
        overlay.close_all()

    def ask_name(self, id):
        field = dom.make("input", type="text", name="title", id="chat-title", maxlength=120)
        field.value = self.record(id)["title"]
        label = dom.make("label", t("nav.name"), field, cls="field")
        overlay.dialog(t("nav.rename"), self.make_form("save-title", id, label), name="rename")
        field.select()

    def make_form(self, verb, id, *parts):
        """A form about a chat, with the button that saves it."""
        save = dom.make("button", t("save"), type="submit", cls="primary")
        row = dom.make("div", save, cls="row end")
        return dom.make("form", *parts, row, do=verb, of=id, data_on="submit", cls="column")

    async def rename(self, id, title):
        if title:
            await self.change(id, title=title)
        overlay.close_all()

    async def change(self, id, **facts):
        await self.change_all([self.record(id)], **facts)

    async def change_all(self, chats, **facts):
        """Store facts of chats and show them before the dialog closes, so that nobody presses a row
        that is about to change."""
        for chat in chats:
            chat.update(facts)
            if self.chat.id == chat["id"]:
                self.chat.chat.update(facts)
        await self.page.store.batch([["put", "chats", chat["id"], chat] for chat in chats])
        await self.load()

    async def pin(self, id):
        """Pin a chat above the others, or unpin it."""
        await self.change(id, pinned=not self.record(id).get("pinned"))
        overlay.close_all()

    def ask_instructions(self, id):
        field = dom.make("textarea", rows=5, name="text", id="chat-instructions", maxlength=4000)
        field.value = self.record(id).get("instructions", "")
        label = dom.make("label", t("nav.instructions"), field, cls="field")
        note = dom.make("p", t("nav.instructions_note"), cls="note")
        form = self.make_form("save-instructions", id, label, note)
        overlay.dialog(t("nav.instruct"), form, name="instruct")
        field.focus()

    async def instruct(self, id, text):
        """Store the instructions of this chat, which the model gets after those for all chats."""
        await self.change(id, instructions=text.strip())
        overlay.close_all()

    async def delete(self, id):
        """Delete a chat at once; Undo puts all of it back."""
        said = await load_turns(self.page.store, id)
        ops = [["put", "messages", turn["key"], turn] for turn in said]
        ops += [["put", "samples", key, one] for key, one in await samples_of(self.page.store, id)]
        record = self.record(id)
        self.deleted[id] = [["put", "chats", id, record]] + ops
        self.deleted_pictures[id] = await self.page.pictures.take_away(said)
        await self.page.store.batch(
            [["delete", "chats", id]] + [["delete", op[1], op[2]] for op in ops]
        )
        if self.chat.id == id:
            await self.new()
        self.page.touch("chats")
        self.page.toast(t("nav.deleted", title=record["title"]), "undelete-chat", id)

    async def undelete(self, id):
        if id in self.deleted:
            await self.page.pictures.put_back(self.deleted_pictures.pop(id))
            await self.page.store.batch(self.deleted.pop(id))
            self.page.touch("chats")
            await self.show(id)

    async def export(self, id, kind):
        record = self.record(id)
        said = conversation.Tree(await load_turns(self.page.store, id)).branch(record["leaf"])
        name = files.safe_name(record["title"])
        if kind == "md":
            files.save(name + ".md", conversation.as_markdown(record, said), "text/markdown")
        else:
            text = json.dumps(conversation.as_openai(record, said)) + "\n"
            files.save(name + ".jsonl", text, "application/jsonl")


async def samples_of(store, chat):
    """The samples that micro-training keeps of a chat, as (key, sample), read a few at a time."""
    found, after, some = [], None, [None]
    while some:
        some = await store.all("samples", after, SOME)
        found += [(key, one) for key, one in some if one["source"].get("chat") == chat]
        after = some[-1][0] if some else None
    return found
