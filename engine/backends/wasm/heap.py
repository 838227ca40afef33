"""Pyodide's own heap as the memory of the CPU back end: numpy arrays already live there, and a
linked module reads and writes them without a copy.
"""

import ctypes
import os
import tempfile

import numpy as np

from engine.backends.room import ALIGNMENT
from engine.backends.wasm.emit import Module, value


def with_simd() -> bytes:
    """The smallest module that a browser without SIMD refuses."""
    module = Module()
    function = module.function("run", ["table", "first", "stop"])
    function.let(value(0.0, "v128"))
    return module.encoded()


class NoSimd(RuntimeError):
    """This browser cannot run the kernels."""


class PyodideHeap:
    """Arrays at addresses a kernel can use, and modules linked to the same memory."""

    def __init__(self):
        try:
            self.link(with_simd())
        except OSError as error:
            raise NoSimd(
                "this browser's WebAssembly has no SIMD, without which OneSeek cannot compute on "
                "the processor; update the browser or use another, your chats are safe"
            ) from error

    def zeros(self, shape: tuple[int, ...], dtype) -> np.ndarray:
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        try:
            whole = np.zeros(size + ALIGNMENT, np.uint8)
        except (MemoryError, ValueError) as error:  # more than an address reaches is a ValueError
            raise MemoryError(
                f"the tab has no {size >> 20} MB left for the model; close other tabs or choose "
                "a smaller model, your chats are safe"
            ) from error
        start = -self.address(whole) % ALIGNMENT
        return whole[start : start + size].view(dtype).reshape(shape)

    def hold(self, array: np.ndarray) -> np.ndarray:
        """The array itself where it lies well, otherwise a copy that does."""
        if array.flags.c_contiguous and array.flags.writeable and not self.address(array) % 16:
            return array
        held = self.zeros(array.shape, array.dtype)
        held[...] = array
        return held

    def address(self, array: np.ndarray) -> int:
        return array.ctypes.data

    def link(self, code: bytes):
        """The module's `run`; the file is only how the dynamic linker takes it."""
        with tempfile.NamedTemporaryFile(suffix=".so", delete=False) as file:
            file.write(code)
        try:
            run = ctypes.CDLL(file.name).run
        finally:
            os.unlink(file.name)
        run.argtypes, run.restype = [ctypes.c_int32] * 3, None
        return run
