"""What is known without training: the facts known by heart, which a person's devices exchange, and
the documents that were given to the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from oneseek.workers.server.endpoints.lessons import id_in
from oneseek.workers.server.fields import takes, text, whole_number
from oneseek.workers.server.service import service_of

SEALED = "application/octet-stream"
MOST = 50  # places of one search


async def facts(request: Request) -> JSONResponse:
    """The facts in the memory, each with its source, the newest first."""
    return JSONResponse({"facts": await service_of(request).fact_memory.list_facts()})


async def forget(request: Request) -> JSONResponse:
    """Forget one fact: from the next question on no answer holds it, and the versions named in
    `retrains` are trained again without it when nobody asks."""
    retrains = await service_of(request).fact_memory.forget(id_in(request))
    return JSONResponse({"success": True, "retrains": retrains}, 202 if retrains else 200)


async def exchange(request: Request) -> Response:
    """Merge the sealed file of another device of yours, sent as the body, and answer with the
    merged file. The server reads the phrase from ONESEEK_PHRASE; no request has it."""
    found, data = await service_of(request).fact_memory.exchange(await request.body())
    told = {
        "X-OneSeek-Told": str(len(found["told"])),
        "X-OneSeek-Forgotten": str(len(found["gone"])),
    }
    return Response(data, media_type=SEALED, headers=told)


async def sources(request: Request) -> JSONResponse:
    """The sources that can be asked. A source that was imported with a `user` is listed only for
    that `?user=`."""
    user = request.query_params.get("user", "")
    own = await service_of(request).library.find_documents("", user)
    return JSONResponse({"sources": [{"id": one.id, "title": one.title} for one in own]})


async def remove_source(request: Request) -> JSONResponse:
    """Remove a source: from the next question on no answer quotes it."""
    await service_of(request).library.remove(request.path_params["id"])
    return JSONResponse({"success": True})


@takes(
    query=text(longest=2000),
    source=text("", longest=64),
    user=text("", longest=200),
    count=whole_number(10, 1, MOST),
)
async def search(request: Request, body: dict) -> JSONResponse:
    """The places of all sources, or of one, that are about a question, the likeliest first."""
    library = service_of(request).library
    found = await library.find(body["query"], body["source"], body["user"], body["count"])
    return JSONResponse({"places": [one.to_dict() for one in found]})
