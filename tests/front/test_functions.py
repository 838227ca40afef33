"""Each function of the library and its gradient must match PyTorch in double precision, and on the
other back ends numpy; natively and in the worker."""

import sys
from pathlib import Path

import numpy as np
import pytest

import oneseek
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from tests.support.front_cases import CASES
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host

pytestmark = pytest.mark.in_worker
GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "functions.npz"))


@pytest.fixture(scope="module")
def wasm():
    return Wasm(host())


def compute(name, device):
    """The result, and the gradients of its sum of squares."""
    arrays, function = CASES[name]

    def squares(given):
        result = function(oneseek, *given)
        return oneseek.sum(result**2)

    with oneseek.on(device):
        result = oneseek.jit(lambda given: function(oneseek, *given))(list(arrays))
        _, slopes = oneseek.value_and_grad(squares)(list(arrays))
    return [result, *slopes]


@pytest.mark.parametrize("name", CASES)
def test_a_function_and_its_gradient_are_those_of_pytorch(name):
    found = compute(name, Numpy(np.float64))
    wanted = [GOLDEN[name], *(GOLDEN[f"{name}.{i}"] for i in range(len(found) - 1))]
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_kernels_of_the_processor_agree_with_numpy(name, wasm):
    for ours, theirs in zip(compute(name, wasm), compute(name, "numpy"), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "emscripten", reason="a GPU that the processor plays in a tab")
@pytest.mark.parametrize("name", CASES)
def test_the_kernels_of_the_chip_agree_with_numpy(name):
    for ours, theirs in zip(compute(name, gpu()), compute(name, "numpy"), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_what_is_missing_is_said_by_its_name():
    x = np.ones((2, 3, 4), np.float32)
    for wrong, words in (
        (lambda a: a @ a, "right side has to be a matrix"),
        (lambda a: a[::2], r"\[slice\(None, None, 2\)\]"),
        (lambda a: a**0.5, r"x \*\* 0.5"),
    ):
        with pytest.raises(NotImplementedError, match=words):
            oneseek.jit(wrong)(x)
    with pytest.raises(AttributeError, match="no scatter"):
        oneseek.scatter  # noqa: B018  it is asked for, that is all
    with pytest.raises(ValueError, match=r"f32\[2, 3, 4\].*f32\[5\]"):
        oneseek.jit(lambda a: a + np.ones(5, np.float32))(x)
    with pytest.raises(ValueError, match="8, ... columns, not 3"):
        oneseek.jit(lambda a: oneseek.rmsnorm(a, np.ones(3, np.float32)))(x.reshape(8, 3))
    with pytest.raises(RuntimeError, match="within jit"):
        oneseek.relu(x)
    with pytest.raises(TypeError, match="no value yet"):
        oneseek.jit(lambda a: a if a else -a)(x)
    with pytest.raises(ValueError, match="'numpy', 'cpu', 'webgpu'"):
        oneseek.on("cuda")


def test_a_function_is_traced_once_for_each_shape():
    times = []

    @oneseek.jit
    def double(x):
        times.append(x.shape)
        return {"twice": x * 2.0}

    for shape in ((2, 3), (3,), (2, 3)):
        np.testing.assert_array_equal(double(np.ones(shape, np.float32))["twice"], 2)
    assert times == [(2, 3), (3,)]


def test_a_key_gives_the_same_numbers_and_keys_split_from_it_have_others():
    one, other = oneseek.random.split(oneseek.random.key(1))
    first, again = (oneseek.random.normal(key, (4000,)) for key in (one, one))
    np.testing.assert_array_equal(first, again)
    second = oneseek.random.normal(other, (4000,))
    assert abs(first.mean()) < 0.05 and abs(first.std() - 1) < 0.05
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    below = oneseek.random.integers(one, (4000,), 7)
    assert set(below) == set(range(7))


def test_dropout_drops_by_its_key():
    dropped = oneseek.jit(lambda x, key: oneseek.dropout(x, key, 0.25))
    x = np.ones((50, 40), np.float32)
    one, again, other = (dropped(x, oneseek.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any() and abs((one == 0).mean() - 0.25) < 0.05
