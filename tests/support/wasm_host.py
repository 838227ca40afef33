"""The memory that kernels work in: the browser's in the worker, wasmtime's elsewhere."""

import sys


def host(threads: int = 1):
    """A new host of the kind available here."""
    if sys.platform == "emscripten":
        from oneseek.engine.backends.wasm.tab import Tab

        return Tab(threads)
    from oneseek.engine.backends.wasm.native import Native

    return Native(threads)
