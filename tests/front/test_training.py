"""Training must be able to stop after any millisecond, be captured, and continue to the same
bits."""

import io

import numpy as np
import pytest

import oneseek
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.compiler.ir import OPS, Program
from tests.support.wasm_host import host

pytestmark = pytest.mark.in_worker
OPTIMISERS = (
    oneseek.AdamW(rate=oneseek.cosine(0.1, 20, warmup=2), decay=0.1, max_norm=0.5),
    oneseek.SGD(rate=0.1, momentum=0.9, decay=0.01),
    oneseek.Lion(rate=0.01, decay=0.1),
)
WEIGHTS = {"layers": [np.eye(4, dtype=np.float32), np.ones((4, 2), np.float32)], "rate": 0.5}


def loss(w, x, y):
    for layer in w["layers"]:
        x = oneseek.tanh(x @ layer) * w["rate"]
    return oneseek.mean((x - y) ** 2)


def batch(i):
    one, other = oneseek.random.split(oneseek.random.key(i))
    return oneseek.random.normal(one, (8, 4)), oneseek.random.normal(other, (8, 2))


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("device", ["numpy", "kernels"])
def test_what_was_captured_goes_on_to_the_same_bits_slice_by_slice(optimiser, device):
    with oneseek.on(Wasm(host()) if device == "kernels" else device):
        train = oneseek.Train(loss, WEIGHTS, optimiser)
        for i in range(3):
            train.step(*batch(i))
        kept = io.BytesIO()
        np.savez(kept, **train.capture())
        straight = [train.step(*batch(i)) for i in range(3, 6)]
        ended = train.capture()

        kept.seek(0)
        again = oneseek.Train(loss, WEIGHTS, optimiser)
        again.restore(dict(np.load(kept)))
        in_slices, slices = [], 0
        for i in range(3, 6):
            again.begin(*batch(i))
            found = None
            while found is None:
                found, slices = again.slice(ms=1e-6), slices + 1
            in_slices.append(found)
    assert in_slices == straight and (slices > 3 or device == "kernels")
    assert all(np.array_equal(again.capture()[name], array) for name, array in ended.items())
    assert train.weights["layers"][1].shape == (4, 2) and train.weights["rate"].shape == ()


def test_a_capture_within_a_step_finishes_it_and_its_loss_is_not_lost():
    train = oneseek.Train(loss, WEIGHTS, OPTIMISERS[0])
    train.begin(*batch(0))
    assert train.slice(ms=1e-6) is None
    captured = train.capture()
    assert captured["steps"] == 1
    assert train.slice() == oneseek.Train(loss, WEIGHTS, OPTIMISERS[0]).step(*batch(0))
    with pytest.raises(RuntimeError, match="begin"):
        train.slice()


def test_what_was_captured_from_something_else_is_refused_by_name():
    train = oneseek.Train(loss, WEIGHTS, OPTIMISERS[0])
    with pytest.raises(ValueError, match=r"lacks in\.m\.layers\.0"):
        train.restore({"steps": np.array(1)})


def test_values_of_two_programs_are_refused():
    one, other = Program("one"), Program("other")
    with pytest.raises(ValueError, match="of the program one and y of another, other"):
        OPS["add"](one.input("x", (2,)), other.input("y", (2,)))
