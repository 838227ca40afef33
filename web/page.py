"""What every part of the page shares: the store, the worker, the settings, and who redraws when.

The page only shows what lives in the store and the workers.  A part says which topics it shows
with `watch`; whoever changes one says so with `touch`, and redrawing happens at most four times
a second.
"""

import asyncio

import js

from web import dom
from web.words import t

REDRAW_SECONDS = 0.25
DEFAULTS = {
    "language": "",
    "theme": "",
    "single_keys": True,
    "announce": "whole",
    "developer": False,
    "system": "",
    "temperature": 0.7,
    "top_p": 0.9,
    "max_tokens": 512,
    "seed": -1,
    "idle_seconds": 20,
    "hidden": "mains",
    "back_end": "auto",
    "model": "",
    "ask_kinds": True,
}


def new_id(prefix):
    """An id that sorts by the time it was made, and is never made twice."""
    return "%s%013d-%s" % (prefix, js.Date.now(), js.crypto.randomUUID()[:6])


class Page:
    def __init__(self, store, link):
        self.store = store
        self.link = link
        self.settings = dict(DEFAULTS)
        self.model = None
        self.asks = {}
        self.watchers = []
        self.touched = set()
        self.drawing = False

    async def load_settings(self):
        self.settings.update(await self.store.get("settings", "page") or {})

    async def set(self, **values):
        self.settings.update(values)
        await self.store.batch([["put", "settings", "page", self.settings]])
        self.touch("settings")

    def watch(self, redraw, *topics):
        """`redraw()` is called (and awaited) soon after any of the topics was touched."""
        self.watchers.append((redraw, set(topics)))

    def touch(self, *topics):
        self.touched.update(topics)
        if not self.drawing:
            self.drawing = True
            asyncio.create_task(self.redraw())

    async def redraw(self):
        """At once, then not again for a moment: quick after a pause, calm in a storm."""
        while self.touched:
            topics, self.touched = self.touched, set()
            for redraw, wanted in list(self.watchers):
                if wanted & topics:
                    work = redraw()
                    if hasattr(work, "send"):
                        await dom.guard(work)
            await asyncio.sleep(REDRAW_SECONDS)
        self.drawing = False

    def ask(self, chat, messages, options, listener):
        """Ask the model; `listener` hears on_token(text), on_answered(message), on_failed(...)."""
        from workers.protocol import Ask

        number = new_id("ask")
        self.asks[number] = listener
        options = dict(options)
        for name in ("temperature", "top_p", "max_tokens", "seed"):
            options.setdefault(name, self.settings[name])
        self.link.send(Ask(id=number, chat=chat, messages=messages, options=options))
        return number

    def on_token(self, message):
        listener = self.asks.get(message.id)
        if listener:
            listener.on_token(message)

    def on_answered(self, message):
        listener = self.asks.pop(message.id, None)
        if listener:
            dom.run(listener.on_answered(message))

    def say(self, text):
        """Tell a screen reader, politely, once."""
        dom.by_id("announcer").textContent = text

    def alarm(self, text):
        dom.by_id("alarm").textContent = text

    def toast(self, text, do=None, of=None, words=None, seconds=8):
        """A short notice; with a verb it carries one button, usually Undo."""
        action = dom.button(words or t("undo"), do, of, cls="small") if do else None
        close = dom.icon_button(t("close"), "close-toast", drawing="close", cls="icon small")
        notice = dom.make("div", dom.make("p", text), action, close, cls="toast")
        dom.by_id("toasts").append(notice)
        self.say(text)
        asyncio.create_task(_leave(notice, seconds))
        return notice

    def complain(self, fault):
        """Something no part of the page foresaw: say so, keep the details for a report."""
        self.alarm(t("error.unforeseen"))
        self.toast("%s %s: %s" % (t("error.unforeseen"), type(fault).__name__, fault), seconds=20)


async def _leave(notice, seconds):
    """Take a notice away, but not from under the mouse or the keyboard."""
    await asyncio.sleep(seconds)
    while notice._dom_element.matches(":hover, :focus-within"):
        await asyncio.sleep(1)
    notice._dom_element.remove()


@dom.verb("close-toast")
def close_toast(of, element):
    element._dom_element.closest(".toast").remove()
