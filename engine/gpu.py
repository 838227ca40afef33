"""The WebGPU executor: the only file that talks to `wgpu`, natively and in the browser alike.

`prepare` turns a plan into a recorded list of (pipeline, bind group, workgroups); gpu_run.py replays
it in slices. Nothing here waits: errors come from `ready`, `advance` and `read`, with names.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable
from importlib.resources import files

import numpy as np
import wgpu

import engine.ops  # noqa: F401  every op registers itself
from engine import launch
from engine.gpu_run import Run
from engine.ir import BYTES, Spec, Step, Value
from engine.schedule import Plan, is_elementwise
from engine.turns import Turns

USAGE = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
WANTED = ("timestamp-query", "shader-f16", "subgroups", "subgroup")
DTYPES = {"f32": np.float32, "i32": np.int32, "u32": np.uint32, "f16": np.float16}


# how browsers put it when the device went while something was under way
SIGNS_OF_LOSS = ("device is lost", "aborterror", "instance reference no longer exists")


class GPUProblem(RuntimeError):
    """Something the device refused; the text names the step, the value and the shapes."""


class OutOfMemory(GPUProblem, MemoryError):
    """An allocation failed; everything allocated for the same plan was given back."""


class DeviceLost(GPUProblem):
    """The device is gone with all its buffers; open a new one and restore from the store."""


def source_of(file: str) -> str:
    return (files("shaders") / file).read_text()


class Tensor:
    """A buffer that stays on the device, shared by every run it is bound to."""

    def __init__(self, gpu: GPU, spec: Spec, label: str):
        self.gpu, self.spec = gpu, spec
        self.buffer = gpu.allocate(label, spec)

    def write(self, array: np.ndarray, offset: int = 0) -> None:
        self.gpu.write(self.buffer, self.spec, array, offset)

    async def read(self) -> np.ndarray:
        return await self.gpu.read(self.buffer, 0, self.spec)

    def copy_from(self, other: Tensor) -> None:
        if other.spec != self.spec:
            raise ValueError(f"cannot copy {other.spec} over {self.spec}")
        encoder = self.gpu.device.create_command_encoder(label="copy")
        encoder.copy_buffer_to_buffer(other.buffer, 0, self.buffer, 0, self.buffer.size)
        self.gpu.submit(encoder)


class GPU:
    """One device: its buffers, its compiled kernels and the cost of each."""

    name = "gpu"

    def __init__(self, device, memory_limit: int | None = None):
        self.device, self.memory_limit, self.allocated = device, memory_limit, 0
        self.turns = Turns()
        info = device.adapter_info
        self.description = f"{info['device']} {info['description']}".strip()
        self.tier = launch.Tier(software=info["adapter_type"].lower() == "cpu")
        self.timestamps = "timestamp-query" in device.features
        self.costs: dict[tuple, float] = {}  # milliseconds of a dispatch, by what it is
        self.lost = ""  # why, once it is
        self.on_lost: Callable[[str], None] = lambda reason: None
        self._modules: dict[str, tuple] = {}
        self._layouts: dict[tuple, tuple] = {}
        self._pipelines: dict[tuple, object] = {}
        self.nothing = self.allocate("nothing", Spec((4,)))  # bound where an input is absent
        if hasattr(device, "lost_async"):
            device.lost_async.then(lambda info: self._lose(f"{info.reason}: {info.message}"))

    @classmethod
    async def open(cls, memory_limit: int | None = None) -> GPU:
        """The browser's or the machine's adapter, with all it has. No adapter is an error."""
        if sys.platform == "emscripten":
            from engine import webgpu

            webgpu.install()
        adapter = await wgpu.gpu.request_adapter_async(power_preference="high-performance")
        limits = {k: v for k, v in adapter.limits.items() if k.startswith("max-") and v}
        device = await adapter.request_device_async(
            label="engine",
            required_features=sorted(adapter.features & set(WANTED)),
            required_limits=limits,
        )
        return cls(device, memory_limit)

    def _lose(self, reason: str) -> None:
        if not self.lost:
            self.lost = reason
            self.on_lost(reason)

    # buffers

    def allocate(self, label: str, spec: Spec):
        """A zeroed buffer; its bytes count until Python drops it."""
        size = max(16, -(-spec.nbytes // 16) * 16)
        limit = self.device.limits["max-storage-buffer-binding-size"]
        if size > limit:
            raise OutOfMemory(f"{label}:{spec} has {size} bytes, one buffer holds {limit} here")
        if self.memory_limit and self.allocated + size > self.memory_limit:
            raise OutOfMemory(
                f"{label}:{spec} needs {size} bytes; {self.allocated} of the allowed "
                f"{self.memory_limit} are taken"
            )
        try:
            buffer = self.device.create_buffer(label=label, size=size, usage=USAGE)
        except Exception as problem:
            raise OutOfMemory(f"no room for {label}:{spec}, {size} bytes: {problem}") from problem
        self.allocated += size
        weakref.finalize(buffer, self._freed, size)
        return buffer

    def _freed(self, size: int) -> None:
        self.allocated -= size

    def upload(self, array: np.ndarray, label: str = "tensor") -> Tensor:
        kind = {"f": "f32", "i": "i32", "b": "i32", "u": "u32"}[array.dtype.kind]
        tensor = self.empty(Spec(array.shape, kind), label)
        tensor.write(array)
        return tensor

    def empty(self, spec: Spec, label: str = "tensor") -> Tensor:
        return Tensor(self, spec, label)

    async def breathe(self) -> None:
        await self.turns.breathe()

    def write(self, buffer, spec: Spec, array: np.ndarray, offset: int = 0) -> None:
        data = np.ascontiguousarray(array, DTYPES[spec.dtype])
        if offset + data.size > spec.size:
            raise ValueError(f"{buffer.label}:{spec} has no room for {array.shape} at {offset}")
        if data.size:
            self.device.queue.write_buffer(buffer, offset * BYTES[spec.dtype], data)

    async def read(self, buffer, start: int, spec: Spec) -> np.ndarray:
        """Elements from `start`, copied through a mapped buffer; waits for what was submitted."""
        usage = wgpu.BufferUsage.COPY_DST | wgpu.BufferUsage.MAP_READ
        size = max(4, spec.nbytes)
        staging = self.device.create_buffer(label=f"read {buffer.label}", size=size, usage=usage)
        encoder = self.device.create_command_encoder(label=f"read {buffer.label}")
        encoder.copy_buffer_to_buffer(buffer, start * BYTES[spec.dtype], staging, 0, size)
        self.submit(encoder)
        await self.waited(staging.map_async("READ"))
        data = np.frombuffer(staging.read_mapped(), DTYPES[spec.dtype])
        staging.unmap()
        return data[: spec.size].reshape(spec.shape).copy()

    async def finished(self) -> None:
        """Until everything submitted so far is done."""
        await self.read(self.nothing, 0, Spec((1,)))

    def submit(self, encoder) -> None:
        if self.lost:
            raise DeviceLost(f"the GPU was lost ({self.lost})")
        try:
            self.device.queue.submit([encoder.finish()])
        except Exception as problem:
            raise self.explained(problem) from problem

    async def waited(self, promise):
        try:
            return await promise
        except Exception as problem:
            raise self.explained(problem) from problem

    def explained(self, problem: Exception) -> Exception:
        text = str(problem)
        if self.lost or any(sign in text.lower() for sign in SIGNS_OF_LOSS):
            self._lose(self.lost or text)
            return DeviceLost(f"the GPU was lost ({self.lost})")
        return problem if isinstance(problem, GPUProblem) else GPUProblem(text)

    # kernels

    def module(self, file: str, prefix: str, expression: str):
        source = source_of(file).replace("EXPRESSION", expression or "EXPRESSION")
        source = f"{prefix}{source_of('prelude.wgsl')}{source}"
        if source not in self._modules:
            try:
                module = self.device.create_shader_module(label=file, code=source)
            except Exception as problem:
                raise shader_problem(file, prefix, problem) from problem
            self._modules[source] = module
        return self._modules[source]

    def layout(self, access: tuple[str, ...]) -> tuple:
        """Bind group layout and pipeline layout for buffers accessed so, one after another."""
        if access not in self._layouts:
            entries = [
                {"binding": i, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": kind}}
                for i, kind in enumerate(access)
            ]
            group = self.device.create_bind_group_layout(label=str(len(access)), entries=entries)
            pipeline = self.device.create_pipeline_layout(bind_group_layouts=[group])
            self._layouts[access] = group, pipeline
        return self._layouts[access]

    def pipeline(self, step: Step, bound: Bound):
        """-> the promise of a compiled kernel, its identity, and its workgroups."""
        if is_elementwise(step.op):
            element, groups, constants = launch.elementwise(step)
            file, entry, expression = "elementwise.wgsl", "elementwise", step.op.kernel
            prefix = f"alias element = {element};\n"
        else:
            file, expression, prefix = step.op.kernel.split(":")[0], "", ""
            entry, groups, constants = launch.launch_of(step, self.tier)
        if max(groups) > launch.MAX_GROUPS:
            raise GPUProblem(f"{step} would need {groups} workgroups, over 65,535 along one side")
        constants |= {"REUSED": bound.reused, "WANTED": bound.wanted}
        constants = {name: float(value) for name, value in constants.items()}
        key = file, prefix, expression, entry, bound.access, tuple(sorted(constants.items()))
        if key not in self._pipelines:
            self._pipelines[key] = self.device.create_compute_pipeline_async(
                label=step.op.name,
                layout=self.layout(bound.access)[1],
                compute={
                    "module": self.module(file, prefix, expression),
                    "entry_point": entry,
                    "constants": constants,
                },
            )
        return self._pipelines[key], (key, groups), groups

    def prepare(self, plan: Plan, tensors: dict[str, Tensor] | None = None) -> Run:
        return Run(self, plan, tensors or {})


class Bound:
    """Which memory a step's kernel sees: the inputs in order, then outputs with memory of their
    own. One buffer cannot be bound twice when one binding writes, so an input whose memory the
    output takes over is left out and `reused` tells the kernel to read the output instead."""

    def __init__(
        self,
        step: Step,
        same_memory: Callable[[Value, Value], bool],
        is_read: Callable[[Value], bool] = lambda value: True,
    ):
        self.wanted = sum(1 << i for i, out in enumerate(step.outs) if is_read(out))
        updated = set(step.op.updates)
        outs = step.outs[len(updated) :]
        self.values: list[Value | None] = list(step.ins)
        self.reused = 0
        for out in outs:
            for i, value in enumerate(step.ins):
                if value is not None and same_memory(out, value):
                    name = step.op.params[i]
                    if out is not outs[0] or name not in step.op.reuses:
                        raise GPUProblem(f"{step} writes the memory of its own input {value.name}")
                    self.reused = 1 + step.op.reuses.index(name)
                    self.values[i] = None
        if is_elementwise(step.op):
            self.values += [None] * (7 - len(self.values))
        kinds = [
            "storage" if i in updated else "read-only-storage" for i in range(len(self.values))
        ]
        self.values += outs
        self.access = (*kinds, *["storage"] * len(outs))


def shader_problem(file: str, prefix: str, problem: Exception) -> GPUProblem:
    """The compiler's complaint with lines counted in the file, not in what was put before it."""
    before = (prefix + source_of("prelude.wgsl")).count("\n")
    found = re.search(r":(\d+):(\d+)", str(problem))
    if not found:
        return GPUProblem(f"shaders/{file} does not compile: {problem}")
    line = int(found[1]) - before
    where = f"{file}:{line}" if line > 0 else f"prelude.wgsl:{line + before}"
    return GPUProblem(f"shaders/{where}:{found[2]} does not compile: {problem}")
