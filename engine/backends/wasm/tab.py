"""The host of the CPU back end in a browser tab: threads.js, in the same worker as Python."""

from __future__ import annotations

from typing import Any

import js
import numpy as np
import pyodide_js
from pyodide.ffi import to_js

from oneseek.engine.backends.wasm.board import MODULE, NEWS
from oneseek.engine.backends.wasm.emit import Module, value


def with_simd(fused: bool = False) -> bytes:
    """Return the smallest module that a browser without SIMD refuses; with `fused`, one without
    relaxed SIMD."""
    module = Module(fused)
    f = module.function("run", [])
    zero = f.let(value(0.0, "v128"))
    f.add_product(zero, zero, zero)
    return module.encode()


class NoSimd(RuntimeError):
    """This browser cannot run the kernels."""


class Tab:
    """A memory apart from Python's own, and the threads that share it."""

    seen = False

    def __init__(self, threads: int | None = None):
        if not js.WebAssembly.validate(to_js(with_simd())):
            raise NoSimd(
                "this browser's WebAssembly has no SIMD, without which OneSeek cannot compute on "
                "the processor; update the browser or use another, your chats are safe"
            )
        self.fused = bool(js.WebAssembly.validate(to_js(with_simd(fused=True))))
        possible = js.oneseekThreads.possible()
        self.threads = (threads or possible) if possible > 1 else 1
        self.there = js.oneseekThreads.new(self.threads, pyodide_js._module)
        self.grow, self.clear, self.close = self.there.grow, self.there.clear, self.there.close
        self.count = 0

    @property
    def size(self) -> int:
        return self.there.size

    def write(self, address: int, array: np.ndarray) -> None:
        self.there.write(address, array.ctypes.data, array.nbytes)

    def read(self, address: int, array: np.ndarray) -> None:
        self.there.read(address, array.ctypes.data, array.nbytes)

    def link(self, module: Module) -> Linked:
        exports = self.there.link(to_js(module.encode(shared=self.threads > 1)))
        self.count += 1
        return Linked(exports.run, self.count - 1)

    def end_one(self) -> None:
        """For tests: kill a thread."""
        self.there.helpers.get(1).terminate()

    def open(self, board: int) -> None:
        self.there.open(board, board + NEWS, board + MODULE)


class Linked:
    def __init__(self, run: Any, number: int) -> None:
        self.run, self.number = run, number
