"""Writes GGUF v3: adapters for export, and small models."""

import struct

import numpy as np

from oneseek.engine.model.formats.gguf import ARRAY, NUMBERS, STRING
from oneseek.engine.model.formats.packed import TYPES


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value):
    """Encode a metadata value with its type: bool, int (unsigned 32 bit if it fits), float, str,
    list, array."""
    if isinstance(value, str):
        return STRING, _string(value)
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return (
            (4, struct.pack("<I", value))
            if 0 <= value < 1 << 32
            else (11, struct.pack("<q", value))
        )
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, np.ndarray):
        kind = next(n for n, form in NUMBERS.items() if np.dtype(form) == value.dtype)
        return ARRAY, struct.pack("<IQ", kind, value.size) + value.tobytes()
    kinds = {_value(item)[0] for item in value} or {STRING}
    if len(kinds) > 1:
        raise TypeError(f"a GGUF array holds one type, not {value!r}")
    items = b"".join(_value(item)[1] for item in value)
    return ARRAY, struct.pack("<IQ", kinds.pop(), len(value)) + items


def header(metadata, tensors, alignment=32):
    """Return the beginning of a GGUF v3 file, and where each tensor lies in it; a tensor is given
    as (type name, shape, bytes it has)."""
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, data = _value(value)
        parts += [_string(key), struct.pack("<I", kind), data]
    offset, places = 0, {}
    for name, (kind, shape, size) in tensors.items():
        parts += [
            _string(name),
            struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1]),
            struct.pack("<IQ", TYPES[kind].number, offset),
        ]
        places[name] = offset
        offset += size + -size % alignment
    head = b"".join(parts)
    head += bytes(-len(head) % alignment)
    return head, {name: len(head) + place for name, place in places.items()}


def write(file, metadata, tensors, alignment=32):
    """Write a GGUF v3 file; a tensor is an array (float32 or float16) or (type name, shape,
    bytes)."""
    stored = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, np.ndarray):
            kind = {"float32": "F32", "float16": "F16"}[tensor.dtype.name]
            tensor = kind, tensor.shape, tensor.tobytes()
        stored[name] = tensor
    sizes = {name: (kind, shape, len(data)) for name, (kind, shape, data) in stored.items()}
    file.write(header(metadata, sizes, alignment)[0])
    for _, _, data in stored.values():
        file.write(data)
        file.write(bytes(-len(data) % alignment))
