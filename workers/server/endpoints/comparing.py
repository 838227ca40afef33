"""Versions compared blind, also of different base models: two answers to one question in random
order, a choice, and the leaderboard of the choices."""

from __future__ import annotations

import random
import uuid

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.history.versions import GENERIC, pointer_of
from oneseek.engine.learning.adaptive import Leaderboard, score
from oneseek.workers.server.endpoints.deprecated import ask
from oneseek.workers.server.fields import BadRequest, takes, text, whole_number
from oneseek.workers.server.service import Service, service_of

KEPT = 100  # comparisons that wait for a choice


@takes(question=text(longest=2000), one=text(longest=200), other=text(longest=200))
async def compare(request: Request, body: dict) -> JSONResponse:
    """Ask two versions; the choice reveals which gave which answer."""
    service = service_of(request)
    pair = [await find_version(service, body[name]) for name in ("one", "other")]
    if pair[0] == pair[1]:
        raise BadRequest("one and other are the same version; name two different versions")
    random.shuffle(pair)
    answers = [(await ask(service, body["question"], number, model))[0] for model, number in pair]
    id = uuid.uuid4().hex
    service.compared[id] = pair
    while len(service.compared) > KEPT:
        service.compared.pop(next(iter(service.compared)))
    return JSONResponse({"comparison": id, "answers": answers}, 201)


async def find_version(service: Service, name: str) -> tuple[str, int]:
    model, number = await service.names.find(name)
    if number is None:  # the one in use
        pointer = await service.store.get(
            "state", pointer_of(service.names.base_of(model), GENERIC)
        )
        number = pointer["number"] if pointer else 0
    return model, number or 0


@takes(winner=whole_number(0, 0, 2))
async def choose(request: Request, body: dict) -> JSONResponse:
    """Count a choice once: the first or the second was better, or neither (0). The answer reveals
    which was which."""
    service = service_of(request)
    pair = service.compared.pop(request.path_params["id"], None)
    if pair is None:
        raise HTTPException(
            404, "there is no comparison of this id, or its choice was already made"
        )
    told = []
    for place, (model, number) in enumerate(pair, 1):
        record = await service.versions.record(number) if number else None
        told.append(service.names.label_version(model, record))
        if record:
            won = "wins" if body["winner"] == place else "losses"
            key = won if body["winner"] else "ties"
            counted = {**record, key: record.get(key, 0) + 1}
            await service.store.batch([["put", "versions", number, counted]])
    return JSONResponse({"first": told[0], "second": told[1], "winner": body["winner"]})


async def board(request: Request) -> JSONResponse:
    """Every version by its held-out loss, then by the comparisons it won."""
    service = service_of(request)
    ranked = Leaderboard(service.clock)
    models = {service.names.base_of(model): model for model in service.names.models}
    for _, version in await service.store.all("versions"):
        if model := models.get(version["base"]):
            held_out = version["gate"].get("held_out") or {}
            name = service.names.label_version(model, version)
            ranked.record(name, loss=held_out.get("after"), **score(version))
    return JSONResponse({"leaderboard": ranked.rank()})
