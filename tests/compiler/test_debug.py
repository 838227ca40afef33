"""Debugging a program: costs with names, and the first step at which a device differs from
numpy."""

import asyncio

import numpy as np
import pytest

from oneseek.engine.backends.gpu.executor import GPU
from oneseek.engine.cli.debug import costs, first_difference, table
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from tests.support.gpu_device import gpu
from tests.support.programs import LORA, TINY, batch, describe_storage, prepare


def step_on(executor):
    planned = plan(programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA))
    feeds = batch(planned.program, TINY, LORA) | {"adapter": LORA.initial(1)}
    return prepare(executor, planned.program, feeds), planned


def test_every_step_has_a_cost_and_the_name_of_its_weight():
    run, _ = step_on(gpu())
    rows = asyncio.run(costs(run))
    assert len(rows) == len(run)
    assert all(row["ms"] >= 0 for row in rows)
    assert any(row["about"] == "model.layers.1.mlp.up_proj.weight.codes" for row in rows)
    assert "packed_linear [12,64] model.layers.0.mlp.gate_proj" in table(rows)


def test_a_step_that_agrees_with_numpy_shows_no_difference():
    run, planned = step_on(gpu())

    async def compare():
        await run.ready()
        return await first_difference(run, planned)

    assert asyncio.run(compare()) == ""


@pytest.mark.slow
def test_the_first_step_that_differs_is_named_with_its_values(monkeypatch):
    import oneseek.engine.backends.gpu.kernels

    def wrong(file):
        text = real(file)
        return text.replace("* inverse * w[c]", "* inverse * w[c] * 1.1") if "rms" in file else text

    real = oneseek.engine.backends.gpu.kernels.source_of
    monkeypatch.setattr(oneseek.engine.backends.gpu.kernels, "source_of", wrong)
    run, planned = step_on(asyncio.run(GPU.open()))

    async def compare():
        await run.ready()
        return await first_difference(run, planned)

    found = asyncio.run(compare())
    assert found.startswith("step 1: %1:f32[12,32] = rmsnorm(")
    assert "numpy says" in found and np.isfinite(float(found.split(" is ")[1].split(",")[0]))
