"""The queue of what will be learned, and texts that become lessons."""

from __future__ import annotations

import asyncio
import re
import sys

from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.core.collecting.held_back import apart
from oneseek.engine.core.queue.training_queue import CLASSES
from oneseek.importers.results import ImportResult
from oneseek.importers.text import TextImporter
from oneseek.workers.server.fields import BadRequest, array, flag, takes, text
from oneseek.workers.server.service import service_of

SHOWN = 100


async def queue(request: Request) -> JSONResponse:
    """What waits to be learned, and what waits for a person's approval before that."""
    waiting = service_of(request).queue.queue
    held = [one for one in waiting.records.values() if one["state"] == "held"]
    told = {"items": waiting.upcoming(SHOWN), "held": held[:SHOWN]}
    return JSONResponse({"stats": waiting.get_stats(), **told})


@takes(
    prompt=text(longest=2000),
    answer=text(longest=2000),
    phrasings=array((), of=text(longest=2000), most=20),
    language=text("und", longest=35),
    priority=text("approved", longest=20),
)
async def enqueue(request: Request, body: dict) -> JSONResponse:
    """Offer a question and its answer for learning."""
    if body["priority"] not in CLASSES:
        raise BadRequest(f"priority is one of {', '.join(CLASSES)}")
    example = {**body, "phrasings": list(body["phrasings"])}
    record = await service_of(request).offer({"kind": "fact", "source": {"kind": "api"}, **example})
    return JSONResponse({"success": True, "item": record}, 201 if record else 200)


def id_in(request: Request) -> str:
    """The item a path names; ids are hashes."""
    id = request.path_params["id"]
    if not re.fullmatch("[0-9a-f]{1,64}", id):
        raise LookupError(f"the queue holds no example {id[:80]!r}")
    return id


async def approve(request: Request) -> JSONResponse:
    """Let an item be learned that an import holds back."""
    service, id = service_of(request), id_in(request)
    await service.queue.change(lambda queue: queue.approve(id))
    service.wake.set()
    return JSONResponse({"success": True})


async def dequeue(request: Request) -> JSONResponse:
    """Take an item out of the queue; unless it was learned, it is not known by heart either."""
    service, id = service_of(request), id_in(request)
    await service.queue.change(lambda queue: queue.remove(id))
    await service.heart.let_go_of_undone(id)
    return JSONResponse({"success": True})


@takes(
    text=text("", longest=500_000),
    title=text("text", longest=200),
    url=text("", longest=2000),
    allow_secrets=flag(False),
)
async def bring_in(request: Request, body: dict) -> JSONResponse:
    """Turn a text, or the public web page at a `url`, into lessons; they wait for approval. What
    looks like a secret is held back, and counted, unless `allow_secrets` says otherwise."""
    if bool(body["text"]) == bool(body["url"]):
        raise BadRequest("give a text or a url, one of them")
    if body["url"]:
        result = (await fetched(body["url"])).to_json()
    else:
        result = TextImporter().import_text(body["text"], None, body["title"]).to_json()
    if result["state"] == "refused":
        raise BadRequest(result["problem"])
    added = 0
    lessons, secret = apart(result["lessons"])
    if body["allow_secrets"]:
        lessons, secret = result["lessons"], []
    for lesson in lessons:
        example = {**lesson, "priority": "import"}
        example["source"] = {**lesson["source"], "kind": "website" if body["url"] else "text"}
        change = service_of(request).queue.change
        added += await change(lambda queue, one=example: queue.add(one, "held")) is not None
    told = {"state": result["state"], "problem": result["problem"], "examples_generated": added}
    told["held_back"] = len(secret)
    return JSONResponse({"success": True, **told}, 201 if added else 200)


async def fetched(url: str) -> ImportResult:
    """A public web page, read beside the answers; a browser's page can read no other sites."""
    if sys.platform == "emscripten":
        raise BadRequest("a page cannot read other sites: give the text, or import it in the page")
    from oneseek.importers.website import WebsiteImporter

    return await asyncio.to_thread(WebsiteImporter().import_website, url)
