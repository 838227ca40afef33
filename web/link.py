"""The page's end of the line to one worker: requests out and their answers back, events in.

Calls go through PyScript's named workers, events come over a broadcast channel that only this page and
its workers know.
"""

import asyncio
import json

from pyscript import create_named_worker, window

from web import site
from workers.protocol import BadMessage, Failed, Request, from_text, opened

channel_name = "oneseek-" + window.crypto.randomUUID()


class Refused(Exception):
    """A request could not be done; `failed` is the worker's Failed."""

    def __init__(self, failed):
        super().__init__(failed.reason)
        self.failed = failed


class Link:
    """One worker: `await ask(request)`, `listen(Event, function)`, `on_gap` when events got lost."""

    def __init__(self, worker):
        self.worker = worker
        self.remote = None
        self.starting = None
        self.listeners = {}
        self.seen = 0
        self.on_gap = None
        self.channel = window.BroadcastChannel.new(channel_name)
        self.channel.onmessage = self.hear

    async def start(self):
        """Create the worker, once; it says through events how far it has come."""
        if self.starting is None:
            self.starting = asyncio.create_task(self.create())
        await self.starting

    async def create(self):
        settings = dict(site.workers[self.worker])
        settings["worker"] = self.worker
        settings["channel"] = channel_name
        settings["build"] = site.build
        settings["wheel"] = site.path(settings["wheel"])
        settings["scripts"] = {script: site.path(script) for script in settings["scripts"]}
        settings["models"] = site.models()
        config = {
            "interpreter": site.path("pyodide.mjs"),
            "plugins": ["!error"],
            "oneseek": settings,
        }
        source = site.path("workers/boot.py")
        self.remote = await create_named_worker(source, self.worker, json.dumps(config))

    async def ask(self, request):
        """The answer to a request, or Refused; the first one starts the worker."""
        if not isinstance(request, Request) or request.worker != self.worker:
            raise BadMessage("%s is not for the worker %s" % (type(request).__name__, self.worker))
        answer = from_text(await self.carry(request))
        if isinstance(answer, Failed):
            raise Refused(answer)
        return answer

    async def carry(self, request):
        """A worker that is gone or never came answers too: with Failed."""
        try:
            await self.start()
            return await self.remote.receive(request.to_text())
        except Exception as error:
            where = type(request).__name__
            reason = "The worker %s does not answer." % self.worker
            return Failed(where=where, reason=reason, detail=str(error)).to_text()

    def listen(self, kind, function):
        self.listeners.setdefault(kind, []).append(function)

    def hear(self, event):
        worker, seq, message = opened(event.data)
        if worker != self.worker:
            return
        lost = self.seen and seq > self.seen + 1
        self.seen = seq
        if lost and self.on_gap:
            self.on_gap()
        for function in self.listeners.get(type(message), ()):
            function(message)
