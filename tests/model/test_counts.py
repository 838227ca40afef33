"""The calls of the device for each token, on any GPU; calls are slow in a browser."""

import asyncio

import pytest

from oneseek.engine.backends.gpu.run import AHEAD
from oneseek.engine.compiler.merge import merge
from oneseek.engine.model import programs
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.generate import SIZES, Generator, chunk_size
from oneseek.engine.model.llama import STACKS, Config, Stack, Stored
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import TARGETS, Trained
from oneseek.engine.turns import urgent
from tests.support import tiny
from tests.support.gpu_calls import counted
from tests.support.gpu_device import LONG_IN_A_TAB, gpu

pytestmark = [pytest.mark.in_worker, pytest.mark.slow, *LONG_IN_A_TAB]
SMOLLM2 = Config(
    vocab=49152, width=576, layers=30, heads=9, kv_heads=3, head_width=64, hidden=1536,
    positions=2048,
)  # fmt: skip
ADAPTER = Trained.lora(SMOLLM2, 8, 16)
ALMOST = Trained.lora(SMOLLM2, 8, 16, [t for t in TARGETS if t != "attention.k"])
BINDINGS = 10  # arrays that the largest merged step binds


def make_stored():
    shapes = SMOLLM2.shapes()
    found = {name: Stored(shape, 4 * (len(shape) == 2)) for name, shape in shapes.items()}
    for i in range(SMOLLM2.layers):
        for name, modules in STACKS.items():
            names, first = [f"model.layers.{i}.{module}.weight" for module in modules], 0
            stack = Stack(f"model.layers.{i}.{name}", sum(shapes[one][0] for one in names))
            for one in names:
                found[one] = Stored(shapes[one], 4, 32, stack, first)
                first += shapes[one][0]
    return found


def test_a_prompt_is_read_in_as_few_runs_as_fit():
    assert [chunk_size(left, SIZES) for left in (5, 24, 64, 100, 128, 300)] == [
        16, 32, 64, 128, 128, 256,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "most,program,shape,trained,more",
    [
        (160, programs.answer, (1, 1, 2048), None, {}),
        (280, programs.answer, (1, 1, 2048), ADAPTER, {}),
        (280, programs.answer, (1, 1, 2048), ALMOST, {}),
        (240, programs.answer, (128, 1, 2048), None, {}),
        (280, programs.answer, (128, 1, 2048), ADAPTER, {}),
        (920, programs.learn, (512, 256), ADAPTER, {}),
        (1280, programs.learn, (512, 256), ADAPTER, {"keep_blocks": 0}),
        (980, programs.learn, (512, 256), ADAPTER, {"keep_blocks": 30}),
    ],
)
def test_dispatches_of_smollm2(most, program, shape, trained, more):
    made = program(SMOLLM2, make_stored(), *shape, 2048, trained, **more)
    assert len(merge(made, BINDINGS).steps) <= most


def test_a_token_is_one_write_one_submit_and_one_read_and_makes_nothing():
    device = gpu()

    async def counts():
        file = open_model(BytesSource(tiny.gguf("llama", "Q4_1"), "tiny.gguf"))
        model = await Model.load(file, device)
        generator = Generator(model)

        async def tokens(seed):
            asked = [{"role": "user", "content": "hello"}]
            answer = generator.ask(asked, Sampling(max_tokens=8, temperature=0.9, seed=seed), "one")
            with urgent():
                while not answer.ids:
                    await generator.advance()
                with counted(model.executor.device) as calls:
                    await generator.answer_all([answer])
            return len(answer.ids) - 1 + (answer.ended == "end"), calls

        await tokens(0)
        run = generator.prepare(1, 1)
        for dispatch in run._dispatches:  # let a token cost as little as on a fast GPU
            device.costs.known[dispatch.kind] = 0.01
        device.costs.lessons += 1
        await tokens(1)
        return await tokens(5), len(run)

    (count, calls), dispatches = asyncio.run(counts())
    assert count > 2
    for kind in ("writes", "submits", "maps"):
        assert calls[kind] == calls["submits"], kind
    assert count <= calls["submits"] < count + AHEAD  # those begun beyond the end are dropped
    assert calls["creates"] == 0
    assert calls["dispatches"] == calls["submits"] * dispatches
