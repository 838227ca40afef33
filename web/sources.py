"""What a person drops, picks or pastes: each becomes a source in one visible state, and lessons that
wait in the queue.

The whole page is the target; the button beside the message field and the Sources tab do the same
without a mouse.
"""

from pyscript import document

from web import clock, dom, files, overlay
from web.content import content_hash
from web.link import Refused
from web.page import new_id
from web.words import t
from workers.protocol import ImportFile, ImportText, Reading

PREVIEW = 4000
ADAPTERS, MODELS = (".zip",), (".gguf", ".safetensors")


class Intake:
    def __init__(self, page):
        self.page = page
        self.depth = 0
        page.app.importer.listen(Reading, self.on_reading)
        for kind in ("dragenter", "dragover", "dragleave", "drop"):
            dom.listen(kind, document, self.dragged)
        dom.listen("paste", document, self.pasted)

    # ------------------------------------------------------------------------------- the doors

    def dragged(self, event):
        """The overlay follows what is dragged over the page; a drop takes it in."""
        kinds = [kind for kind in event.dataTransfer.types]
        if "Files" not in kinds and "text/plain" not in kinds:
            return
        event.preventDefault()
        self.depth += {"dragenter": 1, "dragleave": -1}.get(event.type, 0)
        if event.type == "drop":
            self.depth = 0
            dropped, text = event.dataTransfer.files, event.dataTransfer.getData("text/plain")
            found = [dropped.item(index) for index in range(dropped.length)]
            dom.run(self.take_files(found) if found else self.take_text(text))
        dom.by_id("drop").hidden = self.depth < 1

    def pasted(self, event):
        """Files from the clipboard, wherever the focus is; text stays with the field it goes to."""
        found = event.clipboardData.files
        if found.length:
            event.preventDefault()
            dom.run(self.take_files([found.item(index) for index in range(found.length)]))

    async def pick(self):
        overlay.close_all()
        await self.take_files(await files.pick())

    def ask_text(self):
        area = dom.make("textarea", rows=9, name="text", id="paste-text", required=True)
        title = dom.make("input", type="text", name="title", maxlength=120)
        form = dom.make(
            "form",
            dom.make("label", t("add.text"), area, cls="field"),
            dom.make("label", t("add.title"), title, cls="field"),
            dom.make("p", t("add.note"), cls="note"),
            dom.make(
                "div",
                dom.make("button", t("add.import"), type="submit", cls="primary"),
                cls="row end",
            ),
            do="take-text",
            data_on="submit",
            cls="column",
        )
        overlay.dialog(t("sources.paste"), form, name="paste")
        area._dom_element.focus()

    def ask_what(self):
        """The same choices for those who do not drag."""
        overlay.dialog(
            t("add.title_dialog"),
            dom.make("p", t("add.kinds"), cls="note"),
            dom.make(
                "div",
                dom.button(t("sources.files"), "pick-files", drawing="file", cls="primary"),
                dom.button(t("sources.paste"), "paste-text", drawing="edit"),
                dom.button(t("memory.tell"), "tell-fact", drawing="teach"),
                cls="row",
            ),
            name="add",
        )

    # --------------------------------------------------------------------------------- reading

    async def take_files(self, found):
        if not found:
            return
        for file in found:
            name = file.name.lower()
            if name.endswith(MODELS):
                await self.page.first_run.load_file(file)
            elif name.endswith(ADAPTERS):
                await self.page.import_adapter(file)
            else:
                await self.read_file(file)

    async def read_file(self, file):
        source = await self.begin(file.name, "file")
        name = await files.put_in_inbox(file)
        await self.read(source, ImportFile(id=source["id"], name=name))

    async def take_text(self, text, title=""):
        if text.strip():
            title = title or text.strip().split("\n")[0][:80]
            source = await self.begin(title, "text")
            await self.read(source, ImportText(id=source["id"], name=title, text=text))

    async def begin(self, title, kind):
        source = {"id": new_id("s"), "title": title, "kind": kind, "state": "waiting"}
        source.update(time=clock.now(), words=0, lessons=0, language="", used=True)
        await self.put(source)
        self.page.show_tab("sources")
        return source

    async def put(self, *sources):
        await self.page.store.batch([["put", "sources", one["id"], one] for one in sources])
        self.page.touch("sources")

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
            source.update(state="failed", why=refused.failed.reason)
            await self.put(source)
            return
        for number, item in enumerate(found.items):
            one = source if number == 0 else await self.begin(item["name"], source["kind"])
            await self.finish(one, item)
        last = found.items[0]
        self.page.say(t("sources.done", title=source["title"], state=t("sources." + last["state"])))

    async def finish(self, source, item):
        document = item["document"]
        if item["state"] in ("refused", "scan"):
            source.update(state="failed", why=item["problem"])
            await self.put(source)
            return
        same = await self.known(document["sha256"], source["id"])
        if same:
            await self.page.store.batch([["delete", "sources", source["id"]]])
            self.page.touch("sources")
            self.page.toast(t("sources.already", title=same["title"]))
            return
        text = "\n\n".join(block["text"] for block in document["blocks"] if block["text"])
        source.update(
            state=item["state"],
            title=document["title"] or source["title"],
            words=item["words"],
            language=document["language"],
            lessons=len(item["lessons"]),
            preview=text[:PREVIEW],
            sha256=document["sha256"],
            why="",
            held=[place["text"] for place in item["held"]] if item["held"] else [],
            examples=[content_hash(one["prompt"], one["answer"]) for one in item["lessons"]],
        )
        await self.put(source)
        await self.queue_lessons(source, item["lessons"])

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

    async def remove(self, id):
        """Take a source away; what was learned from it is offered to be forgotten."""
        source = await self.page.store.get("sources", id)
        mark = source.get("sha256")
        if mark:
            await self.page.teaching.change(
                lambda queue: queue.remove_source(lambda origin: origin.get("document") == mark)
            )
        await self.page.store.batch([["delete", "sources", id]])
        self.page.touch("sources")
        learned = await self.page.store.keys("examples")
        gone = [example for example in source.get("examples", ()) if example in learned]
        if gone:
            await self.page.memory.ask_forget(gone, t("forget.source", title=source["title"]))
        else:
            self.page.toast(t("sources.gone", title=source["title"]), "undo-queue")
