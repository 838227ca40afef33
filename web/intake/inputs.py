"""The ways in: drop, paste, pick, an address, a dialog for each of them without a mouse.

The whole page is the target; the button beside the message field and the Sources tab do the same.
"""

import json

import js
from pyscript import document, js_import

from oneseek.web.lib import dom, files, overlay, site
from oneseek.web.lib.words import t

TEXT_FIELDS = ("INPUT", "TEXTAREA")


class Inputs:
    """`reader` takes what comes in (web/intake/reading.py)."""

    def __init__(self, page, reader):
        self.page, self.reader = page, reader
        self.depth = 0
        for kind in ("dragenter", "dragover", "dragleave", "drop"):
            dom.listen(kind, document, self.on_drag)
        dom.listen("paste", document, self.on_paste)
        self.handed_over = js.BroadcastChannel.new("oneseek-handed-over")
        self.handed_over.onmessage = self.on_hand_over

    def on_drag(self, event):
        """Show the overlay while something is dragged over the page, and take a drop in."""
        kinds = [kind for kind in event.dataTransfer.types]
        if "Files" not in kinds and "text/plain" not in kinds and "text/uri-list" not in kinds:
            return
        event.preventDefault()
        self.depth += {"dragenter": 1, "dragleave": -1}.get(event.type, 0)
        dom.by_id("drop").hidden = self.depth < 1
        if event.type == "drop":
            self.close_drop()
            dom.run(self.take_drop(event.dataTransfer, kinds))

    def close_drop(self):
        """Hide the overlay, whatever drag events the browser left out."""
        self.depth = 0
        dom.by_id("drop").hidden = True

    async def take_drop(self, transfer, kinds):
        """Take files and folders; else a link; else a piece of a page; else text."""
        link, html = transfer.getData("text/uri-list"), transfer.getData("text/html")
        text = transfer.getData("text/plain")
        if "Files" in kinds:
            (script,) = await js_import(site.path("dropped.js"))
            await self.take_files([file for file in await script.filesOf(transfer)])
        elif link:
            await self.reader.take_address(link.split("\n")[0].strip())
        elif html:
            await self.reader.take_page(html)
        else:
            await self.reader.take_text(text)

    def on_paste(self, event):
        """Take files wherever the focus is; text and pieces of pages unless a text field wants
        them."""
        if self.page.example_grid.takes_pasted(event):
            return
        data = event.clipboardData
        found, html, text = data.files, data.getData("text/html"), data.getData("text/plain")
        if found.length:
            event.preventDefault()
            dom.run(self.take_files([found.item(index) for index in range(found.length)]))
        elif event.target.tagName not in TEXT_FIELDS and (html or text.strip()):
            event.preventDefault()
            dom.run(self.reader.take_page(html) if html else self.reader.take_text(text))

    async def take_files(self, found):
        """Show pictures to a model with eyes, and have the rest read."""
        left = await self.page.pictures.take(found)
        if left:
            await self.reader.take_files(left)

    def on_hand_over(self, event):
        """Take a page that the bookmarklet sent through hand-over.html, in the tab that trains."""
        if self.page.presence.trains:
            self.handed_over.postMessage("taken")
            dom.run(self.reader.take_handed(**json.loads(event.data)))

    async def pick(self, folder=False):
        overlay.close_all()
        await self.reader.take_files(await files.pick(folder=folder))

    def ask_text(self):
        area = dom.make("textarea", rows=9, name="text", id="paste-text", required=True)
        title = dom.make("input", type="text", name="title", maxlength=120)
        form = dom.make(
            "form",
            dom.make("label", t("add.text"), area, cls="field"),
            dom.make("label", t("add.title"), title, cls="field"),
            dom.make("p", t("add.note"), cls="note"),
            _send(t("add.import")),
            do="take-text",
            data_on="submit",
            cls="column",
        )
        overlay.dialog(t("sources.paste"), form, name="paste")
        area.focus()

    def ask_address(self):
        field = dom.make("input", type="url", name="address", required=True, placeholder="https://")
        form = dom.make(
            "form",
            dom.make("label", t("add.address"), field, cls="field"),
            dom.make("p", t("add.address_note"), cls="note"),
            _send(t("add.import")),
            do="take-address",
            data_on="submit",
            cls="column",
        )
        overlay.dialog(t("sources.address"), form, name="address")
        field.focus()

    def ask_edit(self, source, text):
        """Ask the person to correct the text that was read."""
        area = dom.make("textarea", text, rows=14, name="text", required=True)
        form = dom.make(
            "form",
            dom.make("label", t("sources.edit_label"), area, cls="field"),
            _send(t("sources.edit_save")),
            do="save-source",
            of=source["id"],
            data_on="submit",
            cls="column",
        )
        overlay.dialog(source["title"], form, name="edit-source", wide=True)
        area.focus()

    def ask_caption(self, of, name, made, do="save-caption"):
        """Ask for a caption; the name and the date of the file are suggested."""
        start = t("sources.caption_start", name=name, date=t.day(made))
        area = dom.make("textarea", start, rows=4, name="text", required=True)
        form = dom.make(
            "form",
            dom.make("label", t("sources.caption_label"), area, cls="field"),
            dom.make("p", t("sources.caption_note"), cls="note"),
            _send(t("sources.caption_save")),
            do=do,
            of=of,
            data_on="submit",
            cls="column",
        )
        overlay.dialog(t("sources.caption"), form, name="caption")
        area.focus()

    def ask_what(self):
        """Offer the same choices to those who do not drag."""
        overlay.dialog(
            t("add.title_dialog"),
            dom.make("p", t("add.kinds"), cls="note"),
            dom.make(
                "div",
                self.show_picture(),
                dom.button(t("sources.files"), "pick-files", drawing="file", cls="primary"),
                dom.button(t("sources.folder"), "pick-folder", drawing="file"),
                dom.button(t("sources.address"), "ask-address", drawing="load"),
                dom.button(t("sources.paste"), "paste-text", drawing="edit"),
                dom.button(t("memory.tell"), "tell-fact", drawing="teach"),
                dom.button(t("skills.title"), "teach-skill", drawing="teach"),
                cls="row",
            ),
            name="add",
        )

    def show_picture(self):
        """The button that shows a picture to a model with eyes."""
        if not self.page.pictures.sees():
            return None
        return dom.button(t("picture.pick"), "pick-picture", drawing="picture")


def _send(words):
    return dom.make("div", dom.make("button", words, type="submit", cls="primary"), cls="row end")
