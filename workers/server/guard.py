"""Keeps strangers out of the API: it checks the origin of a page, the host name, the key, the size
and the rate.

Plain ASGI, so that nothing of a refused request is read; WebSockets pass the same checks.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

MAX_BODY = 1 << 20
MAX_PICTURES = 16 << 20  # of a conversation with photos in it; its words have the usual limit
CHAT = "/v1/chat/completions"
EXCHANGE, MAX_EXCHANGE = "/api/exchange", 32 << 20  # some ten thousand facts
BODY_SECONDS = 20.0  # for a body to arrive whole
LOCAL = ("127.0.0.1", "localhost", "[::1]")
LIMITED = (
    "/api/training/", "/api/admin/training/", "/api/models/reset", "/api/oqt/", "/api/import",
)  # fmt: skip
FREE = ("/api/training/runs", "/api/training/datasets")  # may be read without limit
SAME = {  # two names of one thing
    "/api/oqt/micro-train": "/api/training/micro",
    "/api/oqt/train": "/api/admin/training/start-dna-v2",
    "/api/oqt/status": "/api/training/micro/status",
    "/api/oqt/metrics": "/api/training/micro/stats",
}
LIMIT, PERIOD = 30, 60.0
TOO_LARGE, SWALLOW_SECONDS = 413, 5.0
CLIENTS = 4096  # (client, method, path) that rate limits remember
OPEN = ("/healthz",)  # for monitoring; it tells no secret
CODES = {
    400: "bad_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "conflict",
    413: "too_large",
    429: "rate_limit_exceeded",
    499: "client_left",
    503: "unavailable",
}


class Guard:
    """`hosts` are the names this server answers to, `pages` the origins whose pages may exchange
    with it; a `key` is required wherever one is set."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: tuple[str, ...] = LOCAL,
        key: str = "",
        clock: Callable[[], float] = time.monotonic,
        body_seconds: float = BODY_SECONDS,
        pages: tuple[str, ...] = (),
    ) -> None:
        self.pages = pages
        self.app, self.hosts, self.key, self.clock = app, hosts, key, clock
        self.body_seconds = body_seconds
        self.seen: dict[tuple, deque] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin", "")
        if self.may_exchange(scope, origin):
            send = readable_by(origin, send)
            if scope["method"] == "OPTIONS":  # a browser's preflight request
                return await welcome(send)
        refusal = self.refusal(scope, headers)
        if refusal:
            if refusal[0] == TOO_LARGE:
                await swallow(receive)
            return await refuse(scope, send, *refusal)
        if scope["type"] == "http":
            receive = Limited(receive, scope, self.body_seconds)
        return await self.app(scope, receive, send)

    def answer_as(self, host: str) -> None:
        """Answer to this host name as well as to this machine's own."""
        self.hosts = (*LOCAL, host)

    def refusal(self, scope: Scope, headers: dict[bytes, str]) -> tuple | None:
        """(status, words, extra headers), or None for a welcome request."""
        host = headers.get(b"host", "")
        if name_of(host) not in self.hosts:
            return 403, f"this server does not answer to the host name {host!r}", {}
        origin = headers.get(b"origin")
        own = (f"http://{host}", f"https://{host}")
        if not (origin is None or origin in own or self.may_exchange(scope, origin)):
            return 403, f"web pages of {origin} may not use this server", {}
        if self.key and scope["path"] not in OPEN:
            given = headers.get(b"authorization", "").removeprefix("Bearer ").strip()
            if not same(given, self.key):
                words = "an API key is needed: Authorization: Bearer KEY"
                return 401, words, {"WWW-Authenticate": "Bearer"}
        length = headers.get(b"content-length", "0")
        most = longest(scope["path"])
        if not length.isdecimal() or int(length) > most:
            return TOO_LARGE, f"a body may have at most {most} bytes", {"Connection": "close"}
        return self.too_often(scope)

    def may_exchange(self, scope: Scope, origin: str) -> bool:
        """Whether a page of an origin in `pages` asks to exchange, which is all that it may."""
        return scope["type"] == "http" and scope["path"] == EXCHANGE and origin in self.pages

    def too_often(self, scope: Scope) -> tuple | None:
        if (
            scope["type"] != "http"
            or not scope["path"].startswith(LIMITED)
            or (scope["method"] == "GET" and scope["path"] in FREE)
        ):
            return None
        client = (scope.get("client") or ("",))[0]
        asked = client, scope["method"], SAME.get(scope["path"], scope["path"])
        if len(self.seen) > CLIENTS:
            self.seen.clear()
        times, now = self.seen.setdefault(asked, deque()), self.clock()
        while times and times[0] <= now - PERIOD:
            times.popleft()
        if len(times) >= LIMIT:
            wait = str(max(1, round(times[0] + PERIOD - now)))
            return (
                429,
                f"at most {LIMIT} requests a minute; try again in {wait} s",
                {"Retry-After": wait},
            )
        times.append(now)
        return None


