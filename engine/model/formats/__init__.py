"""Model files: `open_model` takes a path, a byte source or a folder of sources and gives a
`ModelFile`.

Both containers, GGUF and safetensors, are read as untrusted input; every refusal is a
`FormatError`.
"""

import functools
import os
import struct

from oneseek.engine.model.formats import safetensors, split
from oneseek.engine.model.formats.architecture import inverse_frequencies, local_frequencies
from oneseek.engine.model.formats.model_file import Entry, ModelFile, open_gguf
from oneseek.engine.model.formats.packed import Packed
from oneseek.engine.model.formats.source import (
    BytesSource,
    FileSource,
    FormatError,
    RangeSource,
    Source,
)
from oneseek.engine.model.vision.file import EyesFile, is_eyes, whose

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
    "gather_files",
    "open_gathered",
    "open_model",
]


def open_model(where):
    """Open a model: a path to a file or a folder, a `Source`, or {file name: Source}; one in
    several files is given by any of them beside the others, or by their folder."""
    return open_gathered(*gather_files(where))


def gather_files(where):
    """The model's name, and {file name: a function that opens it} of all that may be part of it."""
    if isinstance(where, Source):
        where = {where.name: where}
    if isinstance(where, dict):
        name = next(iter(where)) if len(where) == 1 else "folder"
        return name, {file: functools.partial(_itself, source) for file, source in where.items()}
    path = os.path.abspath(os.fspath(where))
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        return name, _directory(path, os.listdir(path))
    if name.endswith((".safetensors", safetensors.INDEX)):
        names = os.listdir(folder)
        if safetensors.INDEX not in names:
            names = [one for one in names if one == name or not one.endswith(".safetensors")]
        return os.path.basename(folder), _directory(folder, names)
    parts = [part for part in split.names_of(name) if os.path.exists(os.path.join(folder, part))]
    return name, _directory(folder, [*(parts or [name]), *_eyes_beside(folder, name)])


def _eyes_beside(folder, name):
    """Return the file with the eyes of a model, found by its name; the first of several."""
    if not name.endswith(".gguf") or is_eyes(name) or not os.path.isdir(folder):
        return []
    model = whose(split.whole_name(name))
    return sorted(one for one in os.listdir(folder) if is_eyes(one) and whose(one) == model)[:1]


def _itself(source):
    return source


def _directory(path, names):
    return {name: functools.partial(FileSource, os.path.join(path, name)) for name in sorted(names)}


def open_gathered(name, folder):
    """Open the model in gathered files; if there is none, every opened file is closed again."""
    opened = []

    def open_source(open_file):
        opened.append(open_file())
        return opened[-1]

    files = {file: functools.partial(open_source, folder[file]) for file in folder}
    try:
        return _open(name, files)
    except BaseException:
        for source in opened:
            source.close()
        raise


def _open(name, files):
    eyes = [file for file in files if is_eyes(file)]
    if not eyes or len(eyes) == len(files):
        return _open_model(name, files)
    model = _open_model(name, {file: files[file] for file in files if file not in eyes})
    model.take_eyes(lambda words: EyesFile.of_gguf(files[eyes[0]](), words))
    return model


def _open_model(name, files):
    ggufs = [file for file in files if file.endswith(".gguf")]
    others = any(file.endswith(".safetensors") or file == "config.json" for file in files)
    if len(files) > 1 and others:
        return safetensors.open_folder(name, files)
    if len(files) > 1 and not ggufs:
        reason = "no model lies here: no .gguf file and no .safetensors files"
        raise FormatError(name, reason, kind="no_model")
    models = sorted({split.whole_name(file) for file in ggufs})
    if len(models) > 1:
        what = ", ".join(models)
        reason = f"{len(models)} models lie here ({what}); choose one"
        raise FormatError(name, reason, kind="several", what=what)
    first = ggufs[0] if ggufs else next(iter(files), None)
    if first is None:
        raise FormatError(name, "this is an empty folder", kind="no_model")
    sources = [files[part]() for part in split.all_of(first, files)]
    _check_kind(sources[0])
    return open_gguf(*sources)


def _check_kind(source):
    start = bytes(source.read(0, min(9, source.size)))
    if start[:4] == b"GGUF":
        return
    if start[:4] == b"PK\x03\x04":
        reason = "this is a zip archive, not a model; unpack it first"
        raise FormatError(source.name, reason, kind="zip")
    if len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < source.size:
        raise FormatError(
            source.name,
            "safetensors need config.json and tokenizer.json beside them; choose the whole folder",
            kind="folder",
        )
    raise FormatError(
        source.name,
        f"this is neither GGUF nor safetensors (it begins {start[:4]!r})",
        kind="no_model",
    )
