"""The HTTP API, one ASGI app for both hosts: uvicorn serves it, and in the page the service worker
hands it the page's own requests.

`ROUTES` is the whole list; the OpenAPI document is made from it and from its handlers.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

from oneseek.engine.core.collecting.collector import LooksSecret
from oneseek.engine.core.queue.training_queue import Conflict
from oneseek.engine.core.storage.store import StorageFull
from oneseek.engine.history.ledger import Overtaken
from oneseek.engine.history.snapshot import SnapshotDamaged
from oneseek.engine.learner import Busy, OnlyChats
from oneseek.engine.model.generate import TooLong
from oneseek.engine.model.template import TemplateError
from oneseek.workers.server.admission import Crowded
from oneseek.workers.server.endpoints import (
    comparing,
    embeddings,
    inspection,
    knowledge,
    lessons,
    openai,
    skills,
    taste,
    training,
    versions,
)
from oneseek.workers.server.endpoints.deprecated import deprecate, multi_model_query, query, status
from oneseek.workers.server.fact_memory import NoPhrase
from oneseek.workers.server.guard import error
from oneseek.workers.server.guests import NoRoom
from oneseek.workers.server.model_names import NoSuchModel
from oneseek.workers.server.service import Service

log = logging.getLogger("oneseek")

ROUTES = [
    Route("/api/training/micro", training.micro, methods=["POST"]),
    Route("/api/training/micro/status", training.micro_status),
    Route("/api/training/micro/stats", training.micro_stats),
    Route("/api/training/micro/{run_id}", training.micro_outcome),
    Route("/api/training/datasets", training.data_sets),
    Route("/api/training/datasets", training.add_data_set, methods=["POST"]),
    Route("/api/training/modes", training.modes),
    Route("/api/training/runs", training.all_runs),
    Route("/api/training/{run_id}/cancel", training.cancel_run, methods=["POST"]),
    Route("/api/training/{run_id}/metrics", training.run_metrics),
    Route("/api/training/{run_id}/metrics", training.add_metrics, methods=["POST"]),
    Route("/api/training/{run_id}/leaderboard", training.leaderboard),
    Route("/api/admin/training/start-dna-v2", training.start_run, methods=["POST"]),
    Route("/api/events", training.events),
    Route("/api/models/versions", versions.versions),
    Route("/api/models/versions/{number:int}/activate", versions.activate, methods=["POST"]),
    Route("/api/models/versions/{number:int}/verify", versions.verify),
    Route("/api/models/versions/{number:int}/export", versions.export),
    Route("/api/models/versions/{number:int}/certified", versions.export_certified),
    Route("/api/models/compare", comparing.compare, methods=["POST"]),
    Route("/api/models/compare/{id}", comparing.choose, methods=["POST"]),
    Route("/api/models/leaderboard", comparing.board),
    Route("/api/models/rollback", versions.rollback, methods=["POST"]),
    Route("/api/models/reset", versions.reset, methods=["POST"]),
    Route("/api/queue", lessons.queue),
    Route("/api/queue", lessons.enqueue, methods=["POST"]),
    Route("/api/queue/{id}/approve", lessons.approve, methods=["POST"]),
    Route("/api/queue/{id}", lessons.dequeue, methods=["DELETE"]),
    Route("/api/memory", knowledge.facts),
    Route("/api/memory/{id}", knowledge.forget, methods=["DELETE"]),
    Route("/api/skills", skills.skills),
    Route("/api/skills", skills.teach, methods=["POST"]),
    Route("/api/skills/{name}", skills.remove, methods=["DELETE"]),
    Route("/api/skills/{name}/examples", skills.examples),
    Route("/api/skills/{name}/examples", skills.correct, methods=["POST"]),
    Route("/api/taste", taste.taste),
    Route("/api/taste", taste.switch, methods=["POST"]),
    Route("/api/taste", taste.remove, methods=["DELETE"]),
    Route("/api/taste/choices", taste.choose, methods=["POST"]),
    Route("/api/taste/choices/{id}", taste.remove_choice, methods=["DELETE"]),
    Route("/api/taste/train", taste.train, methods=["POST"]),
    Route("/api/sources", knowledge.sources),
    Route("/api/sources/{id}", knowledge.remove_source, methods=["DELETE"]),
    Route("/api/search", knowledge.search, methods=["POST"]),
    Route("/api/exchange", knowledge.exchange, methods=["POST"]),
    Route("/api/import", lessons.bring_in, methods=["POST"]),
    Route("/api/oqt/query", deprecate(query), methods=["POST"]),
    Route("/api/oqt/multi-model-query", deprecate(multi_model_query), methods=["POST"]),
    Route("/api/oqt/micro-train", deprecate(training.micro), methods=["POST"]),
    Route("/api/oqt/train", deprecate(training.start_run), methods=["POST"]),
    Route("/api/oqt/status", deprecate(status)),
    Route("/api/oqt/metrics", deprecate(training.micro_stats)),
    Route("/api/oqt/ledger", deprecate(versions.ledger)),
    Route("/api/oqt/ledger/{what}", deprecate(versions.ledger)),
    Route("/v1/models", openai.models),
    Route("/v1/models/{id}", openai.model),
    Route("/v1/chat/completions", openai.completions, methods=["POST"]),
    Route("/v1/embeddings", embeddings.embeddings, methods=["POST"]),
    Route("/oqt-dashboard", inspection.dashboard),
    Route("/healthz", inspection.health),
    Route("/metrics", inspection.figures),
    Route("/openapi.json", inspection.document),
    Route("/docs", inspection.page),
    WebSocketRoute("/ws/training", training.training_socket),
]

# Exception -> the status and the code of its answer. Where several fit, the first counts.
TOLD: dict[type[Exception], tuple[int, str]] = {
    TooLong: (400, "context_length_exceeded"),
    TemplateError: (400, "invalid_value"),
    NoSuchModel: (404, "model_not_found"),
    OnlyChats: (409, "chats_only"),
    NoRoom: (409, "no_room"),
    LooksSecret: (409, "looks_secret"),
    ValueError: (400, "invalid_value"),
    OverflowError: (400, "invalid_value"),
    NoPhrase: (409, "no_phrase"),
    LookupError: (404, "not_found"),
    Conflict: (404, "not_found"),
    Busy: (409, "busy"),
    Overtaken: (409, "overtaken"),
    SnapshotDamaged: (409, "damaged"),
    Crowded: (503, "overloaded"),
    StorageFull: (507, "storage_full"),
}


async def tell(request: Request, problem: Exception) -> JSONResponse:
    """Answer an error in OpenAI's shape, so that its clients can show it."""
    if isinstance(problem, HTTPException):
        return JSONResponse(error(problem.detail, problem.status_code), problem.status_code)
    status, code = next(told for kind, told in TOLD.items() if isinstance(problem, kind))
    words = problem.args[0] if problem.args else type(problem).__name__
    return JSONResponse(error(str(words), status, code), status)


async def tell_fault(request: Request, problem: Exception) -> JSONResponse:
    """Answer a fault of ours: the log says where, the caller hears that nothing was changed."""
    request.app.state.service.count_failure()
    log.error("%s %s failed", request.method, request.url.path, exc_info=problem)
    words = f"{type(problem).__name__}: {problem}. Nothing was changed; the log says more"
    return JSONResponse(error(words, 500, "internal_error"), 500)


def create_app(service: Service) -> Starlette:
    """The app over one service, which starts and stops with its host."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    handlers = dict.fromkeys((*TOLD, HTTPException), tell) | {Exception: tell_fault}
    app = Starlette(routes=ROUTES, exception_handlers=handlers, lifespan=lifespan)
    app.state.service = service
    return app
