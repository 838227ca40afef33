"""Carries the service worker's API requests to the engine and its answers back, part by part."""

import asyncio
import json

from pyscript import window

from web.link import Refused
from workers.protocol import ApiPart, CallApi, to_json


class Api:
    """`ports` are the callers that still wait, by the id of their request."""

    def __init__(self, app):
        self.app, self.ports = app, {}
        app.engine.listen(ApiPart, self.hand_on)
        container = window.navigator.serviceWorker
        if container:
            container.addEventListener("message", self.called)

    def called(self, event):
        if hasattr(event.data, "call"):
            asyncio.create_task(self.call(json.loads(event.data.call), event.ports[0]))

    async def call(self, request, port):
        id = window.crypto.randomUUID()
        self.ports[id] = port
        try:
            await self.app.engine.ask(CallApi(id=id, **request))
        except Refused as refused:
            print(refused.failed.detail)
            port = self.ports.pop(id, None)
            if port:
                port.postMessage(to_json({"failed": str(refused)}))

    def hand_on(self, part):
        port = self.ports.pop(part.id) if part.last else self.ports[part.id]
        port.postMessage(part.to_text())
