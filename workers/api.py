"""The HTTP API, one ASGI app for both hosts: uvicorn serves it, and in the page the service worker
hands it the page's own requests.

`ROUTES` below is the whole list; the OpenAPI document is made from it and from the docstrings.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.assistant import Busy, label
from engine.generate import Sampling, TooLong
from engine.microtrain import BadQuestion
from engine.runs import NoBaseModels
from engine.snapshot import SnapshotDamaged
from web.store import StorageFull
from workers import openai_api
from workers.fields import BadRequest, body_of, field, number, text
from workers.guard import error
from workers.service import Service

SOON = "Sat, 01 Jan 2028 00:00:00 GMT"  # when the old names may go


def service_of(request):
    return request.app.state.service


# ---- micro-training


async def micro(request: Request) -> JSONResponse:
    """Learn from a question and the responses to it, in two stages, later; answers at once."""
    service, body = service_of(request), await body_of(request)
    if not service.micro_training:
        raise HTTPException(503, "micro-training is switched off (ENABLE_MICROTRAINING)")
    question = text(body, "question")
    responses = field(body, "raw_responses", list)
    accepted = await service.ask_micro(question, responses, text(body, "language", ""))
    return JSONResponse({"success": True, "status": "accepted", **accepted}, 202)


async def micro_status(request: Request) -> JSONResponse:
    """What micro-training is doing, and its last ten events."""
    service = service_of(request)
    return JSONResponse({"enabled": service.micro_training, **await service.micro.status()})


async def micro_stats(request: Request) -> JSONResponse:
    """Counts of micro-training: runs, by language, by stage, last DNA update."""
    return JSONResponse(await service_of(request).micro.stats())


# ---- runs


async def run_metrics(request: Request) -> JSONResponse:
    """Every step of a run so far."""
    service, run = service_of(request), request.path_params["run_id"]
    known = service.runs.get(run)
    steps = [one for key, one in await service.store.all("metrics") if key.startswith(run + "/")]
    if not steps and known is None:
        raise HTTPException(404, f"there is no run {run!r}")
    epochs = known.metrics if known else []
    return JSONResponse({"runId": run, "metrics": steps, "epochs": epochs})


async def add_metrics(request: Request) -> JSONResponse:
    """Add a step's figures to a run from outside: {step, loss, ...}."""
    service, run, body = service_of(request), request.path_params["run_id"], await body_of(request)
    step = int(number(body, "step", -1, 0, 10**9))
    if step < 0 or ":" in run or "/" in run or len(run) > 64:
        raise BadRequest("a step from 0 up, and a run id without colons, are needed")
    figures = {k: v for k, v in body.items() if isinstance(v, (int, float)) and len(k) <= 64}
    record = {**figures, "step": step, "run": run}
    await service.store.batch([["put", "metrics", f"{run}/{step:06d}", record]])
    service.hub.tell({"type": "step", "runId": run, **record})
    return JSONResponse({"success": True}, 201)


async def run_leaderboard(request: Request) -> JSONResponse:
    """The models of a run, best first."""
    run = service_of(request).runs.get(request.path_params["run_id"])
    if run is None:
        raise HTTPException(404, f"there is no run {request.path_params['run_id']!r}")
    return JSONResponse({"runId": run.id, "leaderboard": run.leaderboard.ranking()})


async def start_run(request: Request) -> JSONResponse:
    """Start a run over base models: epochs of practice until it no longer gets better."""
    service, body = service_of(request), await body_of(request)
    run = service.start_run(
        field(body, "baseModels", list, []),
        int(number(body, "epochs", 3, 1, 100)),
        number(body, "learningRate", 1e-4, 1e-5, 1e-3),
        number(body, "autoStopThreshold", 0.001, 0, 1),
        int(number(body, "autoStopPatience", 3, 1, 100)),
    )
    told = {"runId": run.id, "models": run.models, "datasetId": body.get("datasetId")}
    return JSONResponse({"success": True, **told}, 202)


# ---- versions


async def versions(request: Request) -> JSONResponse:
    """Every version, newest first, and the one in use."""
    service = service_of(request)
    current = await service.versions.current()
    found = [{"label": label(one), **one} for one in (await service.versions.records())[::-1]]
    return JSONResponse({"current": current["number"] if current else 0, "versions": found})