def same(given: str, key: str) -> bool:
    """Whether a header's value is the key, which clients send in UTF-8 or in Latin-1."""
    sent = given.encode("latin-1")
    spelled = (key.encode(), key.encode("latin-1", "replace"))
    return any([hmac.compare_digest(sent, one) for one in spelled])


def longest(path: str) -> int:
    """The most bytes that a body may have."""
    return {EXCHANGE: MAX_EXCHANGE, CHAT: MAX_PICTURES}.get(path, MAX_BODY)


def readable_by(origin: str, send: Send) -> Send:
    """A `send` that lets a page of this origin read the answer."""

    async def send_with_origin(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            named = [(b"access-control-allow-origin", origin.encode()), (b"vary", b"origin")]
            message = {**message, "headers": [*message.get("headers", ()), *named]}
        await send(message)

    return send_with_origin


async def welcome(send: Send) -> None:
    """Answer a preflight: what a page of a named origin may send."""
    allowed = {"methods": "GET, POST, DELETE", "headers": "authorization, content-type"}
    headers = [(f"access-control-allow-{k}".encode(), v.encode()) for k, v in allowed.items()]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def name_of(host: str) -> str:
    """The host without its port."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]


class Limited:
    """Receives a body, and ends one that is too long or too slow early; `scope["refused"]` then has
    the status and the words."""

    def __init__(self, receive: Receive, scope: Scope, seconds: float) -> None:
        self.receive, self.scope, self.count, self.whole = receive, scope, 0, False
        self.most, self.until = longest(scope["path"]), time.monotonic() + seconds

    async def __call__(self) -> MutableMapping[str, Any]:
        if self.whole:
            return await self.receive()
        try:
            left = max(0.0, self.until - time.monotonic())
            message = await asyncio.wait_for(self.receive(), left)
        except TimeoutError:
            return self.end(408, "the body did not arrive in time")
        self.count += len(message.get("body", b""))
        self.whole = not message.get("more_body")
        if self.count > self.most:
            if not self.whole:
                await swallow(self.receive)
            return self.end(TOO_LARGE, f"a body may have at most {self.most} bytes")
        return message

    def end(self, *refused: Any) -> dict:
        self.whole, self.scope["refused"] = True, refused
        return {"type": "http.disconnect"}


async def swallow(receive: Receive) -> None:
    """Read on for a moment: a client that still sends would take a closed connection for a fault,
    and not get the reason."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SWALLOW_SECONDS):
            while (await receive()).get("more_body"):
                pass


async def refuse(scope: Scope, send: Send, status: int, words: str, extra: dict) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words[:120]})
        return
    body = json.dumps(error(words, status)).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **extra}
    raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def error(words: str, status: int, code: str = "") -> dict:
    """An error in OpenAI's shape, so that its clients can show it."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    code = code or CODES.get(status, "error")
    return {"error": {"message": words, "type": kind, "code": code, "param": None}}
