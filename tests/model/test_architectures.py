"""A small random model of each kind against transformers and torch: logits, gradients, a lesson.

They run in numpy, on this machine's GPU and on the CPU kernels; in the page's worker on those
kernels. Lessons do not run on a GPU emulated by the CPU, where they compile for minutes. The
figures: `build.py bench architectures`.
"""

import asyncio
import sys
from functools import cache

import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.model.llama import ARCHITECTURES
from tests.golden import KINDS, LENGTHS
from tests.support import architectures, tiny
from tests.support.gpu_device import LONG_IN_A_TAB, gpu
from tests.support.wasm_host import host

pytestmark = pytest.mark.in_worker


@cache
def wasm():
    return Wasm(host())


IN_A_TAB = sys.platform == "emscripten"
HERE = {"wasm": wasm} if IN_A_TAB else {"numpy": Numpy, "gpu": gpu, "wasm": wasm}
ON_A_CHIP = "small-llama", "qwen35"
GGUF = "gemma3", "lfm2", "lfm2-other-parts", "qwen35", "qwen35-other-parts"
CASES = [(variant, "safetensors") for variant in KINDS]
CASES += [(variant, "gguf") for variant in GGUF]


def combine_with_homes(*cases: tuple[str, ...]) -> list:
    """Each case on each back end. An emulated GPU compiles every kernel anew, so most families wait
    there for --long."""
    found = []
    for name, home in HERE.items():
        for case in cases:
            marks = [pytest.mark.slow] * (name == "gpu")
            marks += [pytest.mark.long] * (name == "gpu" and case[0] not in ON_A_CHIP)
            found.append(pytest.param(home, *case, marks=marks, id="-".join((*case, name))))
    return found


def test_every_architecture_is_among_them():
    assert {tiny.config(variant)["model_type"] for variant in KINDS} == set(ARCHITECTURES)


@pytest.mark.parametrize("home,variant,container", combine_with_homes(*CASES))
def test_logits_are_those_of_transformers(home, variant, container):
    executor = home()

    async def run():
        model = await architectures.load_variant(variant, executor, container)
        return [await architectures.divergence(model, variant, length) for length in LENGTHS]

    assert max(asyncio.run(run())) <= 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("home,variant", combine_with_homes(*((one,) for one in KINDS)))
def test_gradients_are_those_of_torch(home, variant):
    executor = home()

    async def run():
        model = await architectures.load_variant(variant, executor)
        return await architectures.gradient_errors(model, variant)

    for name, error in asyncio.run(run()).items():
        assert error <= 1e-4, f"{name}: relative error {error:.1e}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "home",
    [
        pytest.param(home, marks=[pytest.mark.long] if home is Numpy else LONG_IN_A_TAB)
        for home in HERE.values()
        if home is not gpu
    ],
)
@pytest.mark.parametrize(
    "variant",
    [
        one if one == "small-llama" else pytest.param(one, marks=pytest.mark.long)
        for one in KINDS
        if "-other" not in one
    ],
)
def test_a_whole_lesson_comes_nearer_to_what_is_taught(home, variant):
    executor = home()

    async def run():
        return await architectures.lesson(await architectures.load_variant(variant, executor))

    taught = asyncio.run(run())
    assert taught["losses"][-1] < taught["losses"][0] and taught["outcome"]
