"""The chats of another assistant: the statements in them are counted first, and known once the
person agrees."""

from oneseek.engine.core.messages import ForgetImport, LookIn, MoveIn, Reading
from oneseek.web.lib import dom, failures
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused


class Chats:
    """`reader` keeps the records of sources (web/intake/reading.py)."""

    def __init__(self, page, reader):
        self.page, self.reader = page, reader
        page.engine.listen(Reading, reader.on_reading)
        dom.verbs({"move-in": lambda of, el: self.move_in(of)})

    async def look(self, source, item):
        """Count the statements in what the importer read."""
        if not self.page.model:
            await self.reader.fail(source, t("chats.no_model", title=source["title"]))
            return
        source["sha256"] = item["sha256"]
        try:
            found = await self.ask(LookIn, source)
        except Refused as refused:
            await self.reader.fail(source, failures.words(refused.failed))
            return
        if not found.count:
            await self.forget(source)
            await self.reader.fail(source, t("chats.none", title=source["title"]))
            return
        source.update(state="chats", statements=found.count, first=found.first, why="")
        await self.reader.put(source)

    async def move_in(self, id):
        """Have all statements known by heart, and remove the source, which has done its part."""
        source = await self.page.store.get("sources", id)
        self.reader.at_work[id] = source
        source["state"] = "reading"
        await self.reader.put(source)
        try:
            moved = await self.ask(MoveIn, source)
        except Refused as refused:
            source["state"] = "chats"
            await self.reader.put(source)
            failures.show(self.page, refused.failed)
            return
        finally:
            self.reader.at_work.pop(id, None)
        await self.page.store.batch([["delete", "sources", id]])
        await self.forget(source)
        self.page.touch("sources")
        self.page.toast(t("chats.moved", n=moved.kept))

    async def ask(self, kind, source):
        file = source["sha256"] + ".json"
        return await self.page.engine.ask(kind(id=source["id"], file=file))

    async def forget(self, source):
        """Have the importer forget the chats themselves."""
        await self.page.app.ask_importer(ForgetImport(document=source["sha256"]))
        source["sha256"] = ""

    def show(self, source):
        """The first statements and their number, shown before the person agrees."""
        said = [dom.make("li", dom.make("q", one)) for one in source["first"]]
        more = source["statements"] - len(said)
        return dom.make(
            "div",
            dom.make("p", t("chats.found", n=source["statements"]), cls="note"),
            dom.make("ul", said),
            dom.make("p", t("chats.more", n=more), cls="note") if more else None,
        )
