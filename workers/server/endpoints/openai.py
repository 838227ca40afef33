"""OpenAI's shapes over our answers: models, chat completions, streams.

Every version is a model id (`smollm2-135m:v1.3`), and every skill (`oneseek:orders`); the bare id
is the version in use, with the skills that are asked for.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from oneseek.engine.history.versions import label
from oneseek.engine.learner import BASE
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.choice.schema import Grammar
from oneseek.engine.model.generate import Answer
from oneseek.workers.server.endpoints.chat_request import (
    FIELDS,
    grammar_of,
    messages_of,
    must_be_readable,
    read_schema,
    sampling_of,
    top_logprobs_of,
)
from oneseek.workers.server.endpoints.pictures import in_tiles
from oneseek.workers.server.endpoints.tool_calls import Tools, as_text, tools_of
from oneseek.workers.server.fields import takes
from oneseek.workers.server.guard import error
from oneseek.workers.server.model_names import NoSuchModel
from oneseek.workers.server.service import Service, service_of

LEFT = 499


async def models(request: Request) -> JSONResponse:
    """Every version as a model; the bare name comes first and is the one in use."""
    return JSONResponse({"object": "list", "data": await list_models(service_of(request))})


async def model(request: Request) -> JSONResponse:
    """One model by its id."""
    models = {one["id"]: one for one in await list_models(service_of(request))}
    if (wanted := request.path_params["id"]) in models:
        return JSONResponse(models[wanted])
    raise NoSuchModel(wanted)


async def list_models(service: Service) -> list[dict]:
    names = [(service.model, 0), (f"{service.model}:v0", 0)]
    names += [
        (f"{service.model}:{label(one)}", one["time"] // 1000)
        for one in await service.versions.records()
    ]
    names += [(f"oneseek:{one['name']}", 0) for one in await service.assistant.skills.list_skills()]
    return [
        {"id": name, "object": "model", "created": made, "owned_by": "oneseek"}
        for name, made in names
    ]


@takes(exact=False, **FIELDS)
async def completions(request: Request, body: dict) -> Response:
    """Answer a conversation, whole or as a stream."""
    service = service_of(request)
    must_be_readable(len(body["messages"]), service.assistant.base.context)
    messages = await in_tiles(messages_of(body["messages"]), service.assistant.model)
    version = await service.names.version(body["model"])
    template = service.assistant.model.template
    tools = tools_of(body, template)
    sampling = sampling_of(body, service.assistant.model.manner)
    wanted = top_logprobs_of(body)
    reply = Reply(service, body["model"], messages, sampling, version, wanted)
    reply.grammar = await grammar_of(body["response_format"])
    if tools:
        await reply.offer(tools)
    elif not template.takes_tools:
        reply.messages = [as_text(one) for one in messages]
    reply.user = body["user"]
    reply.client = body["user"] or (request.client.host if request.client else "")
    wishes = body["oneseek"] or {"learn": True, "source": ""}
    reply.learns = wishes["learn"] and await service.hears()
    reply.source = wishes["source"]
    if not body["stream"]:
        return JSONResponse(await reply.complete(request))
    usage = bool((body["stream_options"] or {}).get("include_usage"))
    first = await reply.begin()
    return StreamingResponse(reply.stream(first, usage), media_type="text/event-stream")


class Reply:
    """One answer on its way to an OpenAI client."""

    def __init__(
        self,
        service: Service,
        name: str,
        messages: list[dict],
        sampling: Sampling,
        version: int | None,
        wanted: int,
    ) -> None:
        self.service, self.name, self.messages = service, name, messages
        self.sampling, self.version, self.wanted = sampling, version, wanted
        self.client = self.user = ""
        self.source: str | list[str] = ""  # sources that are asked
        self.grammar: Grammar | None = None  # of the answer
        self.tools: Tools | None = None  # that the answer may call
        self.calls: Grammar | None = None  # of a call
        self.learns = False  # whether what the person states is kept
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self.made = int(time.time())
        self.pieces: asyncio.Queue = asyncio.Queue()
        self.tops: list[dict] = []

    async def offer(self, tools: Tools) -> None:
        """Let the answer call tools. Where it must, or goes on from a tool's result, the memory
        does not answer in its place."""
        self.tools = tools
        self.calls = await read_schema("tools", tools.grammar)
        if not tools.natively:
            self.messages = tools.tell(self.messages)
        if self.version is None and (tools.must_call or self.messages[-1]["role"] == "tool"):
            self.version = BASE

    def start(self) -> asyncio.Task:
        hooks: dict[str, Any] = {"on_text": self.pieces.put_nowait}
        if self.tools and self.tools.natively:
            hooks["tools"] = self.tools.offered
        if self.wanted >= 0:
            hooks["on_token"] = self.note
        tokenizer = self.service.assistant.model.tokenizer
        if self.tools and self.calls:
            hooks["form"] = self.tools.form(self.calls, tokenizer)
        elif self.grammar:
            hooks["form"] = Form(self.grammar, tokenizer)
        work = self.service.answer(
            self.messages,
            self.sampling,
            self.id,
            self.version,
            self.client,
            user=self.user,
            source=self.source,
            keeps=self.learns and not self.instructed,
            **hooks,
        )
        self.task = asyncio.ensure_future(work)
        self.task.add_done_callback(lambda _: self.pieces.put_nowait(None))
        return self.task

    def note(self, token: int, top: list) -> None:
        tokenizer = self.service.assistant.model.tokenizer

        def entry(id: int, logprob: float) -> dict:
            text = tokenizer.decode([id], special=True)
            return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

        chosen = next((p for i, p in top if i == token), top[-1][1])
        best = [entry(i, p) for i, p in top[: self.wanted]]
        self.tops.append({**entry(token, chosen), "top_logprobs": best})

    @property
    def instructed(self) -> bool:
        """Whether the caller prescribes the answer: by a form, or by a system prompt."""
        filled = self.grammar or (self.tools and self.tools.must_call)
        return bool(filled) or any(one["role"] == "system" for one in self.messages)

    async def begin(self) -> str | None:
        """Start the answer, and return its first piece; a question that cannot be answered fails
        here, before any header."""
        self.start()
        first = await self.pieces.get()
        if first is None:
            self.task.result()
        return first

    async def complete(self, request: Request) -> dict:
        task = self.start()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=1)
                if not task.done() and await request.is_disconnected():
                    raise HTTPException(LEFT, "the client left before the answer")
            answer, number = await task
        finally:
            self.leave()
        words, calls = self.parts(answer)
        message: dict = {"role": "assistant", "content": words, "refusal": None}
        if calls:
            message |= {"content": words or None, "tool_calls": calls}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "tool_calls" if calls else finish(answer),
            "logprobs": {"content": self.tops, "refusal": None} if self.wanted >= 0 else None,
        }
        head = {"id": self.id, "object": "chat.completion", "created": self.made}
        told = {"usage": usage_of(answer), "oneseek": await self.describe(answer, number)}
        return {**head, "model": self.name, "choices": [choice], **told}

    async def stream(self, first: str | None, usage: bool) -> AsyncIterator[str]:
        try:
            yield self.chunk({"role": "assistant", "content": ""})
            piece, so_far, sent = first, "", 0
            while piece is not None:
                so_far += piece
                sure = self.tools.count_words(so_far) if self.tools else len(so_far)
                if sure > sent:
                    yield self.chunk({"content": so_far[sent:sure]})
                    sent = sure
                piece = await self.pieces.get()
            answer, number = await self.task
            words, calls = self.parts(answer)
            if words[sent:] and self.tools:
                yield self.chunk({"content": words[sent:]})
            for i, call in enumerate(calls):
                yield self.chunk({"tool_calls": [{"index": i, **call}]})
            whose = {"oneseek": await self.describe(answer, number)}
            ended = "tool_calls" if calls else finish(answer)
            yield self.chunk({}, ended, **({} if usage else whose))
            if usage:
                yield self.event({"choices": [], "usage": usage_of(answer), **whose})
            yield "data: [DONE]\n\n"
        except Exception as fault:  # the headers are sent: only the stream can tell it
            yield f"data: {json.dumps(error(str(fault), 500, 'internal_error'))}\n\n"
            raise
        finally:
            self.leave()

    def parts(self, answer: Answer) -> tuple[str, list[dict]]:
        """The words of an answer, and its tool calls."""
        return self.tools.find(answer.text) if self.tools else (answer.text, [])

    async def describe(self, answer: Answer, number: int) -> dict:
        """Who speaks in the answer, and what was kept of the question, or forgotten for it."""
        told = await self.service.assistant.describe(answer, number)
        for id in told.get("forgot", ()):
            await self.service.fact_memory.forget(id)
        heard = self.messages, self.service.queue, self.user
        kept = await self.service.assistant.hear(*heard) if self.learns else []
        return told | {"remembered": kept}

    def leave(self) -> None:
        """Stop the answer: nobody waits for it any more."""
        self.service.assistant.stop(self.id)
        if not self.task.done():
            self.task.cancel()

    def chunk(self, delta: dict, ended: str | None = None, **more: Any) -> str:
        logprobs = None
        if self.wanted >= 0 and (ended or delta.get("content")):
            logprobs, self.tops = {"content": self.tops, "refusal": None}, []
        choice = {"index": 0, "delta": delta, "finish_reason": ended, "logprobs": logprobs}
        return self.event({"choices": [choice], **more})

    def event(self, body: dict) -> str:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.made}
        return f"data: {json.dumps({**head, 'model': self.name, **body})}\n\n"


def finish(answer: Answer) -> str:
    return "length" if answer.ended == "length" else "stop"


def usage_of(answer: Answer) -> dict:
    prompt, completion = len(answer.prompt), len(answer.ids)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
