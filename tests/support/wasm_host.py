"""The memory kernels work in: the browser's in the worker, wasmtime's without one."""

import sys


def host(threads: int = 1):
    """A fresh one of the kind that is here."""
    if sys.platform == "emscripten":
        from oneseek.engine.backends.wasm.tab import Tab

        return Tab(threads)
    from oneseek.engine.backends.wasm.native import Native

    return Native(threads)
