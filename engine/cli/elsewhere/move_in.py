"""`oneseek move-in`: what a person told another assistant is known here as well."""

from __future__ import annotations

import asyncio
from pathlib import Path

from oneseek.engine.cli.options import COMMANDS, log, model_options, show
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.teaching import load_model
from oneseek.engine.model import registry
from oneseek.engine.open import alone_in
from oneseek.engine.turns import urgent
from oneseek.importers.document import ImportRefused
from oneseek.importers.move_in import keep, look
from oneseek.importers.readers.moved_in import Message, messages_in


def move_in_options(parser):
    parser.add_argument("file", metavar="FILE", type=Path,
                        help="conversations.json, alone or zipped, or a list of saved memories")  # fmt: skip
    parser.add_argument("--folder", metavar="DIR", type=Path,
                        help="the folder of the memory; default: that of `oneseek chat`")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="keep all statements without asking")


def move_in(options):
    """Import your own statements, with their days, from the chats or saved memories that another
    assistant exported."""
    return asyncio.run(_move_in(options))


async def _move_in(options):
    try:
        messages = messages_in(options.file.read_bytes(), options.file.name)
    except ImportRefused as problem:
        raise ValueError(str(problem)) from problem
    model = await load_model(options)
    folder = options.folder or registry.data() / "chat" / model.fingerprint[:16]
    with alone_in(folder):
        async with assistant_of(folder, model, new=True) as assistant:
            if not options.yes and not await is_approved(assistant, messages):
                log("Nothing was kept")
                return 0
            kept = await keep(assistant, messages)
            for one in kept:
                show(options, one, one["said"])
            log(f"kept {len(kept)} statements of {len(messages)} messages in {folder}")
    return 0


async def is_approved(assistant, messages: list[Message]) -> bool:
    """Show the statements, and ask for a yes to all of them."""
    with urgent():
        found = [said for some in await look(assistant, messages) for said in some]
    for said in found:
        log(f"  {said}")
    log(f"Keep these {len(found)} statements? [y/N]")
    return (await asyncio.to_thread(input)).strip().lower() in ("y", "yes", "j", "ja")


COMMANDS["move-in"] = move_in, (model_options, move_in_options)
