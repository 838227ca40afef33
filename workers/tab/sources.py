"""The sources of the page, for the engine's worker to ask: the page adds and removes them, and
their texts lie in files beside the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pyodide.ffi import JsException

from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.importers.asking.library import Library
from oneseek.workers.tab.own import read_own

READY = "ready"


class Sources(Library):
    def __init__(self, store: Any, reader: Callable[[], Reader],
                 read: Callable[[str], Awaitable[str]] = read_own) -> None:  # fmt: skip
        super().__init__(store, reader)
        self.read = read
        self.marks: dict[str, str] = {}  # source -> the hash of the text that is known of it

    async def load(self) -> None:
        """Those that are ready now, with their texts of now."""
        rows = await self.store.all("sources")
        ready = {id: one for id, one in rows if one.get("state") == READY and one.get("sha256")}
        for id in set(self.documents) - set(ready):
            del self.documents[id]
            self.marks.pop(id, None)
        for id, one in ready.items():
            if self.marks.get(id) != one["sha256"]:
                self.marks[id] = one["sha256"]
                with suppress(JsException):  # its file is gone: there is nothing to ask
                    self._take({**one, "texts": {".txt": await self.read(one["sha256"] + ".txt")}})
