"""The memory kernels work in: Pyodide's own in the worker, one of wasmtime's without a browser."""

import ctypes
import sys

import numpy as np

PAGE = 65536


class NativeHeap:
    def __init__(self, megabytes: int):
        import wasmtime

        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        pages = megabytes * 16
        kind = wasmtime.MemoryType(wasmtime.Limits(pages, pages))
        self.memory = wasmtime.Memory(self.store, kind)
        self.linker = wasmtime.Linker(engine)
        self.linker.define(self.store, "env", "memory", self.memory)
        self.base = ctypes.addressof(self.memory.data_ptr(self.store).contents)
        whole = (ctypes.c_uint8 * (pages * PAGE)).from_address(self.base)
        self.bytes = np.ctypeslib.as_array(whole)
        self.used = 1024

    def zeros(self, shape: tuple[int, ...], dtype) -> np.ndarray:
        """Memory is given out once and never taken back."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        start, self.used = self.used, self.used + -(-size // 64) * 64
        if self.used > self.bytes.size:
            raise MemoryError(f"{size} bytes more than this heap of {self.bytes.size} has")
        return self.bytes[start : start + size].view(dtype).reshape(shape)

    def hold(self, array: np.ndarray) -> np.ndarray:
        held = self.zeros(array.shape, array.dtype)
        held[...] = array
        return held

    def address(self, array: np.ndarray) -> int:
        return array.ctypes.data - self.base

    def link(self, code: bytes):
        import wasmtime

        instance = self.linker.instantiate(self.store, wasmtime.Module(self.store.engine, code))
        run = instance.exports(self.store)["run"]
        assert isinstance(run, wasmtime.Func)
        return lambda *numbers: run(self.store, *numbers)


def heap(megabytes: int = 256):
    """A fresh one of the kind that is here."""
    if sys.platform == "emscripten":
        from engine.backends.wasm.heap import PyodideHeap

        return PyodideHeap()
    return NativeHeap(megabytes)
