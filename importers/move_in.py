"""Moves in what a person told another assistant: the statements are shown first, then kept, each
with the day on which it was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.importers.readers.moved_in import Message

OnMessage = Callable[[int, int], None]


async def look(
    assistant: Any, messages: Sequence[Message], step: OnMessage = lambda done, count: None
) -> list[list[str]]:
    """The statements in each message, without uncertain ones."""
    found = []
    for number, message in enumerate(messages, 1):
        heard = await assistant.mind.hear(message.text, message.before)
        found.append([one.said for one in heard if not one.unsure])
        step(number, len(messages))
    return found


async def keep(
    assistant: Any, messages: Sequence[Message], step: OnMessage = lambda done, count: None
) -> list[dict]:
    """Keep the statements as if each had been made here on its day; returns what was kept."""
    day, kept = [0], []
    clock = assistant.versions.clock
    queue = SavedQueue(TrainingQueue(lambda: day[0] or clock()), assistant.versions.store)
    await queue.load()
    for number, message in enumerate(messages, 1):
        day[0] = message.time
        said = [text for text in (message.before, message.text) if text]
        kept += await assistant.hear([{"role": "user", "content": one} for one in said], queue)
        step(number, len(messages))
    return kept
