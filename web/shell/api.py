"""Carries the service worker's API requests to the engine and its answers back, part by part. A
request's learning takes place in the time that the page grants."""

import asyncio
import json

from pyscript import window

from oneseek.engine.core.messages import ApiPart, ApiWork, CallApi, LeaveApi, to_json
from oneseek.web.lib import dom
from oneseek.web.shell.link import Refused


class Api:
    """`ports` are the callers that still wait, by the id of their request; `work` is true while a
    request has left something to learn."""

    def __init__(self, app):
        self.app, self.ports, self.work = app, {}, False
        app.engine.listen(ApiPart, self.hand_on)
        app.engine.listen(ApiWork, self.note_work)
        container = window.navigator.serviceWorker
        if container:
            container.addEventListener("message", self.on_message)

    def on_message(self, event):
        if hasattr(event.data, "call"):
            asyncio.create_task(self.call(json.loads(event.data.call), event.ports[0]))

    async def call(self, request, port):
        id = window.crypto.randomUUID()
        self.ports[id] = port
        port.onmessage = lambda event: asyncio.create_task(dom.guard(self.leave(id)))
        try:
            await self.app.engine.ask(CallApi(id=id, **request))
        except Refused as refused:
            print(refused.failed.detail)
            port = self.ports.pop(id, None)
            if port:
                port.postMessage(to_json({"failed": str(refused)}))

    async def leave(self, id):
        """Tell the engine that a caller waits no longer, the only message that a caller sends
        later."""
        if self.ports.pop(id, None):
            await self.app.engine.ask(LeaveApi(id=id))

    def hand_on(self, part):
        port = self.ports.pop(part.id, None) if part.last else self.ports.get(part.id)
        if port:
            port.postMessage(part.to_text())

    def note_work(self, event):
        self.work = True

    def work_is_done(self):
        self.work = False
