"""The page's end of the line to one worker: it sends requests, and receives answers and events.

Calls go through web/static/workers.js, events come over a broadcast channel of the two. Every
second the worker is asked how many events it has sent, which reveals a lost event and a silent
worker. A worker that died has released the web lock that it holds for life.
"""

import asyncio

from pyscript import js_import

from oneseek.engine.core.messages import (
    BadMessage,
    Export,
    Failed,
    Forget,
    ImportAdapter,
    Learn,
    LoadModel,
    Ping,
    Ready,
    Request,
    Verify,
    from_text,
    open_envelope,
)
from oneseek.web.lib import clock, site

TICK_SECONDS = 1
LATE_SECONDS = 0.5  # an event may arrive this much later than the answer that counts it
SILENT_TICKS = {"engine": 13, "importer": 75}  # an importer may take a minute for one item
LONG_TICKS = 60
LONG = (LoadModel, Learn, Forget, Export, ImportAdapter, Verify)
"""Requests during which the engine may compute for a while without an event."""


class Refused(Exception):
    """A request could not be done; `failed` is the worker's Failed."""

    def __init__(self, failed):
        super().__init__(failed.reason)
        self.failed = failed


class Gone(Refused):
    """The worker was ended before it answered; another one takes its place."""


def faulty(where):
    """The Failed that a fault of the worker's own code would answer, for tests."""
    error = "'NoneType' object has no attribute 'open'"
    return Failed(where=where, reason=error, detail="Traceback\nAttributeError: " + error)


class Call:
    """One request under way: the worker answers it, or the worker is ended."""

    def __init__(self, request):
        self.request = request
        self.over = asyncio.Event()
        self.text = self.error = None

    async def carry(self, answer):
        try:
            self.text = await answer
        except Exception as error:
            self.error = error
        self.over.set()


class Link:
    """One worker: `await ask(request)`, `listen(Event, function)`, `on_gap` when events got lost.

    Requests wait in order until the worker is open; with `ready` it is open from the start. A
    worker that stays silent can be ended; until `reopen`, requests wait for the next one.
    """

    def __init__(self, worker, ready=True):
        self.worker = worker
        self.broken = None
        self.fails = set()  # for tests: names of requests that fail as if the worker had a fault
        self.remote = None
        self.thread = None
        self.starting = None
        self.made = 0
        self.calls = set()
        self.open = asyncio.Event()
        if ready:
            self.open.set()
        self.listeners = {}
        self.seen = 0
        self.on_gap = None
        self.channel = None
        self.ready = asyncio.Event()
        self.listen(Ready, lambda event: self.ready.set())

    async def start(self):
        """Create the worker, once; its events tell how far it has come."""
        if self.starting is None:
            self.starting = asyncio.create_task(self.create())
        await self.starting

    async def create(self):
        self.made += 1
        (module,) = await js_import(site.path("workers.js"))
        begun = module.begin(self.worker, self.made)
        self.channel = begun.channel
        self.remote, self.thread = begun, begun.thread
        begun.listen(self.hear)  # its Ready may come before `here` is over
        await begun.here

    async def ask(self, request, first=False):
        """The worker's answer, or Refused; the first request starts the worker. A request asked
        `first` does not wait until the worker is open: the worker needs it for that."""
        if not isinstance(request, Request) or request.worker not in ("any", self.worker):
            raise BadMessage("%s is not for the worker %s" % (type(request).__name__, self.worker))
        if not first:
            await self.open.wait()
            if self.broken:
                raise Refused(self.broken)
        name = type(request).__name__
        answer = faulty(name) if name in self.fails else from_text(await self.carry(request))
        if isinstance(answer, Failed):
            raise Refused(answer)
        return answer

    async def carry(self, request):
        """The text of the answer, a Failed if the worker never came; Gone if it was ended."""
        call, where = Call(request), type(request).__name__
        try:
            await self.start()
            self.calls.add(call)
            asyncio.create_task(call.carry(self.remote.receive(request.to_text())))
        except Exception as error:
            call.error = error
            call.over.set()
        await call.over.wait()
        if call not in self.calls and call.error is None:
            reason = "The worker was restarted; nothing stored is lost. Please try again."
            raise Gone(Failed(where=where, reason=reason, detail="ended"))
        self.calls.discard(call)
        if call.error is None:
            self.ready.set()
            return call.text
        reason = "The worker %s does not answer." % self.worker
        return Failed(where=where, reason=reason, detail=str(call.error)).to_text()

    # ----------------------------------------------------------------------- whether it is alive

    async def until_silent(self):
        """Ping the worker again and again until it is dead or silent for longer than its requests
        allow. Time in which the page itself slept does not count."""
        await self.ready.wait()
        dead = asyncio.Event()
        (lock,) = await js_import(site.path("lock.js"))
        life = lock.hold(self.channel.name, False, dead.set, lambda: None)
        silent, allowed, call = 0, self.patience(), None
        while silent < allowed and not dead.is_set():
            if call is None or call.over.is_set():
                silent, allowed, call = 0, 0, Call(Ping())
                asyncio.create_task(self.ping(call))
            # A long request may be answered before the ping behind it.
            allowed = max(allowed, self.patience())
            began = clock.now()
            await asyncio.sleep(TICK_SECONDS)
            if clock.now() - began < 2000 * TICK_SECONDS:
                silent += 1
        life.release()

    async def ping(self, call):
        """Ask how many events the worker has sent: the last one may have got lost as well."""
        await call.carry(self.remote.receive(call.request.to_text()))
        if call.error is not None:
            return
        sent = from_text(call.text).sent
        if sent > self.seen:
            await asyncio.sleep(LATE_SECONDS)
        if sent > self.seen and self.ready.is_set():
            self.seen = sent
            self.gap()

    def patience(self):
        busy = any(isinstance(call.request, LONG) for call in self.calls)
        return LONG_TICKS if busy else SILENT_TICKS[self.worker]

    def end(self):
        """End the worker, whatever it does; its open requests raise Gone."""
        self.thread.terminate()
        self.channel.close()
        self.ready.clear()
        self.remote = self.thread = self.starting = None
        self.seen = 0
        self.open.clear()
        calls, self.calls = self.calls, set()
        for call in calls:
            call.over.set()

    def reopen(self, broken=None):
        """Let waiting requests go on, in their order: the worker has what it needs. One that is
        `broken` (a Failed) refuses them all."""
        self.broken = broken
        self.open.set()

    def listen(self, kind, function):
        self.listeners.setdefault(kind, []).append(function)

    def hear(self, event):
        worker, seq, message = open_envelope(event.data)
        if worker != self.worker:
            return
        if 0 < seq <= self.seen:
            return  # already received, or late: then the gap was reported
        lost = seq > self.seen + 1
        self.seen = max(seq, self.seen)
        if lost:
            self.gap()
        for function in self.listeners.get(type(message), ()):
            function(message)

    def gap(self):
        if self.on_gap:
            self.on_gap()
