"""Whole programs on the GPU must give numpy's results, the same bits however they are sliced, and
errors with names."""

import asyncio
from functools import partial

import numpy as np
import pytest

from oneseek.engine.backends.gpu.executor import GPU
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.launch import Tier
from oneseek.engine.model import programs
from oneseek.engine.model.trainable import Trained
from tests.support.gpu_device import LONG_IN_A_TAB, gpu
from tests.support.programs import (
    KINDS,
    LAST,
    LORA,
    TINY,
    batch,
    describe_storage,
    losses_of_the_last_layer,
    must_think_as,
    prepare,
    run_carry,
)

pytestmark = [pytest.mark.in_worker, *LONG_IN_A_TAB]


async def results(executor, program, feeds, names):
    run = prepare(executor, program, feeds)
    await run.advance()
    return {name: await run.read(name) for name in names}


def mostly_long(cases, usual):
    return [pytest.param(*c, marks=() if c in usual else pytest.mark.long) for c in cases]


def must_be_numpys(program, feeds):
    """Assert that losses and gradients match numpy's in float64."""
    names = ("adapter.total", "losses")
    ours = asyncio.run(results(gpu(), program, feeds, names))
    truth = asyncio.run(results(Numpy(np.float64), program, feeds, names))
    for name in names:
        off = np.linalg.norm(ours[name] - truth[name])
        assert off < 1e-5 * np.linalg.norm(truth[name]), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind,bits",
    mostly_long([(kind, bits) for kind in KINDS for bits in (0, 4, 8)], [("llama", 4)]),
)
def test_whole_model_gradients_are_those_of_numpy(kind, bits):
    config = KINDS[kind]
    trained = Trained.lora(config, rank=2, alpha=4, bias=kind == "llama")
    program = programs.accumulate(config, describe_storage(config, bits), 12, 6, 64, trained)
    feeds = batch(program, config, trained)
    must_be_numpys(program, feeds)


@pytest.mark.long
@pytest.mark.slow
def test_an_adapter_of_the_last_layer_learns_as_in_numpy_and_needs_nothing_below():
    program = programs.accumulate(TINY, describe_storage(TINY, 4), 12, 6, 64, LAST)
    feeds = batch(program, TINY, LAST)
    must_be_numpys(program, feeds)
    whole, upper = asyncio.run(losses_of_the_last_layer(partial(prepare, gpu())))
    np.testing.assert_array_equal(whole, upper)


@pytest.mark.slow
def test_what_is_thought_of_given_words_is_what_numpy_thinks():
    asyncio.run(must_think_as(gpu(), Numpy(np.float64)))


async def train_ten_steps(device, slices):
    program = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    feeds = batch(program, TINY, LORA) | {"adapter": LORA.initial(1)}
    run, losses = prepare(device, program, feeds), []
    await run.ready()
    for step in range(1, 11):
        hyper = [0.01, 0.9, 0.99, 1e-8, 0, 1 - 0.9**step, 1 - 0.99**step, 1]
        run.write("hyper", np.array(hyper, np.float32))
        at = 0
        while at < len(run):
            stop = min(len(run), at + slices())
            run.run(at, stop)
            at = stop
        losses.append((await run.read("losses")).sum())
    return losses, await run.read("adapter")


def test_ten_steps_give_the_same_bits_in_any_slicing():
    rng = np.random.default_rng(0)
    losses, adapter = asyncio.run(train_ten_steps(gpu(), lambda: 10**6))
    assert losses[-1] < 0.9 * losses[0]
    for slices in (lambda: 10**6, lambda: int(rng.integers(1, 40))):
        again, same = asyncio.run(train_ten_steps(gpu(), slices))
        assert again == losses
        np.testing.assert_array_equal(adapter, same)


@pytest.mark.slow
def test_a_device_with_nothing_but_the_floor_makes_the_same_step():
    program = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    feeds = batch(program, TINY, LORA) | {"adapter": LORA.initial(1)}
    floor, names = asyncio.run(GPU.open(floor=True)), ("losses", "norm", "adapter")
    assert floor.bindings == 8 and floor.tier == Tier(software=floor.tier.software)
    assert not set(floor.device.features) & {"shader-f16", "subgroups", "subgroup"}
    low, high = (asyncio.run(results(own, program, feeds, names)) for own in (floor, gpu()))
    for name in names:
        np.testing.assert_allclose(low[name], high[name], rtol=1e-3, atol=1e-5)


def test_rows_of_the_cache_are_copied_to_their_places():
    for there, expected in asyncio.run(run_carry(gpu())):
        np.testing.assert_array_equal(there, expected)
