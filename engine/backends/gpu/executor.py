"""The WebGPU executor, natively and in the browser alike: one device and its buffers.

kernels.py compiles for it and run.py replays on it in slices. Nothing here waits: `ready`,
`advance` and `read` raise the errors, with names.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import wgpu

from oneseek.engine.backends.gpu import tiers
from oneseek.engine.backends.gpu.device import BINDINGS, Device, Tensor
from oneseek.engine.backends.gpu.run import Run
from oneseek.engine.compiler.schedule import Plan

WANTED = ("timestamp-query", "shader-f16", "subgroups", "subgroup")
FLOOR = {  # the limits used here, at the minimum that WebGPU guarantees
    BINDINGS: 8,
    "max-storage-buffer-binding-size": 1 << 27,
    "max-buffer-size": 1 << 28,
    "max-compute-workgroup-storage-size": 1 << 14,
    "max-compute-invocations-per-workgroup": 256,
    "max-compute-workgroup-size-x": 256,
    "max-compute-workgroup-size-y": 256,
}


@contextlib.contextmanager
def silent_drivers() -> Iterator[None]:
    """Send what others write to the process's stderr nowhere, except for Python's own: drivers warn
    there about what a machine lacks, and what fails raises an error all the same."""
    if sys.__stderr__ is None:  # closed before Python began: descriptor 2 belongs to another file
        yield
        return
    kept, nowhere, before = os.dup(2), os.open(os.devnull, os.O_WRONLY), sys.stderr
    with os.fdopen(kept, "w", buffering=1, closefd=False) as ours:
        before.flush()
        os.dup2(nowhere, 2)
        sys.stderr = ours
        try:
            yield
        finally:
            sys.stderr = before
            os.dup2(kept, 2)
            os.close(nowhere)
    os.close(kept)


class GPU(Device):
    """The executor over one device: prepares programs for it."""

    name = "gpu"
    cache_step = None

    @classmethod
    async def open(cls, memory_limit: int | None = None, floor: bool = False) -> GPU:
        """Open the adapter of the browser or the machine, with every feature that computes
        correctly; with `floor` only what every WebGPU device has. Without an adapter it raises an
        error."""
        if sys.platform == "emscripten":
            from oneseek.engine.backends.gpu import webgpu

            webgpu.install()
            return await cls._open(memory_limit, floor)
        with silent_drivers():
            return await cls._open(memory_limit, floor)

    @classmethod
    async def _open(cls, memory_limit: int | None, floor: bool) -> GPU:
        adapter = await wgpu.gpu.request_adapter_async(power_preference="high-performance")
        limits = {k: v for k, v in adapter.limits.items() if k.startswith("max-") and v}
        device = await adapter.request_device_async(
            label="engine",
            required_features=[] if floor else sorted(adapter.features & set(WANTED)),
            required_limits=FLOOR if floor else limits,
        )
        gpu = cls(device, memory_limit)
        await tiers.choose(gpu)
        await gpu.clock.set()
        return gpu

    def prepare(
        self, plan: Plan, tensors: dict[str, Tensor] | None = None, room: None = None
    ) -> Run:
        return Run(self, plan, tensors or {})
