"""Until a photograph lies in tiles of numbers, as SmolVLM takes them: natively and in a tab."""

import time

from oneseek.engine.model.vision.tiles import Sight, patches_of
from oneseek.importers.photo import tiles_of

HALF = (0.5, 0.5, 0.5)
SIGHT, PATCH = Sight(512, 2048, HALF, HALF), 16


def prepare(photo: bytes) -> tuple[float, int]:
    """The seconds that takes, and how many tiles it has."""
    began = time.perf_counter()
    tiles = tiles_of(photo, "a photo", SIGHT)
    for tile in tiles.pixels:
        SIGHT.numbers(patches_of(tile[None], PATCH)[0])
    return time.perf_counter() - began, len(tiles.pixels)
