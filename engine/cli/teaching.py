"""`oneseek teach`, `practise` and `train`: learning for scripts and terminals.

Everything a run needs to go on lies in its --out folder: ended by Ctrl+C or by a power cut, the
same command goes on where it stopped, to the same bits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from oneseek.engine.cli.elsewhere import by_torch
from oneseek.engine.cli.options import Bar, Lines, command, log, model_options, show
from oneseek.engine.cli.session import STORE, Session, record_of
from oneseek.engine.core.settings import DATA_PRESETS, TrainingConfig, for_data, for_model
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.lessons import LessonError
from oneseek.engine.learning.rounds.exported_round import is_round
from oneseek.engine.learning.trainer import check
from oneseek.engine.learning.tuning.halving import SavedTuning, seconds_of
from oneseek.engine.learning.tuning.table import clock, table
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import model_named


def lines_of(path: Path) -> Iterator[tuple[int, dict]]:
    """The JSON objects of a file with their line numbers."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path.name}, line {number}: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(f"{path.name}, line {number}: a JSON object was expected")
            yield number, record


def lessons_in(path: Path, session: Session) -> list[dict]:
    """The lessons of a file, all of them checked before the first is taught."""
    found = []
    for number, line in lines_of(path):
        for given in line.get("lessons", [line]):  # `oneseek import` gives many a line
            try:
                record = record_of(given)
                check(session.trainer.coder, record)
            except (LessonError, ValueError) as error:
                problem = f"{path.name}, line {number}: {error}. Nothing was taught"
                raise ValueError(problem) from error
            found.append(record)
    if not found:
        raise ValueError(
            f"{path.name} contains no lessons. Nothing was taught. Write one {{question, answer}} "
            "per line"
        )
    return found


def out_option(parser):
    parser.add_argument("--out", metavar="DIR", type=Path, required=True,
                        help="the folder for the adapter and for the state of interrupted runs")  # fmt: skip


def memory_option(parser):
    parser.add_argument("--memory", metavar="MB", type=int,
                        help="limit the memory for the activations of a step, or the blocks of "
                        "mode full; default: no limit")  # fmt: skip


def limit_memory(options) -> int | None:
    """The bytes that --memory allows, or None."""
    return options.memory << 20 if options.memory else None


def settings_options(parser):
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="a training configuration in JSON"
    )
    parser.add_argument("--set", metavar="NAME=VALUE", nargs="*", default=[],
                        help="change single settings, such as lesson.max_steps=12")  # fmt: skip


def make_config(options, usual: TrainingConfig) -> TrainingConfig:
    """The usual configuration with the person's changes."""
    config = usual
    if options.config:
        config = config.replace(**json.loads(options.config.read_text("utf-8")))
    return config.replace(**changes(options.set))


def changes(items: list[str]) -> dict:
    """The changes of a configuration that NAME=VALUE items ask for."""
    found: dict = {}
    for item in items:
        name, _, value = item.partition("=")
        part, _, field = name.rpartition(".")
        within = found.setdefault(part, {}) if part else found
        try:
            within[field] = json.loads(value)
        except ValueError:
            within[field] = value
    return found


async def load_model(options) -> Model:
    return await model_named(options.model, options.backend)


@contextlib.asynccontextmanager
async def session_of(
    options, model: Model, config: TrainingConfig | None, budget: int | None = None
):
    """The session in --out, which begins where --adapter ends."""
    adapter = options.adapter and Path(options.adapter)
    session = await Session.open(options.out, model, config, adapter, budget)
    try:
        yield session
    finally:
        await session.close()


def must_be_there(options, none: str) -> None:
    """Raise a ValueError in these words if nothing was ever made in --out."""
    if not (options.out / STORE).exists():
        raise ValueError(none.format(folder=options.out))


@contextlib.asynccontextmanager
async def session_there(options, none: str):
    """The session that was made in --out before."""
    must_be_there(options, none)
    session = await Session.open(options.out, await load_model(options))
    try:
        yield session
    finally:
        await session.close()


def result(what: str, ended: dict) -> dict:
    """The outcome of a round, for scripts."""
    gate, version = ended["gate"], ended["version"]
    figures = ("steps", "scale", "measures", "notes", "switches", "losses", "sifted", "doing")
    return {
        "question": what,
        "outcome": ended["outcome"],
        "reason": ended["reason"],
        "version": version and version["name"],
        "seconds": round(ended["seconds"], 2),
        **{name: gate[name] for name in figures if name in gate},
        **({"wrong": ended["wrong"]} if ended.get("wrong") else {}),
    }


def show_outcome(options, what: str, ended: dict) -> None:
    for note in ended["gate"].get("notes", ()):
        log(f"note: {note}")
    if sifted := ended["gate"].get("sifted"):
        why = ", ".join(f"{name} {count}" for name, count in sifted["reasons"].items())
        log(f"skipped {sifted['skipped']} of {sifted['examples']} examples ({why or 'none poor'})")
    doing, reason = ended["gate"].get("doing"), ended["reason"]
    for one in ended.get("wrong", ()):
        log(f"still wrong: {one['prompt']!r} -> {one['said']!r}, wanted {one['wanted']!r}")
    why = "; ".join(part for part in (doing and ended["version"] and doing["told"], reason) if part)
    show(options, result(what, ended), f"{what}  {ended['outcome']}" + (why and f": {why}"))


