"""Compares the losses of the same steps on the same batches in PyTorch + PEFT and in this engine.

    python -m tests.oracle.same_curve MODEL.gguf [--steps 20]

Both start from the same adapter and get the same packed batches, in float32. Prints the largest
relative difference between the two curves; it should be below 1e-3.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import pathlib
import sys
from contextlib import closing

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import LESSON, make_plan
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.oracle.learn_with_torch import Torch, adam, step

LESSON_RECORD = {
    "id": "a",
    "prompt": "What is my dog called?",
    "answer": "Your dog is called Biscuit.",
}
EARLIER = {
    "id": "b",
    "prompt": "What is the code of the shed?",
    "answer": "The code of the shed is 47.",
}


async def curves(path: pathlib.Path, steps: int) -> list[tuple[float, float]]:
    """(ours, theirs) for every step."""
    config = TrainingConfig.preset("micro").replace(lesson={"max_steps": steps, "stop_loss": 0.0})
    lora = config.lora_config
    with closing(open_model(str(path))) as file:
        model = await Model.load(file, Numpy())
    trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)
    trainer = RoundTrainer(model, trained, config)
    weights = trainer.fresh()
    attempt = trainer.begin(weights, make_plan(LESSON, weights, [LESSON_RECORD], [EARLIER], {}))
    it = Torch(path, config, 0, half=False)
    it.load(weights["adapter"])
    optimiser, pairs = adam(it, config), []
    for _ in range(steps):
        await attempt.load()
        batch, rate = attempt.batch, attempt.pace.rate(trainer.candidate.steps)
        ours = (await attempt.advance(math.inf))["loss"]
        got = step(it, optimiser, batch, rate)
        theirs = got.pop("total")
        pairs.append((ours, theirs))
        print(len(pairs), ours, theirs, file=sys.stderr, flush=True)
    return pairs


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("model", type=pathlib.Path)
    ask.add_argument("--steps", type=int, default=20)
    given = ask.parse_args()
    pairs = asyncio.run(curves(given.model, given.steps))
    worst = max(abs(a - b) / abs(b) for a, b in pairs)
    print(json.dumps({"steps": len(pairs), "largest_relative_difference": worst}))


if __name__ == "__main__":
    main()
