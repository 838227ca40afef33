"""Merged programs must compute the same as the steps that they replace."""

import asyncio

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.merge import merge
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from oneseek.engine.model.llama import STACKS, Config, Stack, Stored, rotary_table
from oneseek.engine.model.trainable import TARGETS, Trained
from tests.support.gpu_device import gpu, gpu_of_many_threads
from tests.support.programs import random_weights, two_rows_behind_a_prefix

CONFIG = Config(
    vocab=96, width=64, layers=2, heads=4, kv_heads=2, head_width=16, hidden=128, positions=64
)
ROOM = 64  # rows of the cache
WITHOUT_K = [target for target in TARGETS if target != "attention.k"]
ADAPTERS = {
    "base": None,
    "adapted": Trained.lora(CONFIG, 4, 8),
    "rank 3 without k": Trained.lora(CONFIG, 3, 8, WITHOUT_K),
    "biases": Trained.lora(CONFIG, 4, 8, bias=True),
}


def stack_weights(bits):
    """Packed storage for every matrix; matrices that are multiplied together share a stack."""
    shapes = CONFIG.shapes()
    stored = {name: Stored(shape, bits * (len(shape) == 2)) for name, shape in shapes.items()}
    for i in range(CONFIG.layers):
        for name, modules in STACKS.items():
            names = [f"model.layers.{i}.{module}.weight" for module in modules]
            stack, first = Stack(f"model.layers.{i}.{name}", sum(shapes[n][0] for n in names)), 0
            for one in names:
                stored[one] = Stored(shapes[one], bits, 32, stack, first)
                first += shapes[one][0]
    return stored


def feeds_of(program, trained, seed=0):
    rng = np.random.default_rng(seed)
    feeds = random_weights(program, CONFIG, rng)
    feeds["rotary.table"] = rotary_table(1e4 ** -(np.arange(8) / 8), 64)
    for name, value in program.inputs.items():
        if name.startswith("cache."):
            feeds[name] = rng.normal(size=value.shape)
    if trained:
        feeds["adapter"] = rng.normal(size=trained.size) * 0.1
    return feeds


def answer_feeds(program, tokens, rows, trained):
    """Feeds for `tokens` new tokens after ten others in the cache."""
    rng, slots = np.random.default_rng(1), 20 + np.arange(tokens)
    spans = np.zeros((tokens, 4), np.int32)
    spans[:, 1], spans[:, 2], spans[:, 3] = 4, 10, slots + 1
    return feeds_of(program, trained) | {
        "ids": rng.integers(0, CONFIG.vocab, tokens),
        "positions": 10 + np.arange(tokens),
        "slots": slots,
        "spans": spans,
        "take": np.sort(rng.permutation(tokens)[:rows]),
        "recent": np.full((rows, programs.RECENT), -1),
        "penalty": np.ones(rows),
        "knobs": np.zeros((rows, 3)),
    }


async def results(executor, program, feeds, names):
    run = executor.prepare(plan(program))
    for name, array in feeds.items():
        if name in program.inputs:
            run.write(name, array)
    await run.advance()
    return {name: await run.read(name) for name in names}


def must_agree(made, truth, most):
    for name, expected in truth.items():
        off = np.linalg.norm(made[name] - expected)
        assert off <= most * np.linalg.norm(expected), name


def answers(tokens, rows, bits, trained):
    """An answer's program merged and unmerged, its feeds, and the outputs to compare."""
    shape = (CONFIG, stack_weights(bits), tokens, rows, ROOM, 64, trained)
    merged, plain = merge(programs.answer(*shape), 32), programs.answer(*shape)
    names = ("logprobs", *CONFIG.cache_cols)
    return merged, plain, answer_feeds(plain, tokens, rows, trained), names


SIZES = pytest.mark.parametrize("tokens,rows", [(1, 1), (4, 4), (21, 3)])
KINDS = pytest.mark.parametrize("kind", ADAPTERS)


