"""Skills: each is learned from a data set, under a name of its own, beside others."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.core.settings import DATA_PRESETS, SKILL_DATA
from oneseek.engine.learning.skills.examples import MOST, Examples
from oneseek.engine.learning.skills.skills import line_of
from oneseek.workers.removal import remove_skill
from oneseek.workers.server.fields import array, number, record, takes, text, whole_number
from oneseek.workers.server.service import service_of

LONGEST = 16_000  # letters of a question or an answer


def examples_of(request: Request) -> Examples:
    return Examples(service_of(request).assistant.skills)


async def skills(request: Request) -> JSONResponse:
    """Every skill with its version, its score on the held-out examples, those it still gets wrong,
    and how much more examples helped. A request to /v1/chat/completions uses a skill if its model
    is `oneseek:NAME`, or if the question is recognised as one for the skill."""
    return JSONResponse({"skills": await examples_of(request).list_skills()})


async def examples(request: Request) -> JSONResponse:
    """The examples of one skill, and what it still gets wrong."""
    known, name = examples_of(request), request.path_params["name"]
    await known.must_be(name)
    lines = await known.load(name)
    return JSONResponse(await known.describe(name) | {"lines": lines})


@takes(
    examples=array(
        of=record(prompt=text(longest=LONGEST), answer=text("", longest=LONGEST)), most=MOST
    )
)
async def correct(request: Request, body: dict) -> JSONResponse:
    """Correct, add or remove examples, {prompt, answer} each: a known question gets this answer, or
    is removed if there is no answer; any other question is added. The next training of the skill
    learns from them."""
    name = request.path_params["name"]
    told = await examples_of(request).change(name, body["examples"])
    return JSONResponse({"success": True, **told})


@takes(
    name=text(longest=40),
    datasetId=text("", longest=200),
    preset=text(DATA_PRESETS[0], longest=20),
    epochs=whole_number(None, 1, 100),
    learningRate=number(None, 1e-5, 1e-3),
)
async def teach(request: Request, body: dict) -> JSONResponse:
    """Train a skill as a run, on a data set or, without `datasetId`, on its own corrected examples.
    It is used if it answers the held-out examples better than before."""
    service = service_of(request)
    line_of(body["name"])
    data = body["datasetId"] or SKILL_DATA + body["name"]
    run = await service.runs.start(
        [service.model], data, body["epochs"], body["learningRate"], {},
        preset=body["preset"], skill=body["name"],
    )  # fmt: skip
    service.hurry()
    return JSONResponse({"success": True, "runId": run.id, "models": run.models, **run.about}, 202)


async def remove(request: Request) -> JSONResponse:
    """Remove a skill with its examples and all that was trained for it; a data set that was brought
    in stays."""
    service, name = service_of(request), request.path_params["name"]
    await remove_skill(service.runs, name)
    return JSONResponse({"success": True, "name": name})