def lessons_option(parser):
    parser.add_argument("--lessons", metavar="FILE", type=Path, required=True,
                        help="facts, one {question, answer, phrasings?} per line, or the output of "
                        "`oneseek import --json`")  # fmt: skip
    parser.add_argument("--together", metavar="N", type=int, choices=range(1, 17), default=1,
                        help="teach N facts in one round, 1 to 16, as for a document; default: 1")  # fmt: skip


@command(model_options, lessons_option, out_option, memory_option, settings_options)
def teach(options):
    """Teach facts one after another. Each new version is evaluated before it is used."""
    asyncio.run(_teach(options))


async def _teach(options):
    model = await load_model(options)
    config = make_config(options, for_model(model.config.parameters))
    async with session_of(options, model, config, limit_memory(options)) as session:
        records = lessons_in(options.lessons, session)
        for first in range(0, len(records), options.together):
            group = records[first : first + options.together]
            ended = await session.find_outcome(group[0]["id"])
            if ended is None:
                bar = Bar(f"{first + len(group)} of {len(records)}: {group[0]['prompt']}")
                ended = await session.teach(group, bar)
            for record in group:
                show_outcome(options, record["prompt"], ended)
        await session.save()
    log(f"the adapter is in {options.out}")


def engine_option(parser):
    parser.add_argument("--engine", choices=("own", "torch"), default="own",
                        help="own: the built-in engine (default); torch: PyTorch + PEFT, in every "
                        "process that torchrun or accelerate launch starts (needs the extra "
                        "oneseek[torch])")  # fmt: skip


@command(model_options, out_option, memory_option, settings_options, engine_option)
def practise(options):
    """Consolidation: train a new adapter from the base model on a mix of all taught facts."""
    asyncio.run(_practise(options))


async def _practise(options):
    elsewhere = by_torch.of(options)
    if elsewhere and elsewhere.take_share():
        return
    model = await load_model(options)
    async with session_of(options, model, None, limit_memory(options)) as session:
        if not await session.list_learned() and not await session.list_refused():
            raise ValueError(
                f"{options.adapter or options.out} contains no taught facts to practise. Nothing "
                "was trained. Run `oneseek teach` first"
            )
        await session.configure(make_config(options, session.config))
        ended = await session.practise(Bar("practice"), elsewhere=elsewhere)
        if elsewhere:
            elsewhere.over(trained=True)
        show_outcome(options, "practice", ended)
        await session.save()
    log(f"the adapter is in {options.out}")


def data_option(parser):
    parser.add_argument("--data", metavar="FILE", type=Path, required=True,
                        help="a data set: OpenAI messages, ShareGPT, Alpaca, prompt/completion, a "
                        "table or plain text; with --engine torch also a folder that `oneseek "
                        "export --format dataset` wrote")  # fmt: skip


def tune_option(parser):
    parser.add_argument("--tune", metavar="TIME",
                        help="first search rank, learning rate, batch size and epochs on a held-out"
                        " part, for at most TIME (90s, 10m, 1h); if interrupted, the same "
                        "command continues")  # fmt: skip


def seconds_asked(options) -> float | None:
    """The seconds to try, or None; a wrong call ends before a model is loaded."""
    if options.tune is None:
        return None
    if options.engine != "own":
        raise ValueError("--tune works only with the built-in engine, not with --engine torch. "
                         "Nothing was trained. Leave one of the two options out")  # fmt: skip
    return seconds_of(options.tune)


async def tune(options, session: Session, record: dict) -> None:
    """Train by settings that are found first, if that was asked for."""
    tuning = await session.tune(record, seconds_asked(options), show_tuning)
    if tuning:
        for line in table(tuning.kept):
            log(line)


def show_tuning(kept: SavedTuning) -> None:
    """Show how far the tries are, on a terminal."""
    if sys.stderr.isatty():
        spent, seconds = clock(kept["spent"]), clock(kept["seconds"])
        print(f"\r{len(kept['results'])} trials, {spent} of {seconds} ", end="", file=sys.stderr)
        if kept["chosen"] is not None:
            log("")


def preset_option(parser):
    parser.add_argument("--preset", choices=DATA_PRESETS, default=DATA_PRESETS[0],
                        help="examples (default): a learning rate for the model's size, until the "
                        "held-out score stops improving; classic: learning rate 1e-4, at most 100 "
                        "steps of warm-up, 3 epochs, which learns little from few examples")  # fmt: skip


@command(
    model_options, data_option, out_option, memory_option, settings_options, preset_option,
    engine_option, tune_option,
)  # fmt: skip
def train(options):
    """Train on a data set until the held-out score stops improving. The result is used if it beats
    the version before."""
    asyncio.run(_train(options))


async def _train(options):
    seconds_asked(options)
    elsewhere = by_torch.of(options)
    if elsewhere and (elsewhere.alone() or elsewhere.take_share()):
        return
    if is_round(options.data):
        raise ValueError(
            f"{options.data} is exported training data. Nothing was trained. Add --engine torch"
        )
    record = data_set_record(options.data)
    log(f"{record['prompt']}: {record['examples']} answers, {', '.join(record['forms'])}")
    model = await load_model(options)
    usual = for_data(options.preset, model.config.parameters, record["examples"])
    config, limit = make_config(options, usual), limit_memory(options)
    async with session_of(options, model, config, limit) as session:
        known = await session.find_outcome(record["id"])
        if not known:
            await tune(options, session, record)
        ended = known or await session.train(record, Lines(), elsewhere)
        if elsewhere:
            elsewhere.over(trained=known is None)
        show_outcome(options, record["prompt"], ended)
        await session.save()
    log(f"the adapter is in {options.out}")
