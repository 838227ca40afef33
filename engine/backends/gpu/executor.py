"""The WebGPU executor, natively and in the browser alike: one device and its buffers.

kernels.py compiles for it and run.py replays on it in slices. Nothing here waits: errors come
from `ready`, `advance` and `read`, with names.
"""

from __future__ import annotations

import sys

import wgpu

from oneseek.engine.backends.gpu import tiers
from oneseek.engine.backends.gpu.device import BINDINGS, Device, Tensor
from oneseek.engine.backends.gpu.run import Run
from oneseek.engine.compiler.schedule import Plan

WANTED = ("timestamp-query", "shader-f16", "subgroups", "subgroup")
FLOOR = {  # what every WebGPU device can do, of the limits that matter here
    BINDINGS: 8,
    "max-storage-buffer-binding-size": 1 << 27,
    "max-buffer-size": 1 << 28,
    "max-compute-workgroup-storage-size": 1 << 14,
    "max-compute-invocations-per-workgroup": 256,
    "max-compute-workgroup-size-x": 256,
    "max-compute-workgroup-size-y": 256,
}


class GPU(Device):
    """The executor over one device: prepares programs for it."""

    name = "gpu"
    cache_step = None

    @classmethod
    async def open(cls, memory_limit: int | None = None, floor: bool = False) -> GPU:
        """The browser's or the machine's adapter, with all it has and that computes rightly; with
        `floor` only what every WebGPU device has. No adapter is an error."""
        if sys.platform == "emscripten":
            from oneseek.engine.backends.gpu import webgpu

            webgpu.install()
        adapter = await wgpu.gpu.request_adapter_async(power_preference="high-performance")
        limits = {k: v for k, v in adapter.limits.items() if k.startswith("max-") and v}
        device = await adapter.request_device_async(
            label="engine",
            required_features=[] if floor else sorted(adapter.features & set(WANTED)),
            required_limits=FLOOR if floor else limits,
        )
        gpu = cls(device, memory_limit)
        await tiers.choose(gpu)
        return gpu

    def prepare(
        self, plan: Plan, tensors: dict[str, Tensor] | None = None, room: None = None
    ) -> Run:
        return Run(self, plan, tensors or {})
