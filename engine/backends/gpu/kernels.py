"""The compiled kernels of one device: a module for each file, a pipeline for each shape, each made
once.

Features beyond the floor (tiers.py) are one line put before the file, never a copy of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from importlib.resources import files
from typing import Any

import numpy as np
import wgpu

from oneseek.engine.backends.executor import GPUProblem
from oneseek.engine.compiler import launch
from oneseek.engine.compiler.ir import Step, Value
from oneseek.engine.compiler.schedule import is_elementwise

UNIFORM_BYTES = 256  # the alignment of uniforms that every device accepts
NUMBERS = 256  # uniforms in a buffer


def source_of(file: str) -> str:
    return (files("oneseek.shaders") / file).read_text()


def sizes_of(file: str) -> list[str]:
    """Return the members of a file's `Sizes`, in order."""
    found = re.search(r"struct Sizes \{(.*?)\}", source_of(file), re.DOTALL)
    return re.findall(r"(\w+): u32", found[1]) if found else []


def find_source(step: Step) -> tuple[str, str, str]:
    """Return the file of a step's kernel, what is put before it, and the expression it computes."""
    if not is_elementwise(step.op):
        return step.op.kernel.split(":")[0], "", ""
    element, _, _ = launch.elementwise(step)
    return "elementwise.wgsl", f"alias element = {element};\n", step.op.kernel


def find_launch(step: Step, tier: launch.Tier) -> tuple[str, launch.Groups, dict]:
    """Return the entry point, the workgroups and the constants of a step."""
    if is_elementwise(step.op):
        return "elementwise", *launch.elementwise(step)[1:]
    return launch.launch_of(step, tier)


def format_kernel(step: Step) -> str:
    """A step's kernel as WGSL, with its launch on a device that has only the floor's features."""
    file, prefix, expression = find_source(step)
    entry, groups, told = find_launch(step, launch.Tier())
    numbers = ", ".join(f"{name} = {value}" for name, value in told.items())
    head = f"// {file}: {entry}, {' x '.join(map(str, groups))} workgroups; {numbers}\n"
    return head + prefix + source_of(file).replace("EXPRESSION", expression or "EXPRESSION")


def _entry(binding: int, kind: str) -> dict:
    compute = wgpu.ShaderStage.COMPUTE
    return {"binding": binding, "visibility": compute, "buffer": {"type": kind}}


class Kernels:
    """Compiles for `device` at the tier found to compute correctly on it."""

    def __init__(self, device: Any, tier: launch.Tier) -> None:
        self.device, self.tier = device, tier
        self._modules: dict[str, object] = {}
        self._layouts: dict[tuple, tuple] = {}
        self._pipelines: dict[tuple, object] = {}
        self._sizes: dict[str, list[str]] = {}
        self._numbers: dict[tuple, tuple[Any, int]] = {}
        self._table: Any = None  # the buffer that takes the next numbers
        self._places: dict[tuple, object] = {}
        entries = [_entry(i, "uniform") for i in range(2)]
        self._place_layout = device.create_bind_group_layout(label="place", entries=entries)

    def front(self) -> str:
        """Return what is put before every file: the tier, the prelude, the reductions."""
        half, sub = self.tier.f16, self.tier.subgroups
        named = sub and "subgroups" in self.device.features  # natively no line is needed
        lines = ["enable f16;"] * half + ["enable subgroups;"] * named
        lines.append(f"alias real = {'f16' if half else 'f32'};\n")
        reduce = "reduce_subgroups.wgsl" if sub else "reduce.wgsl"
        return "\n".join(lines) + source_of("prelude.wgsl") + source_of(reduce)

    def module(self, file: str, prefix: str, expression: str) -> Any:
        before = self.front() + prefix
        source = before + source_of(file).replace("EXPRESSION", expression or "EXPRESSION")
        if source not in self._modules:
            try:
                module = self.device.create_shader_module(label=file, code=source)
            except Exception as problem:
                raise shader_problem(file, before, problem) from problem
            self._modules[source] = module
        return self._modules[source]

    def layout(self, access: tuple[str, ...]) -> tuple:
        """Return the bind group layout and the pipeline layout for buffers of these access kinds,
        in order."""
        if access not in self._layouts:
            entries = [_entry(i, kind) for i, kind in enumerate(access)]
            group = self.device.create_bind_group_layout(label=str(len(access)), entries=entries)
            both = [group, self._place_layout]
            pipeline = self.device.create_pipeline_layout(bind_group_layouts=both)
            self._layouts[access] = group, pipeline
        return self._layouts[access]

    def place(self, first: tuple[int, ...], across: int, sizes: tuple[int, ...]) -> Any:
        """Return the bind group that tells a kernel where its piece of a dispatch begins, how many
        workgroups the whole has along x, and its sizes."""
        where = (*first, across), sizes
        if where not in self._places:
            fours = map(self._four, where)
            self._places[where] = self.device.create_bind_group(
                label=f"place {where}",
                layout=self._place_layout,
                entries=[
                    {"binding": i, "resource": {"buffer": table, "offset": at, "size": 16}}
                    for i, (table, at) in enumerate(fours)
                ],
            )
        return self._places[where]

    def _four(self, numbers: tuple[int, ...]) -> tuple[Any, int]:
        """The buffer and offset of up to four constant numbers; one buffer holds many of these."""
        if numbers not in self._numbers:
            place = len(self._numbers) % NUMBERS
            if place == 0:
                usage = wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST
                size = NUMBERS * UNIFORM_BYTES
                self._table = self.device.create_buffer(label="numbers", size=size, usage=usage)
            padded = np.array((*numbers, 0, 0, 0, 0)[:4], np.uint32)
            self.device.queue.write_buffer(self._table, place * UNIFORM_BYTES, padded)
            self._numbers[numbers] = self._table, place * UNIFORM_BYTES
        return self._numbers[numbers]

    def pipeline(self, step: Step, bound: Bound) -> Any:
        """Return the promise of a compiled kernel, its identity, its workgroups, and its sizes."""
        file, prefix, expression = find_source(step)
        entry, groups, told = find_launch(step, self.tier)
        if max(groups) > launch.MAX_GROUPS:
            raise GPUProblem(f"{step} would need {groups} workgroups, over 65,535 along one side")
        entry += bound.entry
        if file not in self._sizes:
            self._sizes[file] = sizes_of(file)
        sizes = tuple(told.get(name, 0) for name in self._sizes[file])
        constants = {name: float(value) for name, value in told.items() if name.isupper()}
        constants |= {"REUSED": float(bound.reused), "WANTED": float(bound.wanted)}
        what = (file, prefix, expression, entry, bound.access, tuple(sorted(constants.items())))
        key = (self.tier, *what)
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
        return self._pipelines[key], (key, sizes, groups), groups, sizes


