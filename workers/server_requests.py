"""The requests for the server inside the page: its HTTP API, and the runs over data sets.

The server's own code does both (workers/server/); its packages are loaded with the first request.
"""

from __future__ import annotations

from typing import Any

import pyodide_js
from pyodide.ffi import to_js

from oneseek.engine.core.messages import (
    BringDataSet,
    CallApi,
    DataSets,
    Done,
    EndRun,
    LeaveApi,
    ListDataSets,
    RemoveChoices,
    Reset,
    RunStarted,
    RunTakes,
    StartRun,
    WhatRunTakes,
)
from oneseek.engine.core.storage.store import FencedStore
from oneseek.engine.learner import Round
from oneseek.engine.learning import run_data
from oneseek.workers.removal import remove_choices
from oneseek.workers.server.training_runs import OPEN
from oneseek.workers.tab import outbox
from oneseek.workers.tab.pictures import load_packages
from oneseek.workers.tab.resident import Resident

API_PACKAGES, IMPORT, CHAT = ["starlette"], "/api/import", "/v1/chat/completions"
IMPORT_PACKAGES = ["markdown-it-py", "lxml", "trafilatura"]


class ServerRequests:
    """The requests that need the server inside the page."""

    def __init__(self, resident: Resident) -> None:
        self.resident = resident
        self.api: Any = None

    async def on_call_api(self, request: CallApi) -> Done:
        """Answer a request to the HTTP API, in parts; packages are loaded when they are needed."""
        assistant = self.resident.assistant
        if request.path == CHAT and assistant and assistant.model.eyes:
            await load_packages()
        if request.path == IMPORT:
            await pyodide_js.loadPackage(to_js(IMPORT_PACKAGES))
        await (await self.api_ready()).answer(request)
        return Done()

    async def api_ready(self) -> Any:
        """The HTTP API over the loaded model; its package is loaded when it is needed."""
        await pyodide_js.loadPackage(to_js(API_PACKAGES))
        from oneseek.workers.page_api import PageApi

        assistant = self.resident.require_assistant()
        if self.api is None or self.api.service.assistant is not assistant:
            model, micro = self.resident.versions.base, self.resident.questions.micro
            self.api = PageApi(assistant, model, self.resident.emit, micro, self.resident.tell_step)
            self.resident.listen(self.api.service.hub.tell)
        await self.api.service.runs.load()
        return self.api

    async def on_list_data_sets(self, request: ListDataSets) -> DataSets:
        """List what a run can be trained on."""
        return DataSets(items=await run_data.available(self.resident.store))

    async def on_bring_data_set(self, request: BringDataSet) -> DataSets:
        """Keep a person's file as a data set for runs."""
        data = await outbox.take(request.file)
        return DataSets(
            items=[await run_data.bring_in(self.resident.store, request.name, data.decode())]
        )

    async def on_start_run(self, request: StartRun) -> RunStarted:
        """Start a run over a data set; it is trained in the time that is granted."""
        self.resident.require_assistant()
        runs = (await self.api_ready()).service.runs
        run = await runs.start(
            [self.resident.versions.base], request.data, request.epochs, request.rate,
            {"threshold": request.threshold, "patience": request.patience},
            request.settings, tune=request.tune, skill=request.skill,
        )  # fmt: skip
        self.resident.emit_changed("state")
        return RunStarted(run=run.id)

    async def on_remove_choices(self, request: RemoveChoices) -> Done:
        """Remove choices, and what was trained on them."""
        self.resident.require_assistant()
        await remove_choices((await self.api_ready()).service.runs, request.ids)
        self.resident.emit_changed("state", "versions", "examples", "queue", "ledger", "choices")
        return Done()

    async def on_end_run(self, request: EndRun) -> Done:
        """End a run that is not under way."""
        self.resident.require_assistant()
        await (await self.api_ready()).service.runs.cancel(request.run)
        self.resident.emit_changed("state")
        return Done()

    async def on_what_run_takes(self, request: WhatRunTakes) -> RunTakes:
        """The memory and time of a run in each mode."""
        self.resident.require_assistant()
        runs = (await self.api_ready()).service.runs
        told = await runs.modes(request.data, request.epochs, request.tune, request.settings)
        return RunTakes(modes=told)

    def on_leave_api(self, request: LeaveApi) -> Done:
        """Cancel a request to the HTTP API whose caller has left."""
        if self.api:
            self.api.leave(request.id)
        return Done()

    async def open_run(self, fenced: FencedStore) -> Round | None:
        """Open the run over a data set that waits, or that a closed tab left; None without one."""
        waiting = await self.resident.store.get("state", OPEN)
        if not (waiting and waiting["ids"]):
            return None
        return (await self.api_ready()).open_run(fenced)

    async def cancel_run(self) -> None:
        """End the run that is under way."""
        run = self.api and self.api.service.runs.now
        if run:
            await self.api.service.runs.cancel(run.id)
            self.resident.emit_changed("state")

    async def on_reset(self, request: Reset) -> Done:
        """Remove every version, example and snapshot."""
        await self.resident.require_assistant().learner.reset(request.word)
        if self.api:
            await self.api.service.runs.forget()
        self.resident.emit_changed(
            "versions", "examples", "queue", "ledger", "state", "metrics", "events", "facts"
        )
        return Done()
