"""The requests that move a person's statements from another assistant into the page: they are
counted first, then all of them are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from oneseek.engine.core.messages import Finding, LookIn, MovedIn, MoveIn, Reading
from oneseek.importers.move_in import keep, look
from oneseek.importers.readers.moved_in import Message
from oneseek.workers.tab.files import read_own, write_own

FIRST = 20  # statements that are shown before all are kept


class MoveInRequests:
    def __init__(self, resident: Any) -> None:
        self.resident = resident

    async def on_look_in(self, request: LookIn) -> Finding:
        """Count the statements, and keep for the second reading only the messages that state
        something or that may take that back."""
        messages = await read(request.file)
        found = await look(self.resident.require_assistant(), messages, self.step(request.id))
        texts = {one.text for one, said in zip(messages, found, strict=True) if said}
        stating = [one for one in messages if one.text in texts or one.before in texts]
        await write_own(request.file, json.dumps(stating))
        said = [one for some in found for one in some]
        return Finding(count=len(said), first=said[:FIRST])

    async def on_move_in(self, request: MoveIn) -> MovedIn:
        messages = await read(request.file)
        kept = await keep(self.resident.require_assistant(), messages, self.step(request.id))
        self.resident.emit_changed("queue", "facts")
        return MovedIn(kept=len(kept))

    def step(self, id: str) -> Callable[[int, int], None]:
        return lambda done, count: self.resident.emit(Reading(id=id, done=done, total=count))


async def read(file: str) -> list[Message]:
    return [Message(*one) for one in json.loads(await read_own(file))]
