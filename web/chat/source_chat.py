"""A chat about some sources, which alone answer in it; an answer that quotes one leads to the
place."""

from oneseek.web.chat import provenance
from oneseek.web.learning import records
from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import t

OFFERED = 12  # sources in a menu


class SourceChat:
    def __init__(self, page):
        self.page = page
        self.sources = []  # {"id", "title"} of the open chat's sources
        self.chip = dom.by_id("about")
        page.watch(self.draw, "chat", "words")
        dom.verbs(
            {
                "ask-source": lambda of, el: self.begin(of, el.dataset.title),
                "more-about": lambda of, el: self.offer(el),
                "add-about": lambda of, el: self.add(of),
                "end-about": lambda of, el: self.end(of),
            }
        )

    def begin(self, id, title):
        """Open a new chat about the source at once: a question typed right after belongs to it."""
        settled = self.page.conversations.new()
        self.sources = [{"id": id, "title": title}]
        self.draw()
        return settled

    async def offer(self, anchor):
        """Show a menu of the other sources that can be asked here, the newest first."""
        now = [one["id"] for one in self.sources]
        ready = [
            one
            for one in await records.sources(self.page.store, 0)
            if one["state"] == "ready" and one["id"] not in now
        ]
        if not ready:
            self.page.toast(t("about.no_more"))
            return
        rows = [dom.button(one["title"], "add-about", one["id"], "file") for one in ready[:OFFERED]]
        overlay.menu(anchor, *rows)

    async def add(self, id):
        source = await self.page.store.get("sources", id)
        await self.ask(self.sources + [{"id": id, "title": source["title"]}])

    async def end(self, id):
        """Remove a source from this chat."""
        await self.ask([one for one in self.sources if one["id"] != id])

    async def ask(self, sources):
        self.sources = sources
        if self.page.chat.chat:
            self.keep(self.page.chat.chat)
            await self.page.chat.save()
        self.draw()
        self.page.composer.focus()

    def keep(self, chat):
        chat["about"] = self.sources

    def load_sources(self, chat):
        about = chat.get("about") if chat else None
        self.sources = [about] if isinstance(about, dict) else about or []

    def options(self):
        """The options of a question in this chat."""
        return {"source": [one["id"] for one in self.sources]} if self.sources else {}

    def draw(self):
        self.chip.hidden = not self.sources
        if not self.sources:
            return
        chips = []
        for one in self.sources:
            name = t("about.end", title=one["title"])
            end = dom.icon_button(name, "end-about", one["id"], "close")
            said = dom.make("span", t("about.chat", title=one["title"]))
            chips.append(dom.make("div", dom.icon("file"), said, end, cls="chip"))
        more = dom.icon_button(t("about.more"), "more-about", drawing="plus")
        dom.change(more, aria_haspopup="menu")
        dom.replace(self.chip, chips, more)


def quotes(places):
    """The record of the places that an answer quotes, those of its first source."""
    first = places[0]
    same = [one for one in places if one["id"] == first["id"]]
    return {"id": first["id"], "title": first["title"], "places": same}


def draw_quotes(turn):
    """The quoted places of an answer, and a button that shows them in the source; None when it
    quotes nothing."""
    quotes = turn.get("quotes")
    if not quotes or turn["role"] == "user" or turn["state"] != "done":
        return None
    places = [dom.make("blockquote", place["text"]) for place in quotes["places"]]
    show = dom.button(t("about.show"), "show-place", turn["id"], cls="small quiet")
    words = dom.make("span", t("about.from", title=quotes["title"]))
    line = dom.make("summary", provenance.chip(turn), words)
    return dom.make("details", line, places, show, cls="because")
