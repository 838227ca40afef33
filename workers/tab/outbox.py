"""Files that leave the engine worker for the person, and adapters that arrive: OPFS out/ and
inbox/.

An adapter leaves as PEFT's folder, as a LoRA for llama.cpp, merged, or certified with its proof.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import js
import numpy as np
from pyodide.ffi import to_js

from oneseek.engine.assistant import Assistant, flat_weights
from oneseek.engine.history.certificate import certify, zip_files
from oneseek.engine.history.versions import Versions, behind, label
from oneseek.engine.model.adapters import (
    CARD,
    SETTINGS,
    WEIGHTS,
    AdapterError,
    convert_layout,
    gguf_lora,
    name_in,
    only_lora,
    peft_files,
    read_peft,
    save_merged,
)
from oneseek.engine.model.formats import BytesSource, ModelFile

LARGEST = 256 << 20  # bytes of an adapter's archive, and of each file in it


async def folder(name: str) -> Any:
    root = await js.navigator.storage.getDirectory()
    return await root.getDirectoryHandle(name, create=True)


async def put(name: str, data: bytes) -> int:
    """Write a whole file into out/; its size."""
    handle = await (await folder("out")).getFileHandle(name, create=True)
    access = await handle.createSyncAccessHandle()
    try:
        access.truncate(0)
        access.write(to_js(data))
        access.flush()
    finally:
        access.close()
    return len(data)


async def take(name: str) -> bytes:
    """The bytes of a file in inbox/, which is then removed."""
    inbox = await folder("inbox")
    file = await (await inbox.getFileHandle(name)).getFile()
    try:
        if file.size > LARGEST:
            raise AdapterError(f"{name} has {file.size >> 20} MB; an adapter has at most 256")
        return (await file.arrayBuffer()).to_bytes()
    finally:
        await inbox.removeEntry(name)


async def export(
    assistant: Assistant,
    versions: Versions,
    number: int,
    form: str,
    open_file: Callable[[], Awaitable[ModelFile]],
) -> tuple[str, bytes]:
    """A version as a file, (name, bytes). `open_file()` opens the model's own file."""
    record = await versions.record(number)
    weights = await assistant.learner.rebuilder.weights(number)
    flat, trained, model = flat_weights(weights), assistant.layout_of(weights), assistant.model
    stem = f"oneseek-{label(record)}"
    if form != "merged":
        only_lora(trained)
    if form == "gguf":
        kind = "llama"
        with contextlib.closing(await open_file()) as file:
            kind = file.architecture
        return f"{stem}.gguf", gguf_lora(trained, flat, model.config, kind, record["name"])
    if form == "merged":
        with contextlib.closing(await open_file()) as file, tempfile.TemporaryDirectory() as here:
            path = Path(here) / "model.safetensors"
            save_merged(path, file, trained, flat)
            return f"{stem}.safetensors", path.read_bytes()
    files = peft_files(trained, flat, model.name, record["name"], behind=behind(record))
    if form == "certified":
        files = await certify(versions, number, files)
        return f"{record['name']}.zip", zip_files(files)
    return f"{stem}-peft.zip", zip_files(files)


def adapter_in(came: dict[str, bytes], assistant: Assistant) -> tuple[np.ndarray, str]:
    """The flat array of an adapter, from a zip or from PEFT's files, in this assistant's own
    layout, and its old name."""
    found = came if SETTINGS in came else unzip(*came.values())
    for name in (SETTINGS, WEIGHTS):
        if name not in found:
            raise AdapterError(f"the adapter has no {name}; export it as PEFT and choose that file")
    source = BytesSource(found[WEIGHTS], WEIGHTS)
    trained, flat = read_peft(found[SETTINGS], source, assistant.model.config)
    name = name_in(found.get(CARD, b""))
    return convert_layout(trained, flat, assistant.learner.trainer.trained), name


def unzip(data: bytes) -> dict[str, bytes]:
    """PEFT's files in a zip."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise AdapterError(
            "this is not a zip of an adapter; export one as PEFT and choose that file"
        ) from error
    found = {}
    for entry in archive.infolist():
        name = entry.filename.rsplit("/", 1)[-1]
        if name in (SETTINGS, WEIGHTS, CARD):
            if entry.file_size > LARGEST:
                raise AdapterError(f"{name} is larger than an adapter can be")
            found[name] = archive.read(entry)
    return found