@SIZES
@KINDS
def test_an_answer_of_merged_steps_is_the_same(tokens, rows, kind):
    merged, plain, feeds, names = answers(tokens, rows, 4, ADAPTERS[kind])
    fewer, all_of_them = len(merged.steps), len(plain.steps)
    assert fewer < all_of_them or kind == "biases"
    made, truth = (
        asyncio.run(results(Numpy(np.float64), one, feeds, names)) for one in (merged, plain)
    )
    must_agree(made, truth, 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tokens,rows,kind,bits,home",
    [
        (1, 1, "base", 4, gpu),
        (21, 3, "adapted", 4, gpu),
        (4, 4, "rank 3 without k", 8, gpu_of_many_threads),
        (21, 3, "base", 8, gpu_of_many_threads),
    ],
)
def test_a_device_answers_by_merged_steps_as_numpy_does(tokens, rows, kind, bits, home):
    merged, plain, feeds, names = answers(tokens, rows, bits, ADAPTERS[kind])
    made = asyncio.run(results(home(), merged, feeds, names))
    must_agree(made, asyncio.run(results(Numpy(np.float64), plain, feeds, names)), 1e-5)


def steps_of(kind, keep_blocks, bits=4):
    """A training step of 12 tokens merged and unmerged, and its feeds."""
    trained = ADAPTERS[kind]
    shape, kept = (CONFIG, stack_weights(bits), 12, 6, 64, trained), {"keep_blocks": keep_blocks}
    merged, plain = (programs.accumulate(*shape, **kept) for _ in range(2))
    feeds = feeds_of(plain, trained) | two_rows_behind_a_prefix(np.random.default_rng(2), 96)
    return merge(merged, 32), plain, feeds


GRADIENTS = ("adapter.total", "losses")
TRAINED = [kind for kind in ADAPTERS if kind != "base"]


@pytest.mark.parametrize("keep_blocks", [None, 0, 1])
@pytest.mark.parametrize("kind", TRAINED)
def test_gradients_of_merged_steps_are_the_same(kind, keep_blocks):
    merged, plain, feeds = steps_of(kind, keep_blocks)
    fewer, all_of_them = len(merged.steps), len(plain.steps)
    assert fewer < 0.65 * all_of_them or kind == "biases"
    made, truth = (
        asyncio.run(results(Numpy(np.float64), one, feeds, GRADIENTS)) for one in (merged, plain)
    )
    must_agree(made, truth, 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind,keep_blocks,bits,home",
    [
        ("adapted", None, 4, gpu),
        ("rank 3 without k", 0, 4, gpu),
        ("rank 3 without k", 1, 4, gpu_of_many_threads),
    ],
)
def test_a_device_has_numpys_gradients_by_merged_steps(kind, keep_blocks, bits, home):
    merged, plain, feeds = steps_of(kind, keep_blocks, bits)
    made = asyncio.run(results(home(), merged, feeds, GRADIENTS))
    must_agree(made, asyncio.run(results(Numpy(np.float64), plain, feeds, GRADIENTS)), 1e-5)


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("kind", TRAINED)
def test_an_update_over_one_flat_gradient_is_the_same(kind, near):
    trained, names = ADAPTERS[kind], ("adapter", "adapter.m", "adapter.v", "norm")
    plain, merged = (
        programs.learn(CONFIG, stack_weights(4), 12, 6, 64, trained, near=near) for _ in range(2)
    )
    feeds = feeds_of(plain, trained) | two_rows_behind_a_prefix(np.random.default_rng(2), 96)
    if near:
        feeds |= {f"adapter.{name}": feeds["adapter"] * 0.1 for name in ("pull", "away")}
    merge(merged, 32)
    for op in ("adamw", "square_sums"):
        assert sum(step.op.name == op for step in merged.steps) == 1
    made, truth = (
        asyncio.run(results(Numpy(np.float64), one, feeds, names)) for one in (merged, plain)
    )
    must_agree(made, truth, 1e-12)


def test_a_device_that_shows_a_kernel_few_arrays_gets_what_fits():
    for fewest, expected in ((0, 1), (8, 0.9), (10, 0.6)):
        plain = programs.answer(CONFIG, stack_weights(4), 1, 1, ROOM, 64)
        before = len(plain.steps)
        merge(plain, fewest)
        assert len(plain.steps) <= expected * before
        seen = [len(s.ins) + len(s.outs) - len(s.op.updates) for s in plain.steps]
        assert max(seen) <= max(fewest, 8)