async def activate(request: Request) -> JSONResponse:
    """Use a version from the next answer on; 0 is the untouched model."""
    service, version = service_of(request), request.path_params["number"]
    if version:
        await service.versions.record(version)
    await service.assistant.use(version)
    return JSONResponse({"success": True, "current": version})


async def rollback(request: Request) -> JSONResponse:
    """Back to the version before the one in use."""
    service = service_of(request)
    current = await service.versions.current()
    if current is None:
        raise HTTPException(409, "the untouched model is in use; there is nothing before it")
    before = current["parent"] or 0
    await service.assistant.use(before)
    return JSONResponse({"success": True, "current": before})


async def verify(request: Request) -> JSONResponse:
    """Check every hash of a version (0: of everything stored)."""
    findings = await service_of(request).verify(request.path_params["number"])
    return JSONResponse({"ok": not findings, "findings": findings})


async def export(request: Request):
    """A version's adapter as PEFT's settings and weights, base64 in JSON."""
    import base64

    from engine.adapters import peft_files
    from engine.assistant import flat_weights

    service, wanted = service_of(request), request.path_params["number"]
    record = await service.versions.record(wanted)
    flat = flat_weights(await service.versions.weights(wanted))
    files = peft_files(service.assistant.trained, flat, service.model, record["name"])
    encoded = {name: base64.b64encode(data).decode() for name, data in files.items()}
    return JSONResponse({"name": record["name"], "files": encoded})


async def reset(request: Request) -> JSONResponse:
    """Delete every version, example and snapshot; needs {"confirmation": "RESET"}."""
    service, body = service_of(request), await body_of(request)
    await service.assistant.reset(field(body, "confirmation", str, ""))
    await service.queue.load()
    return JSONResponse({"success": True})


# ---- queue and import


async def queue(request: Request) -> JSONResponse:
    """What waits to be learned."""
    waiting = service_of(request).queue.queue
    return JSONResponse({"stats": waiting.get_stats(), "items": waiting.upcoming(100)})


async def enqueue(request: Request) -> JSONResponse:
    """Offer a question and its answer for learning."""
    service, body = service_of(request), await body_of(request)
    example = {
        "kind": "fact",
        "prompt": text(body, "prompt", longest=2000),
        "answer": text(body, "answer", longest=2000),
        "phrasings": [one for one in field(body, "phrasings", list, []) if isinstance(one, str)],
        "language": text(body, "language", "und"),
        "priority": text(body, "priority", "approved"),
        "source": {"kind": "api"},
    }
    record = await service.offer(example)
    return JSONResponse({"success": True, "item": record}, 201 if record else 200)


async def dequeue(request: Request) -> JSONResponse:
    """Take an item out of the queue."""
    service, id = service_of(request), request.path_params["id"]
    await service.queue.change(lambda queue: queue.remove(id))
    return JSONResponse({"success": True})


async def import_text(request: Request) -> JSONResponse:
    """Turn a text into lessons; they wait for approval before they are learned."""
    from importers.text import TextImporter

    service, body = service_of(request), await body_of(request)
    given = text(body, "text", longest=500_000)
    importer = TextImporter()
    result = importer.import_text(given, None, text(body, "title", "text")).to_json()
    added = 0
    for lesson in result["lessons"]:
        source = {**lesson["source"], "kind": "text"}
        example = {**lesson, "priority": "import", "source": source}
        record = await service.queue.change(lambda queue, one=example: queue.add(one, "held"))
        added += record is not None
    told = {"state": result["state"], "problem": result["problem"], "examples_generated": added}
    return JSONResponse({"success": True, **told}, 201)


# ---- the old names


async def old_query(request: Request) -> JSONResponse:
    """One question, one answer."""
    service, body = service_of(request), await body_of(request)
    asked = [{"role": "user", "content": text(body, "question")}]
    answer, used = await service.answer(
        asked, Sampling(max_tokens=256), f"oqt {time.time_ns()}", None
    )
    return JSONResponse({"response": answer.text, "model": service.model, "version": used})


