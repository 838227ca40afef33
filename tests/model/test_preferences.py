"""The loss of choices and its gradients against values PyTorch computed once (see oracle/)."""

import asyncio
import pathlib

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.select import kernels
from oneseek.engine.model import programs
from tests.model.test_against_pytorch import ROWS, TRAINED, prepared, two_rows
from tests.support.gpu_device import gpu

PROMPT, BETA, OWN = 8, 0.4, 0.05  # as in oracle/make_preferences.py
SHARES = 0.5, 0.3, 0.2  # of the pair, the liked and the disliked
GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


@pytest.mark.slow
@pytest.mark.parametrize("home", [Numpy, kernels, gpu], ids=["numpy", "kernels", "gpu"])
def test_the_loss_of_choices_and_its_gradients_agree_with_pytorch(home):
    golden = dict(np.load(GOLDEN / "gradients.npz"))
    wanted = dict(np.load(GOLDEN / "preferences.npz"))
    half, answer = ROWS // 2, ROWS // 2 - PROMPT + 1
    better, worse = np.zeros((2, ROWS), np.float32)
    better[half - answer : half], worse[ROWS - answer :] = BETA, BETA
    signs = np.stack([worse - better, -better, worse])
    base = np.zeros(ROWS)
    base[half - answer : half], base[ROWS - answer :] = wanted["base_losses"]
    own = better / BETA * OWN / answer

    run = prepared(golden, home(), lambda *shape: programs.accumulate(*shape, choices=3))
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
