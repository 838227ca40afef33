"""Versions: list, use, verify and export them, or go back; and the ledger."""

from __future__ import annotations

import base64

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from oneseek.engine.assistant import flat_weights
from oneseek.engine.core.next_work import rounds_away
from oneseek.engine.history.audit import check_store
from oneseek.engine.history.certificate import certify, zip_files
from oneseek.engine.history.versions import behind, label
from oneseek.engine.model.adapters import only_lora, peft_files
from oneseek.workers.server.fields import takes, text
from oneseek.workers.server.service import service_of


async def versions(request: Request) -> JSONResponse:
    """Every version, newest first, and the number of the one in use. A version whose weights were
    deleted is trained again to the same bits when it is used; `rebuilt_from` is the number of
    rounds that this takes."""
    service = service_of(request)
    current = await service.versions.current()
    known = await service.versions.records()
    away = rounds_away(known, set(await service.store.keys("snapshots")))
    found = [
        {"label": label(one), "rebuilt_from": away[one["number"]], **one} for one in known[::-1]
    ]
    return JSONResponse({"current": current["number"] if current else 0, "versions": found})


async def activate(request: Request) -> JSONResponse:
    """Use a version from the next answer on; 0 is the untouched model."""
    service, version = service_of(request), request.path_params["number"]
    if version:
        await service.versions.record(version)
    await service.assistant.updater.rollback(version)
    return JSONResponse({"success": True, "current": version})


@takes(version=text("", longest=200))
async def rollback(request: Request, body: dict) -> JSONResponse:
    """Go back to the version before the one in use, or to a named one."""
    service = service_of(request)
    to = await service.names.version(body["version"]) if body["version"] else None
    try:
        before = await service.assistant.updater.rollback(to)
    except ValueError as none:
        raise HTTPException(409, str(none)) from none
    return JSONResponse({"success": True, "current": before["number"] if before else 0})


async def verify(request: Request) -> JSONResponse:
    """Check every hash of a version (0: of everything stored)."""
    service, number = service_of(request), request.path_params["number"]
    findings = await check_store(service.store)
    if number:
        await service.learner.rebuilder.weights(number)
    return JSONResponse({"ok": not findings, "findings": findings})


async def export(request: Request) -> JSONResponse:
    """A version's adapter as PEFT's settings and weights, base64 in JSON."""
    service, wanted = service_of(request), request.path_params["number"]
    record = await service.versions.record(wanted)
    weights = await service.learner.rebuilder.weights(wanted)
    trained = service.assistant.layout_of(weights)
    only_lora(trained)
    files = peft_files(trained, flat_weights(weights), service.model, record["name"],
                       behind=behind(record))  # fmt: skip
    encoded = {name: base64.b64encode(data).decode() for name, data in files.items()}
    return JSONResponse({"name": record["name"], "files": encoded})


async def export_certified(request: Request) -> Response:
    """A version certified, as a zip: adapter, records, the ledger, and a script that checks
    them."""
    service, wanted = service_of(request), request.path_params["number"]
    record = await service.versions.record(wanted)
    weights = await service.learner.rebuilder.weights(wanted)
    trained = service.assistant.layout_of(weights)
    only_lora(trained)
    files = peft_files(trained, flat_weights(weights), service.model, record["name"],
                       behind=behind(record))  # fmt: skip
    data = zip_files(await certify(service.versions, wanted, files))
    named = {"Content-Disposition": f'attachment; filename="{record["name"]}.zip"'}
    return Response(data, media_type="application/zip", headers=named)


@takes(confirmation=text("", longest=100))
async def reset(request: Request, body: dict) -> JSONResponse:
    """Delete every version, example, snapshot and run; needs {"confirmation": "RESET"}."""
    service = service_of(request)
    await service.learner.reset(body["confirmation"])
    await service.runs.forget()
    await service.queue.load()
    return JSONResponse({"success": True})


async def ledger(request: Request) -> JSONResponse:
    """The ledger: its newest entries, its head, or the result of its verification."""
    book = service_of(request).versions.ledger
    what = request.path_params.get("what", "entries")
    if what == "verify":
        problems = await book.problems()
        return JSONResponse({"ok": not problems, "findings": problems})
    if what == "head":
        return JSONResponse({"head": await book.head()})
    if what != "entries":
        raise HTTPException(404, f"the ledger has no {what!r}; there are entries, head and verify")
    return JSONResponse({"entries": (await book.entries())[-100:][::-1]})