async def old_multi(request: Request) -> JSONResponse:
    """One question to several versions."""
    service, body = service_of(request), await body_of(request)
    asked, responses = [{"role": "user", "content": text(body, "question")}], []
    for name in field(body, "models", list, [])[:8] or [service.model]:
        version = await service.find_version(str(name))
        key = f"oqt {time.time_ns()}"
        answer, _ = await service.answer(asked, Sampling(max_tokens=256), key, version)
        responses.append({"model": name, "response": answer.text})
    return JSONResponse({"responses": responses})


async def ledger(request: Request) -> JSONResponse:
    """The ledger: its newest entries, its head, or whether it holds."""
    book = service_of(request).versions.ledger
    what = request.path_params.get("what", "")
    if what == "verify":
        problems = await book.problems()
        return JSONResponse({"ok": not problems, "findings": problems})
    if what == "head":
        return JSONResponse({"head": await book.head()})
    if what not in ("", "entries"):
        raise HTTPException(404, f"the ledger has no {what!r}: entries, head, verify")
    return JSONResponse({"entries": (await book.entries())[-100:][::-1]})


# ---- events


async def events(request: Request) -> StreamingResponse:
    """Everything that happens, as server-sent events; `runId` narrows it to one run."""
    service, wanted = service_of(request), request.query_params.get("runId")

    async def stream():
        async with service.hub.listen() as queue:
            yield "event: hello\ndata: {}\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), 15)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if wanted in (None, event.get("runId")):
                    yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


async def training_socket(socket: WebSocket) -> None:
    """The events of one run (or all) over a WebSocket, the state so far first."""
    service, wanted = socket.app.state.service, socket.query_params.get("runId")
    await socket.accept()
    run = service.runs.get(wanted)
    state = (
        run.initial_state() if run else {"type": "initial_state", "runId": wanted, "metrics": []}
    )
    async with service.hub.listen() as queue:
        try:
            await socket.send_json(state)
            while True:
                event = await queue.get()
                if wanted in (None, event.get("runId")):
                    await socket.send_json(event)
        except (WebSocketDisconnect, RuntimeError):
            return


# ---- the server itself


async def health(request: Request) -> JSONResponse:
    """Whether it lives, and with what."""
    service = service_of(request)
    current = await service.versions.current()
    return JSONResponse({
        "status": "ok",
        "model": service.model,
        "version": label(current),
        "back_end": service.assistant.model.executor.name,
        "learning": bool(service.assistant.round),
    })  # fmt: skip


async def prometheus(request: Request) -> PlainTextResponse:
    """Figures for Prometheus."""
    service = service_of(request)
    rows = {
        "oneseek_answers_total": ("counter", service.answers),
        "oneseek_tokens_total": ("counter", service.tokens),
        "oneseek_queue_size": ("gauge", service.queue.queue.size()),
        "oneseek_versions": ("gauge", await service.store.count("versions")),
        "oneseek_listeners": ("gauge", len(service.hub.listeners)),
        "oneseek_learning": ("gauge", int(bool(service.assistant.round))),
        "oneseek_uptime_seconds": ("counter", round(time.monotonic() - service.started, 1)),
    }
    lines = [f"# TYPE {name} {kind}\n{name} {value}" for name, (kind, value) in rows.items()]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


async def openapi(request: Request) -> JSONResponse:
    """This API as an OpenAPI document."""
    paths: dict[str, dict] = {}
    for route in ROUTES:
        if not isinstance(route, Route):
            continue
        path = route.path.replace(":int}", "}").replace(":path}", "}")
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        parameters = [
            {"name": name, "in": "path", "required": True,
             "schema": {"type": "integer" if name == "number" else "string"}}
            for name in names
        ]  # fmt: skip
        for method in (route.methods or set()) - {"HEAD"}:
            operation = {
                "summary": (route.endpoint.__doc__ or "").strip().split("\n")[0],
                "parameters": parameters,
                "responses": {
                    "2XX": {"description": "as asked"},
                    "4XX": {"description": "why not, in OpenAI's error shape"},
                },
            }
            if method == "POST":
                schema = {"type": "object"}
                operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
            paths.setdefault(path, {})[method.lower()] = operation
    info = {"title": "OneSeek", "version": "1", "description": __doc__}
    return JSONResponse({"openapi": "3.1.0", "info": info, "paths": paths})


