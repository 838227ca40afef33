"""The GGUF container: its header, read as untrusted input.

Nothing is allocated because a header says so: counts are checked against fixed limits and against
the bytes there are before anything is read (RELIABILITY R25).
"""

import struct
from dataclasses import dataclass, replace

import numpy as np

from oneseek.engine.model.formats.packed import BY_NUMBER, OTHERS, TYPES, Type
from oneseek.engine.model.formats.source import FormatError, Source
from oneseek.engine.turns import pause

MAX_KEYS = 4096
MAX_TENSORS = 65536
MAX_ITEMS = 1 << 20  # of one array; strings also in all arrays together
MAX_STRING = 16 << 20
UNINTERRUPTED = 4096  # strings that are read without a pause
MAX_HEADER = 64 << 20
MAX_NAME = 256
WINDOW = 1 << 20

NUMBERS = {
    0: "<u1",
    1: "<i1",
    2: "<u2",
    3: "<i2",
    4: "<u4",
    5: "<i4",
    6: "<f4",
    7: "?",
    10: "<u8",
    11: "<i8",
    12: "<f8",
}
STRING, ARRAY = 8, 9
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Tensor:
    """One entry of a directory; `shape` in numpy's order, `offset` from the start of its file."""

    name: str
    shape: tuple
    kind: Type
    offset: int
    source: Source

    @property
    def nbytes(self):
        return self.kind.nbytes(int(np.prod(self.shape, dtype=object)))


class Cursor:
    """Reads forwards through a header, fetching it in windows and never more than `MAX_HEADER`."""

    def __init__(self, source):
        self.source = source
        self.bytes = b""
        self.position = 0
        self.items = 0  # strings in arrays so far

    def fail(self, reason):
        raise FormatError(self.source.name, reason)

    def hold(self, end):
        """Read the bytes up to `end` into memory."""
        if end <= len(self.bytes):
            return
        if end > self.source.size:
            self.fail(
                f"the header is cut short at byte {self.source.size}; download the file again"
            )
        if end > MAX_HEADER:
            self.fail(f"the header is over the limit of {MAX_HEADER >> 20} MB")
        wanted = min(max(end, 2 * len(self.bytes), WINDOW), self.source.size, MAX_HEADER)
        self.bytes += bytes(self.source.read(len(self.bytes), wanted - len(self.bytes)))

    def need(self, count):
        """Return where the next `count` bytes begin, after reading them into memory; the position
        moves past them."""
        start = self.position
        self.hold(start + count)
        self.position = start + count
        return start

    def number(self, form):
        return struct.unpack_from(form, self.bytes, self.need(struct.calcsize(form)))[0]

    def string(self, what):
        return self.strings(what, 1)[0]

    def strings(self, what, count):
        """Read `count` texts; a loop without calls, because vocabularies have hundreds of
        thousands."""
        texts, start = [], self.position
        for i in range(count):
            if i % UNINTERRUPTED == 0:
                pause()
            if start + 8 > len(self.bytes):
                self.hold(start + 8)
            length = LENGTH.unpack_from(self.bytes, start)[0]
            end = start + 8 + length
            if end > len(self.bytes):
                if length > MAX_STRING:
                    self.fail(f"{what} has {length} bytes, over the limit of {MAX_STRING}")
                self.hold(end)
            texts.append(self.bytes[start + 8 : end])
            start = end
        self.position = start
        try:
            return [text.decode() for text in texts]
        except UnicodeDecodeError:
            self.fail(f"{what} is not valid UTF-8")

    def value(self, key):
        kind = self.number("<I")
        if kind == STRING:
            return self.string(f"the value of {key!r}")
        if kind == ARRAY:
            return self.array(key)
        return self.numbers(key, kind, 1)[0].item()

    def numbers(self, key, kind, count):
        if kind not in NUMBERS:
            self.fail(f"the value of {key!r} has the unknown type {kind}")
        dtype = np.dtype(NUMBERS[kind])
        start = self.need(count * dtype.itemsize)
        return np.frombuffer(self.bytes[start : self.position], dtype)

    def array(self, key):
        kind, count = self.number("<I"), self.number("<Q")
        if count > MAX_ITEMS:
            self.fail(f"the array {key!r} has {count} items, over the limit of {MAX_ITEMS}")
        if kind != STRING:
            return self.numbers(key, kind, count)
        self.items += count
        if self.items > MAX_ITEMS:
            self.fail(f"the arrays have over {MAX_ITEMS} strings in all")
        if count * 8 > self.source.size - self.position:
            self.fail(f"the array {key!r} of {count} strings does not fit in the file")
        return self.strings(f"an item of {key!r}", count)


