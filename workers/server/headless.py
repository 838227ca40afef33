"""`build.py headless`: OneSeek as a server on this machine, learning in the quiet between answers.

Everything it knows lies in one folder (SQLite, the page's stores); ending it is the same as killing
it, and starting it is recovery.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sqlite3
import sys
import time
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from oneseek.engine.backends.room import memory_here
from oneseek.engine.cli.options import Progress, server_options
from oneseek.engine.core.environment import is_switched_on, read_whole_number, variable
from oneseek.engine.core.storage import backup
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import StorageFull, StoreRetired
from oneseek.engine.history.certificate import EVERY_QUESTIONS
from oneseek.engine.history.native_keys import read_named_key
from oneseek.engine.history.pem import BadKey
from oneseek.engine.model import registry
from oneseek.engine.model.formats import FormatError
from oneseek.engine.model.registry import NoBaseModels
from oneseek.engine.open import alone_in, assistant_over, clock, keep_bits, model_named
from oneseek.importers.pages.fetch import Fetcher, anywhere
from oneseek.workers.server.api import create_app
from oneseek.workers.server.guard import LOCAL, Guard
from oneseek.workers.server.guests import Guests, guest_named, must_be_here
from oneseek.workers.server.service import Service
from oneseek.workers.server.witness import Witness

DATABASE = "oneseek.sqlite"
HEADER_SECONDS = 20.0  # for a request's headers to arrive
NOT_RESTORED = {
    "newer": "this backup was made by a newer OneSeek; nothing was changed",
    "wrong": "this file is not a OneSeek backup; nothing was changed",
}
STOPPED = (
    BadKey, FormatError, StorageFull, StoreRetired, registry.ModelMissing, OSError, sqlite3.Error,
)  # fmt: skip

log = logging.getLogger("oneseek")


class JsonLines(logging.Formatter):
    """One JSON object a line: the time, the level, the message, and the facts of a request."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": round(record.created, 3), "level": record.levelname.lower(),
                "message": record.getMessage(), **getattr(record, "facts", {})}  # fmt: skip
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told)


# ---- backups


async def back_up(folder: Path, file: Path) -> None:
    """Write the backup that the page reads as well; the file is the old one or the whole new
    one."""
    store = SqliteStore(folder / DATABASE)
    beside = file.with_name(file.name + ".part")
    with beside.open("w") as written:
        async for piece in backup.collect(store, clock()):
            written.write(piece)
    beside.replace(file)
    await store.close()


async def restore(folder: Path, file: Path) -> None:
    """Restore into a new database, which then replaces the old one."""
    stores = backup.read(file.read_text())
    beside = folder / "restored.sqlite"
    for leftover in folder.glob("restored.*"):
        leftover.unlink()
    store = SqliteStore(beside)
    await backup.restore(store, stores)
    await store.scrub()
    await store.close()
    for log_of_the_old in folder.glob(DATABASE + "-*"):
        log_of_the_old.unlink()
    beside.replace(folder / DATABASE)
    (folder / "restored.marker").replace(folder / DATABASE.replace(".sqlite", ".marker"))


# ---- the server


async def base_of(name: str, store: SqliteStore) -> str:
    """The key of this model's versions; earlier servers cut its id at the last point."""
    id, cut = registry.id_of(name), Path(name).stem
    bases = {record["base"] for _, record in await store.all("versions")}
    return cut if cut in bases and id not in bases else id


