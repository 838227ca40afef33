"""Gradients and a training curve against values that PyTorch and PEFT computed once (see
oracle/)."""

import asyncio
import pathlib

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.select import kernels
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.learning.rounds.candidate import Hyper
from oneseek.engine.model import programs
from oneseek.engine.model.llama import Config, Stored, rotary_table
from oneseek.engine.model.trainable import Trained
from tests.support.gpu_device import gpu

CONFIG = Config(
    vocab=96, width=64, layers=2, heads=4, kv_heads=2, head_width=16, hidden=96, positions=64
)
TRAINED = Trained.lora(CONFIG, rank=4, alpha=8)
TOKENS, ROWS = 48, 46
PROMPT, BETA, OWN = 8, 0.4, 0.05  # of the choices, as in oracle/make_preferences.py
SHARES = 0.5, 0.3, 0.2  # weights of the pair, the liked and the disliked answer
GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(GOLDEN / "gradients.npz"))


def two_rows(ids):
    """Feeds for both rows packed one after the other, each seeing only itself; every next token is
    a target."""
    length = ids.shape[1]
    begin = np.arange(TOKENS) // length * length
    spans = np.stack([begin * 0, begin * 0, begin, np.arange(TOKENS) + 1], -1)
    take = np.concatenate([np.arange(length - 1), length + np.arange(length - 1)])
    targets, probs = np.zeros((ROWS, 32), np.int32), np.zeros((ROWS, 32))
    targets[:, 0], probs[:, 0] = ids[:, 1:].reshape(-1), 1
    return {
        "ids": ids.reshape(-1),
        "positions": np.arange(TOKENS) - begin,
        "spans": spans,
        "take": take,
        "target_ids": targets,
        "target_probs": probs,
        "target_rest": np.zeros(ROWS),
        "weight": np.full(ROWS, 1 / ROWS),
    }


def prepare_run(golden, executor, program_of):
    stored = {name: Stored(shape) for name, shape in CONFIG.shapes().items()}
    program = program_of(CONFIG, stored, TOKENS, ROWS, 64, TRAINED)
    run = executor.prepare(plan(program))
    for name in CONFIG.shapes():
        run.write(name, golden[name])
    run.write("rotary.table", rotary_table(1e4 ** -(np.arange(8) / 8), 64))
    adapter = np.zeros(TRAINED.size, np.float32)
    for name in TRAINED.entries:
        TRAINED.part(adapter, name)[...] = golden["start." + name]
    run.write("adapter", adapter)
    for name, array in two_rows(golden["ids"]).items():
        run.write(name, array)
    return run


HOMES = pytest.mark.parametrize("home", [Numpy, gpu], ids=["numpy", "gpu"])


@pytest.mark.slow
@HOMES
def test_gradients_agree_with_pytorch(golden, home):
    run = prepare_run(golden, home(), programs.accumulate)
    asyncio.run(run.advance())
    gradient = asyncio.run(run.read("adapter.total"))
    for name in TRAINED.entries:
        theirs = golden["gradient." + name]
        error = np.abs(TRAINED.part(gradient, name) - theirs).max() / np.abs(theirs).max()
        assert error < 1e-4, f"{name}: relative error {error:.1e}"
    np.testing.assert_allclose(np.linalg.norm(gradient), golden["norm"], rtol=1e-5)


@pytest.mark.slow
@HOMES
def test_ten_steps_follow_pytorchs_curve(golden, home):
    run, losses = prepare_run(golden, home(), programs.learn), []
    for step in range(1, 11):
        run.write("hyper", Hyper(1e-2).at(step))
        asyncio.run(run.advance())
        losses.append(asyncio.run(run.read("losses")).sum())
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("home", [Numpy, kernels, gpu], ids=["numpy", "kernels", "gpu"])
def test_the_loss_of_choices_and_its_gradients_agree_with_pytorch(golden, home):
    wanted = dict(np.load(GOLDEN / "preferences.npz"))
    half, answer = ROWS // 2, ROWS // 2 - PROMPT + 1
    better, worse = np.zeros((2, ROWS), np.float32)
    better[half - answer : half], worse[ROWS - answer :] = BETA, BETA
    signs = np.stack([worse - better, -better, worse])
    base = np.zeros(ROWS)
    base[half - answer : half], base[ROWS - answer :] = wanted["base_losses"]
    own = better / BETA * OWN / answer

    run = prepare_run(golden, home(), lambda *shape: programs.accumulate(*shape, choices=3))
    run.write("weight", np.ones(ROWS))
    for name, array in {"signs": signs, "offset": -(signs @ base)[:, None],
                        "share": np.array(SHARES)[:, None], "own": own[:, None]}.items():  # fmt: skip
        run.write(name, array)
    asyncio.run(run.advance())
    losses = asyncio.run(run.read("losses"))
    margins = signs @ (losses - base)
    loss = np.dot(SHARES, np.logaddexp(0, -margins)) + own @ losses
    np.testing.assert_allclose(loss, wanted["loss"], rtol=1e-5)
    gradient = asyncio.run(run.read("adapter.total"))
    for name in TRAINED.entries:
        theirs = wanted["gradient." + name]
        error = np.abs(TRAINED.part(gradient, name) - theirs).max() / np.abs(theirs).max()
        assert error < 1e-4, f"{name}: relative error {error:.1e}"
