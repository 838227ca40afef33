"""The same programs on the kernels of the tab."""

import numpy as np

from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model.trainable import Trained
from tests.support.programs import TINY, random_weights, two_rows_behind_a_prefix

LORA = Trained.lora(TINY, rank=4, alpha=8)


def single(array):
    return array.astype(np.float32) if array.dtype == np.float64 else array


def prepare(executor, program, feeds):
    run = executor.prepare(plan(program))
    for name, array in feeds.items():
        if name in program.inputs:
            run.write(name, single(array))
    return run


def batch(program, config, trained, seed=0):
    rng = np.random.default_rng(seed)
    return {
        **random_weights(program, config, rng),
        **two_rows_behind_a_prefix(rng, config.vocab),
        "adapter": rng.normal(size=trained.size) * 0.2,
    }
