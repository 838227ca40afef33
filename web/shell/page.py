"""What every part of the page shares: the store, the engine, the settings, and the redraws.

The page only shows what the store and the workers hold. A part names the topics that it shows with
`watch`; whoever changes one calls `touch`, and the page redraws at most four times a second.
"""

import asyncio

import js

from oneseek.engine.core.messages import Ask, ReadAhead, Stop, Token
from oneseek.engine.core.storage.store import BALLAST_BYTES, StorageFull, save_anyway
from oneseek.web.lib import clock, dom, failures
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

REDRAW_SECONDS = 0.25
RETRY_SECONDS = 3
TOASTS = 2
DEFAULTS = {
    "language": "",
    "theme": "",
    "single_keys": True,
    "announce": "whole",
    "developer": False,
    "system": "",
    "sampling": {},  # temperature and top_p, if a person chose others than the model's own
    "max_tokens": 512,
    "seed": -1,
    "idle_seconds": 20,
    "hidden": "mains",
    "full_speed": True,
    "back_end": "auto",
    "model": "",
    "elsewhere": {},
    "mirror": "",
    "collect": True,
    "auto_collect": False,
    "private_chats": (),
    "think": (),
    "learn_from": "",
    "chats_learn": {},
    "proxy": "",
    "sign": False,
    "server": "",
    "voice": False,
    "aside": None,
    "tab": "memory",
    "story": "",
}


def new_id(prefix):
    """A unique id that sorts by the time it was made."""
    return "%s%013d-%s" % (prefix, clock.now(), js.crypto.randomUUID()[:6])


