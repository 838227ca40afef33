"""Precomputes the base's answers to every regularisation prompt, text and question of the
evaluator.

They ship with the default model, so that nobody waits; an existing answer is not computed again.

    python -m oneseek.engine.learning.shipped MODEL.gguf      (a few minutes on one core)

Any other model computes its own in idle time, step by step, and keeps them in the store.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.base_answers import locate_shipped
from oneseek.engine.learning.lessons import anchors, codes, load_held_out_anchors, probes, texts
from oneseek.engine.learning.recipe import Hold, for_the_gate, hold_anchor, hold_text
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained

AT_ONCE = 32


def questions() -> list[Hold]:
    """Return all questions whose answers ship."""
    asks = [hold_anchor(code, i) for code in codes() for i in range(len(anchors(code)))]
    asks += [hold_text(code, i) for code in codes() for i in range(len(texts(code)))]
    for code in codes():
        asks += [for_the_gate(q) for q in load_held_out_anchors(code)]
        asks += [for_the_gate(q) for q, _ in probes(code)]
    return asks


async def make(path: str) -> Path:
    with closing(open_model(path)) as file:
        model = await Model.load(file, Numpy())
    config = TrainingConfig.preset("micro")
    lora = config.lora_config
    trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)
    trainer = RoundTrainer(model, trained, config)
    asks = trainer.kept.lacks(questions())
    for first in range(0, len(asks), AT_ONCE):
        await trainer.kept.fill(trainer.variants, asks[first : first + AT_ONCE])
        print(f"{first + AT_ONCE} of {len(asks)}", file=sys.stderr, flush=True)
    out = locate_shipped(model.fingerprint)
    out.parent.mkdir(exist_ok=True)
    with out.open("wb") as binary:
        np.savez_compressed(binary, **trainer.kept.to_arrays())  # type: ignore[arg-type]
    return out


if __name__ == "__main__":
    print(asyncio.run(make(sys.argv[1])))
