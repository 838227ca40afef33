"""The actions on a source: use it, read it again, correct it, describe it, test the model on it,
remove it."""

from oneseek.engine.core.collecting.collector import split_secrets
from oneseek.engine.core.collecting.content import content_hash
from oneseek.engine.core.collecting.quality import is_poor
from oneseek.engine.core.messages import (
    AskAbout,
    ForgetImport,
    ImportEdited,
    ImportText,
    StopImport,
)
from oneseek.web.intake.chats import Chats
from oneseek.web.intake.inputs import Inputs
from oneseek.web.intake.reading import Reader
from oneseek.web.lib import dom, failures, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

QUESTIONS = 3
TESTED = 200  # lessons of a source that questions are drawn from
PREVIEW = 4000  # characters
AROUND = 1000  # characters shown before and after a place


class Intake:
    """`inputs` is where sources come in, `reader` has them read."""

    def __init__(self, page):
        self.page = page
        self.reader = Reader(page)
        self.inputs = Inputs(page, self.reader)
        self.chats = Chats(page, self.reader)
        self.previews = {}  # source -> (before, marked, after), the shown parts of its text
        self.to_mark = False  # scroll to the marked place once it is drawn
        self.tests = {}  # source -> the questions about it, the model's answers and the right ones
        self.testing = {}  # source -> how far its test is, in words
        dom.verbs(
            {
                "pick-files": lambda of, el: self.inputs.pick(),
                "pick-folder": lambda of, el: self.inputs.pick(folder=True),
                "paste-text": lambda of, el: self.inputs.ask_text(),
                "ask-address": lambda of, el: self.inputs.ask_address(),
                "take-address": lambda of, el: self.reader.take_address(dom.field(el, "address")),
                "stop-source": lambda of, el: self.stop(of),
                "retry-source": lambda of, el: self.retry(of),
                "allow-secrets": lambda of, el: self.allow_secrets(of),
                "allow-source": lambda of, el: self.allow(of),
                "edit-source": lambda of, el: self.edit(of),
                "save-source": lambda of, el: self.save_edit(of, dom.field(el, "text")),
                "show-place": lambda of, el: self.show_place(self.page.chat.tree[of]["quotes"]),
                "preview-source": lambda of, el: self.preview(of),
                "caption-source": lambda of, el: self.caption(of),
                "save-caption": lambda of, el: self.save_caption(of, dom.field(el, "text")),
                "test-source": lambda of, el: self.test(of),
                "use-source": lambda of, el: self.use(of, el.checked),
                "remove-source": lambda of, el: self.remove(of),
            }
        )

    async def use(self, id, used):
        """Approve the lessons of a source that still wait, except poor ones, or put all of them
        aside."""
        source = await self.page.store.get("sources", id)
        source["used"] = used
        await self.reader.put(source)

        def decide(queue, lesson):
            record = queue.records.get(content_hash(lesson["prompt"], lesson["answer"]))
            if record and used and not is_poor(record.get("quality")):
                queue.approve(record["id"])
            elif record and not used:
                queue.skip(record["id"])

        await self.page.teaching.change_many(await self.reader.lessons(source), decide)

    async def allow(self, id):
        """Make a source ready like others: a person has seen the places in it that read like
        orders."""
        source = await self.page.store.get("sources", id)
        source.update(state="ready", held=[])
        await self.reader.put(source)

    async def allow_secrets(self, id):
        """Have lessons that look like secrets wait for a yes like the rest, because a person wants
        them."""
        source = await self.page.store.get("sources", id)
        source["secrets"] = 0
        await self.reader.hold(source, split_secrets(await self.reader.lessons(source))[1])
        if source["used"]:
            await self.use(id, True)

    async def stop(self, id):
        await self.page.app.ask_importer(StopImport(id=id))

    async def retry(self, id):
        """Read a source again, from what was dropped in this visit; else the person chooses the
        file."""
        source = await self.page.store.get("sources", id)
        before = self.reader.kept.get(id)
        source.update(state="waiting", why="", ways=False)
        if isinstance(before, str):
            await self.reader.read_address(source, before)
        elif before is not None:
            await self.reader.read_file(source, before)
        else:
            await self.page.store.batch([["delete", "sources", id]])
            await self.inputs.pick()

    async def edit(self, id):
        source = await self.page.store.get("sources", id)
        self.inputs.ask_edit(source, await files.read_text("importer", source["sha256"] + ".txt"))

    async def save_edit(self, id, text):
        """Replace the text of a source by the person's correction."""
        overlay.close_all()
        source = await self.page.store.get("sources", id)
        await self.drop_lessons(source)
        document = dict(source["document"], blocks=[])
        source["sha256"] = ""
        await self.reader.read(source, ImportEdited(id=id, document=document, text=text))

    async def caption(self, id):
        source = await self.page.store.get("sources", id)
        self.inputs.ask_caption(id, source["title"], source["made"])

    async def save_caption(self, id, text):
        """Put a caption before the text of a picture, or alone when it has none."""
        source = await self.page.store.get("sources", id)
        if source["state"] == "failed":
            overlay.close_all()
            await self.reader.read(source, ImportText(id=id, name=source["title"], text=text))
            return
        before = await files.read_text("importer", source["sha256"] + ".txt")
        await self.save_edit(id, text + "\n\n" + before)

    async def test(self, id):
        """Ask the model what the source taught, in words that no lesson used and without the
        source."""
        if id in self.testing:
            return
        self.testing[id] = t("sources.test_begins")
        self.page.touch("sources")
        try:
            await self.ask_about(id)
        finally:
            del self.testing[id]
            self.page.touch("sources")

    async def ask_about(self, id):
        source = await self.page.store.get("sources", id)
        lessons = await self.reader.lessons(source)
        about = AskAbout(lessons=lessons[:TESTED], count=QUESTIONS)
        found = await self.page.app.ask_importer(about)
        self.tests[id] = []
        for number, asked in enumerate(found.items, 1):
            self.testing[id] = t("sources.test_asks", number=number, count=len(found.items))
            self.page.touch("sources")
            try:
                answered = await self.page.answer_once(asked["question"], {})
            except Refused as refused:
                failures.show(self.page, refused.failed)
                return
            right = asked["value"].lower() in answered.text.lower()
            self.tests[id].append(dict(asked, said=answered.text.strip(), right=right))
            self.page.touch("sources")
        count = sum(one["right"] for one in self.tests[id])
        self.page.say(t("sources.tested", right=count, count=len(found.items)))

    async def drop_lessons(self, source):
        """Remove its waiting lessons, and return their ids."""
        mark = source.get("sha256")
        if mark:
            return await self.page.teaching.change(
                lambda queue: queue.remove_source(lambda origin: origin.get("document") == mark)
            )
        return []

    async def remove(self, id):
        """Remove a source, and offer to forget what was learned from it."""
        source = await self.page.store.get("sources", id)
        if self.reader.at_work.pop(id, None):
            dom.run(self.stop(id))
        waiting = await self.drop_lessons(source)
        await self.page.store.batch([["delete", "sources", id]])
        self.page.touch("sources")
        self.reader.kept.pop(id, None)
        gone = await self.find_learned(source) if source.get("sha256") else []
        if source.get("sha256"):
            self.reader.forget_texts()
            await self.page.app.ask_importer(ForgetImport(document=source["sha256"]))
        if gone:
            await self.page.memory.ask_forget(gone, t("forget.source", title=source["title"]))
        elif waiting:
            self.page.teaching.offer_undo(t("sources.gone_lessons", title=source["title"]))
        else:
            self.page.toast(t("sources.gone", title=source["title"]))

    async def find_learned(self, source):
        learned = set(await self.page.store.keys("examples"))
        asked = await self.reader.lessons(source) if learned else []
        ids = [content_hash(lesson["prompt"], lesson["answer"]) for lesson in asked]
        return [id for id in ids if id in learned]

    async def preview(self, id):
        """Show the beginning of the text, or hide it again."""
        if id in self.previews:
            del self.previews[id]
        else:
            source = await self.page.store.get("sources", id)
            text = await files.read_text("importer", source["sha256"] + ".txt")
            self.previews[id] = (text[:PREVIEW], "", "")
        self.page.touch("sources")

    def scroll_to_mark(self):
        """Scroll the marked place into view, once."""
        mark = self.to_mark and dom.find("#panel-sources mark")
        if mark:
            self.to_mark = False
            mark.scrollIntoView()

    async def show_place(self, quotes):
        """Show the text of a source around the first place that an answer quotes, with a mark."""
        source = await self.page.store.get("sources", quotes["id"])
        if not source:
            self.page.toast(t("about.gone", title=quotes["title"]))
            return
        place = quotes["places"][0]
        text = await files.read_text("importer", source["sha256"] + ".txt")
        first, last = place["start"], place["end"]
        before, after = text[max(0, first - AROUND) : first], text[last : last + AROUND]
        self.previews[quotes["id"]] = (before, text[first:last], after)
        self.to_mark = True
        self.page.aside.show("sources")
        self.page.tabs.panels["sources"].show_all()
