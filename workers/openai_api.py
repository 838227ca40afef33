"""OpenAI's shapes over our answers: models, chat completions, streams and errors.

Every version is a model id (`smollm2-135m:v1.3`); the bare id is the version in use.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from engine.assistant import label
from engine.generate import Sampling
from workers.fields import BadRequest, body_of, field, number

ROLES = ("system", "user", "assistant", "developer")


async def models(request: Request) -> JSONResponse:
    """GET /v1/models"""
    service = request.app.state.service
    names = [(service.model, 0), (f"{service.model}:v0", 0)]
    names += [
        (f"{service.model}:{label(one)}", one["time"] // 1000)
        for one in await service.versions.records()
    ]
    data = [
        {"id": name, "object": "model", "created": made, "owned_by": "oneseek"}
        for name, made in names
    ]
    return JSONResponse({"object": "list", "data": data})


def sampling_of(body: dict) -> tuple[Sampling, int]:
    """How to answer, and how many top log-probabilities are wanted (-1: none)."""
    stop = body.get("stop") or ()
    stop = (stop,) if isinstance(stop, str) else tuple(stop)
    if len(stop) > 4 or not all(isinstance(one, str) and one for one in stop):
        raise BadRequest("stop is a text or a list of up to 4 texts")
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    sampling = Sampling(
        temperature=number(body, "temperature", 0.7, 0, 2),
        top_p=number(body, "top_p", 1.0, 0, 1),
        seed=int(number(body, "seed", time.time_ns() % 2**31, 0, 2**63)) & 0x7FFFFFFF,
        max_tokens=512 if limit is None else int(number({"max_tokens": limit}, "max_tokens", 512,
                                                        1, 100_000)),
        stop=stop,
    )  # fmt: skip
    wanted = int(number(body, "top_logprobs", 0, 0, 20)) if body.get("logprobs") else -1
    return sampling, wanted


def messages_of(body: dict) -> list[dict]:
    given = field(body, "messages", list)
    if not given:
        raise BadRequest("messages must not be empty")
    messages = []
    for i, one in enumerate(given):
        role = one.get("role") if isinstance(one, dict) else None
        content = one.get("content") if isinstance(one, dict) else None
        if isinstance(content, list):  # parts; only text can be read
            parts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "".join(parts) if all(isinstance(p, str) for p in parts) else None
        if role not in ROLES or not isinstance(content, str):
            raise BadRequest(
                f"messages[{i}] needs a role of {', '.join(ROLES)} and text as content"
            )
        messages.append({"role": "system" if role == "developer" else role, "content": content})
    if messages[-1]["role"] == "assistant":
        raise BadRequest("the last message must not be the assistant's")
    return messages


async def completions(request: Request):
    """POST /v1/chat/completions"""
    service, body = request.app.state.service, await body_of(request)
    messages, (sampling, wanted) = messages_of(body), sampling_of(body)
    name = field(body, "model", str)
    version = await service.find_version(name)
    reply = Reply(service, name, messages, sampling, version, wanted)
    if body.get("stream"):
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        first = await reply.begin()
        return StreamingResponse(
            reply.stream(request, first, usage), media_type="text/event-stream"
        )
    return JSONResponse(await reply.whole(request))


class Reply:
    """One answer on its way to an OpenAI client."""

    def __init__(self, service, name, messages, sampling, version, wanted):
        self.service, self.name, self.messages = service, name, messages
        self.sampling, self.version, self.wanted = sampling, version, wanted
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self.made = int(time.time())
        self.pieces: asyncio.Queue = asyncio.Queue()
        self.tops: list[dict] = []

    def start(self) -> asyncio.Task:
        hooks: dict[str, Callable] = {"on_text": self.pieces.put_nowait}
        if self.wanted >= 0:
            hooks["on_token"] = self.note
        work = self.service.answer(self.messages, self.sampling, self.id, self.version, **hooks)
        self.task = asyncio.ensure_future(work)
        self.task.add_done_callback(lambda _: self.pieces.put_nowait(None))
        return self.task

    def note(self, token: int, top: list) -> None:
        tokenizer = self.service.assistant.model.tokenizer

        def entry(id, logprob):
            text = tokenizer.decode([id], special=True)
            return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

        chosen = next((p for i, p in top if i == token), top[-1][1])
        best = [entry(i, p) for i, p in top[: self.wanted]]
        self.tops.append({**entry(token, chosen), "top_logprobs": best})

    async def begin(self) -> str | None:
        """The first piece; a question that cannot be answered fails here, before any header."""
        self.start()
        first = await self.pieces.get()
        if first is None:
            self.task.result()
        return first

    async def whole(self, request: Request) -> dict:
        task = self.start()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=1)
                if not task.done() and await request.is_disconnected():
                    self.service.assistant.stop(self.id)
            answer, _ = await task
        except asyncio.CancelledError:
            self.service.assistant.stop(self.id)
            raise
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": answer.text, "refusal": None},
            "finish_reason": finish(answer),
            "logprobs": {"content": self.tops, "refusal": None} if self.wanted >= 0 else None,
        }
        head = {"id": self.id, "object": "chat.completion", "created": self.made}
        return {**head, "model": self.name, "choices": [choice], "usage": usage_of(answer)}

    async def stream(self, request: Request, first: str | None, usage: bool):
        try:
            yield self.chunk({"role": "assistant", "content": ""})
            piece = first
            while piece is not None:
                yield self.chunk({"content": piece})
                piece = await self.pieces.get()
            answer, _ = await self.task
            yield self.chunk({}, finish(answer))
            if usage:
                yield self.event({"choices": [], "usage": usage_of(answer)})
            yield "data: [DONE]\n\n"
        finally:
            self.service.assistant.stop(self.id)

    def chunk(self, delta: dict, ended: str | None = None) -> str:
        logprobs = None
        if self.wanted >= 0 and "content" in delta and delta["content"]:
            logprobs, self.tops = {"content": self.tops, "refusal": None}, []
        choice = {"index": 0, "delta": delta, "finish_reason": ended, "logprobs": logprobs}
        return self.event({"choices": [choice]})

    def event(self, body: dict) -> str:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.made}
        return f"data: {json.dumps({**head, 'model': self.name, **body})}\n\n"


def finish(answer) -> str:
    return "length" if answer.ended == "length" else "stop"


def usage_of(answer) -> dict:
    prompt, completion = len(answer.prompt), len(answer.ids)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
