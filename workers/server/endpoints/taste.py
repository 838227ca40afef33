"""The taste of a person: their choices, what was learned from them, and whether it is used."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.learning.taste.taste import NAME
from oneseek.workers.removal import remove_choices
from oneseek.workers.server.endpoints.lessons import id_in
from oneseek.workers.server.fields import array, flag, record, takes, text
from oneseek.workers.server.service import service_of

LONGEST, TOGETHER = 4000, 1000  # letters of a text, and choices that are brought at once


async def taste(request: Request) -> JSONResponse:
    """Every choice, the version that learned from them, whether it is used, and what it learned in
    words."""
    return JSONResponse(await service_of(request).assistant.taste.describe())


@takes(
    choices=array(
        of=record(
            prompt=text(longest=LONGEST),
            chosen=text("", longest=LONGEST),
            rejected=text("", longest=LONGEST),
        ),
        most=TOGETHER,
    )
)
async def choose(request: Request, body: dict) -> JSONResponse:
    """Store choices, {prompt, chosen, rejected} each; the mark of a single answer has one of the
    two. A choice that seems to contain a secret is counted and not stored."""
    service = service_of(request)
    counts = await service.assistant.taste.add(body["choices"], service.clock())
    return JSONResponse({"success": True, **counts}, 201 if counts["added"] else 200)


async def train(request: Request) -> JSONResponse:
    """Train a taste on all choices, as a run. It is used if it decides the held-out choices as the
    person did."""
    service = service_of(request)
    run = await service.runs.start([service.model], NAME, None, None, {})
    service.hurry()
    return JSONResponse({"success": True, "runId": run.id, "models": run.models, **run.about}, 202)


@takes(used=flag(True))
async def switch(request: Request, body: dict) -> JSONResponse:
    """Switch the taste on or off."""
    await service_of(request).assistant.taste.switch(body["used"])
    return JSONResponse({"success": True, "used": body["used"]})


async def remove(request: Request) -> JSONResponse:
    """Remove every choice, and all that was trained on them."""
    versions = await remove_choices(service_of(request).runs)
    return JSONResponse({"success": True, "versions": versions})


async def remove_choice(request: Request) -> JSONResponse:
    """Remove one choice, and with it the versions that learned from it."""
    versions = await remove_choices(service_of(request).runs, [id_in(request)])
    return JSONResponse({"success": True, "versions": versions})