async def docs(request: Request) -> HTMLResponse:
    """This API for people: one page, nothing fetched from elsewhere."""
    rows = "".join(
        f"<tr><td>{', '.join(sorted((r.methods or set()) - {'HEAD'}))}<td><code>{r.path}</code>"
        f"<td>{(r.endpoint.__doc__ or '').strip().splitlines()[0]}"
        for r in ROUTES
        if isinstance(r, Route)
    )
    return HTMLResponse(
        "<!doctype html><meta charset=utf-8><title>OneSeek API</title>"
        "<style>body{font:16px system-ui;margin:2rem auto;max-width:70rem;color-scheme:light dark}"
        "td{padding:.3rem .8rem;vertical-align:top}</style>"
        f"<h1>OneSeek API</h1><p>WebSocket: <code>/ws/training?runId=…</code>. "
        f"Document: <a href=/openapi.json>openapi.json</a>.<table>{rows}</table>"
    )


def old(handler):
    """An old name: the same data, with a word that it will go."""

    async def answered(request: Request):
        response = await handler(request)
        response.headers["Deprecation"] = "true"
        response.headers["Sunset"] = SOON
        return response

    answered.__doc__ = f"{(handler.__doc__ or '').strip()} (old name)"
    return answered


ROUTES = [
    Route("/api/training/micro", micro, methods=["POST"]),
    Route("/api/training/micro/status", micro_status),
    Route("/api/training/micro/stats", micro_stats),
    Route("/api/training/{run_id}/metrics", run_metrics),
    Route("/api/training/{run_id}/metrics", add_metrics, methods=["POST"]),
    Route("/api/training/{run_id}/leaderboard", run_leaderboard),
    Route("/api/admin/training/start-dna-v2", start_run, methods=["POST"]),
    Route("/api/models/versions", versions),
    Route("/api/models/versions/{number:int}/activate", activate, methods=["POST"]),
    Route("/api/models/versions/{number:int}/verify", verify),
    Route("/api/models/versions/{number:int}/export", export),
    Route("/api/models/rollback", rollback, methods=["POST"]),
    Route("/api/models/reset", reset, methods=["POST"]),
    Route("/api/queue", queue),
    Route("/api/queue", enqueue, methods=["POST"]),
    Route("/api/queue/{id}", dequeue, methods=["DELETE"]),
    Route("/api/import", import_text, methods=["POST"]),
    Route("/api/events", events),
    Route("/api/oqt/query", old(old_query), methods=["POST"]),
    Route("/api/oqt/multi-model-query", old(old_multi), methods=["POST"]),
    Route("/api/oqt/micro-train", old(micro), methods=["POST"]),
    Route("/api/oqt/train", old(start_run), methods=["POST"]),
    Route("/api/oqt/status", old(micro_status)),
    Route("/api/oqt/metrics", old(micro_stats)),
    Route("/api/oqt/ledger", old(ledger)),
    Route("/api/oqt/ledger/{what}", old(ledger)),
    Route("/v1/models", openai_api.models),
    Route("/v1/chat/completions", openai_api.completions, methods=["POST"]),
    Route("/healthz", health),
    Route("/metrics", prometheus),
    Route("/openapi.json", openapi),
    Route("/docs", docs),
    WebSocketRoute("/ws/training", training_socket),
]

# what went wrong -> the status it is told with
STATUS = {
    BadRequest: 400,
    BadQuestion: 400,
    NoBaseModels: 400,
    TooLong: 400,
    LookupError: 404,
    Busy: 409,
    SnapshotDamaged: 409,
    ValueError: 400,
    StorageFull: 507,
}


async def told(request: Request, problem: Exception) -> JSONResponse:
    if isinstance(problem, HTTPException):
        return JSONResponse(error(problem.detail, problem.status_code), problem.status_code)
    status = next((s for kind, s in STATUS.items() if isinstance(problem, kind)), 500)
    words = problem.args[0] if problem.args else type(problem).__name__
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse(error(str(words), status, kind), status)


def create_app(open_service: Callable[[], Awaitable[Service]]) -> Starlette:
    """The app; its service is opened when the host starts and ends when the host does."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.service = await open_service()
        try:
            yield
        finally:
            await app.state.service.stop()

    handlers = {kind: told for kind in (*STATUS, HTTPException)}
    return Starlette(routes=ROUTES, exception_handlers=handlers, lifespan=lifespan)