async def open_service(options: argparse.Namespace) -> Service:
    """The service of the chosen model over the folder's store."""
    name, *others = registry.choose_base_models(options.model)
    id = registry.id_of(name)
    must_be_here(name, others)
    model = await model_named(name, options.backend, Progress(name))
    store = SqliteStore(options.folder / DATABASE)
    await keep_bits(model, store)
    if store.lost:
        log.warning("the folder's database was lost: restore a backup to get versions back")
    signer = read_named_key()
    here = await base_of(name, store)
    assistant = assistant_over(model, store, here, signer=signer, device_memory=memory_here())
    guests = {}
    for other in others:
        base = await base_of(other, store)
        guests[registry.id_of(other)] = guest_named(other, options.backend, store, base, signer)
    on, share = is_switched_on("ENABLE_MICROTRAINING", True), options.share

    async def hears() -> bool:
        return is_switched_on("LEARN_FROM_CHATS", True)

    every = read_whole_number("DNA_EVERY", EVERY_QUESTIONS)
    more = {"share": share, "guests": Guests(guests), "dna_every": every, "hears": hears}
    service = Service(store, assistant, id, clock, on, options.folder, **more)
    if address := variable("LEDGER_URL"):
        fetcher = Fetcher(anywhere) if is_switched_on("LEDGER_URL_LOCAL", False) else Fetcher()
        service.spawn(Witness(service.versions, address, fetcher).keep())
    log.info("OneSeek answers at http://%s:%s as %s", options.host, options.port, id)
    return service


class Impatient(H11Protocol):
    """Closes a connection whose headers, the first or the next, do not arrive in time: half-open
    ones cost nothing."""

    patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.be_patient()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose_patience()
        super().connection_lost(exc)

    @property
    def is_between(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def be_patient(self) -> None:
        if not self.is_between:
            self.lose_patience()
        elif self.patience is None:
            self.patience = self.loop.call_later(HEADER_SECONDS, self.close_if_silent)

    def lose_patience(self) -> None:
        if self.patience:
            self.patience.cancel()
            self.patience = None

    def close_if_silent(self) -> None:
        self.patience = None
        became_a_socket = self.transport.get_protocol() is not self
        if self.is_between and not became_a_socket:
            self.transport.close()


class Logged:
    """Logs each request when it is over; never what was asked or answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 0

        async def watch_send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, watch_send)
        finally:
            spent = round(1e3 * (time.perf_counter() - began), 1)
            facts = {"method": scope["method"], "path": scope["path"], "status": status}
            log.info("request", extra={"facts": {**facts, "milliseconds": spent}})


def server_settings(
    app: ASGIApp, host: str, port: int, proxies: Sequence[str] = ()
) -> uvicorn.Config:
    """The settings of uvicorn; `proxies` are believed when they say for whom they ask."""
    return uvicorn.Config(
        Logged(app), host, port, http=Impatient, log_config=None, access_log=False,
        timeout_graceful_shutdown=5, ws_max_size=1 << 20, timeout_keep_alive=20,
        proxy_headers=bool(proxies), forwarded_allow_ips=list(proxies),
    )  # fmt: skip


async def serve(options: argparse.Namespace) -> None:
    hosts = LOCAL if options.host in LOCAL else (*LOCAL, options.host)
    app = Guard(
        create_app(await open_service(options)), hosts, options.key, pages=tuple(options.page)
    )
    settings = server_settings(app, options.host, options.port, options.proxy)
    await uvicorn.Server(settings).serve()


async def work(options: argparse.Namespace) -> None:
    if options.backup:
        await back_up(options.folder, options.backup)
    elif options.restore:
        await restore(options.folder, options.restore)
    else:
        await serve(options)


def run(options: argparse.Namespace) -> int:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if options.host not in LOCAL and not options.key:
        print("an address that others can reach needs --key (or ONESEEK_API_KEY)", file=sys.stderr)
        return 2
    if not 0 < options.share <= 1:
        print("--share must be above 0 and at most 1", file=sys.stderr)
        return 2
    try:
        with alone_in(options.folder):
            asyncio.run(work(options))
    except NoBaseModels as error:
        print(f"{error}. Name one with --model or BASE_MODELS", file=sys.stderr)
        return 3
    except backup.NotABackup as error:
        print(NOT_RESTORED[error.args[0]], file=sys.stderr)
        return 1
    except STOPPED as error:
        print(f"OneSeek could not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def arguments() -> argparse.ArgumentParser:
    about = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="build.py headless", description=about)
    server_options(parser)
    return parser


def main(given: list[str] | None = None) -> int:
    return run(arguments().parse_args(given))


if __name__ == "__main__":
    sys.exit(main())
