"""Reads the file that holds a model's eyes (llama.cpp's `mmproj`) as untrusted input, and finds it
among the files of a folder."""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

import numpy as np

from oneseek.engine.core.hub import BESIDE
from oneseek.engine.model.formats.gguf import Tensor, read_header
from oneseek.engine.model.formats.packed import Packed, read_packed, read_plain
from oneseek.engine.model.formats.source import FormatError, Source
from oneseek.engine.model.llama import Stored
from oneseek.engine.model.vision.siglip import Tower
from oneseek.engine.model.vision.tiles import Sight

JOINTS = re.compile(r"[-_.]+")
STORED = re.compile(r"-(i?q\d(-[a-z\d]{1,2})*|f16|f32|bf16|model)(?=$|-)")
KINDS = {"idefics3"}
POSITIONS = "v.position_embd.weight"
SIZES = {  # llama.cpp's names, and the allowed ranges
    "tile": ("image_size", 8, 2048),
    "patch": ("patch_size", 2, 128),
    "width": ("embedding_length", 4, 1 << 14),
    "hidden": ("feed_forward_length", 4, 1 << 16),
    "layers": ("block_count", 1, 256),
    "heads": ("attention.head_count", 1, 256),
    "block": ("projector.scale_factor", 1, 64),
    "words": ("projection_dim", 4, 1 << 16),
}


def is_eyes(name: str) -> bool:
    """Whether a file has the name of one that holds eyes."""
    return BESIDE in name.lower() and name.endswith(".gguf")


def whose(name: str) -> str:
    """The model that a file belongs to, by its name: without the mark, and how it is stored."""
    stem = JOINTS.sub("-", name.lower().removesuffix(".gguf").replace(BESIDE, ""))
    return STORED.sub("", stem.strip("-")).strip("-")


class EyesFile:
    """Eyes that can be read: their sizes, and their weights one at a time."""

    def __init__(
        self, name: str, tower: Tower, sight: Sight, entries: dict[str, Tensor], words: int,
        source: Source | None = None,
    ) -> None:  # fmt: skip
        """`words` is the width of the language model; FormatError where the eyes do not fit it. A
        `source` of their own is closed with them."""
        self.name, self.tower, self.sight, self.source = name, tower, sight, source
        self._entries = entries
        if tower.words != words:
            self.fail(f"it is made for words of {tower.words} numbers, the model's have {words}")
        shapes = tower.shapes()
        for part, shape in shapes.items():
            entry = entries.get(part)
            if entry is None:
                self.fail(f"the tensor {part} is missing")
            if entry.shape != shape:
                self.fail(f"{part} has shape {entry.shape}, not {shape}")
            if entry.kind.bits and len(shape) != 2:
                self.fail(f"{part} is packed, which it cannot be read as")
        for part in entries:
            if part not in shapes:
                self.fail(f"the tensor {part} is not part of such eyes")

    @classmethod
    def of_gguf(cls, source: Source, words: int) -> EyesFile:
        """Read those of an `mmproj` file, which is closed where it holds none."""
        try:
            metadata, entries = read_header(source)
            tower, sight = read_sizes(source.name, metadata)
            down = entries.get("v.blk.0.ffn_down.weight")
            earlier = down is not None and down.shape == (tower.hidden, tower.width)
            if earlier and tower.hidden != tower.width:
                entries = {swap_up_down(name): entry for name, entry in entries.items()}
            return cls(source.name, tower, sight, entries, words, source)
        except FormatError:
            source.close()
            raise

    def fail(self, reason: str) -> NoReturn:
        raise FormatError(self.name, reason)

    def names(self) -> list[str]:
        return list(self.tower.shapes())

    def spec(self, name: str) -> Tensor:
        return self._entries[name]

    def read(self, name: str) -> np.ndarray | Packed:
        """Read one weight: packed where it is, else plain; that of the patches as a matrix."""
        entry = self.spec(name)
        read = read_packed if entry.kind.bits else read_plain
        weight = read(entry.source, entry.offset, entry.kind, entry.shape)
        numbers = weight.scales if isinstance(weight, Packed) else weight
        if not np.isfinite(numbers).all():
            self.fail(f"{name} holds numbers that are not finite; download it again")
        if isinstance(weight, Packed):
            return weight.dense() if name == POSITIONS else weight
        return weight.reshape(len(weight), -1) if weight.ndim > 2 else weight

    def describe_storage(self, name: str) -> Stored:
        """Return how a weight lies in memory once it was read."""
        entry = self.spec(name)
        if not entry.kind.bits or name == POSITIONS:
            return Stored(
                (entry.shape[0], math.prod(entry.shape[1:])) if entry.shape[1:] else entry.shape
            )
        return Stored(entry.shape, entry.kind.bits, entry.kind.group)

    @property
    def parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.tower.shapes().values())

    @property
    def size(self) -> int:
        """Bytes of all weights where they lie."""
        return sum(self.spec(name).nbytes for name in self.names())

    def close(self) -> None:
        if self.source:
            self.source.close()


def swap_up_down(name: str) -> str:
    """A layer's weight name in an earlier file, where the first product was called `down`."""
    up, down = ".ffn_up.", ".ffn_down."
    return name.replace(up, down) if up in name else name.replace(down, up)


def read_sizes(name: str, metadata: dict) -> tuple[Tower, Sight]:
    """Return the sizes of a tower and of the pictures it takes, from checked metadata."""

    def fail(reason: str) -> NoReturn:
        raise FormatError(name, reason)

    def get(key: str) -> Any:
        return metadata.get(f"clip.vision.{key}")

    kind = get("projector_type") or metadata.get("clip.projector_type")
    known = isinstance(kind, str) and kind in KINDS
    if metadata.get("general.architecture") != "clip" or not known:
        fail(f"eyes of the kind {kind!r} are not supported; {', '.join(KINDS)} are")
    sizes = {}
    for ours, (theirs, low, high) in SIZES.items():
        value = get(theirs)
        if type(value) is not int or not low <= value <= high:
            fail(f"{theirs} is {value!r}; it must be from {low} to {high}")
        sizes[ours] = value
    eps = get("attention.layer_norm_epsilon")
    if type(eps) is not float or not 0 < eps < 1:
        fail(f"attention.layer_norm_epsilon is {eps!r}")
    tower = Tower(eps=eps, **sizes)
    edge = tower.tile // tower.patch
    if tower.tile % tower.patch or edge % tower.block or tower.width % (4 * tower.heads):
        fail(f"a tile of {tower.tile} does not divide into patches and blocks, or {tower.width} "
             f"numbers into {tower.heads} heads of whole fours")  # fmt: skip
    longest = get("preproc_image_size") or 4 * tower.tile
    if type(longest) is not int or not tower.tile <= longest:
        fail(f"preproc_image_size is {longest!r}; it must be {tower.tile} or more")
    mean, deviation = (colours(get(f"image_{one}")) for one in ("mean", "std"))
    if mean is None or deviation is None or min(deviation) <= 0:
        fail("image_mean and image_std are not three numbers each")
    return tower, Sight(tower.tile, longest, mean, deviation)


def colours(value: Any) -> tuple[float, ...] | None:
    """Return three finite numbers, or None."""
    try:
        found = tuple(float(one) for one in value)
    except (TypeError, ValueError):
        return None
    return found if len(found) == 3 and all(map(math.isfinite, found)) else None
