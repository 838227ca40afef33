"""Keeps strangers out of the API: whose page asks, by which name, with which key, how much, how often.

Plain ASGI, so that nothing of a refused request is read; WebSockets pass the same checks.
"""

from __future__ import annotations

import hmac
import json
import time
from collections import deque

MAX_BODY = 1 << 20
LOCAL = ("127.0.0.1", "localhost", "[::1]")
LIMITED = {("POST", "/api/training/micro"): 30, ("POST", "/api/oqt/micro-train"): 30}
PERIOD = 60.0
CLIENTS = 4096  # remembered for rate limits


class Guard:
    """`hosts` are the names this server answers to; a `key` is required wherever one is set."""

    def __init__(self, app, hosts: tuple[str, ...] = LOCAL, key: str = "", clock=time.monotonic):
        self.app, self.hosts, self.key, self.clock = app, hosts, key, clock
        self.seen: dict[tuple, deque] = {}

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.refusal(scope, headers)
        if refusal:
            return await refuse(scope, send, *refusal)
        if scope["type"] == "http":
            receive = Limited(receive)
        return await self.app(scope, receive, send)

    def refusal(self, scope, headers) -> tuple | None:
        """(status, words, extra headers), or None for a welcome request."""
        host = headers.get(b"host", "")
        if name_of(host) not in self.hosts:
            return 403, f"this server does not answer as {host!r}", {}
        origin = headers.get(b"origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, f"pages of {origin} may not ask this server", {}
        if self.key and scope["path"] not in ("/healthz",):
            given = headers.get(b"authorization", "").removeprefix("Bearer ").strip()
            if not hmac.compare_digest(given.encode(), self.key.encode()):
                return (
                    401,
                    "an API key is needed: Authorization: Bearer KEY",
                    {"WWW-Authenticate": "Bearer"},
                )
        length = headers.get(b"content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return 413, f"a body may have {MAX_BODY} bytes", {}
        return self.too_often(scope)

    def too_often(self, scope) -> tuple | None:
        limit = LIMITED.get((scope.get("method", ""), scope["path"]))
        if limit is None:
            return None
        key = (scope["path"], (scope.get("client") or ("",))[0])
        if len(self.seen) > CLIENTS:
            self.seen.clear()
        times, now = self.seen.setdefault(key, deque()), self.clock()
        while times and times[0] <= now - PERIOD:
            times.popleft()
        if len(times) >= limit:
            wait = str(max(1, round(times[0] + PERIOD - now)))
            return 429, f"at most {limit} a minute; try again in {wait} s", {"Retry-After": wait}
        times.append(now)
        return None


def name_of(host: str) -> str:
    """The host without its port."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]


class Limited:
    """Counts a body that did not say how long it is."""

    def __init__(self, receive):
        self.receive, self.count = receive, 0

    async def __call__(self):
        message = await self.receive()
        self.count += len(message.get("body", b""))
        if self.count > MAX_BODY:
            return {"type": "http.disconnect"}
        return message


async def refuse(scope, send, status: int, words: str, extra: dict) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words[:120]})
        return
    body = json.dumps(error(words, status)).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **extra}
    raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def error(words: str, status: int, kind: str = "invalid_request_error") -> dict:
    """Every error has OpenAI's shape, so that its clients can show it."""
    return {"error": {"message": words, "type": kind, "code": status, "param": None}}
