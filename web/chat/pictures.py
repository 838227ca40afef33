"""Pictures in the chat: shown to a model with eyes, kept as files as long as their chat, learned
with a caption.

The text in a picture (OCR) is sent along. A model without eyes gets that alone.
"""

import asyncio

import js
from pyscript.ffi import to_js

from oneseek.engine.core.messages import ReadPicture
from oneseek.web.intake.reading import LARGEST, is_picture
from oneseek.web.lib import dom, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused
from oneseek.web.shell.page import new_id

FOLDER = "pictures"  # in OPFS; workers/tab/pictures.py reads there
MOST = 4  # in a message
ADDRESSES = {}  # picture -> the object URL of its file in this visit


class Pictures:
    """`waiting` are the pictures of the next message."""

    def __init__(self, page):
        self.page = page
        self.waiting = []
        self.tray = dom.by_id("pictures")
        page.watch(self.draw, "words")
        dom.verbs(
            {
                "pick-picture": lambda of, el: self.pick(),
                "drop-picture": lambda of, el: self.drop(of),
                "open-picture": lambda of, el: self.open(*of.split(" ")),
                "learn-picture": lambda of, el: self.ask_caption(*of.split(" ")),
                "save-picture": lambda of, el: self.learn(*of.split(" "), dom.field(el, "text")),
            }
        )

    def sees(self):
        return bool(self.page.model and self.page.model.sees)

    # ------------------------------------------------------------------- before they are sent

    async def take(self, found):
        """Put pictures beside the message, and return the files that are left for the reader: all
        of them if the model has no eyes."""
        mine = [file for file in found if is_picture(file)]
        if not mine or not self.page.model:
            return found
        if not self.sees():
            self.tell_blind()
            return found
        for file in mine:
            if file.size > LARGEST or len(self.waiting) == MOST:
                self.page.toast(t("picture.too_much", n=MOST, size=t.size(LARGEST)))
                break
            self.add(file)
        self.page.composer.focus()
        return [file for file in found if not is_picture(file)]

    def tell_blind(self):
        """Say that this model sees no pictures, and which one does."""
        seeing = next((one["name"] for one in self.page.model_loader.models if "eyes" in one), "")
        said = t("picture.blind", name=self.page.model_loader.name(), other=seeing)
        self.page.toast(said, "choose-model", words=t("picture.choose"), seconds=15)

    async def pick(self):
        overlay.close_all()
        await self.page.intake.inputs.take_files(await files.pick("image/*"))

    def add(self, file):
        one = {"id": new_id("p"), "name": file.name or t("picture.pasted"), "text": ""}
        one.update(made=files.read_change_time(file), file=file)
        one["read"] = asyncio.Event()
        self.waiting.append(one)
        self.draw()
        dom.run(self.read(one))

    async def read(self, one):
        """Find the text in a picture, if it has any."""
        try:
            stored = await files.put_in_inbox(one["file"], one["id"])
            asked = ReadPicture(id=one["id"], name=one["name"], file=stored)
            one["text"] = (await self.page.app.ask_importer(asked)).text
        except Refused:
            pass  # the question about a picture that cannot be opened is refused in words
        one["read"].set()
        self.draw()

    async def drop(self, id):
        self.waiting = [one for one in self.waiting if one["id"] != id]
        self.draw()
        self.page.composer.focus()
        await files.remove(FOLDER, id)

    async def keep(self):
        """The pictures of the message, once their text is read and their files are stored."""
        for one in list(self.waiting):
            await one["read"].wait()
        sent, self.waiting = self.waiting, []
        for one in sent:
            await files.write(FOLDER, one["id"], one["file"])
        self.draw()
        names = "id", "name", "made", "text"
        return [{name: one[name] for name in names} for one in sent]

    async def give_back(self, turn):
        """Put the pictures of a message that could not be asked beside the field again."""
        for one in turn.get("pictures", ()):
            read = asyncio.Event()
            read.set()
            self.waiting.append(dict(one, file=await file_of(one["id"]), read=read))
        self.draw()

    def draw(self):
        self.tray.hidden = not self.waiting
        dom.replace(self.tray, [self.draw_waiting(one) for one in self.waiting])

    def draw_waiting(self, one):
        if one["id"] not in ADDRESSES:
            ADDRESSES[one["id"]] = js.URL.createObjectURL(one["file"])
        image = dom.make("img", src=ADDRESSES[one["id"]], alt=t("picture.alt", name=one["name"]))
        gone = dom.icon_button(t("picture.drop"), "drop-picture", one["id"], "close")
        said = None if one["read"].is_set() else t("picture.reading")
        said = t("picture.has_text") if one["text"] else said
        note = dom.make("span", said, cls="note") if said else None
        return dom.make("li", image, note, gone)

    # ------------------------------------------------------------------------------ in the chat

    def find(self, turn, id):
        shown = self.page.chat.tree[turn].get("pictures", ())
        return next(one for one in shown if one["id"] == id)

    async def open(self, turn, id):
        """Show a picture large, with the text in it."""
        one, address = self.find(turn, id), await address_of(id)
        if not address:
            self.page.toast(t("picture.gone"))
            return
        text = [
            dom.make("p", t("picture.text"), cls="note"),
            dom.make("p", one["text"], cls="said"),
        ]
        overlay.dialog(
            one["name"],
            dom.make("img", src=address, alt=t("picture.alt", name=one["name"])),
            text if one["text"] else None,
            actions=[learn_button("%s %s" % (turn, id))],
            name="picture",
            wide=True,
        )

    async def ask_caption(self, turn, id):
        one = self.find(turn, id)
        if not await address_of(id):
            self.page.toast(t("picture.gone"))
            return
        of = "%s %s" % (turn, id)
        self.page.intake.inputs.ask_caption(of, one["name"], one["made"], "save-picture")

    async def learn(self, turn, id, caption):
        """Make lessons of a caption and the text of a picture; they wait for a yes."""
        overlay.close_all()
        one, file = self.find(turn, id), await file_of(id)
        named = js.File.new(to_js([file]), one["name"], to_js({"lastModified": one["made"]}))
        await self.page.intake.reader.take_picture(named, caption, one["text"])

    # ---------------------------------------------------------------------- with a chat's end

    async def take_away(self, turns):
        """Remove the files of these turns' pictures, and return their bytes for Undo."""
        kept = []
        for one in [one for turn in turns for one in turn.get("pictures", ())]:
            file = await file_of(one["id"])
            if file:
                kept.append((one["id"], await file.arrayBuffer()))
                await files.remove(FOLDER, one["id"])
            ADDRESSES.pop(one["id"], None)  # Undo writes another file
        return kept

    async def put_back(self, kept):
        for id, data in kept:
            await files.write(FOLDER, id, data)


def learn_button(of):
    words = t("picture.learn")
    return dom.button(words, "learn-picture", of, "seed", cls="small quiet learn-picture")


def draw_pictures(turn):
    """The pictures of a turn as thumbnails; each opens large."""
    if not turn.get("pictures"):
        return None
    return dom.make("div", [thumbnail(turn["id"], one) for one in turn["pictures"]], cls="pictures")


def thumbnail(turn, one):
    image = dom.make("img", alt=t("picture.alt", name=one["name"]))
    dom.run(fill(image, one["id"]))
    words = t("picture.open", name=one["name"])
    of = "%s %s" % (turn, one["id"])
    return dom.make("button", image, type="button", do="open-picture", of=of, label=words)


async def fill(image, id):
    """Show the picture from its file; nothing when the file is gone."""
    address = await address_of(id)
    if address:
        image.src = address


async def address_of(id):
    if id not in ADDRESSES:
        file = await file_of(id)
        if not file:
            return ""
        ADDRESSES[id] = js.URL.createObjectURL(file)
    return ADDRESSES[id]


async def file_of(id):
    """A picture's file, or None."""
    return await files.find_file(FOLDER, id)
