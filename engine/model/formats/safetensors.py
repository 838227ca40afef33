"""The safetensors container: a JSON header read as untrusted input, and a writer.

A model is a folder with config.json, tokenizer.json and one file or several; R26 lists what is
refused.
"""

import json
import re
import struct
from typing import NoReturn

import numpy as np

from oneseek.engine.model.formats import architecture, vocabulary
from oneseek.engine.model.formats.gguf import MAX_TENSORS, Tensor, check_ranges
from oneseek.engine.model.formats.model_file import Entry, ModelFile
from oneseek.engine.model.formats.packed import TYPES
from oneseek.engine.model.formats.source import FormatError
from oneseek.engine.model.vision.folder import divide, eyes_of

MAX_HEADER = 16 << 20
MAX_JSON = 40 << 20  # tokenizer.json of a large vocabulary
MAX_OBJECTS, MAX_LISTS, MAX_VALUES = 1 << 18, 1 << 20, 1 << 21
MAX_SHARDS = 256
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"[^/\\]{1,250}\.safetensors")


def _no_duplicates(pairs):
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is there twice")
    return table


def parse_json(name, data):
    """Parse JSON as untrusted text: duplicates, absurd nesting and absurd counts are errors naming
    the file."""
    data = bytes(data)
    for sign, limit in ((b"{", MAX_OBJECTS), (b"[", MAX_LISTS), (b",", MAX_VALUES)):
        if data.count(sign) > limit:  # each would take many times its length in memory
            raise FormatError(name, f"has over {limit} times {sign.decode()!r}")
    try:
        return json.loads(data.decode(), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise FormatError(name, f"is not valid JSON ({str(error)[:200]})") from error


def read_header(source):
    """The header as (metadata, tensors by name), all ranges checked: no holes, no overlaps."""
    if source.size < 8:
        raise FormatError(source.name, f"{source.size} bytes are too few for safetensors")
    length = struct.unpack("<Q", source.read(0, 8))[0]
    if length > MAX_HEADER:
        raise FormatError(source.name, f"a header of {length} bytes is over the limit of 16 MB")
    header = parse_json(source.name, source.read(8, length))
    if not isinstance(header, dict):
        raise FormatError(source.name, "the header is not an object")
    metadata = header.pop("__metadata__", {})
    if len(header) > MAX_TENSORS:
        raise FormatError(source.name, f"{len(header)} tensors are over the limit of {MAX_TENSORS}")
    tensors = {name: _tensor(source, name, entry, 8 + length) for name, entry in header.items()}
    ranges = [(t.offset, t.offset + t.nbytes, t.name) for t in tensors.values()]
    check_ranges(source, 8 + length, ranges)
    if 8 + length + sum(end - first for first, end, _ in ranges) != source.size:
        raise FormatError(source.name, "the file has bytes that belong to no tensor")
    return metadata, tensors


def _tensor(source, name, entry, data):
    def fail(reason: str) -> NoReturn:
        raise FormatError(source.name, f"tensor {name!r} {reason}")

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        fail("does not have dtype, shape and data_offsets")
    kind = TYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if kind is None or kind.bits:
        fail(f"has the type {entry['dtype']!r}; F32, F16 and BF16 can be read")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
            fail(f"has {numbers!r} where a list of sizes should be")
    if not 1 <= len(shape) <= 4 or len(offsets) != 2:
        fail(f"has the shape {shape} and the range {offsets}")
    elements = 1
    for size in shape:
        elements *= size
    if not 1 <= elements < 1 << 32:
        fail(f"of shape {shape} has {elements} elements; it must have 1 to 2^32 - 1")
    if offsets[1] - offsets[0] != kind.nbytes(elements):
        fail(f"of shape {shape} does not fill its range {offsets}")
    return Tensor(name, tuple(shape), kind, data + offsets[0], source)


def open_folder(name, folder):
    """Open a model in a folder, given as a mapping from file name to a function that opens it."""

    def load(file, required=True):
        return read_json(name, folder, file, required)

    settings = load("config.json")
    config = architecture.config_from_json(name, settings)
    index, sources, entries, metadata = _index(name, folder, load), [], {}, {}
    for file in sorted(set(index.values())) if index else [_only(name, folder)]:
        source = folder[file]()
        sources.append(source)
        notes, tensors = read_header(source)
        metadata |= notes if isinstance(notes, dict) else {}
        for tensor in tensors.values():
            if tensor.name in entries:
                raise FormatError(name, f"the tensor {tensor.name} is in two files")
            if index and index.get(tensor.name) != file:
                said = index.get(tensor.name, "nowhere")
                raise FormatError(
                    name, f"the tensor {tensor.name} is in {file}; the index says {said}"
                )
            if architecture.of_no_use(tensor.name, config):
                continue
            gain = architecture.is_less_one(tensor.name, config)
            entries[tensor.name] = Entry(
                tensor.shape, tensor.kind, source, tensor.offset, above=float(gain)
            )
    needed = {tensor for tensor in index if not architecture.of_no_use(tensor, config)}
    for tensor in needed - entries.keys():
        raise FormatError(name, f"the index says {tensor} is in {index[tensor]}, where it is not")
    entries, seeing = divide(entries)
    if seeing and "lm_head.weight" not in entries:
        config["tie_word_embeddings"] = True
    if config["tie_word_embeddings"]:
        entries.pop("lm_head.weight", None)
    for tensor in [tensor for tensor in entries if tensor.endswith("rotary_emb.inv_freq")]:
        del entries[tensor]
    told = load("tokenizer_config.json", required=False)
    generation = load("generation_config.json", required=False)
    words = vocabulary.from_json(name, load("tokenizer.json"), told, generation)
    template = _chat_template(name, folder, told)
    parts = config, entries, words, template, metadata, sources
    file = ModelFile(name, "safetensors", *parts, generation)
    if seeing:
        taken = load("preprocessor_config.json", required=False)
        file.take_eyes(lambda words: eyes_of(name, settings, taken, seeing, words))
    return file


def read_json(name, folder, file, required=True):
    """Return one of the JSON files beside the weights, an object; {} for an optional one that is
    missing."""
    if file not in folder:
        if required:
            raise FormatError(name, f"{file} is missing beside the weights", kind="folder")
        return {}
    source = folder[file]()
    try:
        if source.size > MAX_JSON:
            raise FormatError(f"{name}/{file}", f"is over the limit of {MAX_JSON >> 20} MB")
        data = parse_json(f"{name}/{file}", source.read(0, source.size))
    finally:
        source.close()
    if not isinstance(data, dict):
        raise FormatError(f"{name}/{file}", "is not an object")
    return data


def _only(name, folder):
    files = [file for file in folder if file.endswith(".safetensors")]
    if len(files) != 1:
        raise FormatError(
            name,
            f"one .safetensors file or an index ({INDEX}) is needed, not {len(files)} files; "
            "choose the whole folder",
            kind="folder",
        )
    return files[0]


def _index(name, folder, load):
    """Return which tensor is in which file, as the index says; {} where there is none."""
    if INDEX not in folder:
        return {}
    index = load(INDEX).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise FormatError(name, "the index does not say which tensor is in which file")
    for file in index.values():
        if not isinstance(file, str) or not SHARD.fullmatch(file):
            raise FormatError(name, f"the index names {file!r:.80}, which is no file beside it")
    files = sorted(set(index.values()))
    if len(files) > MAX_SHARDS:
        raise FormatError(name, f"the index names {len(files)} files, over {MAX_SHARDS}")
    missing = [file for file in files if file not in folder]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise FormatError(
            name,
            f"{missing[0]}{more} of {len(files)} files of weights is missing; download it, and "
            "choose the whole folder",
            kind="parts",
            what=missing[0],
        )
    return index


def _chat_template(name, folder, settings):
    if "chat_template.jinja" in folder:
        source = folder["chat_template.jinja"]()
        try:
            if source.size > 1 << 20:
                raise FormatError(f"{name}/chat_template.jinja", "is over the limit of 1 MB")
            return bytes(source.read(0, source.size)).decode(errors="replace")
        finally:
            source.close()
    template = settings.get("chat_template")
    if template is None:  # beside the settings of pictures, where there are any
        template = read_json(name, folder, "chat_template.json", False).get("chat_template")
    if isinstance(template, list):  # several named templates
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def write(file, tensors, metadata=None):
    """Write one safetensors file; a tensor is an array (float32, float16) or (type name, shape,
    bytes).

    The same input gives the same bytes.
    """
    header, parts, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    for name, tensor in sorted(tensors.items()):
        if isinstance(tensor, np.ndarray):
            kind = {"float32": "F32", "float16": "F16"}[tensor.dtype.name]
            tensor = kind, tensor.shape, tensor.tobytes()
        kind, shape, data = tensor
        span = [offset, offset + len(data)]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": span}
        parts.append(data)
        offset = span[1]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for data in parts:
        file.write(data)
