"""The importer worker: reads what a person drops on the page, away from the engine and the chat.

Items are read one at a time, so memory holds one; a request to stop takes effect between pages of
an item. Backups are written and read here as well, because they take memory and time, and no answer
waits for this worker.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pyodide.ffi import JsException, can_run_sync, run_sync, to_js

from oneseek.engine.core.messages import (
    AskAbout,
    BackUp,
    BringIn,
    Brought,
    CarryOut,
    Done,
    Failed,
    ForgetImport,
    ImportEdited,
    ImportFile,
    ImportPage,
    Imports,
    ImportText,
    Questions,
    Reading,
    ReadPicture,
    Restore,
    StopImport,
    TextInPicture,
)
from oneseek.engine.core.storage import backup
from oneseek.engine.core.storage.store import open_browser_store
from oneseek.engine.core.wire import Message
from oneseek.engine.history.exchange_file import NotOpened, export_state, import_state, unseal
from oneseek.importers.door import Door
from oneseek.importers.duplicates import Fingerprints
from oneseek.importers.image import prepare_for_ocr, sure_text
from oneseek.importers.limits import Budget, Cancelled
from oneseek.workers.post import Emit
from oneseek.workers.recogniser import Recogniser
from oneseek.workers.tab.files import (
    PICTURES,
    folder,
    open_own,
    open_writer,
    read_own,
    write_own,
)
from oneseek.workers.tab.packing import Packer
from oneseek.workers.tab.web_crypto import BrowserCipher, BrowserSigner

KNOWN = "import-fingerprints.json"
EDITABLE = 200_000  # characters that the page puts into a text field
OWN_FILES = (".txt", ".json")  # of each document, after its hash
ASKED = ("prompt", "answer", "language", "kind", "source")


class Importer:
    """One `on_<name>` for each request of engine/core/messages that names the importer."""

    def __init__(self, emit: Emit, settings: dict, modules: dict[str, Any]) -> None:
        self.emit, self.modules = emit, modules
        self.stopped: set[str] = set()
        self.one_at_a_time = asyncio.Lock()
        self.reading = ""
        self.recogniser = Recogniser(settings, modules, self.tell)
        self.door: Door | None = None

    async def on_import_file(self, request: ImportFile) -> Imports | Failed:
        async def read(door: Door, budget: Budget) -> list[dict]:
            data = await take_from_inbox(request.file, budget)
            return await door.file(data, request.name, budget)

        return await self.read(request, request.name, read)

    async def on_import_text(self, request: ImportText) -> Imports | Failed:
        async def read(door: Door, budget: Budget) -> list[dict]:
            return door.text(request.text, request.name)

        return await self.read(request, request.name, read)

    async def on_import_page(self, request: ImportPage) -> Imports | Failed:
        async def read(door: Door, budget: Budget) -> list[dict]:
            return door.page(request.html, request.address, request.name, request.whole)

        return await self.read(request, request.name, read)

    async def on_import_edited(self, request: ImportEdited) -> Imports | Failed:
        async def read(door: Door, budget: Budget) -> list[dict]:
            return door.edit(request.document, request.text)

        return await self.read(request, request.document["title"], read)

    async def on_read_picture(self, request: ReadPicture) -> TextInPicture:
        async with self.one_at_a_time:
            self.reading, budget = request.id, Budget(request.name)
            data = await take_from_inbox(request.file, budget)
            lines = await self.recogniser.read(prepare_for_ocr(data, request.name, budget))
        return TextInPicture(text=sure_text(lines))

    async def on_stop_import(self, request: StopImport) -> Done:
        self.stopped.add(request.id)
        return Done()

    async def on_forget_import(self, request: ForgetImport) -> Done:
        async with self.one_at_a_time:
            door = await self.open_door()
            door.forget(request.document)
            await self.keep(door)
            own = await folder("importer")
            for kind in OWN_FILES:
                with contextlib.suppress(JsException):  # of chats there is no text
                    await own.removeEntry(request.document + kind)
        return Done()

    async def on_ask_about(self, request: AskAbout) -> Questions:
        from oneseek.engine.learning.lessons.documents import questions

        return Questions(items=questions(request.lessons, request.count))

    async def on_back_up(self, request: BackUp) -> Done:
        store = Whole(await open_browser_store(self.modules["store.js"]))
        async with open_writer("out", request.file) as write:
            async for piece in backup.collect(store, now()):
                await write(piece)
        await store.close()
        return Done()

    async def on_restore(self, request: Restore) -> Done | Failed:
        inbox = await folder("inbox")
        file = await (await inbox.getFileHandle(request.file)).getFile()
        try:
            stores = backup.read(await file.text())
        except backup.NotABackup as error:
            return Failed(where="backup", reason="This is not a backup.", detail=str(error))
        finally:
            await inbox.removeEntry(request.file)
        store = Whole(await open_browser_store(self.modules["store.js"]))
        await store.restore(stores)
        await store.close()
        return Done()

    async def on_carry_out(self, request: CarryOut) -> Done | Failed:
        store = await open_browser_store(self.modules["store.js"])
        try:
            signer = await BrowserSigner.of(store) if request.sign else None
            _, data = await export_state(store, request.phrase, now, BrowserCipher(), signer)
        except NotOpened as error:
            return not_exchanged(error, error.why)
        finally:
            await store.close()
        async with open_writer("out", request.file) as write:
            await write(to_js(data))
        return Done()

    async def on_bring_in(self, request: BringIn) -> Brought | Failed:
        inbox = await folder("inbox")
        file = await (await inbox.getFileHandle(request.file)).getFile()
        store = await open_browser_store(self.modules["store.js"])
        try:
            data = (await file.arrayBuffer()).to_bytes()
            state, signed_by = await unseal(data, request.phrase, BrowserCipher())
            found = await import_state(store, state, now)
        except NotOpened as error:
            return not_exchanged(error, error.why)
        finally:
            await store.close()
            await inbox.removeEntry(request.file)
        return Brought(
            told=len(found["told"]),
            gone=len(found["gone"]),
            let_go=found["let_go"],
            met=[in_words(one) for one in found["met"]],
            signed_by=signed_by,
        )

    async def read(
        self, request: Message, name: str, reader: Callable[[Door, Budget], Awaitable[list[dict]]]
    ) -> Imports | Failed:
        """One item from its bytes to its lessons; the answer, or Failed with "stopped"."""
        async with self.one_at_a_time:
            self.reading = request.id
            budget = Budget(name, None, self.progress, lambda: request.id in self.stopped)
            try:
                door = await self.open_door()
                budget.step()
                items = await reader(door, budget)
                await self.keep(door)
                return Imports(items=[await offload_text(item) for item in items])
            except Cancelled:
                return Failed(
                    where="import", reason=f"Reading {name} was stopped.", detail="stopped"
                )
            finally:
                self.stopped.discard(request.id)

    def progress(self, what: str, done: int, total: int) -> None:
        """Tell the page, and let it answer: a message arrives only when Python yields."""
        self.tell(done, total)
        if can_run_sync():
            run_sync(asyncio.sleep(0))

    def tell(self, done: int, total: int) -> None:
        self.emit(Reading(id=self.reading, done=done, total=total))

    async def open_door(self) -> Door:
        if self.door is None:
            self.door = Door(self.recogniser.read, await load_known())
        return self.door

    async def keep(self, door: Door) -> None:
        known = {str(value): source for value, source in door.texts.index.list_sources().items()}
        await write_own(KNOWN, json.dumps(known))


def now() -> int:
    return int(time.time() * 1000)


def not_exchanged(error: Exception, why: str) -> Failed:
    return Failed(where="exchange", reason=str(error), detail=why)


def in_words(met: dict) -> dict:
    kept, other = met["kept"], met["other"]
    return {"question": kept["prompt"], "kept": kept["answer"], "other": other["answer"]}


class Whole:
    """The store with what is kept in files: the text and the lessons of each source, the pictures
    of messages."""

    def __init__(self, store: Any) -> None:
        self.store, self.close = store, store.close

    async def all(self, name: str, after: Any, limit: int) -> list[tuple[Any, dict]]:
        rows = await self.store.all(name, after, limit)
        for _, source in rows if name == "sources" else ():
            if sha256 := source.get("sha256"):
                source["texts"] = texts = {}
                for kind in OWN_FILES:
                    with contextlib.suppress(JsException):  # nothing of it is kept
                        texts[kind] = await read_own(sha256 + kind)
        for _, turn in rows if name == "messages" else ():
            for one in turn.get("pictures", ()):
                with contextlib.suppress(JsException):  # its file is gone
                    file = await open_own(PICTURES, one["id"])
                    one["data"] = base64.b64encode((await file.arrayBuffer()).to_bytes()).decode()
        return rows

    async def restore(self, stores: dict[str, list]) -> None:
        for _, turn in stores["messages"]:
            for one in turn.get("pictures", ()):
                if data := one.pop("data", ""):
                    async with open_writer(PICTURES, one["id"]) as write:
                        await write(to_js(base64.b64decode(data)))
        for _, source in stores["sources"]:
            for kind, text in source.pop("texts", {}).items():
                if kind in OWN_FILES:
                    await write_own(source["sha256"] + kind, text)
        await backup.restore(self.store, stores)


def serve(emit: Emit, settings: dict, modules: dict[str, Any]) -> tuple[Importer, Packer]:
    return Importer(emit, settings, modules), Packer(emit)


async def offload_text(item: dict) -> dict:
    """The item without its whole text, which would hold up the page. The text is written to OPFS
    importer/ as HASH.txt; the questions and answers of its lessons are written as HASH.json, or the
    person's messages in the chats of another assistant."""
    document = item["document"]
    if item["state"] == "chats":
        item["sha256"] = hashlib.sha256(json.dumps(item["chats"]).encode()).hexdigest()
        await write_own(f"{item['sha256']}.json", json.dumps(item.pop("chats")))
    if document:
        text = "\n\n".join(block["text"] for block in document.pop("blocks") if block["text"])
        document.update(blocks=[], editable=len(text) <= EDITABLE)
        await write_own(f"{document['sha256']}.txt", text[:EDITABLE])
        asked = [{key: one[key] for key in ASKED} for one in item["lessons"]]
        await write_own(f"{document['sha256']}.json", json.dumps(asked))
    return item


async def take_from_inbox(name: str, budget: Budget) -> bytes:
    """The bytes of a file that the page put into OPFS, which is then removed; its size is checked
    before it is read."""
    inbox = await folder("inbox")
    handle = await inbox.getFileHandle(name)
    try:
        file = await handle.getFile()
        budget.accept(int(file.size))
        return (await file.arrayBuffer()).to_bytes()
    finally:
        await inbox.removeEntry(name)


async def load_known() -> Fingerprints:
    """The fingerprints of earlier imports; none when there were no imports or the file is
    damaged."""
    try:
        known = json.loads(await read_own(KNOWN))
        return Fingerprints({int(value): source for value, source in known.items()})
    except (JsException, ValueError):
        return Fingerprints()
