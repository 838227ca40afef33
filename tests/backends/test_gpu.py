"""The executor after a failure: errors must have names, nothing may be half done or leaked."""

import asyncio
import gc
from math import prod

import numpy as np
import pytest

import oneseek.engine.backends.gpu.kernels
from oneseek.engine.backends.executor import DeviceLost, GPUProblem, OutOfMemory
from oneseek.engine.backends.gpu.executor import GPU
from oneseek.engine.compiler.ir import OPS, Program, Spec
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from tests.support.gpu_device import gpu
from tests.support.programs import LORA, TINY, batch, describe_storage, prepare


def tiny_step():
    program = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    return program, batch(program, TINY, LORA) | {"adapter": LORA.initial(1)}


def one_op(name, *shapes, **attrs):
    program = Program(name)
    ins = [program.input(f"in{i}", shape) for i, shape in enumerate(shapes)]
    program.output("out", OPS[name](*ins, **attrs))
    return program


@pytest.mark.slow
def test_a_shader_that_does_not_compile_names_its_file_and_line(monkeypatch):
    def broken(file):
        return "\n\nfn broken() { let x = ; }\n" if file == "bias.wgsl" else real(file)

    real = oneseek.engine.backends.gpu.kernels.source_of
    monkeypatch.setattr(oneseek.engine.backends.gpu.kernels, "source_of", broken)
    with pytest.raises(GPUProblem, match=r"shaders/bias\.wgsl:3:\d+ does not compile"):
        asyncio.run(GPU.open()).prepare(plan(one_op("add_bias", (5, 7), (7,))))


def test_a_dispatch_over_the_limit_names_the_step():
    program = one_op("square_sums", (70_000,), parts=70_000)
    with pytest.raises(
        GPUProblem, match=r"square_sums\(in0\) parts=70000 would need \(70000, 1, 1\)"
    ):
        gpu().prepare(plan(program))


def test_tensors_of_another_shape_are_refused_by_name():
    program = one_op("add", (5, 7), (5, 7))
    with pytest.raises(ValueError, match=r"in1 is f32\[7,5\], the program wants f32\[5,7\]"):
        gpu().prepare(plan(program), {"in1": gpu().empty(Spec((7, 5)))})
    with pytest.raises(ValueError, match=r"in0 is f32\[5,7\], got \(7,\)"):
        gpu().prepare(plan(program)).write("in0", np.zeros(7))


@pytest.mark.slow
def test_R23_out_of_memory_is_an_answer_and_leaks_nothing():
    own = asyncio.run(GPU.open())
    program, feeds = tiny_step()
    gc.collect()
    before = own.allocations.now
    own.memory_limit = before + 30_000
    with pytest.raises(OutOfMemory, match=r"adapter:f32\[4096\] needs 16384 bytes; \d+ of"):
        own.prepare(plan(program))
    gc.collect()
    assert own.allocations.now == before
    own.memory_limit = None
    run = prepare(own, program, feeds)
    assert asyncio.run(run.advance()) == len(run)
    too_large = Spec((1 << 20, 1 << 20))
    with pytest.raises(OutOfMemory, match=r"logits:f32\[1048576,1048576\] has \d+ bytes"):
        own.allocate("logits", too_large)


@pytest.mark.parametrize("name", ["model.norm.weight", "weight", "adapter"])
def test_R24_numbers_that_are_not_finite_change_nothing(name):
    program, feeds = tiny_step()
    feeds[name] = np.array(feeds[name], np.float32)
    feeds[name].flat[0] = np.nan
    run = prepare(gpu(), program, feeds)
    state = ("adapter", "adapter.m", "adapter.v")

    async def step():
        before = [await run.read(part) for part in state]
        await run.advance()
        assert not np.isfinite(await run.read("norm"))
        for part, old in zip(state, before, strict=True):
            np.testing.assert_array_equal(await run.read(part), old)

    asyncio.run(step())


def slices_of_a_step(slowness, budget_ms):
    """The adapter after two steps, and the second step's slices in predicted milliseconds, on a
    device whose clock reports 0.1 ms times `slowness` for each workgroup."""
    own = asyncio.run(GPU.open())
    run = prepare(own, *tiny_step())
    learn, slices = own.costs.learn, []
    own.costs.learn = lambda piece, ms: learn(piece, 0.1 * slowness * prod(piece.counts))

    async def step():
        slices.clear()
        at = 0
        while at < len(run):
            stop = await run.advance(at, budget_ms)
            slices.append(sum(own.costs.of(piece) for piece in run._pieces[at:stop]))
            at = stop
        return await run.read("adapter")

    asyncio.run(step())
    return asyncio.run(step()), slices


@pytest.mark.slow
def test_R20_a_slice_keeps_its_budget_on_a_device_fifty_times_slower():
    adapters, slices = zip(*(slices_of_a_step(slowness, 8.0) for slowness in (1, 50)), strict=True)
    for lengths in slices:
        assert max(lengths) <= 8.0 + 1e-9
    assert len(slices[1]) > 2 * len(slices[0])
    np.testing.assert_array_equal(*adapters)


@pytest.mark.slow
def test_R21_a_lost_device_is_told_and_the_step_replays_bit_for_bit_on_the_next():
    program, feeds = tiny_step()

    async def lose_device():
        told = []
        own = await GPU.open()
        own.on_lost = told.append
        run = prepare(own, program, feeds)
        await run.advance(0, 1.0)
        own.device.destroy()
        with pytest.raises(DeviceLost):
            await run.advance()
            await run.read("losses")
        for _ in range(1000):
            await asyncio.sleep(0 if told else 0.01)
        assert len(told) == 1
        return await take_step(await GPU.open())

    async def take_step(device):
        run = prepare(device, program, feeds)
        await run.advance()
        return await run.read("losses"), await run.read("adapter")

    undisturbed = asyncio.run(take_step(gpu()))
    for a, b in zip(asyncio.run(lose_device()), undisturbed, strict=True):
        np.testing.assert_array_equal(a, b)
