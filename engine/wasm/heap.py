"""Pyodide's own heap as the memory of the CPU back end: numpy arrays already live there, and a
linked module reads and writes them without a copy.
"""

import ctypes
import os
import tempfile

import numpy as np

ALIGNMENT = 64


class PyodideHeap:
    """Arrays at addresses a kernel can use, and modules linked to the same memory."""

    def zeros(self, shape: tuple[int, ...], dtype) -> np.ndarray:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            whole = np.zeros(size + ALIGNMENT, np.uint8)
        except MemoryError as error:
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
