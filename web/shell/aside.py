"""What lies beside the chat: the list of chats on one side, what is learned on the other.

Where the window is narrow they are sheets over the chat; beside it they stay as the person left
them.
"""

import js
from pyscript import document

from oneseek.web.lib import dom

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
        """Open or closed as the person wants it; beside the chat it stays so in the next visit."""
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
        """A newcomer sees the chat alone where it is not wide; the first thing learned opens the
        panel."""
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
        """What is open over the chat, for the veil and for screen readers."""
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
