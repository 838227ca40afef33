"""The door for pictures that a model looks at: opened with Pillow, resized and cut into tiles as
the model was trained on them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from oneseek.engine.model.vision.eyes import Tiles
from oneseek.engine.model.vision.tiles import Sight
from oneseek.importers.image import upright
from oneseek.importers.limits import Budget


def tiles_of(data: bytes, name: str, sight: Sight, in_parts: bool = True) -> Tiles:
    """A picture's file in tiles; `in_parts` those of its parts as well, where it is large enough
    for the model. ImportRefused says what is wrong with one that cannot be read."""
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
