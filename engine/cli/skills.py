"""`oneseek skill`: tasks learned side by side, each under a name and by an adapter of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from oneseek.engine.cli.options import Bar, command, log, model_options, show
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import Session
from oneseek.engine.cli.teaching import (
    configured,
    loaded,
    must_be_there,
    preset_option,
    session_there,
    settings_options,
    show_outcome,
)
from oneseek.engine.core.settings import for_data
from oneseek.engine.learning.rounds.dataset import data_set_record
from oneseek.engine.learning.skills.skills import line_of
from oneseek.engine.model.choice.sampling import Sampling

NONE_HERE = "there are no skills in {folder}; `oneseek skill teach` first"
LONGEST = 256  # tokens of an answer


def skill_options(parser):
    parser.add_argument("act", choices=("teach", "list", "try", "remove"))
    parser.add_argument("name", nargs="?", default="", help="what the skill is called")
    parser.add_argument("--data", metavar="FILE", type=Path,
                        help="teach: its examples, a data set of questions and answers")  # fmt: skip
    parser.add_argument("--user", metavar="TEXT", help="try: what is asked")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True,
                        help="the folder that the skills lie in")  # fmt: skip


@command(model_options, skill_options, settings_options, preset_option)
def skill(options):
    """Teach a task from examples, beside others; list, try or remove what was taught. It answers
    what is like its examples, and the model all else as before."""
    asyncio.run(ACTS[options.act](options))


def must_have(options, name: str, what: str) -> None:
    if not getattr(options, name):
        raise ValueError(f"oneseek skill {options.act} needs {what}; nothing was changed")


async def _teach(options):
    must_have(options, "name", "a name")
    must_have(options, "data", "--data FILE")
    line_of(options.name)
    record = data_set_record(options.data)
    log(f"{record['prompt']}: {record['examples']} answers, {', '.join(record['forms'])}")
    model = await loaded(options)
    usual = for_data(options.preset, model.config.parameters, record["examples"], skill=True)
    session = await Session.open(options.out, model, configured(options, usual))
    try:
        show_outcome(
            options, options.name, await session.teach_skill(options.name, record, Bar("steps"))
        )
    finally:
        await session.close()


async def _list(options):
    async with session_there(options, NONE_HERE) as session:
        for one in await session.skills.listed():
            said = one["doing"]["told"] if one["doing"] else "not checked"
            show(options, one, f"{one['name']}  {one['examples']} examples, {said}")


async def _try(options):
    must_have(options, "name", "a name")
    must_have(options, "user", "--user TEXT")
    must_be_there(options, NONE_HERE)
    model = await loaded(options)
    async with assistant_of(options.out, model) as assistant:
        await assistant.skills.must_be(options.name)
        asked = [{"role": "user", "content": options.user}]
        number = await assistant.skills.number(options.name)
        found = await assistant.skills.asked_for(options.user)
        answer, number = await assistant.answer(asked, Sampling(max_tokens=LONGEST), "try", number)
        result = {"text": answer.text, "asks_for": found,
                  "oneseek": await assistant.describe(answer, number)}  # fmt: skip
        show(options, result, answer.text)
        if found != options.name:
            log(f"by itself this would ask for {found or 'no skill'}, not for {options.name}")


async def _remove(options):
    must_have(options, "name", "a name")
    async with session_there(options, NONE_HERE) as session:
        await session.skills.remove(options.name)
    show(
        options,
        {"removed": options.name},
        f"{options.name} is removed; the file it was taught from stays",
    )


ACTS = {"teach": _teach, "list": _list, "try": _try, "remove": _remove}
