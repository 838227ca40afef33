"""The server about itself: whether it runs, its figures, and this API as a document."""

from __future__ import annotations

import base64
import hashlib
import html
import time

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from oneseek.engine.history.certificate import fingerprint
from oneseek.engine.history.versions import label
from oneseek.engine.learning.runs import moment
from oneseek.workers.server.endpoints.training import micro_state
from oneseek.workers.server.fields import schema_of
from oneseek.workers.server.service import Service, service_of

STYLE = (
    "body{font:16px system-ui;margin:2rem auto;max-width:70rem;color-scheme:light dark}"
    "td,th{padding:.3rem .8rem;vertical-align:top;text-align:start}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_HEADERS = {  # a page for people runs no script, and stands in no frame
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
EVENT_HEADINGS = ("Time", "Event", "Question", "Outcome", "Reason", "Version", "Fingerprint")
FAILED = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code", "param"],
            "properties": {"message": {"type": "string"}, "type": {"type": "string"}},
        }
    },
}


async def health(request: Request) -> JSONResponse:
    """Whether the server runs, and with which model, version and back end."""
    service = service_of(request)
    current = await service.versions.current()
    told = {
        "status": "ok",
        "model": service.model,
        "version": label(current),
        "back_end": service.assistant.model.executor.name,
        "learning": service.learning,
    }
    return JSONResponse(told)


async def figures(request: Request) -> PlainTextResponse:
    """Figures for Prometheus."""
    service = service_of(request)
    rows = {
        "oneseek_answers_total": ("counter", service.answers),
        "oneseek_tokens_total": ("counter", service.tokens),
        "oneseek_failures_total": ("counter", service.failures),
        "oneseek_waiting": ("gauge", service.admission.waiting),
        "oneseek_queue_size": ("gauge", service.queue.queue.size()),
        "oneseek_versions": ("gauge", await service.store.count("versions")),
        "oneseek_listeners": ("gauge", len(service.hub.listeners)),
        "oneseek_learning": ("gauge", int(service.learning)),
        "oneseek_learning_share": ("gauge", service.share),
        "oneseek_rounds_total": ("counter", service.rounds),
        **since_learning(service),
        "oneseek_uptime_seconds": ("counter", round(time.monotonic() - service.started, 1)),
    }
    lines = [f"# TYPE {name} {kind}\n{name} {value}" for name, (kind, value) in rows.items()]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def since_learning(service: Service) -> dict:
    if service.trained_at is None:
        return {}
    passed = round(time.monotonic() - service.trained_at, 1)
    return {"oneseek_seconds_since_learning": ("gauge", passed)}


def operations(request: Request) -> list[tuple[str, str, str, dict | None]]:
    """(path, method, summary, the fields of its body) of every route."""
    found = []
    for route in request.app.routes:
        if isinstance(route, Route):
            path = route.path.replace(":int}", "}")
            method = min((route.methods or set()) - {"HEAD"})
            words = " ".join((route.endpoint.__doc__ or "").split("\n\n")[0].split())
            found.append((path, method, words, getattr(route.endpoint, "fields", None)))
    return found


async def document(request: Request) -> JSONResponse:
    """This API as an OpenAPI document."""
    paths: dict[str, dict] = {}
    for path, method, words, fields in operations(request):
        failed = {"content": {"application/json": {"schema": FAILED}}}
        responses = {
            "2XX": {"description": "the requested result"},
            "4XX": {
                "description": "the reason for the refusal, in the format of OpenAI's errors",
                **failed,
            },
        }
        operation: dict = {"summary": words, "responses": responses}
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        operation["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "integer" if name == "number" else "string"},
            }
            for name in names
        ]
        if method == "POST":
            schema = schema_of(fields or {})
            operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        paths.setdefault(path, {})[method.lower()] = operation
    info = {"title": "OneSeek", "version": "1", "description": "The API of OneSeek."}
    return JSONResponse({"openapi": "3.1.0", "info": info, "paths": paths})


async def event_cells(service: Service, event: dict) -> list[str]:
    """The cells of one event in the dashboard's table, under EVENT_HEADINGS."""
    run, stage = event.get("run"), event["type"].removesuffix("_complete")
    kept = await service.store.get("samples", f"{stage}_{run}") if run else None
    outcome, reason = event.get("outcome", ""), (kept or {}).get("reason", "")
    version, dna = event.get("version") or "", event.get("dna", "")
    if version and not dna:
        known = [one for one in await service.versions.records() if one["name"] == version]
        dna = (await fingerprint(service.versions, known[0]["number"]))["dna"] if known else ""
    question = event.get("question", "")
    return [event["timestamp"], event["type"], question, outcome, reason, version, dna[:16]]


async def dashboard(request: Request) -> HTMLResponse:
    """What the server is learning, for people: the figures of micro-training, and its last ten
    events with question, outcome, reason, version and fingerprint."""
    service = service_of(request)
    status, stats = await micro_state(service), await service.micro.stats()
    stages, languages = stats["stage_counts"], stats["runs_by_language"]
    figures = {
        "Version": label(await service.versions.current()),
        "Questions": stats["total_runs"],
        "By language": ", ".join(f"{c} {n}" for c, n in sorted(languages.items())) or "none",
        "Stage 1, stage 2": f"{stages['stage1']}, {stages['stage2']}",
        "Waiting": status["waiting"],
        "Last run": moment(stats["last_run_time"]) if stats["last_run_time"] else "never",
        "Last DNA update": (stats["last_dna_update"] or {}).get("dna", "never"),
    }
    rows = "".join(f"<tr><th>{k}<td>{html.escape(str(v))}" for k, v in figures.items())
    cells = [await event_cells(service, event) for event in status["events"]]
    events = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}" for cell in one) for one in cells
    )
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>OneSeek activity</title>"
        f"<meta http-equiv=refresh content=5><style>{STYLE}</style><h1>Activity</h1>"
        f"<table>{rows}</table><h2>Last events</h2>"
        f"<table><tr><th>{'<th>'.join(EVENT_HEADINGS)}{events}</table>",
        headers=PAGE_HEADERS,
    )


async def page(request: Request) -> HTMLResponse:
    """This API for people: one page, nothing downloaded from elsewhere."""
    rows = "".join(
        f"<tr><td>{method}<td><code>{html.escape(path)}</code><td>{html.escape(words)}"
        f"<td>{', '.join(fields or ())}"
        for path, method, words, fields in operations(request)
    )
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>OneSeek API</title>"
        f"<style>{STYLE}</style><h1>OneSeek API</h1>"
        "<p>Events: <code>/api/events?runId=…</code>, and as a WebSocket "
        "<code>/ws/training?runId=…</code>. Document: <a href=openapi.json>openapi.json</a>."
        f"<table>{rows}</table>",
        headers=PAGE_HEADERS,
    )
