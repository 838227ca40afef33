"""Memory and modules inside the worker: what cannot be had is said in one sentence."""

import sys

import numpy as np
import pytest

from engine.backends.wasm import heap

pytestmark = pytest.mark.in_worker

TOO_MUCH = 1 << 45  # bytes

IN_THE_WORKER = sys.platform == "emscripten"


class AnyHeap(heap.PyodideHeap):
    """Without the linker, which only the worker has."""

    def link(self, code):
        return super().link(code) if IN_THE_WORKER else None


def test_memory_that_is_not_there_is_one_clear_sentence():
    with pytest.raises(MemoryError, match="no 33554432 MB left .* your chats are safe"):
        AnyHeap().zeros((TOO_MUCH,), np.uint8)


def test_a_browser_without_simd_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(heap, "with_simd", lambda: b"not a module")
    with pytest.raises(heap.NoSimd, match="has no SIMD"):
        heap.PyodideHeap()


def test_arrays_lie_where_vectors_like_them():
    for shape in ((1,), (3, 5), (1000,)):
        array = AnyHeap().zeros(shape, np.float32)
        assert array.shape == shape and array.ctypes.data % heap.ALIGNMENT == 0
    held = AnyHeap().hold(np.frombuffer(bytes(range(64)), np.uint8)[1:33].view(np.float32))
    assert held.ctypes.data % 16 == 0 and held.flags.writeable
