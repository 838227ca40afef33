"""The tabs of the learning column: only the visible panel is built, and again when its topics
change."""

from oneseek.web.lib import dom


class Tabs:
    def __init__(self, page, panels):
        self.page = page
        self.panels = {panel.name: panel for panel in panels}
        self.names = [panel.name for panel in panels]
        self.name = self.names[0]
        for panel in panels:
            page.watch(self._redraw(panel), "words", "tab", *panel.topics)
        dom.listen("click", "[role=tab]", lambda event: self.open(_tab_name(event)))
        dom.listen("keydown", "[role=tablist]", self.key)

    def _redraw(self, panel):
        async def redraw():
            if self.name == panel.name and self.page.aside.is_open():
                await self.draw(panel)

        return redraw

    async def draw(self, panel):
        if hasattr(panel, "is_written_in") and panel.is_written_in():
            return
        parts = await panel.build()
        dom.replace(dom.by_id("panel-" + panel.name), parts)
        if hasattr(panel, "on_drawn"):
            await panel.on_drawn()

    def open(self, name, focus=False):
        """Show one panel; the others are hidden and not kept up to date. An unknown name, such as
        that of a panel of an older page, shows the first."""
        name = self.name = name if name in self.names else self.names[0]
        for other in self.names:
            tab, chosen = dom.by_id("tab-" + other), other == name
            dom.change(tab, aria_selected="true" if chosen else "false")
            tab.tabIndex = 0 if chosen else -1
            dom.by_id("panel-" + other).hidden = not chosen
        if focus:
            dom.by_id("tab-" + name).focus()
        self.page.touch("tab")
        if self.page.settings["tab"] != name:
            self.page.settings["tab"] = name
            dom.run(self.page.save([["put", "settings", "page", self.page.settings]]))

    def key(self, event):
        """Move with the arrow keys, Home and End, as tabs do everywhere."""
        at, last = self.names.index(self.name), len(self.names) - 1
        to = {"ArrowRight": at + 1, "ArrowLeft": at - 1, "Home": 0, "End": last}
        if event.key in to:
            event.preventDefault()
            self.open(self.names[to[event.key] % (last + 1)], focus=True)


def _tab_name(event):
    return event.target.closest("[role=tab]").id[len("tab-") :]
