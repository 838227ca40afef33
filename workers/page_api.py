"""The HTTP API inside the page: plays the service worker's requests to workers/server/api.py as a
server would.

The page keeps control of learning: a request's learning takes place in the time that the page
grants.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from oneseek.engine.assistant import Assistant
from oneseek.engine.core.messages import ApiPart, ApiWork, CallApi, Changed
from oneseek.engine.core.storage.store import FencedStore
from oneseek.engine.learner import OnStep, Round
from oneseek.engine.learning.questions.microtrain import MicroTraining
from oneseek.workers.post import Emit
from oneseek.workers.server.api import create_app
from oneseek.workers.server.guard import Guard
from oneseek.workers.server.service import Service

TOUCHED = ["queue", "versions", "examples", "state", "ledger", "events", "metrics", "samples",
           "facts"]  # fmt: skip


class PageApi:
    """One app over one assistant; `emit` sends the parts of the answers to the page. `micro` counts
    the questions of the chat as well."""

    def __init__(
        self,
        assistant: Assistant,
        model: str,
        emit: Emit,
        micro: MicroTraining,
        on_step: OnStep | None = None,
    ) -> None:
        self.emit, self.on_step = emit, on_step
        self.calls: dict[str, asyncio.Future] = {}
        versions = assistant.versions
        self.store = versions.store
        self.service = Service(
            self.store,
            assistant,
            model,
            versions.clock,
            paced=True,
            micro=micro,
            hears=self.hears,
            kept=lambda: emit(Changed(stores=["state"])),
        )
        self.guard = Guard(create_app(self.service))

    async def answer(self, request: CallApi) -> None:
        """Play one request; the app's messages go out as ApiPart events."""
        await self.service.queue.load()
        await self.service.runs.load()
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

        async def receive() -> Any:
            """The body, and then nothing more: LeaveApi tells that a caller has left."""
            return body.pop() if body else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            self.emit(part(request.id, message))

        self.guard.answer_as(host)
        work = self.calls[request.id] = asyncio.ensure_future(self.guard(scope, receive, send))
        await asyncio.wait({work})
        del self.calls[request.id]
        if not work.cancelled():
            work.result()
        if request.method != "GET":
            self.emit(Changed(stores=TOUCHED))
        if self.service.runs.coming:
            self.emit(ApiWork())

    async def hears(self) -> bool:
        """Whether chats without a level of their own may teach facts, by the page's settings."""
        settings = await self.store.get("settings", "page") or {}
        return (settings.get("learn_from") or "facts") == "facts" and settings.get("collect", True)

    def open_run(self, fenced: FencedStore) -> Round | None:
        """A run that the API was asked for, as a round of the page; None without one."""
        coming = self.service.runs.coming
        if not coming:
            return None
        return self.service.runs.begin(coming[0], self.on_step or self.service.step_done, fenced)

    def leave(self, id: str) -> None:
        """Cancel a request whose caller has left."""
        if id in self.calls:
            self.calls[id].cancel()


def part(id: str, message: dict) -> ApiPart:
    """The event that carries one message of the app."""
    headers = [[name.decode(), text.decode()] for name, text in message.get("headers", ())]
    return ApiPart(
        id=id,
        status=message.get("status", 0),
        headers=headers,
        body=base64.b64encode(message.get("body", b"")).decode(),
        last=message["type"] == "http.response.body" and not message.get("more_body", False),
    )
