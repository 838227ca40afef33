"""Prints hashes of the bits of the demo model's logits and of two small rounds.

Run `python -m tests.oracle.same_bits` in two checkouts on one machine: a change that only moves
code leaves the output unchanged.
"""

import asyncio
import hashlib
import json
import math
from contextlib import closing
from typing import Any

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.history.round_plan import LESSON, PRACTICE, make_plan
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.trainable import Trained
from tests.support.rounds import CODE, DOG, SHORT

TEXT = range(5, 45)


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


async def compute_digests(executor: Any) -> dict:
    with closing(open_model(str(MODEL))) as file:
        model = await Model.load(file, executor)
    _, logits = await top_tokens(model, list(TEXT))
    lora = SHORT.lora_config
    trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)
    trainer = RoundTrainer(model, trained, SHORT)
    found: dict = {"logits": digest(logits)}
    for kind, lessons, pool in ((LESSON, [DOG], [CODE]), (PRACTICE, [], [DOG, CODE])):
        before = trainer.fresh()
        attempt = trainer.begin(before, make_plan(kind, before, lessons, pool, {}))
        losses = []
        while (metrics := await attempt.advance(math.inf)) is not None:
            losses.append(float(metrics["loss"]).hex())
        found[kind] = losses, digest((await attempt.weights())["adapter"])
    return found


if __name__ == "__main__":
    for made in (Numpy(), Wasm(Native(1))):
        print(json.dumps({"back_end": type(made).__name__, **asyncio.run(compute_digests(made))}))
