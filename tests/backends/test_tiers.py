"""A feature of the device must be used if its results match the floor's, and only then."""

import asyncio

import pytest

import oneseek.engine.backends.gpu.kernels
from oneseek.engine.backends.gpu import tiers
from oneseek.engine.backends.gpu.executor import GPU
from oneseek.engine.backends.gpu.kernels import Kernels
from oneseek.engine.compiler.launch import Tier
from tests.support.gpu_device import gpu

pytestmark = pytest.mark.in_worker
OFFERS = {offer.name: offer for offer in tiers.OFFERS}


def is_offered(name):
    return bool(set(OFFERS[name].features) & set(gpu().device.features))


def try_offer(name, gpu):
    """The tier's flag and the notes after the device tried one feature from the floor."""
    gpu.kernels = Kernels(gpu.device, Tier(software=gpu.tier.software))
    gpu.notes.clear()
    asyncio.run(tiers.attempt(gpu, OFFERS[name]))
    return getattr(gpu.tier, name), gpu.notes


@pytest.mark.parametrize("name", OFFERS)
def test_a_tier_that_agrees_with_the_floor_is_used_if_the_device_has_it(name):
    on, notes = try_offer(name, asyncio.run(GPU.open()))
    assert on == is_offered(name)
    assert on == (not notes)  # without the feature the kernel does not compile, which leaves a note


WRONG = {
    "subgroups": ("reduce_subgroups.wgsl", "subgroupAdd(x)", "(x)"),
    "f16": (
        "packed_linear.wgsl",
        "vec4<real>(weights",
        "select(1.0h, 1.1h, true) * vec4<real>(weights",
    ),
}


@pytest.mark.parametrize("name", OFFERS)
def test_a_tier_that_computes_something_else_is_switched_off_with_a_note(name, monkeypatch):
    file, right, wrong = WRONG[name]
    real = oneseek.engine.backends.gpu.kernels.source_of
    own = asyncio.run(GPU.open())

    def source(asked):
        half = own.tier.f16 or name != "f16"
        return real(asked).replace(right, wrong) if asked == file and half else real(asked)

    monkeypatch.setattr(oneseek.engine.backends.gpu.kernels, "source_of", source)
    on, notes = try_offer(name, own)
    assert not on
    assert notes[0].startswith(f"{name} stays off on {own.description}: ")
    assert ("its results are" in notes[0]) == is_offered(name)
