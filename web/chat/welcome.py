"""An empty chat: what OneSeek is, four things to do, a story while the first model loads, and the
browser's offer to install the page."""

from js import window

from oneseek.web.lib import dom
from oneseek.web.lib.words import t

CARDS = (("tell", "seed", "first-fact"), ("drop", "file", "pick-files"),
         ("ask", "search", "example"), ("teach", "mark", "teach-skill"))  # fmt: skip
KEY = "story"  # in the page's settings: "" shown, or "done"


def draw(ready):
    """An empty chat: what OneSeek is, and once it is `ready` what one can do here, each a card to
    press."""
    cards = [card(*one) for one in CARDS] if ready else None
    return dom.make(
        "div",
        dom.make("h2", t("welcome.title")),
        dom.make("p", t("welcome.text")),
        dom.make("div", cards, cls="examples", id="cards") if cards else None,
        cls="welcome",
        id="welcome",
    )


def card(name, drawing, verb):
    """The button for a thing to do: its name, and how it goes."""
    words = dom.make("span", dom.make("strong", t("welcome.%s" % name)), t("welcome.%s_how" % name))
    return dom.button(words, verb, name, drawing, cls="example")


class Story:
    """A story for the wait while the first model loads, and the beginning of a first fact. Shown
    until something was told once; then never again."""

    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        page.watch(self.notice, "queue", "examples")
        dom.verbs({"first-fact": lambda of, el: self.begin()})

    @property
    def is_wanted(self):
        return not self.page.settings[KEY]

    def lines(self):
        """Three short lines for the wait; None once something was told."""
        if not self.is_wanted:
            return None
        rows = [dom.make("li", t("story.line%d" % number)) for number in (1, 2, 3)]
        return dom.make("ol", rows, cls="story", label=t("story.title"))

    def begin(self):
        """Put the beginning of a sentence into the message field; the person ends it."""
        self.page.composer.put(t("story.draft"))
        self.page.composer.focus()
        self.page.say(t("welcome.tell"))

    async def notice(self):
        """End the story once something was told."""
        records = self.queue.records.values()
        if self.is_wanted and any(record["kind"] in ("fact", "correction") for record in records):
            await self.page.set(**{KEY: "done"})


class Install:
    """The browser's offer to install the page, one button once a model is here. web/static/start.js
    keeps the event, which may come before the page's Python."""

    def __init__(self, page):
        self.page = page
        dom.listen("oneseek-installable", window, self.redraw)
        dom.listen("appinstalled", window, self.redraw)
        dom.verbs(
            {
                "install": lambda of, el: self.ask(),
            }
        )

    def redraw(self, event):
        if not self.page.chat.chat:
            self.page.chat.draw()

    def card(self):
        """The offer in one line for the empty chat; None without a model or an offer."""
        if not self.page.model or dom.is_none(window.installable):
            return None
        ask = dom.button(t("install.button"), "install", drawing="load", cls="small")
        note = dom.make("span", t("install.note"), cls="note")
        return dom.make("div", ask, note, cls="row install")

    async def ask(self):
        offer, window.installable = window.installable, None
        await offer.prompt()
        self.redraw(None)
