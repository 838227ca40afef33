"""The reading position: kept over a reload, and set when a search opens a chat."""

import asyncio

from oneseek.engine.core.collecting.content import normalise
from oneseek.web.lib import dom

SETTLED_SECONDS = 0.5
EARLIER_SECONDS = 0.02


class ReadingPosition:
    def __init__(self, page, chat):
        self.page, self.chat = page, chat
        self.moves = 0

    async def on_scroll(self, event):
        """Store the first message in sight, once the scrolling has settled."""
        self.moves += 1
        mine = self.moves
        await asyncio.sleep(SETTLED_SECONDS)
        if mine == self.moves and self.chat.chat:
            await self.page.store.batch([["put", "settings", "place", self.now()]])

    def now(self):
        top = self.chat.log.getBoundingClientRect().top
        for article in dom.find_all("article.message", self.chat.column):
            box = article.getBoundingClientRect()
            if box.bottom > top:
                at = {"turn": article.id, "offset": box.top - top}
                return dict(at, chat=self.chat.id, end=self.chat.follows)
        return {"chat": self.chat.id, "end": True}

    async def restore(self):
        """Scroll back to where the last visit was, unless it was at the end. Scrolling is stored
        only from now on: before, the chat moved while it was drawn."""
        kept = await self.page.store.get("settings", "place")
        dom.listen("scroll", self.chat.log, self.on_scroll)
        if kept:
            await self.back(kept)

    async def back(self, place):
        if place["chat"] == self.chat.id and not place["end"]:
            await self.go(place["turn"], place["offset"])

    async def find(self, words):
        """Go to the first message of the open chat with the words of a search."""
        wanted = normalise(words)
        await self.chat.fetch_until(None)
        for turn in self.chat.branch():
            if wanted and wanted in normalise(turn["text"]):
                article = await self.go(turn["id"], 40)
                if article:
                    article.classList.add("found")
                return

    async def go(self, id, offset):
        """Scroll a message to `offset` pixels below the top, drawing earlier ones until it is
        there."""
        mark = '[id="%s"]' % id
        await self.chat.fetch_until(id)
        while not dom.find(mark) and id in self.chat.tree.turns and self.chat.shown_from:
            await self.chat.earlier()
        while self.chat.adding:
            await asyncio.sleep(EARLIER_SECONDS)
        article = dom.find(mark)
        if article:
            log = self.chat.log
            box = article.getBoundingClientRect()
            log.scrollTop += box.top - log.getBoundingClientRect().top - offset
            self.chat.on_scroll(None)
        return article
