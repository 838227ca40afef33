"""The programs of examples/engine/ on every back end must reach PyTorch's losses."""

import importlib.util
import json
import sys

import numpy as np
import pytest

import oneseek
from builder import ROOT
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from tests.support.gpu_calls import counted
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host

FOLDER = ROOT / "examples" / "engine"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py"))
GOLDEN = json.loads((ROOT / "tests/golden/programs.json").read_text())
FEW = 4  # steps; more take long on a chip emulated by the CPU


def program(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks up its own module
    spec.loader.exec_module(module)
    return module


def losses(name, device, steps=None):
    example = program(name)
    with oneseek.on(device):
        train = oneseek.Train(example.loss, example.weights(), example.OPTIMISER)
        batches = [*example.batches()][:steps]
        return [train.step(*batch) for batch in batches]


def test_there_are_six_and_each_is_short():
    assert PROGRAMS == sorted(GOLDEN) and len(PROGRAMS) == 6
    for name in PROGRAMS:
        assert len((FOLDER / f"{name}.py").read_text().splitlines()) < 80


@pytest.mark.parametrize("name", PROGRAMS)
def test_in_double_precision_a_program_comes_to_the_losses_of_pytorch(name):
    np.testing.assert_allclose(losses(name, Numpy(np.float64)), GOLDEN[name], rtol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_processor_comes_to_the_losses_of_numpy(name):
    np.testing.assert_allclose(losses(name, Wasm(host())), losses(name, "numpy"), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if name in ("characters", "lora") else name
        for name in PROGRAMS
    ],
)
def test_the_chip_comes_to_the_losses_of_numpy(name):
    ours, theirs = losses(name, gpu(), FEW), losses(name, "numpy", FEW)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_what_it_came_to(name, capsys):
    assert program(name).main("cpu")[-1] == pytest.approx(GOLDEN[name][-1], rel=1e-2)
    assert "->" in capsys.readouterr().out


@pytest.mark.slow
def test_a_step_without_a_limit_is_handed_to_the_chip_at_once():
    """Without slices there must be no wait between the parts of a step, not even the first time."""
    example = program("moons")
    with oneseek.on(gpu()):
        train = oneseek.Train(example.loss, example.weights(), example.OPTIMISER)
        logits, points = oneseek.jit(example.logits), example.moons()[0]
        for _ in range(2):  # first compiled, then only run
            with counted(gpu().device) as calls:
                train.step(*example.moons())
            assert calls["submits"] == 2  # the step, and the copy of the loss for reading
            weights = train.weights
            with counted(gpu().device) as calls:
                logits(weights, points)
            assert calls["submits"] == 2
