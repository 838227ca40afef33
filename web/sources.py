"""What a person drops, picks or pastes: each becomes a source in one visible state, and lessons that wait in the queue."""

from pyscript import js_import

from web import clock, dom, files, overlay, site
from web.content import content_hash
from web.doors import Doors
from web.link import Refused
from web.page import new_id
from web.words import t
from workers.protocol import (
    AskAbout,
    ForgetImport,
    ImportEdited,
    ImportFile,
    ImportPage,
    ImportText,
    Reading,
    StopImport,
)

LARGEST = 50_000_000  # bytes: what the importer would refuse is not even copied
QUESTIONS = 3
TESTED = 200  # lessons of a source that questions are drawn from
MODELS = (".gguf", ".safetensors")


class Intake(Doors):
    def __init__(self, page):
        self.page = page
        self.kept = {}  # source -> what it was read from, for another try in this visit
        self.tests = {}  # source -> what was asked about it, answered and expected
        page.app.importer.listen(Reading, self.on_reading)
        self.open_doors()

    # --------------------------------------------------------------------------------- taking in

    async def take_files(self, found):
        begun = []
        for file in found or ():
            if file.name.lower().endswith(MODELS):
                await self.page.first_run.load_file(file)
            else:
                begun.append((await self.begin(file.name, "file"), file))
        for source, file in begun:
            await self.read_file(source, file)

    async def read_file(self, source, file):
        self.kept[source["id"]] = file
        if file.size > LARGEST:
            size = t.number(round(file.size / 1e6))
            await self.fail(source, t("sources.large", title=source["title"], size=size))
            return
        if await self.is_wanted(source):
            stored = await files.put_in_inbox(file, source["id"])
            await self.read(source, ImportFile(id=source["id"], name=file.name, file=stored))

    async def take_text(self, text, title=""):
        if text.strip():
            title = title or text.strip().split("\n")[0][:80]
            source = await self.begin(title, "text")
            await self.read(source, ImportText(id=source["id"], name=title, text=text))

    async def take_page(self, html):
        """A piece of a page: what was selected is what is meant."""
        source = await self.begin(t("sources.selection"), "page")
        await self.read(source, self.page_request(source, "", html, True))

    async def take_address(self, address):
        overlay.close_all()
        source = await self.begin(address, "website")
        await self.read_address(source, address)

    async def read_address(self, source, address):
        """The page at an address, where its site lets other pages read it; else what to do instead."""
        self.kept[source["id"]] = address
        (script,) = await js_import(site.path("dropped.js"))
        found = await script.ask(site.path("outside.js"), address)
        error = getattr(found, "error", None)
        if not error and found.status != 200:
            error = {404: "missing", 401: "login", 403: "login"}.get(found.status, "status")
        if error:
            host = address.split("/")[2] if "//" in address else address
            source["ways"] = error in ("closed", "login")
            await self.fail(source, t("sources.site_" + error, host=host))
        elif "html" in found.kind:
            html = await found.file.text()
            await self.read(source, self.page_request(source, found.address, html, False))
        else:
            stored = await files.put_in_inbox(found.file, source["id"])
            await self.read(source, ImportFile(id=source["id"], name=address, file=stored))

    def page_request(self, source, address, html, whole):
        return ImportPage(
            id=source["id"], name=source["title"], address=address, html=html, whole=whole
        )

    async def begin(self, title, kind):
        source = {"id": new_id("s"), "title": title, "kind": kind, "state": "waiting"}
        source.update(time=clock.now(), words=0, lessons=0, language="", used=False)
        await self.put(source)
        self.page.show_tab("sources")
        return source

    # --------------------------------------------------------------------------------- reading

    async def put(self, *sources):
        await self.page.store.batch([["put", "sources", one["id"], one] for one in sources])
        self.page.touch("sources")

    async def fail(self, source, why):
        source.update(state="failed", why=why)
        await self.put(source)
        self.page.say(why)

    async def is_wanted(self, source):
        return await self.page.store.get("sources", source["id"]) is not None

    def on_reading(self, reading):
        dom.run(self.progress(reading))

    async def progress(self, reading):
        source = await self.page.store.get("sources", reading.id)
        if source and source["state"] in ("waiting", "reading"):
            source.update(state="reading")
            source["progress"] = t("sources.progress", done=reading.done, total=reading.total)
            await self.put(source)

    async def read(self, source, request):
        """Wait for the importer; the source ends ready, held or failed, and says why."""
        source["state"] = "reading"
        await self.put(source)
        try:
            found = await self.page.app.ask_importer(request)
        except Refused as refused:
            if await self.is_wanted(source):
                await self.fail(source, refused.failed.reason)
            return
        for number, item in enumerate(found.items):
            one = source if number == 0 else await self.begin(item["name"], source["kind"])
            await self.finish(one, item)
        last = found.items[0]
        self.page.say(t("sources.done", title=source["title"], state=t("sources." + last["state"])))

    async def finish(self, source, item):
        document = item["document"]
        if item["state"] == "adapter":
            await self.page.store.batch([["delete", "sources", source["id"]]])
            await self.page.import_adapter(self.kept.pop(source["id"]))
            return
        if item["state"] in ("refused", "scan"):
            await self.fail(source, item["problem"])
            return
        same = await self.known(document["sha256"], source["id"])
        if same:
            await self.page.store.batch([["delete", "sources", source["id"]]])
            self.page.touch("sources")
            self.page.toast(t("sources.already", title=same["title"]))
            return
        lessons = item["lessons"]
        source.update(
            state=item["state"],
            title=document["title"] or source["title"],
            words=item["words"],
            language=document["language"],
            lessons=len(lessons),
            preview=document.pop("preview"),
            editable=document["editable"],
            document=document,
            notes=document["notes"],
            confidence=item["confidence"],
            sha256=document["sha256"],
            why="",
            held=item["held"],
            asks=[
                {k: one[k] for k in ("prompt", "answer", "language")} for one in lessons[:TESTED]
            ],
            examples=[content_hash(one["prompt"], one["answer"]) for one in lessons],
        )
        await self.put(source)
        await self.queue_lessons(source, lessons)

    async def known(self, sha256, id):
        for key, source in await self.page.store.all("sources"):
            if key != id and source.get("sha256") == sha256:
                return source
        return None

    async def queue_lessons(self, source, lessons):
        """What was read waits for a person's yes: it is held, never learned by itself."""
        origin = {"kind": "import", "title": source["title"], "document": source["sha256"]}

        def add(queue):
            for lesson in lessons:
                example = dict(lesson, priority="import", why="imported")
                example["source"] = dict(origin, sentence=lesson["source"].get("sentence", ""))
                queue.add(example, state="held")

        await self.page.teaching.change(add)

    # ------------------------------------------------------------------------------------- acts

    async def use(self, id, used):
        """Approve or put aside all lessons of a source that still wait."""
        source = await self.page.store.get("sources", id)
        source["used"] = used

        def decide(queue):
            for example in source.get("examples", ()):
                record = queue.records.get(example)
                if record and used:
                    queue.approve(example)
                elif record:
                    queue.skip(example)

        await self.page.teaching.change(decide)
        await self.put(source)

    async def allow(self, id):
        """A person has seen the places that read like orders: from now on it is a source like others."""
        source = await self.page.store.get("sources", id)
        source.update(state="ready", held=[])
        await self.put(source)

    async def stop(self, id):
        await self.page.app.ask_importer(StopImport(id=id))

    async def retry(self, id):
        """Once more, from what was dropped in this visit; else the person chooses the file again."""
        source = await self.page.store.get("sources", id)
        before = self.kept.get(id)
        source.update(state="waiting", why="", ways=False)
        if isinstance(before, str):
            await self.read_address(source, before)
        elif before is not None:
            await self.read_file(source, before)
        else:
            await self.page.store.batch([["delete", "sources", id]])
            await self.pick()

    async def edit(self, id):
        source = await self.page.store.get("sources", id)
        self.ask_edit(source, await files.read_text("importer", source["sha256"] + ".txt"))

    async def save_edit(self, id, text):
        """The text as a person put it right takes the place of what was read."""
        overlay.close_all()
        source = await self.page.store.get("sources", id)
        await self.drop_lessons(source)
        document = dict(source["document"], blocks=[])
        source["sha256"] = ""
        await self.read(source, ImportEdited(id=id, document=document, text=text))

    async def test(self, id):
        """Ask the model what the source taught, in words no lesson used, without showing it the source."""
        source = await self.page.store.get("sources", id)
        about = AskAbout(lessons=source["asks"], count=QUESTIONS)
        found = await self.page.app.ask_importer(about)
        self.tests[id] = []
        for asked in found.items:
            try:
                answered = await self.page.answer_once(asked["question"], {})
            except Refused as refused:
                self.page.toast(refused.failed.reason)
                return
            right = asked["value"].lower() in answered.text.lower()
            self.tests[id].append(dict(asked, said=answered.text.strip(), right=right))
            self.page.touch("sources")
        count = sum(one["right"] for one in self.tests[id])
        self.page.say(t("sources.tested", right=count, count=len(found.items)))

    async def drop_lessons(self, source):
        mark = source.get("sha256")
        if mark:
            await self.page.teaching.change(
                lambda queue: queue.remove_source(lambda origin: origin.get("document") == mark)
            )

    async def remove(self, id):
        """Take a source away; what was learned from it is offered to be forgotten."""
        source = await self.page.store.get("sources", id)
        await self.drop_lessons(source)
        await self.page.store.batch([["delete", "sources", id]])
        self.page.touch("sources")
        self.kept.pop(id, None)
        if source.get("sha256"):
            await self.page.app.ask_importer(ForgetImport(document=source["sha256"]))
        learned = await self.page.store.keys("examples")
        gone = [example for example in source.get("examples", ()) if example in learned]
        if gone:
            await self.page.memory.ask_forget(gone, t("forget.source", title=source["title"]))
        else:
            self.page.toast(t("sources.gone", title=source["title"]), "undo-queue")
