"""Training outside: `export --format dataset` or `trl` writes a round for another engine, `adopt`
takes the adapter that comes back."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from oneseek.engine.cli.options import command, log, model_options, show, write_whole
from oneseek.engine.cli.session import STORE, Session
from oneseek.engine.cli.teaching import (
    lessons_in,
    load_model,
    make_config,
    out_option,
    session_of,
    show_outcome,
)
from oneseek.engine.core.settings import DATA_PRESETS, TrainingConfig, for_data, for_model
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.rounds import exported_round

FORMATS = ("dataset", "trl")
LOST = (
    "left out, because this format cannot hold it: {rows}; the order of the steps and their "
    "learning rates. --format dataset leaves nothing out"
)


def export(options: Any) -> None:
    """Write what a round trains on: whole, or as much of it as any tool reads."""
    asyncio.run(_export(options))


async def _export(options: Any) -> None:
    out = Path(options.out)
    if out.exists():
        raise ValueError(f"{out} already exists. Nothing was written. Choose another --out")
    async with _copy(options) as session:
        also = lessons_in(options.lessons, session) if options.lessons else []
        record = data_set_record(options.data) if options.data else None
        if not (record or also or await session.list_learned() or await session.list_refused()):
            raise ValueError(
                "there is nothing to train on. Nothing was written. Name a taught folder with "
                "--adapter, facts with --lessons, or a data set with --data"
            )
        attempt = await session.open_round(record, also)
        log(f"{attempt.steps} steps; computing the predictions of the base model")
        if options.format == "trl":
            with tempfile.TemporaryDirectory() as name:
                await exported_round.write(attempt, Path(name))
                lines, left = exported_round.plain(Path(name))
            write_whole(out, "".join(line + "\n" for line in lines).encode())
            rows = ", ".join(f"{count} rows of {part}" for part, count in sorted(left.items()))
            lost = LOST.format(rows=f"{rows} for regularisation")
            show(options, {"path": str(out), "rows": len(lines), "left_out": left}, f"wrote {out}")
            log(lost)
            return
        said = await exported_round.write(attempt, out)
        rows = len({number for step in said["steps"] for number in step})
        result = {"path": str(out), "rows": rows, "steps": attempt.steps, "kind": said["kind"]}
        show(options, result, f"wrote {rows} rows for {attempt.steps} steps to {out}")


def of_data(data: Path, parameters: float) -> TrainingConfig:
    """The recipe for a data set."""
    return for_data(DATA_PRESETS[0], parameters, data_set_record(data)["examples"])


@contextlib.asynccontextmanager
async def _copy(options: Any) -> AsyncIterator[Session]:
    """A session over a copy of the folder --adapter, so that nothing is changed there."""
    model = await load_model(options)
    given = Path(options.adapter) if options.adapter else None
    config = None
    if not given or not (given / STORE).exists():
        parameters = model.config.parameters
        config = make_config(
            options,
            of_data(options.data, parameters) if options.data else for_model(parameters),
        )
    with tempfile.TemporaryDirectory() as name:
        session = await Session.open(Path(name), model, config, given)
        try:
            if config is None:
                await session.configure(make_config(options, session.config))
            yield session
        finally:
            await session.close()


def folder_option(parser):
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="an adapter in PEFT's format")


@command(model_options, folder_option, out_option)
def adopt(options):
    """Use an adapter that was trained elsewhere, if the evaluator finds that it makes nothing
    worse."""
    asyncio.run(_adopt(options))


async def _adopt(options: Any) -> None:
    model = await load_model(options)
    async with session_of(options, model, None) as session:
        ended = await session.admit(options.folder)
        show_outcome(options, str(options.folder), ended)
        measures = ended["gate"].get("measures", ())
        for one in measures:
            log(
                f"  {one['name']}: {one['value']:.3g} (limit {one['limit']})"
                + "  failed" * (not one["ok"])
            )
        if ended["version"] is None:
            log(f"the version in use in {options.out} is unchanged")
            return
    log(f"the adapter is in {options.out}")
