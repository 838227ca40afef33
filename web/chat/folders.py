"""Folders of chats: a chat names its folder, and a folder exists while a chat names it."""

from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import t

LONGEST = 60


class Folders:
    def __init__(self, page, conversations):
        self.page, self.conversations = page, conversations
        self.folded = set()  # names of the folded ones
        dom.verbs(
            {
                "folder-menu": lambda of, el: self.menu(of, el),
                "fold-folder": lambda of, el: self.fold(of),
                "choose-folder": lambda of, el: self.choose(of),
                "move-chat": lambda of, el: self.move(of, el.textContent),
                "take-out-chat": lambda of, el: self.move(of, ""),
                "save-folder": lambda of, el: self.move(of, dom.field(el, "folder")),
                "rename-folder": lambda of, el: self.ask_name(of),
                "save-folder-name": lambda of, el: self.rename(of, dom.field(el, "folder")),
                "delete-folder": lambda of, el: self.delete(of),
            }
        )

    def names(self):
        return sorted({chat["folder"] for chat in self.conversations.chats if chat.get("folder")})

    def draw(self, name, rows, is_open):
        """A folder in the list with its chats; `is_open` while a search shows all of them."""
        is_open = is_open or name not in self.folded
        fold = dom.button(dom.make("span", name), "fold-folder", name, "next", cls="folder")
        dom.change(fold, aria_expanded="true" if is_open else "false")
        more = dom.icon_button(t("folder.more", name=name), "folder-menu", name, "more")
        dom.change(more, aria_haspopup="menu")
        head = dom.make("h2", fold, more)
        return [head, dom.make("ul", rows, label=name) if is_open else None]

    def fold(self, name):
        self.folded ^= {name}
        self.conversations.draw()

    def menu(self, name, anchor):
        overlay.menu(
            anchor,
            dom.button(t("folder.rename"), "rename-folder", name, "edit"),
            dom.button(t("folder.delete"), "delete-folder", name, "trash", cls="danger"),
        )

    def field(self, words):
        """(label, field) for the name of a folder."""
        field = dom.make("input", type="text", name="folder", maxlength=LONGEST, required=True)
        return dom.make("label", t(words), field, cls="field"), field

    def choose(self, id):
        """Ask for the folder of a chat: an existing one, a new one, or none."""
        now = self.conversations.record(id).get("folder")
        there = [
            dom.button(name, "move-chat", id, "file", cls="wide")
            for name in self.names()
            if name != now
        ]
        if now:
            there.append(dom.button(t("folder.none"), "take-out-chat", id, "close", cls="wide"))
        label, field = self.field("folder.new")
        form = self.conversations.make_form("save-folder", id, label)
        overlay.dialog(t("folder.move"), dom.make("div", there, cls="column"), form, name="folder")
        field.focus()

    async def move(self, id, name):
        name = name.strip()
        self.folded.discard(name)
        await self.conversations.change(id, folder=name)
        overlay.close_all()

    def ask_name(self, name):
        label, field = self.field("folder.name")
        field.value = name
        form = self.conversations.make_form("save-folder-name", name, label)
        overlay.dialog(t("folder.rename"), form, name="folder")
        field.select()

    async def rename(self, name, other):
        """Rename a folder; the name of another folder merges the two."""
        if other:
            await self.put_all(name, other)
        overlay.close_all()

    async def delete(self, name):
        """Delete a folder; its chats stay."""
        await self.put_all(name, "")
        overlay.close_all()
        self.page.toast(t("folder.deleted", name=name))

    async def put_all(self, name, other):
        chats = [chat for chat in self.conversations.chats if chat.get("folder") == name]
        await self.conversations.change_all(chats, folder=other)
