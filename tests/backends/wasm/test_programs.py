"""Whole programs on the CPU back end must give numpy's gradients, update and answer."""

import asyncio
import hashlib
from functools import partial

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from oneseek.engine.model.trainable import Trained
from tests.support.programs import (
    KINDS,
    LAST,
    TINY,
    describe_storage,
    losses_of_the_last_layer,
    must_think_as,
    run_carry,
)
from tests.support.wasm_host import host
from tests.support.wasm_programs import LORA, batch, prepare

pytestmark = pytest.mark.in_worker


def read(run, name):
    return asyncio.run(run.read(name))


def must_be_numpys(program, feeds):
    """Assert that losses and gradients match numpy's in float64."""
    ours, truth = (
        prepare(executor, program, feeds) for executor in (Wasm(host()), Numpy(np.float64))
    )
    for run in (ours, truth):
        run.run()
    for name in ("adapter.total", "losses"):
        a, b = read(ours, name), read(truth, name)
        assert np.linalg.norm(a - b) < 1e-5 * np.linalg.norm(b), name


@pytest.mark.parametrize("bits", [0, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_model_gradients_are_those_of_numpy(kind, bits):
    config = KINDS[kind]
    trained = Trained.lora(config, rank=2, alpha=4, bias=kind == "llama")
    program = programs.accumulate(config, describe_storage(config, bits), 12, 6, 64, trained)
    feeds = batch(program, config, trained)
    must_be_numpys(program, feeds)


def test_an_adapter_of_the_last_layer_learns_as_in_numpy_and_needs_nothing_below():
    program = programs.accumulate(TINY, describe_storage(TINY, 4), 12, 6, 64, LAST)
    feeds = batch(program, TINY, LAST)
    must_be_numpys(program, feeds)
    made = partial(prepare, Wasm(host()))
    whole, upper = asyncio.run(losses_of_the_last_layer(made))
    np.testing.assert_array_equal(whole, upper)


def test_what_is_thought_of_given_words_is_what_numpy_thinks():
    asyncio.run(must_think_as(Wasm(host()), Numpy(np.float64)))


def train_ten_steps(slices, threads=1, fused=True):
    program = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    feeds = batch(program, TINY, LORA) | {"adapter": LORA.initial(1)}
    there = host(threads)
    there.fused = fused
    run, losses = prepare(Wasm(there), program, feeds), []
    for step in range(1, 11):
        hyper = [0.01, 0.9, 0.99, 1e-8, 0, 1 - 0.9**step, 1 - 0.99**step, 1]
        run.write("hyper", np.array(hyper, np.float32))
        at = 0
        while at < len(run):
            stop = min(len(run), at + slices())
            run.run(at, stop)
            at = stop
        losses.append(read(run, "losses").sum())
    return losses, read(run, "adapter")


# Hash of the adapter after ten steps: where a product and its sum are one instruction, and where
# they are two.
BITS = {True: "7cf2504416160a0f", False: "26da430d4816f6e5"}


@pytest.mark.parametrize("fused", BITS)
def test_ten_steps_give_the_same_bits_in_any_slicing_and_on_any_machine(fused):
    rng = np.random.default_rng(0)
    losses, adapter = train_ten_steps(lambda: 10**6, fused=fused)
    assert losses[-1] < 0.9 * losses[0]
    assert hashlib.sha256(adapter.tobytes()).hexdigest()[:16] == BITS[fused]
    for slices in (lambda: 1, lambda: int(rng.integers(1, 40))):
        again, same = train_ten_steps(slices, fused=fused)
        assert again == losses
        np.testing.assert_array_equal(adapter, same)


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_ten_steps_give_the_same_bits_with_any_number_of_threads(threads):
    for slices in (lambda: 10**6, lambda: 37):
        _, adapter = train_ten_steps(slices, threads)
        assert hashlib.sha256(adapter.tobytes()).hexdigest()[:16] == BITS[True]


def test_new_code_runs_in_small_stretches_until_all_of_it_ran_once():
    program = programs.accumulate(TINY, describe_storage(TINY, 4), 12, 6, 64, LAST)
    run = prepare(Wasm(host()), program, batch(program, TINY, LAST))
    linked, work, count = run.linked, run.program.done[-1], len(run)
    first = linked.stretch(0, work)
    assert 0 < first < count / 2
    assert linked.stretch(0, work) == first  # it has run now; later code has not
    while linked.known < count:
        begins = linked.known
        assert linked.stretch(begins, work) > begins
    assert linked.stretch(0, work) == count


def test_only_the_choice_of_a_token_is_left_to_numpy():
    learn = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    answer = programs.answer(TINY, describe_storage(TINY, 4), 1, 1, 64, 64, LORA)
    for program, expected in ((learn, set()), (answer, {"draw"})):
        run = Wasm(host()).prepare(plan(program))
        pieces = zip(run.program.steps, run.program.native, strict=True)
        assert {steps[0][0].op.name for steps, native in pieces if not native} == expected


def test_rows_of_the_cache_are_copied_to_their_places():
    for there, expected in asyncio.run(run_carry(Wasm(host(2)))):
        np.testing.assert_array_equal(there, expected)
