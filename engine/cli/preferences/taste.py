"""`oneseek taste`: how a person wants to be answered, learned from what they preferred."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from oneseek.engine.cli.options import Bar, command, log, model_options, show
from oneseek.engine.cli.session import Session
from oneseek.engine.cli.teaching import (
    lines_of,
    load_model,
    make_config,
    must_be_there,
    session_there,
    settings_options,
    show_outcome,
)
from oneseek.engine.core.settings import DATA_PRESETS, for_data

NONE_HERE = "there are no choices in {folder}; `oneseek taste train --data FILE` first"
SHOWN = 60  # letters of a text in a list


def taste_options(parser):
    parser.add_argument("act", choices=("list", "train", "on", "off", "remove"))
    parser.add_argument("--choice", metavar="ID", nargs="+", default=[],
                        help="remove: these choices, as `list` names them; without, all")  # fmt: skip
    parser.add_argument("--data", metavar="FILE", type=Path,
                        help="train: choices, one {prompt, chosen, rejected} a line; a single "
                        "mark has one of the two answers")  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, required=True,
                        help="the folder that the choices lie in")  # fmt: skip


@command(model_options, taste_options, settings_options)
def taste(options):
    """Train a taste from choices between answers; list them, switch it off and on, or remove some
    or all. It answers where otherwise the model alone would."""
    asyncio.run(ACTS[options.act](options))


def choices_in(path: Path) -> list[dict]:
    found = [line for _, line in lines_of(path)]
    if not found:
        raise ValueError(
            f"{path.name} holds no choices: one is {{prompt, chosen, rejected}} a line"
        )
    return found


async def _train(options):
    given = choices_in(options.data) if options.data else []
    if not given:
        must_be_there(options, NONE_HERE)
    model = await load_model(options)
    usual = for_data(DATA_PRESETS[0], model.config.parameters, max(1, len(given)))
    session = await Session.open(options.out, model, make_config(options, usual))
    try:
        if given:
            counts = await session.taste.add(given, int(1000 * time.time()))
            log(f"{counts['added']} choices are new, {counts['known']} were known")
            if counts["secret"]:
                log(f"{counts['secret']} look as if they hold a secret and were not kept")
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
    words = "on" if on else "off: every answer is the base's again"
    show(options, {"used": on}, f"the taste is {words}")


async def _on(options):
    await _switch(options, True)


async def _off(options):
    await _switch(options, False)


async def _remove(options):
    async with session_there(options, NONE_HERE) as session:
        numbers = await session.taste.remove(options.choice)
    what = f"{len(options.choice)} choices are" if options.choice else "every choice is"
    trained = "; what was trained of them is gone as well" if numbers else ""
    removed = {"removed": options.choice, "versions": numbers}
    show(options, removed, f"{what} removed{trained}")


ACTS = {"train": _train, "list": _list, "on": _on, "off": _off, "remove": _remove}
