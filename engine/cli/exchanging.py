"""`oneseek exchange`: what was told and what was forgotten, to and from a person's other devices
as one sealed file."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path

from engine.backends.select import BACK_ENDS
from engine.cli.options import command, json_option, show, told
from engine.cli.remembering import assistant_of
from engine.cli.session import KNOWN_AS, STORE
from engine.core.environment import variable
from engine.core.exchange.arriving import FromTheFuture, bring
from engine.core.exchange.gathering import Here
from engine.core.storage.sqlite import SqliteStore
from engine.history.aes_gcm import PlainCipher
from engine.history.exchange_file import (
    NotOpened,
    good_phrase,
    seal,
    unseal,
)
from engine.history.signing import read_key
from engine.open import alone_in, clock, model_named

MOST_SHOWN = 20


def folder_option(parser):
    parser.add_argument("--folder", metavar="DIR", type=Path, required=True,
                        help="where this device keeps what it knows: an --out of the other "
                        "commands, or the server's --folder")  # fmt: skip


def file_options(parser):
    parser.add_argument("--in", dest="into", metavar="FILE", type=Path, nargs="+", default=[],
                        help="bring in what other devices wrote")  # fmt: skip
    parser.add_argument("--out", metavar="FILE", type=Path,
                        help="write what is known here, after what was brought in")  # fmt: skip


def model_option(parser):
    parser.add_argument("--model", metavar="ID|PATH", help="know by heart at once what came in")
    parser.add_argument("--backend", choices=BACK_ENDS, default="auto")


@command(folder_option, file_options, model_option, json_option)
def exchange(options):
    """Take what was told here to another device of yours, or bring it from there: one file, sealed
    with a phrase. In any order, any number of times, the result is the same."""
    if not options.into and not options.out:
        raise ValueError("say --out FILE, to take along what is known here, or --in FILE, or both")
    if not options.into and not (options.folder / STORE).exists():
        raise ValueError(f"{options.folder} holds nothing yet; there is nothing to take along")
    phrase = phrase_of(twice=bool(options.out))
    with alone_in(options.folder):
        asyncio.run(_exchange(options, phrase))


def phrase_of(twice: bool) -> str:
    """From the environment, or asked; a new file's phrase has to be long enough."""
    phrase = variable("ONESEEK_PHRASE") or getpass.getpass("Phrase: ")
    if not twice:
        return phrase
    good_phrase(phrase)
    if not variable("ONESEEK_PHRASE") and getpass.getpass("The same again: ") != phrase:
        raise ValueError("these are two phrases; nothing was written")
    return phrase


async def _exchange(options, phrase: str) -> None:
    files = [await opened(path, phrase) for path in options.into]  # all, before the first counts
    store = SqliteStore(options.folder / STORE)
    try:
        for path, (state, signed_by) in zip(options.into, files, strict=True):
            _brought(options, path, signed_by, await taken(store, state))
        if files and options.model:
            await remembered(options)
        if options.out:
            await written(options, store, phrase)
    finally:
        await store.close()


async def opened(path: Path, phrase: str) -> tuple[dict, str]:
    try:
        return await unseal(path.read_bytes(), phrase, PlainCipher())
    except NotOpened as error:
        raise ValueError(f"{path.name}: {error}") from error


async def taken(store: SqliteStore, state: dict) -> dict:
    try:
        found = await bring(store, state, clock)
    except FromTheFuture as error:
        raise NotOpened("future") from error
    await store.scrub()  # nothing of what is forgotten stays in the file
    return found


def _brought(options, path: Path, signed_by: str, found: dict) -> None:
    met = [
        {"question": one["kept"]["prompt"], "kept": one["kept"]["answer"],
         "other": one["other"]["answer"]} for one in found["met"]
    ]  # fmt: skip
    told_, gone = len(found["told"]), len(found["gone"])
    result = {
        "file": str(path), "told": told_, "forgotten": gone, "met": met, "signed_by": signed_by
    }  # fmt: skip
    signed = f"signed by {signed_by}" if signed_by else "not signed"
    lines = [f"{path.name} ({signed}): {told_} new, {gone} forgotten"]
    for one in met[:MOST_SHOWN]:
        lines.append(f"{one['question']}  kept, because it is newer: {one['kept']}")
        lines.append(f"{'':{len(one['question'])}}  not kept: {one['other']}")
    if len(met) > MOST_SHOWN:
        lines.append(f"and {len(met) - MOST_SHOWN} more; --json shows all")
    show(options, result, "\n".join(lines))


async def remembered(options) -> None:
    """By heart, now; in a server's folder that is its own affair."""
    store = SqliteStore(options.folder / STORE)
    known = await store.get("state", KNOWN_AS)
    await store.close()
    if known is None:
        told("The server takes in what came when it runs again.")
        return
    model = await model_named(options.model, options.backend)
    async with assistant_of(options.folder, model) as assistant:
        ended = await assistant.mind.remember()
        told(f"{len(ended['facts'])} facts are now known by heart")


async def written(options, store: SqliteStore, phrase: str) -> None:
    """There is an old file or a whole new one."""
    state = (await Here.of(store)).state
    path = variable("LEDGER_PRIVATE_KEY_PATH")
    signer = read_key(path) if path else None
    data = await seal(state, phrase, clock, PlainCipher(), signer)
    beside = options.out.with_name(options.out.name + ".part")
    beside.write_bytes(data)
    beside.replace(options.out)
    told_ = sum("answer" in one for one in state.values())
    result = {"file": str(options.out), "told": told_, "forgotten": len(state) - told_}
    words = f"{options.out}: {told_} told, {len(state) - told_} forgotten, sealed with your phrase"
    show(options, result, words)
