"""The entry point for pictures that a model sees: opened with Pillow, resized and cut into tiles as
in the model's training."""

from __future__ import annotations

import numpy as np
from PIL import Image

from oneseek.engine.model.vision.eyes import Tiles
from oneseek.engine.model.vision.tiles import Sight
from oneseek.importers.image import upright
from oneseek.importers.limits import Budget


def tiles_of(data: bytes, name: str, sight: Sight, in_parts: bool = True) -> Tiles:
    """The tiles of a picture; with `in_parts` also tiles of its parts, if it is large enough for
    the model. Raises ImportRefused with the reason if it cannot be read."""
    picture = upright(data, name, Budget(name)).convert("RGB")
    layout = sight.layout(*picture.size, in_parts)
    for size in layout.sizes:
        picture = resize(picture, size)
    tile = sight.tile
    corners = [
        (column * tile, row * tile)
        for row in range(layout.rows)
        for column in range(layout.columns)
    ]
    cut = [picture.crop((x, y, x + tile, y + tile)) for x, y in corners]
    cut.append(resize(picture, (tile, tile)))
    return Tiles(np.stack([np.asarray(one) for one in cut]), layout.rows, layout.columns)


def resize(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
