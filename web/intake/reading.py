"""Makes a source, in one visible state, of what a person drops, picks or pastes, and lessons that
wait in the queue."""

import asyncio
import json

import js
from pyscript import js_import

from oneseek.engine.core.collecting.collector import split_secrets
from oneseek.engine.core.collecting.quality import Among, answers_of, is_legible, is_poor, judge
from oneseek.engine.core.messages import ForgetImport, ImportFile, ImportPage, ImportText, Reading
from oneseek.web.lib import clock, dom, failures, files, overlay, site
from oneseek.web.lib.words import t
from oneseek.web.settings import own_models
from oneseek.web.shell.link import Refused
from oneseek.web.shell.page import new_id

AT_ONCE = 8  # lessons judged before the event loop has its turn
LARGEST = 50_000_000  # bytes; the importer would refuse a larger file, so it is not even copied
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


def is_picture(file):
    return file.type.startswith("image/") or file.name.lower().endswith(PICTURES)


class Reader:
    """Puts a source into the store, has the importer read it, and leaves it ready, held or
    failed."""

    def __init__(self, page):
        self.page = page
        self.kept = {}  # source -> what it was read from, to try again in this visit
        self.texts = None  # sha256 -> source, read when it is first needed
        self.at_work = {}  # source -> its record while it waits or is read
        page.app.importer.listen(Reading, self.on_reading)

    # --------------------------------------------------------------------------------- taking in

    async def take_files(self, found):
        if adapter := own_models.adapter(found or ()):
            await self.take_adapter(adapter)
            return
        models, others = own_models.sort(found or ())
        if len(others) == 1 and not models and await self.page.example_grid.takes(others[0]):
            return
        begun = []
        for file in others:
            begun.append((await self.begin(file.name, "file"), file))
        if models:
            await self.page.own_models.look([group for _, group in models])
        for source, file in begun:
            await self.read_file(source, file)

    async def take_adapter(self, found):
        """Import PEFT's adapter, through the gate; of several it is unknown which one is meant."""
        if len(found) > len({file.name for file in found}):
            self.page.toast(t("import.several"))
        else:
            await self.page.learning.import_adapter(found)

    async def read_file(self, source, file):
        self.kept[source["id"]] = file
        if is_picture(file):
            source.update(picture=True, made=files.read_change_time(file))
        if file.size > LARGEST:
            size = t.number(round(file.size / 1e6))
            await self.fail(source, t("sources.large", title=source["title"], size=size))
            return
        if await self.is_wanted(source):
            stored = await files.put_in_inbox(file, source["id"])
            await self.read(source, ImportFile(id=source["id"], name=file.name, file=stored))

    async def take_picture(self, file, caption, text):
        """Make a source of a picture of the chat, with its caption and the text that was read in
        it."""
        source = await self.begin(file.name, "file")
        source.update(picture=True, made=files.read_change_time(file))
        self.kept[source["id"]] = file
        said = "\n\n".join([part for part in (caption.strip(), text) if part])
        await self.read(source, ImportText(id=source["id"], name=file.name, text=said))

    async def take_text(self, text, title=""):
        if text.strip():
            title = title or text.strip().split("\n")[0][:80]
            source = await self.begin(title, "text")
            await self.read(source, ImportText(id=source["id"], name=title, text=text))

    async def take_page(self, html):
        """Read a piece of a page, all of it, because the person selected it."""
        source = await self.begin(t("sources.selection"), "page")
        await self.read(source, self.page_request(source, "", html, True))

    async def take_handed(self, address, title, html):
        """Read a page that the person's own bookmarklet sent, from the page itself."""
        source = await self.begin(title or address, "website")
        await self.read(source, self.page_request(source, address, html, False))

    async def take_address(self, address):
        overlay.close_all()
        source = await self.begin(address, "website")
        await self.read_address(source, address)

    async def read_address(self, source, address):
        """Read the page at an address if its site lets other pages read it; else say what to do
        instead."""
        self.kept[source["id"]] = address
        source["through"] = ""
        found = await self.fetch(address)
        error, proxy = getattr(found, "error", None), self.page.settings["proxy"]
        if error == "closed" and proxy:
            source["through"] = proxy.split("/")[2]
            found = await self.fetch(proxy + js.encodeURIComponent(address))
            error = getattr(found, "error", None)
        if not error and found.status != 200:
            error = {404: "missing", 401: "login", 403: "login"}.get(found.status, "status")
        if error:
            host = address.split("/")[2] if "//" in address else address
            source["ways"] = error in ("closed", "login")
            await self.fail(source, t("sources.site_" + error, host=host))
        elif "html" in found.kind:
            html = await found.file.text()
            at = address if source["through"] else found.address
            await self.read(source, self.page_request(source, at, html, False))
        else:
            stored = await files.put_in_inbox(found.file, source["id"])
            await self.read(source, ImportFile(id=source["id"], name=address, file=stored))

    async def fetch(self, address):
        (script,) = await js_import(site.path("dropped.js"))
        return await script.ask(site.path("outside.js"), address)

    def page_request(self, source, address, html, whole):
        return ImportPage(
            id=source["id"], name=source["title"], address=address, html=html, whole=whole
        )

    async def begin(self, title, kind):
        source = {"id": new_id("s"), "title": title, "kind": kind, "state": "waiting"}
        source.update(time=clock.now(), words=0, lessons=0, language="", used=False)
        self.at_work[source["id"]] = source
        await self.put(source)
        self.page.aside.show("sources")
        return source

    # --------------------------------------------------------------------------------- reading

    async def put(self, *sources):
        await self.page.store.batch([["put", "sources", one["id"], one] for one in sources])
        self.page.touch("sources")

    async def fail(self, source, why):
        source.update(state="failed", why=why)
        await self.put(source)
        self.page.say(t.translate(why))

    async def take_up(self):
        """Mark the sources that an earlier visit was reading as failed: nobody reads them now."""
        for id, source in await self.page.store.all("sources"):
            if source["state"] in ("waiting", "reading") and id not in self.at_work:
                await self.fail(source, t("sources.left"))

    async def is_wanted(self, source):
        return await self.page.store.get("sources", source["id"]) is not None

    def on_reading(self, reading):
        dom.run(self.progress(reading))

    async def progress(self, reading):
        """Store the progress in the record that `read` finishes; a second copy would replace its
        end."""
        source = self.at_work.get(reading.id)
        if source:
            source["progress"] = t("sources.progress", done=reading.done, total=reading.total)
            await self.put(source)

    async def read(self, source, request):
        """Have the importer read a source, which ends ready, held or failed, and says why."""
        source["state"] = "reading"
        await self.put(source)
        self.at_work[source["id"]] = source
        try:
            found = await self.page.app.ask_importer(request)
        except Refused as refused:
            if self.at_work.pop(source["id"], None):
                hung = refused.failed.detail == "ended"
                why = t("sources.hung") if hung else failures.words(refused.failed)
                await self.fail(source, why)
            return
        if source["id"] not in self.at_work:
            await self.let_go(found.items)
            return
        for number, item in enumerate(found.items):
            one = source if number == 0 else await self.begin(item["name"], source["kind"])
            await self.finish(one, item)
            if not self.at_work.pop(one["id"], None) and await self.is_wanted(one):
                await self.page.intake.remove(one["id"])
        last = found.items[0]
        self.page.say(t("sources.done", title=source["title"], state=t("sources." + last["state"])))

    async def let_go(self, items):
        """Forget the text of a source that was removed while it was read, unless another source has
        the same text."""
        held = [one.get("sha256") for _, one in await self.page.store.all("sources")]
        for item in items:
            if item["document"] and item["document"]["sha256"] not in held:
                await self.page.app.ask_importer(ForgetImport(document=item["document"]["sha256"]))

    async def finish(self, source, item):
        document = item["document"]
        if item["state"] == "adapter":
            await self.page.store.batch([["delete", "sources", source["id"]]])
            await self.page.learning.import_adapter([self.kept.pop(source["id"])])
            return
        if item["state"] == "chats":
            await self.page.intake.chats.look(source, item)
            return
        if item["state"] in ("refused", "scan"):
            await self.fail(source, item["problem"])
            return
        same = await self.find_same(document["sha256"], source["id"])
        if same:
            await self.page.store.batch([["delete", "sources", source["id"]]])
            self.page.touch("sources")
            self.page.toast(t("sources.already", title=same["title"]))
            return
        lessons, notes = item["lessons"], list(document["notes"])
        if item["confidence"]:
            lessons = [lesson for lesson in lessons if is_legible(find_sentence(lesson))]
            misread = len(item["lessons"]) - len(lessons)
            notes += [t("sources.misread", n=misread)] if misread else []
        source.update(
            state=item["state"],
            title=document["title"] or source["title"],
            words=item["words"],
            language=document["language"],
            lessons=len(lessons),
            editable=document["editable"],
            document=document,
            notes=notes,
            confidence=item["confidence"],
            sha256=document["sha256"],
            why="",
            held=item["held"],
        )
        lessons, secret, kinds = split_secrets(lessons)
        if secret:
            source.update(secrets=len(secret), secret_kinds=kinds)
        await self.hold(source, lessons)

    def forget_texts(self):
        """Have the index of texts read again when it is next needed."""
        self.texts = None

    async def find_same(self, sha256, id):
        """The other source with the same text, or None."""
        if self.texts is None:
            self.texts = {
                one.get("sha256"): key for key, one in await self.page.store.all("sources")
            }
        other = self.texts.setdefault(sha256, id)
        return await self.page.store.get("sources", other) if other != id else None

    async def hold(self, source, lessons):
        """Put lessons into the queue, where they wait for a person's yes, never learned by
        themselves. Each has its quality and the reasons, judged beside the others and what is
        known. The source is stored after them, so that a yes to it finds them all."""
        learned = [one for _, one in await self.page.store.all("examples")]
        among = Among(answers_of(learned))
        found = []
        for lesson in lessons:
            found.append(judge(among.faults(lesson["prompt"], lesson["answer"])))
            lesson["quality"] = found[-1]
            if len(found) % AT_ONCE == 0:
                await asyncio.sleep(0)
        if found:
            source["quality"] = int(sum([one["score"] for one in found]) / len(found) + 0.5)
            source["poor"] = sum([is_poor(one) for one in found])
        origin = {"kind": "import", "title": source["title"], "document": source["sha256"]}

        def offer(queue, lesson):
            example = dict(lesson, priority="import", why="imported")
            made = lesson.get("source") or {}  # an earlier version kept lessons without it
            example["source"] = dict(origin, sentence=made.get("sentence", ""))
            queue.add(example, state="held")

        await self.page.teaching.change_many(lessons, offer)
        await self.put(source)

    async def lessons(self, source):
        """The lessons of a source, as the importer keeps them."""
        return json.loads(await files.read_text("importer", source["sha256"] + ".json"))


def find_sentence(lesson):
    """The sentence that a lesson was made of, else its answer."""
    return lesson["source"].get("sentence") or lesson["answer"]
