"""`oneseek exchange`: what was told and what was forgotten, to and from a person's other devices
as one sealed file, or with a server of theirs."""

from __future__ import annotations

import asyncio
import getpass
import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from oneseek.engine.backends.select import BACK_ENDS
from oneseek.engine.cli.options import command, json_option, log, show, write_whole
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import KNOWN_AS, STORE
from oneseek.engine.core.environment import variable
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.exchange_file import (
    NotOpened,
    export_state,
    good_phrase,
    import_state,
    of_today,
    unseal,
)
from oneseek.engine.history.native_keys import NativeCipher, read_named_key
from oneseek.engine.open import alone_in, clock, model_named

MOST_SHOWN = 20
PATIENCE = 300  # seconds; two devices with much to tell take a while


def folder_option(parser):
    parser.add_argument("--folder", metavar="DIR", type=Path, required=True,
                        help="this device's data: the --out of the other commands, or the server's "
                        "--folder")  # fmt: skip


def file_options(parser):
    parser.add_argument("--in", dest="into", metavar="FILE", type=Path, nargs="+", default=[],
                        help="merge the files of other devices")  # fmt: skip
    parser.add_argument("--out", metavar="FILE", type=Path,
                        help="write a file for other devices, after merging --in")  # fmt: skip


def server_options(parser):
    parser.add_argument("--with", dest="server", metavar="URL",
                        help="exchange directly with your own server: `oneseek headless`, started "
                        "with the same ONESEEK_PHRASE")  # fmt: skip
    parser.add_argument("--key", default=variable("ONESEEK_API_KEY"), help="that server's API key")


def model_option(parser):
    parser.add_argument(
        "--model", metavar="ID|PATH", help="add the new facts to the memory of this model at once"
    )
    parser.add_argument(
        "--backend", choices=BACK_ENDS, default="auto", help="what runs --model; default: auto"
    )


@command(folder_option, file_options, server_options, model_option, json_option)
def exchange(options):
    """Exchange what you told and forgot with your other devices: by a file encrypted with a phrase,
    or directly with your own server. The order and number of exchanges do not matter."""
    if not (options.into or options.out or options.server):
        raise ValueError(
            "there is nothing to do. Name --out FILE to write a file, --in FILE to merge one, or "
            "--with URL for a server"
        )
    if options.out and not (options.into or options.server or (options.folder / STORE).exists()):
        raise ValueError(
            f"{options.folder} contains nothing to exchange. Nothing was written. Name the --out "
            "of the other commands with --folder"
        )
    phrase = phrase_of(twice=bool(options.out or options.server))
    with alone_in(options.folder):
        asyncio.run(_exchange(options, phrase))


def phrase_of(twice: bool) -> str:
    """The phrase, from the environment or typed; that of a new file has to be long enough."""
    phrase = variable("ONESEEK_PHRASE") or getpass.getpass("Phrase: ")
    if not twice:
        return phrase
    good_phrase(phrase)
    if not variable("ONESEEK_PHRASE") and getpass.getpass("Repeat the phrase: ") != phrase:
        raise ValueError("the two phrases differ. Nothing was written. Run the command again")
    return phrase


async def _exchange(options, phrase: str) -> None:
    files = [
        await unseal_file(path, phrase) for path in options.into
    ]  # all, before the first counts
    store = SqliteStore(options.folder / STORE)
    try:
        for path, (state, signed_by) in zip(options.into, files, strict=True):
            await bring_in(options, store, path.name, state, signed_by)
        if options.server:
            await exchange_with_server(options, store, phrase)
        if (files or options.server) and options.model:
            await remember(options)
        if options.out:
            await write_exchange(options, store, phrase)
    finally:
        await store.close()


async def unseal_file(path: Path, phrase: str) -> tuple[dict, str]:
    try:
        state, signed_by = await unseal(path.read_bytes(), phrase, NativeCipher())
        return of_today(state, clock), signed_by
    except NotOpened as error:
        raise ValueError(f"{path.name}: {error}") from error


async def exchange_with_server(options, store: SqliteStore, phrase: str) -> None:
    """Exchange with a server: it merges what is known here, and answers with what both know."""
    _, mine = await export_state(store, phrase, clock, NativeCipher(), read_named_key())
    theirs = await asyncio.to_thread(post, options.server, options.key, mine)
    state, signed_by = await unseal(theirs, phrase, NativeCipher())
    await bring_in(options, store, options.server, state, signed_by)


def post(server: str, key: str, data: bytes) -> bytes:
    """The server's answer, or a ValueError in its words."""
    headers = {"Content-Type": "application/octet-stream"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = Request(server.rstrip("/") + "/api/exchange", data, headers)
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.read()
    except HTTPError as error:
        try:
            words = json.load(error)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            words = f"{error.code}, unlike a OneSeek server. Nothing was changed here"
        raise ValueError(f"{server} answers: {words}") from error
    except OSError as error:
        raise ValueError(
            f"{server} does not answer. Nothing was changed here. Check the address"
        ) from error


async def bring_in(options, store: SqliteStore, where: str, state: dict, signed_by: str) -> None:
    """Merge a state, and show what that changed."""
    found = await import_state(store, state, clock)
    await store.scrub()  # nothing of what is forgotten stays in the file
    met = [
        {"question": one["kept"]["prompt"], "kept": one["kept"]["answer"],
         "other": one["other"]["answer"]} for one in found["met"]
    ]  # fmt: skip
    told, gone = len(found["told"]), len(found["gone"])
    result = {
        "file": where, "told": told, "forgotten": gone, "met": met, "signed_by": signed_by
    }  # fmt: skip
    signed = f"signed by {signed_by}" if signed_by else "not signed"
    lines = [f"{where} ({signed}): {told} new, {gone} forgotten"]
    for one in met[:MOST_SHOWN]:
        lines.append(f"{one['question']}  kept, because it is newer: {one['kept']}")
        lines.append(f"{'':{len(one['question'])}}  not kept: {one['other']}")
    if len(met) > MOST_SHOWN:
        lines.append(f"and {len(met) - MOST_SHOWN} more; --json shows all")
    show(options, result, "\n".join(lines))


async def remember(options) -> None:
    """Know the new facts by heart now; in a server's folder the server does that."""
    store = SqliteStore(options.folder / STORE)
    known = await store.get("state", KNOWN_AS)
    await store.close()
    if known is None:
        log("The server adds the new facts to its memory at its next start.")
        return
    model = await model_named(options.model, options.backend)
    async with assistant_of(options.folder, model) as assistant:
        ended = await assistant.mind.remember()
        log(f"{len(ended['facts'])} facts are new in the memory")


async def write_exchange(options, store: SqliteStore, phrase: str) -> None:
    state, data = await export_state(store, phrase, clock, NativeCipher(), read_named_key())
    write_whole(options.out, data)
    told = sum("answer" in one for one in state.values())
    result = {"file": str(options.out), "told": told, "forgotten": len(state) - told}
    words = f"{options.out}: {told} told, {len(state) - told} forgotten, encrypted with your phrase"
    show(options, result, words)