def read_header(source):
    """Return a GGUF header as (metadata, tensors by name); arrays of numbers stay numpy arrays."""
    cursor = Cursor(source)
    metadata, tensor_count = _metadata(cursor)
    return metadata, _directory(cursor, metadata, tensor_count)


def read_metadata(source):
    """Return only the metadata, whatever the tensors are."""
    return _metadata(Cursor(source))[0]


def _metadata(cursor):
    source = cursor.source
    if source.size < 24 or source.read(0, 4) != b"GGUF":
        cursor.fail("this is not a GGUF file (it does not begin with GGUF)")
    cursor.position = cursor.need(4) + 4
    version = cursor.number("<I")
    if version not in (2, 3):
        big = version in (2 << 24, 3 << 24)
        cursor.fail(
            "big-endian GGUF cannot be read" if big else f"GGUF version {version} is unknown"
        )
    tensor_count, key_count = cursor.number("<Q"), cursor.number("<Q")
    if key_count > MAX_KEYS:
        cursor.fail(f"{key_count} metadata keys are over the limit of {MAX_KEYS}")
    if tensor_count > MAX_TENSORS:
        cursor.fail(f"{tensor_count} tensors are over the limit of {MAX_TENSORS}")
    metadata = {}
    for _ in range(key_count):
        key = cursor.string("a metadata key")
        if not key or key in metadata:
            cursor.fail(f"the metadata key {key!r} is {'there twice' if key else 'empty'}")
        metadata[key] = cursor.value(key)
    return metadata, tensor_count


def _directory(cursor, metadata, count):
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment not in [1 << n for n in range(3, 13)]:
        cursor.fail(f"the alignment {alignment!r} is not a power of two from 8 to 4096")
    tensors = {}
    for _ in range(count):
        tensor = _tensor(cursor, alignment)
        if not tensor.name or tensor.name in tensors:
            cursor.fail(f"the tensor name {tensor.name!r} is there twice or empty")
        tensors[tensor.name] = tensor
    data = -(-cursor.position // alignment) * alignment
    tensors = {name: replace(t, offset=t.offset + data) for name, t in tensors.items()}
    check_ranges(
        cursor.source, data, [(t.offset, t.offset + t.nbytes, t.name) for t in tensors.values()]
    )
    return tensors


def _tensor(cursor, alignment):
    name = cursor.string("a tensor name")
    if len(name) > MAX_NAME:
        cursor.fail(f"the tensor name {name[:40]!r}... has {len(name)} letters, over {MAX_NAME}")
    dimensions = cursor.number("<I")
    if not 1 <= dimensions <= 4:
        cursor.fail(f"tensor {name!r} has {dimensions} dimensions; 1 to 4 are possible")
    shape = tuple(cursor.number("<Q") for _ in range(dimensions))[::-1]
    elements = 1
    for length in shape:
        elements *= length
    if not 1 <= elements < 1 << 32:
        cursor.fail(
            f"tensor {name!r} of shape {shape} has {elements} elements; it must have 1 to 2^32 - 1"
        )
    number = cursor.number("<I")
    if number not in BY_NUMBER:
        cursor.fail(
            f"tensor {name!r} has the quantisation type {OTHERS.get(number, number)}, which cannot "
            f"be read; {', '.join(TYPES)} can"
        )
    kind = BY_NUMBER[number]
    if shape[-1] % kind.block:
        cursor.fail(f"tensor {name!r}: rows of {shape[-1]} are not whole blocks of {kind.name}")
    if kind.bits and dimensions != 2:
        cursor.fail(f"tensor {name!r} of shape {shape} is {kind.name}, which only a matrix can be")
    offset = cursor.number("<Q")
    if offset % alignment:
        cursor.fail(f"tensor {name!r} begins at {offset}, not a multiple of {alignment}")
    return Tensor(name, shape, kind, offset, cursor.source)


def check_ranges(source, data, ranges):
    """Check that every (first, end, name) lies inside the file's data section and none overlaps
    another."""
    before, previous = data, None
    for first, end, name in sorted(ranges):
        if end > source.size:
            raise FormatError(
                source.name,
                f"tensor {name!r} ends at byte {end} but the file at {source.size}; "
                "it is cut short; download it again",
                kind="cut",
            )
        if first < before:
            raise FormatError(source.name, f"tensors {previous!r} and {name!r} overlap")
        before, previous = end, name
