"""A photo must be cut into tiles as by the image processor of transformers; see
golden/make_pictures.py."""

import io

import numpy as np
import pytest
from PIL import Image

from oneseek.engine.model.vision.tiles import Sight, patches_of
from oneseek.importers.document import ImportRefused
from oneseek.importers.photo import tiles_of
from tests.golden import FOLDER
from tests.golden.pictures import PHOTOS, REAL, subsample
from tests.support.eyes import photo

HALF = (0.5, 0.5, 0.5)
SIZES = [
    pytest.param(size, id=f"{size[0]}x{size[1]}", marks=[pytest.mark.slow] if size == REAL else [])
    for size in PHOTOS
]
GOLDEN = np.load(FOLDER / "pictures.npz")


def sight(tile: int, longest: int) -> Sight:
    return Sight(tile, longest, HALF, HALF)


@pytest.mark.parametrize("in_parts", [True, False], ids=["parts", "whole"])
@pytest.mark.parametrize("size", SIZES)
def test_its_tiles_are_those_of_transformers(size, in_parts):
    width, height, tile, longest = size
    found = tiles_of(photo(width, height), "a photo", sight(tile, longest), in_parts)
    name = f"photo/{width}x{height}/{tile}/{in_parts}"
    assert [found.rows, found.columns] == GOLDEN[f"{name}/cut"].tolist()
    patches = sight(tile, longest).numbers(patches_of(found.pixels, tile))
    numbers = subsample(patches.reshape(-1, 3, tile, tile).transpose(0, 2, 3, 1))
    np.testing.assert_allclose(numbers, GOLDEN[name], atol=1e-6)


def test_a_photograph_has_twelve_parts_and_a_whole():
    layout = sight(REAL[2], REAL[3]).layout(*REAL[:2])
    assert (layout.rows, layout.columns, layout.tiles) == (3, 4, 13)


def test_a_photo_is_seen_upright():
    flat = Image.fromarray(np.repeat([[[255, 0, 0], [0, 0, 255]]], 20, 0).astype(np.uint8))
    turned = flat.resize((40, 20), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees to the right
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    found = tiles_of(file.getvalue(), "a photo", sight(16, 16), False)
    above, below = found.pixels[0, :4].mean((0, 1)), found.pixels[0, -4:].mean((0, 1))
    assert above[0] > 200 > 50 > above[2] and below[2] > 200 > 50 > below[0]


def test_what_is_transparent_is_white():
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(file, "PNG")
    assert tiles_of(file.getvalue(), "a photo", sight(16, 16)).pixels.min() == 255


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"no picture at all", photo(9, 9)[:60]])
def test_what_is_no_picture_is_refused_in_words(data):
    with pytest.raises(ImportRefused, match="a photo"):
        tiles_of(data, "a photo", sight(16, 32))
