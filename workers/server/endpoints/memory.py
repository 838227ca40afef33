"""What is known by heart, and what a person's devices tell each other of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from oneseek.workers.server.endpoints.lessons import id_in
from oneseek.workers.server.service import service_of

SEALED = "application/octet-stream"


async def facts(request: Request) -> JSONResponse:
    """What is known by heart, with its source; what was told last comes first."""
    return JSONResponse({"facts": await service_of(request).fact_memory.list_facts()})


async def forget(request: Request) -> JSONResponse:
    """Forget one thing: from the next question on nothing of it comes out, and the versions named
    in `retrains` are trained again without it in the quiet."""
    retrains = await service_of(request).fact_memory.forget(id_in(request))
    return JSONResponse({"success": True, "retrains": retrains}, 202 if retrains else 200)


async def exchange(request: Request) -> Response:
    """Merge what another device of yours was told, its sealed file as the body, and answer with the
    file of both. The phrase never travels: it is ONESEEK_PHRASE here."""
    found, data = await service_of(request).fact_memory.exchange(await request.body())
    told = {
        "X-OneSeek-Told": str(len(found["told"])),
        "X-OneSeek-Forgotten": str(len(found["gone"])),
    }
    return Response(data, media_type=SEALED, headers=told)
