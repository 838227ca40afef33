"""`build.py headless`: OneSeek as a server on this machine, learning in the quiet between answers.

Everything it knows lies in one folder (SQLite, the page's stores); ending it is the same as killing
it, and starting it is recovery.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import math
import os
import sys
import time
from pathlib import Path

import uvicorn

from engine import naming, registry
from engine.assistant import Assistant
from engine.cli import Progress
from engine.commands import executor_named
from engine.formats import FormatError
from engine.ledger import Ledger
from engine.model import Config
from engine.runs import NoBaseModels
from engine.signing import read_key
from engine.versions import Versions
from web.store import StoreRetired
from workers.api import create_app
from workers.guard import LOCAL, Guard
from workers.service import Service
from workers.sqlite_store import SqliteStore

log = logging.getLogger("oneseek")


class JsonLines(logging.Formatter):
    """One JSON object a line: when, how bad, what."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": round(record.created, 3), "level": record.levelname.lower(),
                "message": record.getMessage()}  # fmt: skip
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build.py headless", description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="an id or a path; without it BASE_MODELS decides")
    parser.add_argument("--port", type=int, default=8321)
    parser.add_argument("--host", default="127.0.0.1", help="any other address needs --key")
    parser.add_argument("--key", default=os.environ.get("ONESEEK_API_KEY", ""))
    parser.add_argument("--folder", type=Path, default=Path.home() / ".local/share/oneseek")
    parser.add_argument("--backend", choices=("gpu", "numpy", "auto"), default="auto")
    return parser


def clock() -> int:
    """Milliseconds since 1970; order never depends on it."""
    return int(time.time() * 1000)


@contextlib.contextmanager
def alone_in(folder: Path):
    """Two servers on one folder would train against each other: the second one is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "server.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SystemExit(
                f"another OneSeek already runs on {folder}; nothing was changed. "
                "Stop it, or choose another --folder"
            ) from error
        yield


async def opened(options: argparse.Namespace) -> Service:
    """The service of the chosen model over the folder's store."""
    name = registry.chosen(options.model)[0]
    try:
        file = registry.open_named(name)
    except registry.ModelMissing:
        await registry.obtain(name, Progress(name))
        file = registry.open_named(name)
    id = Path(name).stem
    executor = await executor_named(options.backend)
    shapes = Config.from_dict(file.config).shapes().values()
    size = sum(math.prod(shape) for shape in shapes)
    store = SqliteStore(options.folder / "oneseek.sqlite")
    if store.lost:
        log.warning("the folder's database was lost: restore a backup to get versions back")
    key = os.environ.get("LEDGER_PRIVATE_KEY_PATH")
    ledger = Ledger(store, clock, read_key(key) if key else None)
    versions = Versions(store, ledger, id, naming.family(size), clock)
    with contextlib.closing(file):
        assistant = await Assistant.load(file, executor, versions)
    micro = os.environ.get("ENABLE_MICROTRAINING", os.environ.get("OQT_ENABLE_MICROTRAINING", "1"))
    on = micro.lower() not in ("0", "false", "no", "off")
    service = Service(store, assistant, id, [id], clock, on)
    await service.start()
    log.info("OneSeek answers at http://%s:%s as %s", options.host, options.port, id)
    return service


async def serve(options: argparse.Namespace) -> None:
    hosts = LOCAL if options.host in LOCAL else (*LOCAL, options.host)
    app = Guard(create_app(lambda: opened(options)), hosts, options.key)
    config = uvicorn.Config(
        app, options.host, options.port, log_config=None, timeout_graceful_shutdown=5,
        ws_max_size=1 << 20, timeout_keep_alive=20,
    )  # fmt: skip
    await uvicorn.Server(config).serve()


def main(given: list[str] | None = None) -> int:
    options = arguments().parse_args(given)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if options.host not in LOCAL and not options.key:
        print("an address that others can reach needs --key (or ONESEEK_API_KEY)", file=sys.stderr)
        return 2
    try:
        with alone_in(options.folder):
            asyncio.run(serve(options))
    except NoBaseModels as error:
        print(f"{error}. Name one with --model or BASE_MODELS", file=sys.stderr)
        return 3
    except (FormatError, StoreRetired, registry.ModelMissing, OSError) as error:
        print(f"OneSeek could not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
