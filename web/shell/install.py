"""The browser's offer to install the page: kept until the page has shown what it is good for, then
one button."""

from js import window

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class Install:
    """web/start.js keeps the event, which may come before the page's Python."""

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
        """One quiet line in the empty chat once a model is here; nothing where nothing is
        offered."""
        if not self.page.model or dom.is_none(window.installable):
            return None
        ask = dom.button(t("install.button"), "install", drawing="load", cls="small")
        note = dom.make("span", t("install.note"), cls="note")
        return dom.make("div", ask, note, cls="row install")

    async def ask(self):
        offer, window.installable = window.installable, None
        await offer.prompt()
        self.redraw(None)
