"""Skills: what is learned from a data set under a name of its own, beside others."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.core.settings import DATA_PRESETS
from oneseek.engine.learning.skills.skills import line_of
from oneseek.workers.removal import remove_skill
from oneseek.workers.server.fields import number, takes, text, whole_number
from oneseek.workers.server.service import service_of


async def skills(request: Request) -> JSONResponse:
    """Every skill with its version and how it did what was held back; a request to
    /v1/chat/completions names one as `oneseek:NAME`, and what asks for one is answered by it."""
    return JSONResponse({"skills": await service_of(request).assistant.skills.listed()})


@takes(
    name=text(longest=40),
    datasetId=text(longest=200),
    preset=text(DATA_PRESETS[0], longest=20),
    epochs=whole_number(None, 1, 100),
    learningRate=number(None, 1e-5, 1e-3),
)
async def teach(request: Request, body: dict) -> JSONResponse:
    """Teach a skill from a data set, as a run: it is used once it does what was held back better
    than before."""
    service = service_of(request)
    line_of(body["name"])
    run = await service.runs.start(
        [service.model], body["datasetId"], body["epochs"], body["learningRate"], {},
        preset=body["preset"], skill=body["name"],
    )  # fmt: skip
    service.hurry()
    return JSONResponse({"success": True, "runId": run.id, "models": run.models, **run.about}, 202)


async def remove(request: Request) -> JSONResponse:
    """Remove a skill and all that was trained for it; a data set that was brought in stays."""
    service, name = service_of(request), request.path_params["name"]
    await remove_skill(service.runs, name)
    return JSONResponse({"success": True, "name": name})
