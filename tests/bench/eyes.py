"""Measures the vision model: its error against transformers and torch, and the seconds of a photo.

`python3 build.py bench eyes` measures the error of the small random model of tests/support/eyes.py
in numpy, on the CPU kernels, on the GPU that is here and on the CPU kernels in Chromium. It times
cutting a photo of 2048 x 1536 into tiles of floats, natively and in a worker of Chromium, the best
of five; and a vision tower of the size of SmolVLM 256M, with random weights, on one of its tiles.
tests/model/test_pictures.py holds the error to a KL of 1e-9 nats, and gradients to 1e-4 of their
largest value.
"""

import asyncio
import time
from base64 import b64encode
from math import prod

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.select import kernels
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.model.llama import Stored
from oneseek.engine.model.vision.eyes import Eyes, Tiles
from oneseek.engine.model.vision.siglip import Tower, plan_tower
from tests.bench.parts import lab, report
from tests.bench.parts.photo import SIGHT, prepare
from tests.support import eyes, pictures
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host

HOMES = {"numpy": Numpy, "wasm": lambda: Wasm(host()), "gpu": gpu}
TIMES = 5
SMOLVLM = Tower(
    tile=512, patch=16, width=768, hidden=3072, layers=12, heads=12, eps=1e-6, block=4, words=576
)


def describe_storage(tower: Tower) -> dict[str, Stored]:
    """The shapes of the tower's weights as unpacked matrices."""
    shapes = tower.shapes().items()
    return {
        name: Stored(shape if len(shape) < 3 else (shape[0], prod(shape[1:])))
        for name, shape in shapes
    }


async def look_at_a_tile() -> float:
    """Seconds of the larger tower for one tile, when it is warm."""
    executor, draw, stored = kernels(), np.random.default_rng(1), describe_storage(SMOLVLM)
    tensors = {
        name: executor.upload((draw.standard_normal(one.shape) * 0.02).astype(np.float32))
        for name, one in stored.items()
    }
    tower = Eyes(SMOLVLM, SIGHT, stored, tensors, executor, 49280)
    for _ in range(2):
        pixels = draw.integers(0, 256, (1, 512, 512, 3)).astype(np.uint8)
        began = time.perf_counter()
        await tower.look(Tiles(pixels, 0, 0))
    return time.perf_counter() - began


def main() -> None:
    rows = []
    for name, home in HOMES.items():
        rows.append({"home": name} | asyncio.run(pictures.figures(home())))
        report.say(rows[-1])
    photo = eyes.photo(2048, 1536, "JPEG")
    with lab.opened(peers={}) as page:
        found = lab.call(page, "ours", "python", "pictures")
        rows.append({"home": "chromium"} | found)
        given = b64encode(photo).decode()
        in_tab = lab.call(page, "ours", "python", "prepare_photo", given, TIMES)
    times = [prepare(photo) for _ in range(TIMES)]
    stored = describe_storage(SMOLVLM)
    figures = {f"{row['home']}_{name}": row[name] for row in rows for name in ("kl", "gradient")}
    figures |= {
        "prepare_seconds": min(times)[0],
        "prepare_seconds_in_tab": min(in_tab),
        "tiles": times[0][1],
        "tower_weights_mb": 4 * sum(prod(one.shape) for one in stored.values()) / 1e6,
        "tower_looking_mb": plan_tower(SMOLVLM, stored).lower_bound / 1e6,
        "tower_seconds_a_tile": asyncio.run(look_at_a_tile()),
    }
    report.write("eyes", figures, rows)


if __name__ == "__main__":
    main()
