"""Every op's kernel against its numpy definition, on whatever adapter is here; none is an error."""

import asyncio

import numpy as np
import pytest

from engine.gpu import GPU
from engine.reference import Numpy
from engine.schedule import plan
from tests.op_cases import CASES, build


@pytest.fixture(scope="module")
def gpu():
    return asyncio.run(GPU.open())


async def outputs(executor, program, feeds):
    run = executor.prepare(plan(program))
    for name, array in feeds.items():
        run.write(name, array)
    await run.advance()
    return {name: await run.read(name) for name in program.outputs}


@pytest.mark.parametrize("op,case", CASES)
def test_the_kernel_agrees_with_numpy(gpu, op, case):
    program, _, _, feeds = build(op, case)
    wanted = asyncio.run(outputs(Numpy(), program, feeds))
    made = asyncio.run(outputs(gpu, program, feeds))
    for name, array in wanted.items():
        np.testing.assert_allclose(made[name], array, rtol=2e-4, atol=2e-5, err_msg=name)
