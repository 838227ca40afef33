"""Packs a model: its matrices become blocks of 4 or 8 bits in one GGUF file, written piece by
piece.

The same model gives the same bytes, and the header names its hash: an interrupted packing resumes
after the last whole piece.
"""

import asyncio
from dataclasses import dataclass

import numpy as np

from oneseek.engine.model.formats import architecture, gguf_writer, to_gguf
from oneseek.engine.model.formats.packed import TYPES, read_packed, read_plain
from oneseek.engine.model.formats.quantise import BLOCK, QUANTISERS, encode
from oneseek.engine.model.formats.source import FormatError

PIECE = 1 << 20  # numbers that are converted at once: a few copies of 4 MB
LARGE = ("F32", "F16", "BF16", "Q8_0")  # types that are packed; others stay as they are
FILE_TYPES = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7}  # general.file_type
EMBEDDINGS = ("model.embed_tokens.weight", "lm_head.weight")
PACKED_FROM = "oneseek.packed_from"  # sha256 of the model as it was given
ANY_HASH = "0" * 64  # a placeholder of the same length, where only sizes are needed


@dataclass(frozen=True)
class Part:
    """A tensor of the new file: rows of the model's, converted to a type."""

    name: str  # the model's; empty for the rope factors
    kind: str
    shape: tuple
    order: object = None  # of the rows, in groups of its length
    columns: object = None
    speed: bool = False  # A, which GGUF stores as -e^A

    @property
    def nbytes(self):
        return TYPES[self.kind].nbytes(int(np.prod(self.shape)))

    @property
    def bits(self):
        return TYPES[self.kind].bits

    @property
    def group(self):
        return TYPES[self.kind].group


class Packing:
    """The layout of a packed file: `total` bytes, and `pieces` in the order in which they lie."""

    def __init__(self, file, kind, embeddings, sha256):
        for wanted in (kind, embeddings):
            if wanted not in QUANTISERS:
                raise ValueError(f"{wanted!r} cannot be written; {', '.join(QUANTISERS)} can")
        self.file = file
        self.family = to_gguf.kind_of(file)
        self.factors = to_gguf.rope_factors(file)
        self.parts = {}
        for name in file.names():
            wanted = embeddings if name in EMBEDDINGS else kind
            self.parts[architecture.to_gguf_name(name, self.family)] = self._part(name, wanted)
        if self.factors is not None:
            self.parts["rope_freqs.weight"] = Part("", "F32", self.factors.shape)
        tensors = {name: (p.kind, p.shape, p.nbytes) for name, p in self.parts.items()}
        keys = to_gguf.metadata_of(file, to_gguf.directory_of(tensors))
        keys |= {"general.file_type": FILE_TYPES[kind], "general.quantization_version": 2}
        keys["general.alignment"] = 32
        self.head, self.places = gguf_writer.header(keys | {PACKED_FROM: sha256}, tensors)
        last = list(tensors)[-1]
        self.total = self.places[last] + tensors[last][2]
        self.total += -self.total % 32

    def specs(self):
        """Return shape and stored type of each of the model's tensors, by its name."""
        return {part.name: part for part in self.parts.values() if part.name}

    def _part(self, name, wanted):
        spec = self.file.spec(name)
        kind, shape = spec.kind.name, spec.shape
        if len(spec.shape) != 2:
            kind, shape = "F32", shape[:1] + shape[2:]  # a convolution's, without its axis of one
        elif kind in LARGE:
            fits = spec.shape[-1] % BLOCK == 0
            kind = wanted if fits else "F16"
        if self.file.container == "GGUF":  # it has GGUF's order already
            return Part(name, kind, shape)
        if self.family == "llama" and name.split(".")[-2] in ("q_proj", "k_proj"):
            order = architecture.interleave_rows(1, self.file.config["head_dim"])
            return Part(name, kind, shape, order)
        side, order = architecture.order_of(name, spec.shape, self.file.config) or (0, None)
        places = None if order is None else np.argsort(order)
        orders = {"columns" if side else "order": places}
        return Part(name, kind, shape, speed=name.endswith(".A_log"), **orders)

    def pieces(self):
        """Yield (where it begins, its length, the tensor's name, first row, rows) of each."""
        for name, part in self.parts.items():
            rows = part.shape[0] if len(part.shape) > 1 else 1
            row = part.nbytes // rows
            step = max(1, PIECE // int(np.prod(part.shape[1:] or part.shape)))
            if part.order is not None:
                step = max(1, step // len(part.order)) * len(part.order)
            for first in range(0, rows, step):
                count = min(step, rows - first)
                yield self.places[name] + first * row, count * row, name, first, count

    def data(self, name, first, count):
        """Return the bytes of a piece."""
        part = self.parts[name]
        if not part.name:
            return self.factors.tobytes()
        spec = self.file.spec(part.name)
        if spec.kind.name == part.kind and spec.kind.bits:
            row = spec.nbytes // spec.shape[0]
            return bytes(spec.source.read(spec.offset + first * row, count * row))
        return encode(self._numbers(part, spec, first, count), part.kind)

    def _numbers(self, part, spec, first, count):
        shape = (count, *part.shape[1:]) if len(part.shape) > 1 else part.shape
        row = spec.nbytes // (spec.shape[0] if len(part.shape) > 1 else 1)
        at = spec.offset + first * row
        if spec.kind.bits:
            values = read_packed(spec.source, at, spec.kind, shape).dense()
        else:
            values = read_plain(spec.source, at, spec.kind, shape).astype(np.float32)
        if not np.isfinite(values).all():
            raise FormatError(
                self.file.name, f"{part.name} holds numbers that are not finite; download it again"
            )
        if spec.above:
            values = values + np.float32(spec.above)
        if part.speed:
            values = -np.exp(values)
        if part.columns is not None:
            return values[:, part.columns]
        if part.order is None:
            return values
        groups = values.reshape(-1, len(part.order), *shape[1:])
        return groups[:, part.order].reshape(shape)


async def pack(file, writer, kind, embeddings, progress=lambda phase, done, total: None):
    """Write the packed model through a `writer` (native.py, browser.py), or resume where an earlier
    call stopped; -> bytes in all."""
    packing = Packing(file, kind, embeddings, file.sha256(progress))
    there, head = writer.size(), packing.head
    if bytes(writer.read(0, min(there, len(head)))) != head:
        there = 0
        writer.truncate(0)
        writer.write(0, head)
    for at, length, *piece in packing.pieces():
        if at + length <= there:
            continue
        writer.write(at, packing.data(*piece))
        progress("pack", at + length, packing.total)
        await asyncio.sleep(0)
    writer.truncate(packing.total)
    writer.flush()
    return packing.total
