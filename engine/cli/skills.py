"""`oneseek skill`: tasks learned side by side, each under a name and by an adapter of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from oneseek.engine.cli.options import Bar, command, log, model_options, show
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import STORE, Session
from oneseek.engine.cli.teaching import (
    limit_memory,
    load_model,
    make_config,
    memory_option,
    must_be_there,
    preset_option,
    session_there,
    settings_options,
    show_outcome,
)
from oneseek.engine.core.settings import SKILL_DATA, for_data
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning import run_data
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.skills.skills import line_of
from oneseek.engine.model.choice.sampling import Sampling

NONE_HERE = "there are no skills in {folder}. Run `oneseek skill teach` first"
LONGEST = 256  # tokens of an answer


def skill_options(parser):
    parser.add_argument("act", choices=("teach", "list", "try", "wrong", "correct", "remove"),
                        help="teach: train it on examples; list: show all skills; try: answer "
                        "one question with it; wrong: list the held-out examples that it gets "
                        "wrong; correct: correct, add or remove an example; remove: delete it")  # fmt: skip
    parser.add_argument("name", nargs="?", default="", help="the skill's name")
    parser.add_argument("--data", metavar="FILE", type=Path,
                        help="teach: a data set of questions and answers; default: the stored "
                        "examples with their corrections")  # fmt: skip
    parser.add_argument("--user", metavar="TEXT", help="try, correct: the question")
    parser.add_argument("--wanted", metavar="TEXT", default="",
                        help="correct: the right answer; without it the example is removed")  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, required=True,
                        help="the folder of the skills")  # fmt: skip


@command(model_options, skill_options, memory_option, settings_options, preset_option)
def skill(options):
    """Teach a task from examples, as an adapter of its own. It answers questions that resemble its
    examples; all other answers stay as they were."""
    asyncio.run(ACTS[options.act](options))


def must_have(options, name: str, what: str) -> None:
    if not getattr(options, name):
        raise ValueError(f"oneseek skill {options.act} needs {what}. Nothing was changed")


async def _teach(options):
    must_have(options, "name", "a name")
    line_of(options.name)
    record = data_set_record(options.data) if options.data else await _own_examples(options)
    log(f"{record['prompt']}: {record['examples']} answers, {', '.join(record['forms'])}")
    model = await load_model(options)
    usual = for_data(options.preset, model.config.parameters, record["examples"], skill=True)
    limit = limit_memory(options)
    session = await Session.open(options.out, model, make_config(options, usual), budget=limit)
    try:
        ended = await session.teach_skill(options.name, record, Bar("steps"))
        if advice := what_helps(await session.examples.describe(options.name)):
            log(advice)
        show_outcome(options, options.name, ended)
    finally:
        await session.close()


async def _own_examples(options) -> dict:
    """The examples of a skill that were corrected or added to, as a data set."""
    must_be_there(options, "oneseek skill teach needs --data FILE. Nothing was changed")
    store = SqliteStore(options.out / STORE)
    try:
        return await run_data.find(store, SKILL_DATA + options.name)
    except run_data.NoDataSet:
        raise ValueError(
            f"no example of {options.name} was corrected or added, so there is nothing new to "
            "learn. Nothing was changed. Name its examples with --data FILE"
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
        words.append(f"most skills need at least {told['least']} examples")
    if told["seldom"]:
        words.append(f"in only one example: {', '.join(told['seldom'])}")
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
    again = f"`oneseek skill teach {options.name}` without --data trains on them"
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
            log(
                f"without its name this question goes to {found or 'no skill'}, "
                f"not to {options.name}"
            )


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
