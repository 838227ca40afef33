"""Times the preparation of a photo: cut into tiles of floats for SmolVLM, natively and in a tab."""

import time

from oneseek.engine.model.vision.tiles import Sight, patches_of
from oneseek.importers.photo import tiles_of

HALF = (0.5, 0.5, 0.5)
SIGHT, PATCH = Sight(512, 2048, HALF, HALF), 16


def prepare(photo: bytes) -> tuple[float, int]:
    """The seconds, and the number of tiles."""
    began = time.perf_counter()
    tiles = tiles_of(photo, "a photo", SIGHT)
    for tile in tiles.pixels:
        SIGHT.numbers(patches_of(tile[None], PATCH)[0])
    return time.perf_counter() - began, len(tiles.pixels)
