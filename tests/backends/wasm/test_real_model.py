"""The whole of SmolLM2 on the CPU back end: its gradients must match numpy's in double
precision."""

import asyncio
from contextlib import closing

import numpy as np
import pytest

from builder import fetch
from oneseek.engine.backends.reference import Numpy, Tensor
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.support.programs import two_rows_behind_a_prefix
from tests.support.wasm_programs import single


def load_model(executor) -> Model:
    with closing(open_model(str(fetch.part("model/smollm2-135m")))) as file:
        return asyncio.run(Model.load(file, executor))


def in_double_precision() -> Model:
    model = load_model(Numpy(np.float64))
    for name, tensor in model.tensors.items():
        if tensor.array.dtype == np.float32:
            model.tensors[name] = Tensor(tensor.array.astype(np.float64))
    return model


@pytest.mark.long
def test_the_gradients_of_the_whole_model_are_those_of_numpy(capsys):
    rng, found = np.random.default_rng(0), []
    for model in (load_model(Wasm(Native(1))), in_double_precision()):
        trained = Trained.lora(model.config, rank=4, alpha=8)
        program = programs.accumulate(
            model.config, model.stored, 12, 6, model.positions, trained, keep_blocks=0
        )
        run = model.prepare(plan(program), {})
        if not found:
            feeds = two_rows_behind_a_prefix(rng, model.config.vocab)
            feeds["adapter"] = rng.normal(size=trained.size) * 0.02
        for name, array in feeds.items():
            if name in program.inputs:
                run.write(name, single(array))
        run.run()
        found.append(asyncio.run(run.read("adapter.total")))
    ours, truth = found
    error = np.linalg.norm(ours - truth) / np.linalg.norm(truth)
    with capsys.disabled():
        print(f"\nrelative error of {truth.size:,} gradients: {error:.1e}")
    assert error < 1e-5
