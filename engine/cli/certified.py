"""`oneseek export --format certified`: what a session's folder learned, as a folder that proves
itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from oneseek.engine.cli.options import show
from oneseek.engine.cli.session import STORE, Session
from oneseek.engine.cli.teaching import load_model
from oneseek.engine.history.certificate import certify, write_folder
from oneseek.engine.history.versions import behind
from oneseek.engine.model.adapters import peft_files


def export(options) -> None:
    source, out = Path(options.adapter), Path(options.out)
    if not (source / STORE).exists():
        raise ValueError(
            f"{source} contains no history of an adapter to certify. Nothing was written. Name a "
            "folder that `oneseek teach` or `train` wrote"
        )
    if out.exists():
        raise ValueError(f"{out} already exists. Nothing was written. Choose another --out")
    asyncio.run(_export(options, source, out))


async def _export(options, source: Path, out: Path) -> None:
    model = await load_model(options)
    session = await Session.open(source, model)
    try:
        record = await session.versions.current()
        if record is None:
            raise ValueError(
                f"{source} contains no trained version to certify. Nothing was written. Run "
                "`oneseek teach` first"
            )
        more = {"name": record["name"], "behind": behind(record)}
        adapter = peft_files(*await session.adapter(), model.name, **more)
        files = await certify(session.versions, record["number"], adapter)
    finally:
        await session.close()
    out.parent.mkdir(parents=True, exist_ok=True)
    write_folder(files, out)
    show(options, {"path": str(out), "name": record["name"]}, f"wrote {record['name']} to {out}")