class Page:
    """`app` owns the workers (web/shell/app.py); web/shell/regions.py adds the parts."""

    def __init__(self, app, store):
        self.app, self.engine = app, app.engine
        self.store = store
        self.settings = dict(DEFAULTS)
        self.model = None
        self.keeps_model = True
        self.version = "v0"
        self.asks = {}
        self.unsaved = []
        self.watchers = []
        self.touched = set()
        self.drawing = True  # nothing is drawn before `begin`, then all of it once
        app.engine.listen(Token, self.on_token)

    def take_model(self, loaded, keep):
        """Note the resident model; with `keep` the next visit loads it as well."""
        self.model, self.keeps_model = loaded, keep

    def take_version(self, label):
        """Note the version that answers from now on."""
        self.version = label
        self.touch("model", "versions")

    async def load_settings(self):
        self.settings.update(await self.store.get("settings", "page") or {})

    async def set(self, **values):
        self.settings.update(values)
        await self.save([["put", "settings", "page", self.settings]])
        self.touch("settings")

    async def save(self, ops):
        """Store what a person said or chose, even when there is hardly any room left. When there is
        none at all, the page keeps it in memory, says so and tries again."""
        ops, self.unsaved = self.unsaved + ops, []
        try:
            await self.save_now(ops)
        except StorageFull:
            if not self.status.facts["storage_full"]:
                asyncio.create_task(dom.guard(self.save_later()))
            self.unsaved = ops + self.unsaved
            self.status.know(storage_full=True)
        else:
            if self.status.facts["storage_full"] and not self.unsaved:
                self.status.know(storage_full=False, storage_low=False)

    async def save_now(self, ops):
        try:
            await self.store.batch(ops)
        except StorageFull:
            self.status.know(storage_low=True)
            await save_anyway(self.store, ops)

    async def save_later(self):
        """Try again until there is room."""
        await asyncio.sleep(RETRY_SECONDS)
        while self.unsaved:
            await self.save([])
            await asyncio.sleep(RETRY_SECONDS)

    async def reserve(self):
        """Reserve room for what is said once the disk is full; it is no fault if there is none."""
        try:
            await self.store.reserve(BALLAST_BYTES)
        except Exception as fault:
            js.console.info("no room was set aside: %s" % fault)

    def watch(self, redraw, *topics):
        """`redraw()` is called (and awaited) soon after any of the topics was touched."""
        self.watchers.append((redraw, set(topics)))

    def touch(self, *topics):
        self.touched.update(topics)
        if not self.drawing:
            self.drawing = True
            asyncio.create_task(self.redraw())

    def begin(self):
        """Draw what was touched so far, and from now on what changes: all parts are in place."""
        asyncio.create_task(self.redraw())

    async def redraw(self):
        """Redraw what was touched, at once after a pause, else every REDRAW_SECONDS."""
        while self.touched:
            topics, self.touched = self.touched, set()
            for redraw, wanted in list(self.watchers):
                if wanted & topics:
                    work = redraw()
                    if hasattr(work, "send"):
                        await dom.guard(work)
            await asyncio.sleep(REDRAW_SECONDS)
        self.drawing = False

    # ------------------------------------------------------------------------------- the model

    def ask(self, chat, messages, options, listener):
        """Ask the model and return the question's id; `listener` gets on_token, then on_answered or
        on_failed."""
        number = new_id("ask")
        self.asks[number] = listener
        dom.run(self._ask(number, chat, messages, options, listener))
        return number

    async def _ask(self, number, chat, messages, options, listener):
        options = dict(options)
        options.setdefault("language", t.language)
        for name in ("max_tokens", "seed"):
            options.setdefault(name, self.settings[name])
        options = dict(self.settings["sampling"], steer=True, **options)
        question = Ask(id=number, chat=chat, messages=messages, options=options)
        try:
            answered = await self.engine.ask(question)
        except Refused as refused:
            await listener.on_failed(refused.failed)
        else:
            await listener.on_answered(answered)
        finally:
            del self.asks[number]

    async def answer_once(self, text, options):
        """The answer to one question outside any chat, without the sources."""
        options = dict(options, top_p=1.0, max_tokens=96, seed=1, source=None)
        said = [{"role": "user", "content": text}]
        return await self.engine.ask(Ask(id=new_id("ask"), chat="", messages=said, options=options))

    def on_token(self, token):
        if token.id in self.asks:
            self.asks[token.id].on_token(token)

    async def read_ahead(self, text):
        """Have the engine read a question that may be asked soon; if it cannot, it reads it when
        asked."""
        try:
            await self.engine.ask(ReadAhead(text=text))
        except Refused:
            pass

    def stop(self, number):
        dom.run(self.engine.ask(Stop(id=number)))

    # ------------------------------------------------------------------------------ being heard

    def say(self, text):
        """Tell a screen reader, politely, once."""
        dom.by_id("announcer").textContent = text

    def alarm(self, text):
        dom.by_id("alarm").textContent = text

    def toast(self, text, do=None, of=None, words=None, seconds=8, also=None):
        """Show a short notice. A verb gives it a button, usually Undo, beside which `also` stands;
        earlier notices with that verb go, as what they would undo is no longer the last act."""
        action = dom.button(words or t("undo"), do, of, cls="small") if do else None
        close = dom.icon_button(t("close"), "close-toast", drawing="close", cls="icon small")
        for earlier in dom.find_all('.toast [data-do="%s"]' % do) if do else ():
            earlier.closest(".toast").remove()
        _make_room(text)
        notice = dom.make("div", dom.make("p", text), also, action, close, cls="toast")
        dom.by_id("toasts").append(notice)
        self.say(text)
        asyncio.create_task(_leave(notice, seconds))
        return notice

    def complain(self, fault):
        """Report a fault that no part of the page handles, and keep the details."""
        if isinstance(fault, StorageFull):
            self.status.know(storage_low=True)
            return
        failed = getattr(fault, "failed", None)
        failures.show(self, failed or failures.unforeseen(fault))


def _make_room(text):
    """Remove notices with the same words, and the oldest beyond TOASTS."""
    shown = dom.find_all("#toasts .toast")
    for notice in shown:
        if dom.find("p", notice).textContent == text:
            notice.remove()
    shown = dom.find_all("#toasts .toast")
    for notice in shown[: max(0, len(shown) - TOASTS + 1)]:
        notice.remove()


async def _leave(notice, seconds):
    """Remove a notice after a while, but not from under the mouse or the keyboard."""
    await asyncio.sleep(seconds)
    while notice.matches(":hover, :focus-within"):
        await asyncio.sleep(1)
    notice.remove()


def close_toast(of, element):
    element.closest(".toast").remove()


dom.verbs({"close-toast": close_toast})
