"""The HTTP API inside the page: the service worker's requests, played to workers/api.py as a server would.

The page keeps the learning in its own hands: what a request offers goes into the page's queue, and is
learned when the page grants time.
"""

import asyncio
import base64
import time

from workers.api import create_app
from workers.guard import LOCAL, Guard
from workers.protocol import ApiPart, Changed
from workers.service import Service


class PageApi:
    """One app over one assistant; `emit` carries the parts of the answers to the page."""

    def __init__(self, store, assistant, model, known, emit, micro):
        self.emit = emit
        self.service = Service(store, assistant, model, known, lambda: int(time.time() * 1000))
        self.service.micro = micro  # one counts, for the chat and for the API
        self.app = create_app(self.opened)
        self.app.state.service = self.service

    async def opened(self):
        return self.service

    async def answer(self, request):
        """Play one request; everything the app sends goes out as ApiPart events."""
        await self.service.queue.load()
        headers = [(name.lower().encode(), text.encode()) for name, text in request.headers]
        host = dict(headers).get(b"host", b"").decode().partition(":")[0]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": request.path.encode(),
            "query_string": request.query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("page", 0),
            "server": (host, 0),
        }
        body = [{"type": "http.request", "body": base64.b64decode(request.body)}]
        guarded = Guard(self.app, hosts=(*LOCAL, host))

        async def receive():
            """The body, and then nothing more: whether the caller left is not known here."""
            return body.pop() if body else await asyncio.Event().wait()

        async def send(message):
            self.emit(part(request.id, message))

        await guarded(scope, receive, send)
        if request.method != "GET":
            self.emit(Changed(stores=["queue", "versions", "examples", "state", "samples"]))


def part(id, message):
    """One message of the app as the event that carries it."""
    headers = [[name.decode(), text.decode()] for name, text in message.get("headers", ())]
    return ApiPart(
        id=id,
        status=message.get("status", 0),
        headers=headers,
        body=base64.b64encode(message.get("body", b"")).decode(),
        last=message["type"] == "http.response.body" and not message.get("more_body", False),
    )