class Bound:
    """The memory that a step's kernel binds: its inputs in order, then the outputs with memory of
    their own. A buffer that one binding writes cannot be bound twice, so an input whose memory the
    output takes over is left out, and `reused` tells the kernel to read the output instead."""

    def __init__(
        self,
        step: Step,
        same_memory: Callable[[Value, Value], bool],
        is_read: Callable[[Value], bool] = lambda value: True,
    ) -> None:
        self.wanted = sum(1 << i for i, out in enumerate(step.outs) if is_read(out))
        self.entry = ""  # suffix of the entry point's name
        updated = set(step.op.updates)
        self.outs = step.outs[len(updated) :]
        self.values: list[Value | None] = list(step.ins)
        self.reused = 0
        for out in self.outs:
            for i, value in enumerate(step.ins):
                if value is not None and same_memory(out, value):
                    name = step.op.params[i]
                    if out is not self.outs[0] or name not in step.op.reuses:
                        raise GPUProblem(f"{step} writes the memory of its own input {value.name}")
                    self.reused = 1 + step.op.reuses.index(name)
                    self.values[i] = None
        if is_elementwise(step.op):
            self.values += [None] * (7 - len(self.values))
        kinds = [
            "storage" if i in updated else "read-only-storage" for i in range(len(self.values))
        ]
        self.values += self.outs
        self.access = (*kinds, *["storage"] * len(self.outs))

    def within(self, limit: int) -> list[Bound]:
        """Return itself, or where a device binds fewer buffers at once, one launch for each wanted
        output, of the entry point whose name ends in `_one`."""
        if len(self.values) <= limit:
            return [self]
        alone = []
        inputs = len(self.values) - len(self.outs)
        for i, out in enumerate(self.outs):
            one = copy(self)
            one.entry, one.wanted = "_one", self.wanted & 1 << i
            one.values = [*self.values[:inputs], out]
            one.access = self.access[: inputs + 1]
            alone.append(one)
        return [one for one in alone if one.wanted]


def shader_problem(file: str, before: str, problem: Exception) -> GPUProblem:
    """The compiler's error with lines counted in the file, without what was put before it."""
    found = re.search(r":(\d+):(\d+)", str(problem))
    if not found:
        return GPUProblem(f"shaders/{file} does not compile: {problem}")
    line = int(found[1]) - before.count("\n")
    where = f"{file}:{line}" if line > 0 else f"prelude.wgsl, line {found[1]} of all,"
    return GPUProblem(f"shaders/{where}:{found[2]} does not compile: {problem}")
