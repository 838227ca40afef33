"""The documents that were given to the API: listed, searched and removed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.workers.server.fields import takes, text, whole_number
from oneseek.workers.server.service import service_of

MOST = 50


async def sources(request: Request) -> JSONResponse:
    """What can be asked; a source that a user gave is listed for `?user=` alone."""
    user = request.query_params.get("user", "")
    own = await service_of(request).library.asked("", user)
    return JSONResponse({"sources": [{"id": one.id, "title": one.title} for one in own]})


async def remove(request: Request) -> JSONResponse:
    """Take a source away: from the next question on nothing of it is quoted."""
    await service_of(request).library.remove(request.path_params["id"])
    return JSONResponse({"success": True})


@takes(
    query=text(longest=2000),
    source=text("", longest=64),
    user=text("", longest=200),
    count=whole_number(10, 1, MOST),
)
async def search(request: Request, body: dict) -> JSONResponse:
    """The places of all sources, or of one, that speak of what is asked, the likeliest first."""
    library = service_of(request).library
    found = await library.find(body["query"], body["source"], body["user"], body["count"])
    return JSONResponse({"places": [one.told() for one in found]})
