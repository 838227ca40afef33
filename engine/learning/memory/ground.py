"""The ground of a base model: what it makes of talk in general and of made-up facts.

    python -m engine.learning.memory.ground MODEL.gguf      (two minutes on one core)

makes the one that comes with the default model; any other model's is made in idle time, of fewer
questions, when the first fact is remembered.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from engine.backends.reference import Numpy
from engine.learning.batch import Coder
from engine.learning.lessons import Draw, anchors, codes, neighbours, wordings
from engine.learning.memory.keys import Keys
from engine.learning.memory.recogniser import Ground
from engine.learning.memory.samples import samples
from engine.model.formats import open_model
from engine.model.loaded import Model

SAMPLES = 60  # a language
EACH = 2  # wordings, and look-alikes, of each
FEWER = 4  # times fewer where a person waits for it


def questions(share: int = 1) -> list[str]:
    """Anchors, and wordings and look-alikes of made-up facts; one in `share` of them."""
    found = [prompt for code in codes() for _, prompt in anchors(code)[::share]]
    for code in codes():
        for lesson in samples(code, SAMPLES // share, "ground"):
            draw = Draw("ground", lesson.question)
            found += [wordings(lesson, draw) for _ in range(EACH)]
            found += [one.question for one in neighbours(lesson, count=EACH)]
    return list(dict.fromkeys(found))


def shipped_file(model: str) -> Path:
    return Path(__file__).with_name(f"ground_{model}.npz")


async def ground_of(keys: Keys) -> Ground:
    """The one that came along with this model, or a smaller one made now."""
    path = shipped_file(keys.model.fingerprint)
    if path.exists():
        with np.load(path) as arrays:
            return Ground.unpacked({name: arrays[name].tobytes() for name in arrays})
    return Ground.of(await keys.of(questions(FEWER)))


async def make(path: str) -> Path:
    with closing(open_model(path)) as file:
        model = await Model.load(file, Numpy())
    keys = Keys(model, Coder(model.tokenizer, model.template))
    ground = Ground.of(await keys.of(questions()))
    out = shipped_file(model.fingerprint)
    packed = {name: np.frombuffer(part, np.uint8) for name, part in ground.packed().items()}
    np.savez_compressed(out, **packed)  # type: ignore[arg-type]
    return out


if __name__ == "__main__":
    print(asyncio.run(make(sys.argv[1])))
