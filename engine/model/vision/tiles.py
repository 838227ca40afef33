"""Prepares a picture for a model with eyes: its sizes, its tiles, and its numbers.

The sizes are those of Idefics 3 and SmolVLM: the longest edge is brought to a fixed length, both
edges to whole tiles, and the picture as a whole is one tile more.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np

LONGEST = 4096  # pixels of an edge, whatever a file asks for


class Layout(NamedTuple):
    """The sizes that a picture is scaled to, one after the other, and the tiles it is then cut
    into; without rows there is only the tile of the whole."""

    sizes: tuple[tuple[int, int], ...]  # width and height
    rows: int
    columns: int

    @property
    def tiles(self) -> int:
        """The number of tiles: those of the parts, and that of the whole."""
        return self.rows * self.columns + 1


@dataclass(frozen=True)
class Sight:
    """How a model takes pictures."""

    tile: int  # pixels of an edge
    longest: int  # pixels of the longer edge of a picture that is cut
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def layout(self, width: int, height: int, in_parts: bool = True) -> Layout:
        """The layout of a picture of this size; not `in_parts`, only its whole is encoded."""
        whole = (self.tile, self.tile)
        scaled = longest_edge(width, height, min(self.longest, LONGEST))
        if not in_parts:
            return Layout((scaled, whole), 0, 0)
        fitted = whole_tiles(*scaled, self.tile)
        if fitted == whole:
            return Layout((scaled, whole), 0, 0)
        columns, rows = (edge // self.tile for edge in fitted)
        return Layout((scaled, fitted), rows, columns)

    def numbers(self, patches: np.ndarray) -> np.ndarray:
        """uint8[..., 3 * pixels], the colours apart -> the tower's input, f32 of the same shape."""
        mean, deviation = (
            np.array(one, np.float64)[:, None] for one in (self.mean, self.deviation)
        )
        colours = patches.reshape(*patches.shape[:-1], 3, -1)
        numbers = np.multiply(colours, (1 / (255 * deviation)).astype(np.float32), dtype=np.float32)
        numbers -= (mean / deviation).astype(np.float32)
        return numbers.reshape(patches.shape)


def longest_edge(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return the longer edge scaled to a length, and the other to the even number at or above its
    share."""
    ratio = width / height
    if width >= height:
        short = int(longest / ratio)
        return longest, max(1, short + short % 2)
    short = int(longest * ratio)
    return max(1, short + short % 2), longest


def whole_tiles(width: int, height: int, tile: int) -> tuple[int, int]:
    """Return both edges rounded up to whole tiles, the longer one first."""

    def up(length: int) -> int:
        return max(1, ceil(length / tile)) * tile

    ratio = width / height
    if width >= height:
        wide = up(width)
        return wide, up(int(wide / ratio))
    high = up(height)
    return up(int(high * ratio)), high


def patches_of(tiles: np.ndarray, patch: int) -> np.ndarray:
    """[n, tile, tile, 3] -> [n, patches, 3 * patch * patch]: row by row, the colours apart."""
    count, edge = len(tiles), tiles.shape[1] // patch
    cut = tiles.reshape(count, edge, patch, edge, patch, 3).transpose(0, 1, 3, 5, 2, 4)
    return np.ascontiguousarray(cut).reshape(count, edge * edge, 3 * patch * patch)
