"""The endpoints of an earlier system: they answer with the same data, and say that they will go."""

from __future__ import annotations

import functools
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from oneseek.engine.history.versions import label
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.workers.server.endpoints.training import micro_state
from oneseek.workers.server.fields import Handler, array, takes, text
from oneseek.workers.server.service import Service, service_of

SUNSET = "Sat, 01 Jan 2028 00:00:00 GMT"
LONGEST = 256  # tokens of an answer


def deprecate(handler: Handler) -> Handler:
    """The handler under an old name, with headers that announce its end."""

    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        response = await handler(request)
        response.headers["Deprecation"] = "true"
        response.headers["Sunset"] = SUNSET
        return response

    answer.__doc__ = f"{(handler.__doc__ or '').strip()} (old name)"
    return answer


async def status(request: Request) -> JSONResponse:
    """The model's name and version, what micro-training is doing, and its last ten events."""
    service = service_of(request)
    current = await service.versions.current()
    called = {"name": service.versions.family, "version": label(current)}
    full = current["name"] if current else None
    return JSONResponse({**called, "versionName": full, **await micro_state(service)})


@takes(question=text())
async def query(request: Request, body: dict) -> JSONResponse:
    """One question, one answer."""
    service = service_of(request)
    answer, version = await ask(service, body["question"], None)
    return JSONResponse({"response": answer, "model": service.model, "version": version})


@takes(question=text(), models=array((), of=text(longest=200), most=8))
async def multi_model_query(request: Request, body: dict) -> JSONResponse:
    """One question to several versions, also of several base models."""
    service = service_of(request)
    names = body["models"] or [service.model]
    chosen = [(name, await service.names.find(name)) for name in names]
    responses = [
        {"model": name, "response": (await ask(service, body["question"], version, model))[0]}
        for name, (model, version) in chosen
    ]
    return JSONResponse({"responses": responses})


async def ask(
    service: Service, question: str, version: int | None, model: str = ""
) -> tuple[str, int]:
    asked = [{"role": "user", "content": question}]
    sampling = Sampling(max_tokens=LONGEST)
    answer, used = await service.answer(asked, sampling, uuid.uuid4().hex, version, model=model)
    return answer.text, used
