"""Addresses above 2 GB are negative numbers in WebAssembly; every kernel must handle them."""

import numpy as np
import pytest

from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from tests.support.kernels import WITH_KERNEL, mark_most, outputs
from tests.support.op_cases import build


@pytest.mark.slow
@pytest.mark.parametrize("op,case", mark_most(WITH_KERNEL, pytest.mark.long))
def test_a_kernel_gives_the_same_bits_across_two_gigabytes(op, case):
    program, _, _, feeds = build(op, case)
    low, high = Wasm(Native(1)), Wasm(Native(1))
    size = sum(value.spec.nbytes for value in program.inputs.values())
    high.memory.end = high.memory.used = (1 << 31) - size // 2 // 64 * 64
    below, above = (outputs(executor, program, feeds) for executor in (low, high))
    for name, value in below.items():
        np.testing.assert_array_equal(value, above[name])
