"""The queue of what will be learned, and texts that become lessons."""

from __future__ import annotations

import re
import sys

from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.core.collecting.collector import kinds_in, refuse_secrets
from oneseek.engine.core.collecting.content import content_hash
from oneseek.engine.core.queue.training_queue import CLASSES, TrainingQueue
from oneseek.importers.sandbox import read_here, read_in_sandbox
from oneseek.workers.server.fields import BadRequest, array, flag, takes, text
from oneseek.workers.server.service import Service, service_of

SHOWN = 100
TOGETHER = 100  # lessons that are queued at once


async def queue(request: Request) -> JSONResponse:
    """The examples that wait to be learned, and those that need a person's approval first."""
    waiting = service_of(request).queue.queue
    held = [one for one in waiting.records.values() if one["state"] == "held"]
    told = {"items": waiting.peek(SHOWN), "held": held[:SHOWN]}
    return JSONResponse({"stats": waiting.get_stats(), **told})


@takes(
    prompt=text(longest=2000),
    answer=text(longest=2000),
    phrasings=array((), of=text(longest=2000), most=20),
    language=text("und", longest=35),
    priority=text("approved", longest=20),
    allow_secrets=flag(False),
)
async def enqueue(request: Request, body: dict) -> JSONResponse:
    """Offer a question and its answer for learning. A text that seems to contain a secret is
    refused with 409 and its kind, and not stored, unless the request has `allow_secrets`."""
    if body["priority"] not in CLASSES:
        raise BadRequest(f"priority must be one of {', '.join(CLASSES)}")
    example = {**body, "phrasings": list(body["phrasings"])}
    if not example.pop("allow_secrets"):
        refuse_secrets(kinds_in(example))
    record = await service_of(request).offer({"kind": "fact", "source": {"kind": "api"}, **example})
    return JSONResponse({"success": True, "item": record}, 201 if record else 200)


def id_in(request: Request) -> str:
    """The id of the item that a path names; ids are hashes."""
    id = request.path_params["id"]
    if not re.fullmatch("[0-9a-f]{1,64}", id):
        raise LookupError(f"the queue holds no example {id[:80]!r}")
    return id


async def approve(request: Request) -> JSONResponse:
    """Approve an item that an import holds back, so that it can be learned."""
    service, id = service_of(request), id_in(request)
    await service.queue.change(lambda queue: queue.approve(id))
    service.wake.set()
    return JSONResponse({"success": True})


async def dequeue(request: Request) -> JSONResponse:
    """Remove an item from the queue and, unless it was learned, from the memory too."""
    service, id = service_of(request), id_in(request)
    await service.queue.change(lambda queue: queue.remove(id))
    await service.fact_memory.let_go_of_undone(id)
    return JSONResponse({"success": True})


@takes(
    text=text("", longest=500_000),
    title=text("text", longest=200),
    url=text("", longest=2000),
    user=text("", longest=200),
    allow_secrets=flag(False),
)
async def bring_in(request: Request, body: dict) -> JSONResponse:
    """Turn a text, or the public web page at a `url`, into a source that can be asked, and into
    lessons, which wait for approval. A source with a `user` is open to that user alone. Lessons
    that seem to contain a secret are held back and counted by kind, and their text becomes no
    source, unless the request has `allow_secrets`."""
    if bool(body["text"]) == bool(body["url"]):
        raise BadRequest("give either a text or a url")
    service = service_of(request)
    found = await read(service, {name: body[name] for name in ("text", "title", "url")})
    if found["state"] == "refused":
        raise BadRequest(found["problem"])
    lessons, secret, kinds = found["lessons"], found["secret"], found["kinds"]
    if body["allow_secrets"]:
        lessons, secret, kinds = lessons + secret, [], []
    kind = "website" if body["url"] else "text"
    examples = [
        {**one, "priority": "import", "source": {**one["source"], "kind": kind}} for one in lessons
    ]
    added = 0
    for first in range(0, len(examples), TOGETHER):
        some = examples[first : first + TOGETHER]
        added += await service.queue.change(lambda queue, some=some: hold(queue, some))
    told = {"state": found["state"], "problem": found["problem"], "examples_generated": added}
    told["source"] = None if secret else await keep_source(service, found, body["user"])
    told["held_back"] = len(secret)
    told["kinds"] = kinds
    return JSONResponse({"success": True, **told}, 201 if added else 200)


async def keep_source(service: Service, found: dict, user: str) -> str | None:
    """Keep the text as a source that can be asked; its id. In a page the intake does that."""
    if sys.platform == "emscripten" or not found.get("text"):
        return None
    record = source_of(found, user, service.clock())
    await service.library.add(record)
    return record["id"]


def source_of(found: dict, user: str, time: int) -> dict:
    """The record of a text that was read, with the text in it as in a backup."""
    named = {"id": content_hash(user, found["sha256"]), "title": found["title"]}
    kept = {"sha256": found["sha256"], "texts": {".txt": found["text"]}}
    return named | kept | {"state": "ready", "user": user, "time": time}


def hold(queue: TrainingQueue, examples: list[dict]) -> int:
    """Add examples that wait for a person's approval; how many of them are new."""
    return sum(queue.add(one, "held") is not None for one in examples)


async def read(service: Service, given: dict) -> dict:
    """Read a text or an address, one at a time and beside the answers; a browser's page can read no
    other sites, and starts no processes."""
    if sys.platform != "emscripten":
        async with service.reading:
            return await read_in_sandbox(given)
    if given["url"]:
        raise BadRequest("a page cannot read other sites: give the text, or import it in the page")
    return read_here(given)
