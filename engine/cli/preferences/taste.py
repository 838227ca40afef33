"""`oneseek taste`: how a person wants to be answered, learned from what they preferred."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from oneseek.engine.cli.options import Bar, command, log, model_options, show
from oneseek.engine.cli.session import Session
from oneseek.engine.cli.teaching import (
    limit_memory,
    lines_of,
    load_model,
    make_config,
    memory_option,
    must_be_there,
    session_there,
    settings_options,
    show_outcome,
)
from oneseek.engine.core.settings import DATA_PRESETS, for_data

NONE_HERE = "there are no choices in {folder}. Run `oneseek taste train --data FILE` first"
SHOWN = 60  # letters of a text in a list


def taste_options(parser):
    parser.add_argument("act", choices=("list", "train", "on", "off", "remove"),
                        help="train: learn from choices; list: show them; on, off: use the taste "
                        "or not; remove: delete choices and what was trained on them")  # fmt: skip
    parser.add_argument("--choice", metavar="ID", nargs="+", default=[],
                        help="remove: the ids of the choices, as `list` shows them; default: all")  # fmt: skip
    parser.add_argument("--data", metavar="FILE", type=Path,
                        help="train: choices, one {prompt, chosen, rejected} per line; a single "
                        "mark has only one of the two answers")  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, required=True,
                        help="the folder of the choices")  # fmt: skip


@command(model_options, taste_options, memory_option, settings_options)
def taste(options):
    """Train the model to answer as you prefer (a taste), from choices between answers."""
    asyncio.run(ACTS[options.act](options))


def choices_in(path: Path) -> list[dict]:
    found = [line for _, line in lines_of(path)]
    if not found:
        raise ValueError(
            f"{path.name} contains no choices. Nothing was trained. Write one "
            "{prompt, chosen, rejected} per line"
        )
    return found


async def _train(options):
    given = choices_in(options.data) if options.data else []
    if not given:
        must_be_there(options, NONE_HERE)
    model = await load_model(options)
    usual = for_data(DATA_PRESETS[0], model.config.parameters, max(1, len(given)))
    limit = limit_memory(options)
    session = await Session.open(options.out, model, make_config(options, usual), budget=limit)
    try:
        if given:
            counts = await session.taste.add(given, int(1000 * time.time()))
            log(f"{counts['added']} choices are new, {counts['known']} were there before")
            if counts["secret"]:
                log(f"{counts['secret']} look as if they contain a secret and were not stored")
        ended = await session.train_taste(Bar("steps"))
        if found := ended["gate"].get("taste"):
            log(found["told"])
        show_outcome(options, "taste", ended)
    finally:
        await session.close()


async def _list(options):
    async with session_there(options, NONE_HERE) as session:
        found = await session.taste.describe()
    if options.json:
        show(options, found, "")
        return
    for one in found["choices"]:
        print(f"{one['id']}  {one['prompt'][:SHOWN]!r}: {describe_choice(one)}")
    learned = found["taste"]["told"] if found["taste"] else "not trained"
    print(f"{learned}; {'used' if found['used'] else 'not used'}")


def describe_choice(choice: dict) -> str:
    better, worse = (repr(choice[name][:SHOWN]) for name in ("chosen", "rejected"))
    if not choice["chosen"]:
        return f"not {worse}"
    return f"{better} rather than {worse}" if choice["rejected"] else f"{better} is good"


async def _switch(options, on: bool):
    async with session_there(options, NONE_HERE) as session:
        await session.taste.switch(on)
    words = "on" if on else "off: the base model gives every answer that it gave without it"
    show(options, {"used": on}, f"the taste is {words}")


async def _on(options):
    await _switch(options, True)


async def _off(options):
    await _switch(options, False)


async def _remove(options):
    async with session_there(options, NONE_HERE) as session:
        numbers = await session.taste.remove(options.choice)
    what = f"{len(options.choice)} choices were" if options.choice else "all choices were"
    trained = ", and so was the taste trained on them" if numbers else ""
    removed = {"removed": options.choice, "versions": numbers}
    show(options, removed, f"{what} removed{trained}")


ACTS = {"train": _train, "list": _list, "on": _on, "off": _off, "remove": _remove}
