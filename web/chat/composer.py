"""The field at the bottom: it grows, keeps its draft, sends with Enter, and becomes Stop while
an answer comes."""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class Composer:
    def __init__(self, page, chat):
        self.page = page
        self.chat = chat
        self.field = dom.by_id("composer-text")
        self.keeping = 0
        self.sending = False  # waits for the text in pictures
        self.unsent = ""  # sent when a model is there
        self.last = None
        dom.listen("submit", "#composer", self.on_submit)
        dom.listen("keydown", self.field, self.key)
        dom.listen("input", self.field, self.on_input)
        dom.listen("click", "#stop", self.stop)
        page.watch(self.draw, "status", "words")

    def on_submit(self, event):
        event.preventDefault()
        dom.run(self.send())

    async def send(self):
        if self.sending or self.chat.answering or not self.has_words():
            return
        if self.page.status.facts["other_tab"]:
            self.page.alarm(t("banner.other_tab"))
            return
        if not self.page.model:
            self.unsent = self.field.value
            self.page.choice.ask()
            self.draw()
            return
        self.sending = True
        try:
            await self.page.conversations.shown.wait()
            pictures = await self.page.pictures.keep()
        finally:
            self.sending = False
        text = self.field.value.strip()
        self.put("")
        dom.run(self.page.save([["delete", "drafts", self.chat.id or "new"]]))
        await self.chat.send(text, pictures)

    async def send_unsent(self):
        """Send what the person sent before a model was there, unless they changed it since."""
        unsent = self.unsent
        self.forget_unsent()
        if unsent and unsent == self.field.value:
            await self.send()

    def has_words(self):
        """Whether there is something to send: words, or pictures."""
        return bool(self.field.value.strip() or self.page.pictures.waiting)

    def key(self, event):
        if event.isComposing:
            return
        if event.key == "Enter" and not event.shiftKey:
            event.preventDefault()
            dom.run(self.send())
        elif event.key == "ArrowUp" and not self.field.value:
            mine = [turn for turn in self.chat.branch() if turn["role"] == "user"]
            if mine:
                event.preventDefault()
                self.page.editors.edit(mine[-1]["id"])

    async def on_input(self, event):
        """Pause learning, have the question read before it is sent, and keep the draft for the next
        visit."""
        self.page.presence.on_typing()
        self.keeping += 1
        mine, chat = self.keeping, self.chat.id or "new"
        self.forget_unsent()
        await dom.asyncio.sleep(0.1)
        if mine == self.keeping and self.page.model:
            dom.run(self.page.read_ahead(self.field.value.strip()))
        await dom.asyncio.sleep(0.3)
        if mine == self.keeping and chat == (self.chat.id or "new"):
            await self.keep()

    async def keep(self):
        """Store the draft, or delete it when the field is empty."""
        text, chat = self.field.value, self.chat.id or "new"
        put = ["put", "drafts", chat, {"text": text}] if text else ["delete", "drafts", chat]
        await self.page.store.batch([put])

    def put(self, text):
        self.field.value = text
        self.keeping += 1
        self.forget_unsent()

    def forget_unsent(self):
        """Let what the field held wait for a model no longer, since it holds something else now."""
        if self.unsent:
            self.unsent = ""
            self.draw()

    async def restore(self):
        """Put this chat's draft into the field, unless something was typed meanwhile."""
        before = self.keeping
        draft = await self.page.store.get("drafts", self.chat.id or "new")
        if draft and before == self.keeping and not self.field.value:
            self.put(draft["text"])

    def stop(self, event=None):
        if self.chat.answering:
            self.chat.stop()
        self.draw()
        self.focus()

    def focus(self):
        self.field.focus()

    def draw(self):
        busy, elsewhere = bool(self.chat.answering), self.page.status.facts["other_tab"]
        self.field.readOnly = elsewhere
        self.field.placeholder = t("composer.elsewhere" if elsewhere else "composer.placeholder")
        for name in ("send", "add"):
            dom.by_id(name).disabled = elsewhere
        dom.by_id("send").hidden = busy
        dom.by_id("stop").hidden = not busy
        dom.by_id("unsent").hidden = not self.unsent
        if self.last:
            self.meter(self.last)

    def meter(self, answered):
        """Show how full the context is and how fast the answer was, in the line below."""
        self.last = answered
        context, speed = dom.by_id("context"), dom.by_id("speed")
        share = answered.context_used / max(1, answered.context_size)
        context.textContent = t("composer.context", share=t.percent(share))
        context.title = t("composer.context_note", n=t.number(answered.context_size))
        speed.textContent = t("chat.speed", rate=t.number(answered.tokens_per_second, 1))
        context.hidden = speed.hidden = False
