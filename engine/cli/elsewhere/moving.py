"""`oneseek move-in`: what a person told another assistant is known here as well."""

from __future__ import annotations

import asyncio
from pathlib import Path

from oneseek.engine.cli.options import COMMANDS, model_options, show, told
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.teaching import loaded
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.turns import urgent
from oneseek.engine.model import registry
from oneseek.engine.open import alone_in, clock
from oneseek.importers.document import ImportRefused
from oneseek.importers.readers.moved_in import Message, messages_in


def moving_options(parser):
    parser.add_argument("file", metavar="FILE", type=Path,
                        help="conversations.json, alone or zipped, or a list of saved memories")  # fmt: skip
    parser.add_argument("--folder", metavar="DIR", type=Path,
                        help="where it is kept; that of `oneseek chat` for this model unless told")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="keep what is found without asking")


def move_in(options):
    """Read the chats or the saved memories that another assistant exported, and keep the
    statements in them that are yours, each with its day."""
    return asyncio.run(_move_in(options))


async def _move_in(options):
    try:
        messages = messages_in(options.file.read_bytes(), options.file.name)
    except ImportRefused as problem:
        raise ValueError(str(problem)) from problem
    model = await loaded(options)
    folder = options.folder or registry.data() / "chat" / model.fingerprint[:16]
    with alone_in(folder):
        async with assistant_of(folder, model, new=True) as assistant:
            if not options.yes and not await is_approved(assistant, messages):
                told("Nothing was kept")
                return 0
            kept = await keep(assistant, messages)
            for one in kept:
                show(options, one, one["said"])
            told(f"{len(kept)} statements of {len(messages)} messages are known in {folder}")
    return 0


async def is_approved(assistant, messages: list[Message]) -> bool:
    """Shows the statements, and asks for a yes to all of them."""
    count = 0
    for message in messages:
        with urgent():
            found = await assistant.mind.hear(message.text, message.before)
        for one in found:
            count += not one.unsure
            if not one.unsure:
                told(f"  {one.said}")
    told(f"Keep these {count} statements? [y/N]")
    return (await asyncio.to_thread(input)).strip().lower() in ("y", "yes", "j", "ja")


async def keep(assistant, messages: list[Message]) -> list[dict]:
    """What is kept of messages, as if each had been said here on its day."""
    day, kept = [0], []
    queue = SavedQueue(TrainingQueue(lambda: day[0] or clock()), assistant.versions.store)
    await queue.load()
    for message in messages:
        day[0] = message.time
        said = [text for text in (message.before, message.text) if text]
        kept += await assistant.hear([{"role": "user", "content": one} for one in said], queue)
    return kept


COMMANDS["move-in"] = move_in, (model_options, moving_options)
