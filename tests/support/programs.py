"""Programs of a tiny random model, for every back end."""

import numpy as np

from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from oneseek.engine.model.llama import Config, Stored, rotary_table
from oneseek.engine.model.trainable import Trained

TINY = Config(
    vocab=64, width=32, layers=2, heads=4, kv_heads=2, head_width=8, hidden=64, positions=64
)
KINDS = {
    "llama": TINY,
    "qwen2": Config(**{**TINY.__dict__, "qkv_bias": True, "tied": False}),
    "qwen3": Config(**{**TINY.__dict__, "qk_norm": True}),
}


def describe_storage(config, bits=0):
    packable = bits and (lambda name, shape: len(shape) == 2 and shape[1] % 32 == 0)
    return {
        name: Stored(shape, bits if packable and packable(name, shape) else 0)
        for name, shape in config.shapes().items()
    }


def random_weights(program, config, rng):
    """Random feeds for every weight of the program."""
    feeds = {}
    for name, value in program.inputs.items():
        if name == "rotary.table":
            feeds[name] = rotary_table(1e4 ** -(np.arange(4) / 4), value.shape[0])
        elif name.endswith(".codes"):
            feeds[name] = rng.integers(0, 2**32, value.shape, dtype=np.uint32)
        elif name.endswith(".scales"):
            feeds[name] = np.stack(
                [
                    rng.uniform(0.01, 0.05, value.shape[:2]),
                    rng.uniform(-0.3, -0.1, value.shape[:2]),
                ],
                -1,
            )
        elif name.endswith("norm.weight"):
            feeds[name] = rng.uniform(0.5, 1.5, value.shape)
        elif name.startswith("model.") or name.startswith("lm_head"):
            feeds[name] = rng.normal(size=value.shape) * 0.2
    return feeds


def two_rows_behind_a_prefix(rng, vocab, prefix=3, lengths=(4, 5)):
    """A packed batch: a shared prefix, then two rows that see it and themselves."""
    total = prefix + sum(lengths)
    positions, spans = np.arange(total), np.zeros((total, 4), np.int32)
    begin = prefix
    spans[:prefix, 3] = np.arange(1, prefix + 1)
    for length in lengths:
        own = np.arange(begin, begin + length)
        positions[own] = np.arange(prefix, prefix + length)
        spans[own] = np.stack([own * 0, own * 0 + prefix, own * 0 + begin, own + 1], -1)
        begin += length
    rows = 6
    return {
        "ids": rng.integers(0, vocab, total),
        "positions": positions,
        "spans": spans,
        "take": np.sort(rng.permutation(total)[:rows]),
        "target_ids": np.stack([rng.permutation(vocab)[:32] for _ in range(rows)]),
        "target_probs": rng.dirichlet(np.ones(32), rows) * 0.8,
        "target_rest": np.full(rows, 0.2),
        "weight": rng.uniform(0.1, 1, rows),
        "hyper": np.array([1e-3, 0.9, 0.99, 1e-8, 0, 0.1, 0.01, 1.0]),
    }


LORA = Trained.lora(TINY, rank=4, alpha=8)


def prepare(executor, program, feeds):
    run = executor.prepare(plan(program))
    for name, array in feeds.items():
        if name in program.inputs:
            run.write(name, array)
    return run


LAST = Trained.lora(TINY, rank=4, alpha=8, layers=[1])  # the layer below is frozen


async def losses_of_the_last_layer(ready):
    """The losses computed by the whole model, and from the states below the last layer;
    `ready(program, feeds)` makes a run."""
    stored, sizes = describe_storage(TINY, 4), (12, 6, 64)
    whole = programs.score(TINY, stored, *sizes, LAST)
    feeds = batch(whole, TINY, LAST)
    lower = await ran(ready, programs.frozen_layers(TINY, stored, 12, 1, 64), feeds)
    given = feeds | {"below": await lower.read("states")}
    upper = programs.score(TINY, stored, *sizes, LAST, first=1)
    assert not any("layers.0." in name for name in upper.inputs)
    runs = [await ran(ready, whole, feeds), await ran(ready, upper, given)]
    return [await run.read("losses") for run in runs]


async def thoughts_of(executor) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest tokens at six positions, best first, and their log-probabilities."""
    program = programs.thoughts(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    feeds = batch(program, TINY, LORA)
    feeds |= {"recent": np.full((6, programs.RECENT), -1), "penalty": np.ones(6)}
    run = await ran(lambda *told: prepare(executor, *told), program, feeds)
    return await run.read("ids"), await run.read("logprobs")


async def must_think_as(ours, truth):
    (ids, logprobs), (exact, expected) = await thoughts_of(ours), await thoughts_of(truth)
    np.testing.assert_array_equal(ids, exact)
    np.testing.assert_allclose(logprobs, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.exp(expected).sum(-1), 1, rtol=1e-6)  # the whole vocabulary of 64


async def ran(ready, program, feeds):
    run = ready(program, feeds)
    await run.advance()
    return run


def batch(program, config, trained, seed=0):
    rng = np.random.default_rng(seed)
    return {
        **random_weights(program, config, rng),
        **two_rows_behind_a_prefix(rng, config.vocab),
        "adapter": rng.normal(size=trained.size) * 0.2,
    }


async def run_carry(executor) -> list[tuple[np.ndarray, np.ndarray]]:
    """(actual, expected) cache of each layer after copying three rows of every cache, and the
    scratch row to itself."""
    planned, rng = plan(programs.carry(TINY, {}, 8, 64, 64)), np.random.default_rng(0)
    before = {
        name: rng.normal(size=(64, cols)).astype(np.float32)
        for name, cols in TINY.cache_cols.items()
    }
    tensors = {name: executor.upload(array) for name, array in before.items()}
    run = executor.prepare(planned, tensors)
    sources, slots = np.zeros(8, np.int32), np.zeros(8, np.int32)
    sources[:3], slots[:3] = (5, 6, 7), (40, 41, 42)
    run.write("sources", sources)
    run.write("slots", slots)
    await run.advance()
    for array in before.values():
        array[40:43] = array[5:8]
    return [(await tensors[name].read(), array) for name, array in before.items()]
