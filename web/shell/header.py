"""The line above the chat: which model, which version, what waits, how much room is left."""

import js

from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.settings.settings import storage_figures


class Header:
    def __init__(self, page):
        self.page = page
        page.watch(self.draw, "model", "words", "versions", "state", "queue", "status")
        page.watch(self.draw_storage, "words", "chats", "versions", "sources", "model")
        for kind in ("online", "offline"):
            dom.listen(kind, js.window, self.connection)

    def draw(self):
        dom.by_id("model-button").hidden = self.page.status.facts["other_tab"]  # it chooses none
        name = dom.by_id("model-name")
        name.textContent = self.page.first_run.name() if self.page.model else t("model.none")
        label = dom.by_id("active-version")
        label.textContent, label.hidden = self.page.version, not self.page.model
        count = self.page.teaching.queue.size()
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
