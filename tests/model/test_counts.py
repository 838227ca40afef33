"""What a token costs whatever the chip: calls of the device, which are slow in a browser."""

import asyncio

import pytest

from oneseek.engine.core.turns import urgent
from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.generate import Generator, Sampling
from oneseek.engine.model.loaded import Model
from tests.support import tiny
from tests.support.gpu_calls import counted
from tests.support.gpu_device import LONG_IN_A_TAB, gpu

pytestmark = [pytest.mark.in_worker, pytest.mark.slow, *LONG_IN_A_TAB]


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
        run = generator.prepared(1, 1)
        for dispatch in run._dispatches:  # on whatever plays it here, a token is a quick chip's
            device.costs.known[dispatch.kind] = 0.01
        device.costs.lessons += 1
        await tokens(1)
        return await tokens(5), len(run)

    (count, calls), dispatches = asyncio.run(counts())
    assert count > 2
    for kind in ("writes", "submits", "maps"):
        assert calls[kind] == count, kind
    assert calls["creates"] == 0
    assert calls["dispatches"] == count * dispatches
