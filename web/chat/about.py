"""A chat about one source: the places a question asks for are read before it, and quoted under the
answer."""

from oneseek.engine.core.messages import FindPlaces
from oneseek.web.chat import why
from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

SMALL = 300_000_000  # parameters: a model below is led astray by a second place
READ_BY_SMALL, READ = 1, 3


class About:
    def __init__(self, page):
        self.page = page
        self.source = None  # {"id", "title", "document"} of the chat that is open
        self.chip = dom.by_id("about")
        page.watch(self.draw, "chat", "words")
        dom.verbs(
            {
                "ask-source": lambda of, el: self.begin(of),
                "end-about": lambda of, el: self.end(),
            }
        )

    async def begin(self, id):
        """A new chat in which the source is asked."""
        source = await self.page.store.get("sources", id)
        await self.page.conversations.show("")
        self.source = {"id": id, "title": source["title"], "document": source["sha256"]}
        self.draw()
        self.page.composer.focus()

    async def end(self):
        """From now on this chat is about nothing in particular."""
        self.source = None
        if self.page.chat.chat:
            self.keep(self.page.chat.chat)
            await self.page.chat.save()
        self.draw()
        self.page.composer.focus()

    def keep(self, chat):
        chat["about"] = self.source

    def opened(self, chat):
        self.source = chat.get("about") if chat else None

    async def look_up(self, answer):
        """Put the places beside the question; what the model is asked with, None where that
        failed."""
        asked = answer.asked
        if self.source and "quotes" not in asked:
            try:
                asked["quotes"] = await self.places(asked["text"])
            except Refused as refused:
                await answer.on_failed(refused.failed)
                return None
        if not asked.get("quotes"):
            return {}
        answer.turn["quotes"] = asked["quotes"]
        return {"version": 0}  # what stands in the text is said, not what was taught

    async def places(self, question):
        source, size = self.source, self.page.model.parameters
        count = READ_BY_SMALL if size < SMALL else READ
        request = FindPlaces(document=source["document"], question=question, count=count)
        found = (await self.page.app.ask_importer(request)).items
        return dict(source, places=found) if found else None

    def draw(self):
        self.chip.hidden = self.source is None
        if self.source:
            end = dom.icon_button(t("about.end"), "end-about", drawing="close", cls="icon small")
            said = dom.make("span", t("about.chat", title=self.source["title"]))
            dom.replace(self.chip, dom.icon("file"), said, end)


def quoted(turn):
    """What an answer was read from, and the way to its place; None where it was read from
    nothing."""
    quotes = turn.get("quotes")
    if not quotes or turn["role"] == "user" or turn["state"] != "done":
        return None
    places = [dom.make("blockquote", place["text"]) for place in quotes["places"]]
    show = dom.button(t("about.show"), "show-place", turn["id"], cls="small quiet")
    words = dom.make("span", t("about.from", title=quotes["title"]))
    line = dom.make("summary", why.chip(turn), words)
    return dom.make("details", line, places, show, cls="because")
