"""`oneseek skill`: tasks learned side by side, each under a name and by an adapter of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from oneseek.engine.cli.options import Bar, command, log, model_options, show
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import STORE, Session
from oneseek.engine.cli.teaching import (
    load_model,
    make_config,
    must_be_there,
    preset_option,
    session_there,
    settings_options,
    show_outcome,
)
from oneseek.engine.core.settings import SKILL_DATA, for_data
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning import run_data
from oneseek.engine.learning.rounds.dataset import data_set_record
from oneseek.engine.learning.skills.skills import line_of
from oneseek.engine.model.choice.sampling import Sampling

NONE_HERE = "there are no skills in {folder}; `oneseek skill teach` first"
LONGEST = 256  # tokens of an answer


def skill_options(parser):
    parser.add_argument("act", choices=("teach", "list", "try", "wrong", "correct", "remove"))
    parser.add_argument("name", nargs="?", default="", help="what the skill is called")
    parser.add_argument("--data", metavar="FILE", type=Path,
                        help="teach: its examples, a data set of questions and answers; without, "
                        "those it has, as they were corrected")  # fmt: skip
    parser.add_argument("--user", metavar="TEXT", help="try, correct: what is asked")
    parser.add_argument("--wanted", metavar="TEXT", default="",
                        help="correct: the right answer; without, the example is taken out")  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, required=True,
                        help="the folder that the skills lie in")  # fmt: skip


@command(model_options, skill_options, settings_options, preset_option)
def skill(options):
    """Teach a task from examples, beside others; list, try or remove what was taught. `wrong` lists
    what it still gets wrong, `correct` gives the right answer or adds an example. It answers what
    is like its examples, and the model all else as before."""
    asyncio.run(ACTS[options.act](options))


def must_have(options, name: str, what: str) -> None:
    if not getattr(options, name):
        raise ValueError(f"oneseek skill {options.act} needs {what}; nothing was changed")


async def _teach(options):
    must_have(options, "name", "a name")
    line_of(options.name)
    record = data_set_record(options.data) if options.data else await _own_examples(options)
    log(f"{record['prompt']}: {record['examples']} answers, {', '.join(record['forms'])}")
    model = await load_model(options)
    usual = for_data(options.preset, model.config.parameters, record["examples"], skill=True)
    session = await Session.open(options.out, model, make_config(options, usual))
    try:
        ended = await session.teach_skill(options.name, record, Bar("steps"))
        if advice := what_helps(await session.examples.describe(options.name)):
            log(advice)
        show_outcome(options, options.name, ended)
    finally:
        await session.close()


async def _own_examples(options) -> dict:
    """The examples of a skill that were corrected or added to, as a data set."""
    must_be_there(options, "oneseek skill teach needs --data FILE; nothing was changed")
    store = SqliteStore(options.out / STORE)
    try:
        return await run_data.find(store, SKILL_DATA + options.name)
    except run_data.NoDataSet:
        raise ValueError(
            f"no example of {options.name} was corrected or added, so there is nothing new to "
            "learn; nothing was changed. Give its examples with --data FILE"
        ) from None
    finally:
        await store.close()


async def _list(options):
    async with session_there(options, NONE_HERE) as session:
        for one in await session.examples.list_skills():
            said = one["doing"]["told"] if one["doing"] else "not checked"
            if one["doing"] and not one["version"]:
                said = f"not used: {said}"
            words = [f"{one['name']}  {one['examples']} examples, {said}", what_helps(one)]
            show(options, one, ". ".join(part for part in words if part))


def what_helps(told: dict) -> str:
    """Which examples would help, as far as is known."""
    words = []
    if 0 < told["examples"] < told["least"]:
        words.append(f"{told['examples']} of at least {told['least']} examples")
    if told["seldom"]:
        words.append(f"shown only once: {', '.join(told['seldom'])}")
    if len(told["points"]) > 1:
        curve = [f"{one['right']} of {one['of']} with {one['examples']}" for one in told["points"]]
        words.append(f"held-back examples right: {', '.join(curve)}")
    return "; ".join(words)


async def _wrong(options):
    must_have(options, "name", "a name")
    async with session_there(options, NONE_HERE) as session:
        await session.examples.must_be(options.name)
        for one in (await session.examples.describe(options.name))["wrong"]:
            told = f"{one['prompt']!r} -> {one['said']!r}, wanted {one['wanted']!r}"
            show(options, one, told)


async def _correct(options):
    must_have(options, "name", "a name")
    must_have(options, "user", "--user TEXT")
    async with session_there(options, NONE_HERE) as session:
        change = {"prompt": options.user, "answer": options.wanted}
        told = await session.examples.change(options.name, [change])
    counts = ", ".join(f"{told[act]} {act}" for act in ("added", "corrected", "removed"))
    again = f"`oneseek skill teach {options.name}` without --data learns from them"
    show(options, told, f"{options.name}: {counts}; {told['examples']} examples. {again}")


async def _try(options):
    must_have(options, "name", "a name")
    must_have(options, "user", "--user TEXT")
    must_be_there(options, NONE_HERE)
    model = await load_model(options)
    async with assistant_of(options.out, model) as assistant:
        await assistant.skills.must_be(options.name)
        asked = [{"role": "user", "content": options.user}]
        number = await assistant.skills.number(options.name)
        found = await assistant.skills.find_skill(options.user)
        answer, number = await assistant.answer(asked, Sampling(max_tokens=LONGEST), "try", number)
        result = {"text": answer.text, "asks_for": found,
                  "oneseek": await assistant.describe(answer, number)}  # fmt: skip
        show(options, result, answer.text)
        if found != options.name:
            log(f"by itself this would ask for {found or 'no skill'}, not for {options.name}")


async def _remove(options):
    must_have(options, "name", "a name")
    async with session_there(options, NONE_HERE) as session:
        await session.examples.remove(options.name)
    show(
        options,
        {"removed": options.name},
        f"{options.name} is removed; the file it was taught from stays",
    )


ACTS = {
    "teach": _teach,
    "list": _list,
    "try": _try,
    "wrong": _wrong,
    "correct": _correct,
    "remove": _remove,
}
