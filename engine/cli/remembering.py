"""`oneseek remember`, and the assistant over a folder that remembers: its facts, its version, its
guard."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from oneseek.engine.cli.options import command, log, model_options, show
from oneseek.engine.cli.session import KNOWN_AS, STORE, Session, record_of
from oneseek.engine.cli.teaching import lines_of, load_model, out_option
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.lessons import LessonError
from oneseek.engine.learning.memory.memory import memorable
from oneseek.engine.learning.memory.mind import REFUSED
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import assistant_over


@contextlib.asynccontextmanager
async def assistant_of(folder: Path, model: Model, new: bool = False):
    """An assistant over a folder; None when it holds only an adapter and no `new` memory is
    begun."""
    if not (new or (folder / STORE).exists()):
        yield None
        return
    store = SqliteStore(folder / STORE)
    try:
        known = await store.get("state", KNOWN_AS)
        if known and known["model"] != model.fingerprint:
            raise ValueError(
                f"{folder} belongs to another model than {model.name}. Nothing was changed. "
                "Choose that model or another folder"
            )
        config = TrainingConfig(**known["config"]) if known else None
        yield assistant_over(model, store, model.fingerprint, config)
    finally:
        await store.close()


def facts_option(parser):
    parser.add_argument("--lessons", metavar="FILE", type=Path, required=True,
                        help="facts, one {question, answer, phrasings?} per line")  # fmt: skip


def records_in(path: Path) -> list[dict]:
    """The facts of a file as records of the queue; all are checked before the first is kept."""
    found = []
    for number, line in lines_of(path):
        for given in line.get("lessons", [line]):
            try:
                found.append(record_of(given))
                memorable(found[-1])
            except (LessonError, ValueError) as error:
                problem = f"{path.name}, line {number}: {error}. Nothing was remembered"
                raise ValueError(problem) from error
    if not found:
        raise ValueError(
            f"{path.name} contains no facts. Nothing was remembered. Write one {{question, "
            "answer} per line"
        )
    return found


@command(model_options, facts_option, out_option)
def remember(options):
    """Store facts in the memory, in seconds and without training. `teach` and `practise` can
    continue in the same folder."""
    return asyncio.run(_remember(options))


async def _remember(options):
    model = await load_model(options)
    records = records_in(options.lessons)
    session = await Session.open(
        options.out, model, None, options.adapter and Path(options.adapter)
    )
    try:
        mind, refused = session.mind, 0
        for record in records:
            began = time.monotonic()
            ended = await mind.keep(record)
            seconds = round(time.monotonic() - began, 2)
            result = {"question": record["prompt"], **ended, "seconds": seconds}
            line = f"{record['prompt']}  {ended['outcome']}"
            refused += ended["outcome"] == REFUSED
            show(options, result, line + (ended["outcome"] == REFUSED) * f": {ended['reason']}")
        log(f"{len(mind.memory)} facts are in the memory of {options.out}")
        return 1 if refused else 0
    finally:
        await session.close()
