"""Model files: `open_model` takes a path, a byte source or a folder of sources and gives a
`ModelFile`.

Both containers, GGUF and safetensors, are read as untrusted input; every refusal is a
`FormatError`.
"""

import functools
import os
import struct

from engine.model.formats.architecture import inverse_frequencies, local_frequencies
from engine.model.formats.model_file import Entry, ModelFile, open_gguf
from engine.model.formats.packed import Packed
from engine.model.formats.safetensors import open_folder
from engine.model.formats.source import BytesSource, FileSource, FormatError, RangeSource, Source

__all__ = [
    "BytesSource",
    "Entry",
    "FileSource",
    "FormatError",
    "ModelFile",
    "Packed",
    "RangeSource",
    "Source",
    "inverse_frequencies",
    "local_frequencies",
    "open_model",
]


def open_model(where):
    """Open a model: a path to a .gguf file or a folder, a `Source`, or {file name: Source}."""
    if isinstance(where, dict):
        folder = {name: functools.partial(lambda source: source, s) for name, s in where.items()}
        return open_folder("folder", folder)
    if not isinstance(where, Source):
        path = os.fspath(where)
        if os.path.isdir(path):
            return _open_directory(path)
        if path.endswith(".safetensors"):
            return _open_directory(os.path.dirname(path) or ".", only=os.path.basename(path))
        where = FileSource(path)
    try:
        return _open_source(where)
    except BaseException:
        where.close()
        raise


def _open_source(source):
    start = bytes(source.read(0, min(9, source.size)))
    if start[:4] == b"GGUF":
        return open_gguf(source)
    if start[:4] == b"PK\x03\x04":
        raise FormatError(source.name, "this is a zip archive, not a model; unpack it first")
    if len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < source.size:
        raise FormatError(
            source.name,
            "safetensors need config.json and tokenizer.json beside them; choose the whole folder",
        )
    raise FormatError(
        source.name, f"this is neither GGUF nor safetensors (it begins {start[:4]!r})"
    )


def _open_directory(path, only=None):
    names = [
        name
        for name in sorted(os.listdir(path))
        if only is None or name == only or not name.endswith((".safetensors", ".index.json"))
    ]
    folder = {name: functools.partial(FileSource, os.path.join(path, name)) for name in names}
    return open_folder(os.path.basename(os.path.abspath(path)), folder)
