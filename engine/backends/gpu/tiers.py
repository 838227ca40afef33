"""Features of a device beyond the floor, tested on the device itself before anything relies on
them.

Each test computes a few kernels with the feature and without it, from the same numbers. A feature
that fails or differs stays off, and a note says so.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

import oneseek.engine.compiler.ops  # noqa: F401  every op registers itself
from oneseek.engine.backends.gpu.device import Device
from oneseek.engine.backends.gpu.run import Run
from oneseek.engine.compiler.ir import OPS, Program, Spec
from oneseek.engine.compiler.schedule import plan

LARGE = 1e4  # an input of products in some models: float16 ends at 65,504


@dataclass(frozen=True)
class Offer:
    """A field of Tier, the device's features that allow it (any of them), the tolerance of its
    results against the floor's, and the test cases: an op, its specs and attributes, and the
    largest value of each input."""

    name: str
    features: tuple[str, ...]
    tolerance: float
    trials: tuple[tuple[str, tuple[Spec, ...], dict, tuple[float, ...]], ...]
    on_software: bool  # whether it is worth it where the CPU emulates the GPU


OFFERS = (
    Offer("subgroups", ("subgroups", "subgroup"), 1e-5,
          (("rmsnorm", (Spec((5, 576)), Spec((576,))), dict(eps=1e-5), (1.0, 1.0)),
           ("divergence", (Spec((3, 1000)), Spec((3, 1000))), {}, (1.0, 1.0))), True),
    Offer("f16", ("shader-f16",), 5e-3,
          tuple(("packed_linear", (Spec((2, 576)), Spec((96, 72), "u32"), Spec((96, 18, 2))),
                 dict(bits=4), (largest, 0.0, 0.02)) for largest in (1.0, LARGE)), False),
)  # fmt: skip


async def choose(gpu: Device) -> None:
    """Turn on each feature that the device offers and that computes the floor's results."""
    for offer in OFFERS:
        if not set(offer.features) & set(gpu.device.features):
            continue
        if gpu.tier.software and not offer.on_software:
            continue
        await attempt(gpu, offer)


async def attempt(gpu: Device, offer: Offer) -> None:
    floor = gpu.tier
    try:
        truth = await results(gpu, offer)
        gpu.kernels.tier = replace(floor, **{offer.name: True})
        off = difference(await results(gpu, offer), truth)
        problem = "" if off <= offer.tolerance else f"its results are {off:.1g} off"
    except Exception as failure:
        problem = str(failure)
    if problem:
        gpu.kernels.tier = floor
        gpu.notes.append(f"{offer.name} stays off on {gpu.description}: {problem}")
        print(gpu.notes[-1], file=sys.stderr)


async def results(gpu: Device, offer: Offer) -> list[np.ndarray]:
    made = []
    for name, specs, attrs, largest in offer.trials:
        program, rng = Program(name), np.random.default_rng(0)
        ins = [program.input(f"in{i}", s.shape, s.dtype) for i, s in enumerate(specs)]
        outs = OPS[name](*ins, **attrs)
        program.output("out", outs[0] if isinstance(outs, tuple) else outs)
        run = Run(gpu, plan(program), {})
        for value, size in zip(ins, largest, strict=True):
            kinds = {
                "f32": rng.uniform(-size, size, value.shape),
                "u32": rng.integers(0, 2**32, value.shape),
            }
            run.write(value.name, kinds[value.spec.dtype])
        await run.ready()
        run.run()
        made.append(await run.read("out"))
    return made


def difference(made: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Return the largest difference, relative to the largest true value; infinite if not finite."""
    shares = [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(made, truth, strict=True)]
    return float(np.nan_to_num(max(shares), nan=np.inf))
