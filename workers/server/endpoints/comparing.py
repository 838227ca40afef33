"""Versions compared blind: two answers to one question in an order nobody knows, a choice, and the
board it makes."""

from __future__ import annotations

import random
import uuid

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from engine.history.versions import GENERIC, label
from engine.learning.adaptive import Leaderboard, score
from workers.server.endpoints.deprecated import ask
from workers.server.fields import BadRequest, takes, text, whole
from workers.server.service import service_of

KEPT = 100  # comparisons that wait for a choice


@takes(question=text(longest=2000), one=text(longest=200), other=text(longest=200))
async def compare(request: Request, body: dict) -> JSONResponse:
    """Ask two versions; which said what is told after the choice."""
    service = service_of(request)
    pair = [await service.find_version(body[name]) for name in ("one", "other")]
    numbers = [await service.versions.number(GENERIC) or 0 if n is None else n for n in pair]
    if numbers[0] == numbers[1]:
        raise BadRequest("one and other are the same version; name two")
    random.shuffle(numbers)
    answers = [(await ask(service, body["question"], number))[0] for number in numbers]
    id = uuid.uuid4().hex
    service.compared[id] = numbers
    while len(service.compared) > KEPT:
        service.compared.pop(next(iter(service.compared)))
    return JSONResponse({"comparison": id, "answers": answers}, 201)


@takes(winner=whole(0, 0, 2))
async def choose(request: Request, body: dict) -> JSONResponse:
    """The first or the second was better, or neither (0): counted once, and told which was
    which."""
    service = service_of(request)
    numbers = service.compared.pop(request.path_params["id"], None)
    if numbers is None:
        raise HTTPException(404, "there is no such comparison that waits for a choice")
    told = []
    for place, number in enumerate(numbers, 1):
        record = await service.versions.record(number) if number else None
        told.append(label(record))
        if record:
            won = "wins" if body["winner"] == place else "losses"
            key = won if body["winner"] else "ties"
            counted = {**record, key: record.get(key, 0) + 1}
            await service.store.batch([["put", "versions", number, counted]])
    return JSONResponse({"first": told[0], "second": told[1], "winner": body["winner"]})


async def board(request: Request) -> JSONResponse:
    """Every version by what was held out of its lessons, then by the comparisons it won."""
    service = service_of(request)
    ranked = Leaderboard(service.clock)
    for version in await service.versions.records():
        held_out = version["gate"].get("held_out") or {}
        ranked.record(label(version), loss=held_out.get("after"), **score(version))
    return JSONResponse({"leaderboard": ranked.ranking()})
