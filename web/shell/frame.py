"""The frame of the chat: the header above it, the list of chats on one side, and the learning panel
on the other.

In a narrow window the sides are sheets over the chat; beside it they stay as the person left them.
"""

import js
from pyscript import document

from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.settings.settings import storage_figures

NARROW, MIDDLE, WIDE = "(max-width: 699px)", "(max-width: 1099px)", "(min-width: 1400px)"


class Aside:
    def __init__(self, page):
        self.page = page
        page.watch(self.first_learned, "versions")
        dom.verbs(
            {
                "show-versions": lambda of, el: self.show("versions"),
            }
        )

    def is_open(self):
        body = document.body.classList
        if js.matchMedia(MIDDLE).matches:
            return body.contains("show-aside")
        return not body.contains("no-aside")

    def toggle(self):
        """Open or close the panel; beside the chat the next visit keeps that."""
        sheet = js.matchMedia(MIDDLE).matches
        document.body.classList.toggle("show-aside" if sheet else "no-aside")
        if not sheet:
            self.page.settings["aside"] = self.is_open()
            dom.run(self.page.save([["put", "settings", "page", self.page.settings]]))
        self.sheets()
        self.page.touch("tab")

    async def first_learned(self):
        if self.page.settings["aside"] is None and not js.matchMedia(WIDE).matches:
            await self.settle()

    async def settle(self):
        """Open the panel as the person left it; for a newcomer in a wide window or after the first
        lesson."""
        wanted = self.page.settings["aside"]
        if wanted is None:
            wide = js.matchMedia(WIDE).matches
            wanted = wide or bool(await self.page.store.count("versions"))
        document.body.classList.toggle("no-aside", not wanted)
        self.sheets()
        self.page.touch("tab")

    def show_nav(self):
        if js.matchMedia(NARROW).matches:
            document.body.classList.add("show-nav")
            self.sheets()

    def toggle_nav(self):
        document.body.classList.toggle("show-nav")
        self.sheets()

    def close_sheets(self):
        document.body.classList.remove("show-aside", "show-nav")
        self.sheets()

    def sheets(self):
        """Show or hide the veil behind open sheets, and tell screen readers what is open."""
        body = document.body.classList
        over = body.contains("show-nav") or body.contains("show-aside")
        dom.by_id("veil").hidden = not over
        shown = {"aside-toggle": self.is_open(), "nav-toggle": body.contains("show-nav")}
        for name, is_open in shown.items():
            dom.change(dom.by_id(name), aria_expanded="true" if is_open else "false")

    def show(self, name):
        if not self.is_open():
            self.toggle()
        self.page.tabs.open(name)


class Header:
    """The model, its version, how much waits, and how much storage is left."""

    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        page.watch(self.draw, "model", "words", "versions", "state", "queue", "status")
        page.watch(self.draw_storage, "words", "chats", "versions", "sources", "model")
        for kind in ("online", "offline"):
            dom.listen(kind, js.window, self.connection)

    def draw(self):
        dom.by_id("model-button").hidden = self.page.status.facts["other_tab"]  # it loads no model
        name = dom.by_id("model-name")
        name.textContent = self.page.model_loader.name() or t("model.none")
        label = dom.by_id("active-version")
        label.textContent, label.hidden = self.page.version, not self.page.model
        count = self.queue.size()
        tab = dom.by_id("tab-activity")
        said = dom.make("span", t.number(count), cls="count") if count else None
        dom.replace(tab, t("tab.activity"), " " if count else None, said)

    async def draw_storage(self):
        figures = await storage_figures()
        used, quota = figures["used"], figures["quota"]
        said = t("storage.words", used=t.size(used), free=t.size(quota))
        dom.by_id("storage-words").textContent = said
        dom.by_id("storage-meter").value = used / quota if quota else 0

    def connection(self, event):
        self.page.status.know(online=js.navigator.onLine)
