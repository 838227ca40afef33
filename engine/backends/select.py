"""Choose the back end where there is no browser: the one place that turns a name into an
executor."""

from __future__ import annotations

import sys

from oneseek.engine.backends.executor import Executor
from oneseek.engine.backends.reference import Numpy

BACK_ENDS = ("gpu", "cpu", "numpy", "auto")
MEANING = (
    "what computes: gpu is WebGPU, cpu all cores of the processor by kernels in WebAssembly, numpy "
    "the slow definition of both; auto, unless told, is gpu where there is a real one, else cpu"
)


class NoGPU(ValueError):
    """A graphics chip was asked for and there is none; the cause names the reason."""


async def executor_named(name: str) -> Executor:
    """The back end of --backend; `auto` takes a GPU only when it is a real one."""
    if name == "numpy":
        return Numpy()
    if name == "cpu":
        return processor()
    from oneseek.engine.backends.gpu.executor import GPU

    try:
        gpu = await GPU.open()
    except RuntimeError as error:
        if name == "gpu":
            raise NoGPU(f"there is no GPU to compute on ({error}); use --backend cpu") from error
        return processor()
    return gpu if name == "gpu" or not gpu.tier.software else processor()


def processor() -> Executor:
    """The executor that uses all cores: the tab's kernels, and numpy where it is faster."""
    from oneseek.engine.backends.native_cpu import Processor

    return Processor()


def kernels() -> Executor:
    """The executor that uses all cores and only the tab's kernels; it runs in a tab as well."""
    from oneseek.engine.backends.wasm.executor import Wasm

    if sys.platform == "emscripten":
        from oneseek.engine.backends.wasm.tab import Tab

        return Wasm(Tab())
    from oneseek.engine.backends.wasm.native import Native

    return Wasm(Native())
