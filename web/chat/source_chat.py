"""A chat about one source, which alone answers in it; the way from an answer that quotes it to the
place."""

from oneseek.web.chat import provenance
from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class SourceChat:
    def __init__(self, page):
        self.page = page
        self.source = None  # {"id", "title"} of the chat that is open
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
        self.source = {"id": id, "title": source["title"]}
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

    def options(self):
        """What a question is asked with here."""
        return {"source": self.source["id"]} if self.source else {}

    def draw(self):
        self.chip.hidden = self.source is None
        if self.source:
            end = dom.icon_button(t("about.end"), "end-about", drawing="close", cls="icon small")
            said = dom.make("span", t("about.chat", title=self.source["title"]))
            dom.replace(self.chip, dom.icon("file"), said, end)


def quotes(places):
    """What a turn keeps of the places of a source that its answer quotes."""
    first = places[0]
    same = [one for one in places if one["id"] == first["id"]]
    return {"id": first["id"], "title": first["title"], "places": same}


def quoted(turn):
    """What an answer was read from, and the way to its place; None where it was read from
    nothing."""
    quotes = turn.get("quotes")
    if not quotes or turn["role"] == "user" or turn["state"] != "done":
        return None
    places = [dom.make("blockquote", place["text"]) for place in quotes["places"]]
    show = dom.button(t("about.show"), "show-place", turn["id"], cls="small quiet")
    words = dom.make("span", t("about.from", title=quotes["title"]))
    line = dom.make("summary", provenance.chip(turn), words)
    return dom.make("details", line, places, show, cls="because")
