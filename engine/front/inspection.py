"""Shows what the compiler made of a function: its steps with their shapes and the lines that asked
for them, its buffers over time, and the kernel of each step for the chip and for the processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from oneseek.engine.backends.wasm.emit import Module
from oneseek.engine.backends.wasm.listing import disassemble
from oneseek.engine.backends.wasm.program import assign_offsets, kernel_of, write_kernel
from oneseek.engine.compiler.ir import Step, Value
from oneseek.engine.front.tracing import Traced, jit
from oneseek.engine.front.training import Train


def inspect(function: Callable | Train, *arguments: Any) -> Inspection:
    """Return what is made of `function(*arguments)`, or of a step of a `Train` with this batch.
    Nothing is computed; `print` shows it line by line."""
    traceable = function if isinstance(function, jit | Train) else jit(function)
    return Inspection(traceable.trace(*arguments))


class Inspection:
    """A traced program and its plan."""

    def __init__(self, traced: Traced) -> None:
        self.traced, self.plan = traced, traced.plan
        self.program = self.plan.program

    @property
    def steps(self) -> list[Step]:
        """The steps in the order they run; `step.origin` says of which part and of which lines."""
        return self.program.steps

    def lines(self, step: Step, file: str | None = None) -> list[int]:
        """Return the numbers of the lines that asked for a step; with `file` only those in it."""
        return [line for name, line in step.origin.lines if file in (None, name)]

    def buffers(self) -> list[dict[str, Any]]:
        """Return each stretch of memory with the values it holds, from which step to which it is in
        use, and where it lies in the one arena of the processor, in bytes."""
        offsets, _ = assign_offsets(self.plan)
        names: dict[Value, list[str]] = {}
        for root, owner in self.plan.owner_of.items():
            names.setdefault(owner, []).append(root.name)
        return [
            {
                "values": names[value], "first": first, "last": last,
                "offset": offsets[value], "bytes": value.spec.nbytes,
            }
            for value, (first, last) in self.plan.tenants.items()
        ]  # fmt: skip

    def wgsl(self, step: int) -> str:
        """Return the kernel of a step for the graphics chip."""
        from oneseek.engine.backends.gpu.kernels import format_kernel

        return format_kernel(self.steps[step])

    def wasm(self, step: int) -> str:
        """The kernel of a step for the processor; where there is none, numpy's definition runs."""
        kernel = kernel_of(self.steps[step])
        if kernel is None:
            return f"numpy computes {self.steps[step].op.name}: there is no kernel for it"
        return disassemble(write_kernel(Module(), self.steps[step], kernel))

    def facts(self, file: str | None = None) -> dict[str, Any]:
        """Return all but the kernels, for JSON; `file` is the one whose lines are meant."""
        return {
            "name": self.program.name,
            "inputs": [describe(value) for value in self.program.inputs.values()],
            "steps": [
                {
                    "op": step.op.name,
                    "part": step.origin.part,
                    "lines": self.lines(step, file),
                    "reads": [describe(value) for value in step.reads],
                    "makes": [describe(value) for value in step.outs],
                    "attributes": {name: str(value) for name, value in step.attrs.items()},
                }
                for step in self.steps
            ],
            "buffers": self.buffers(),
            "bytes": self.plan.bytes,
            "least_bytes": self.plan.lower_bound,
        }

    def __repr__(self) -> str:
        parts = [f"{self.program.name}: {len(self.steps)} steps, {self.plan.bytes} bytes in "
                 f"{len(self.plan.slots)} buffers"]  # fmt: skip
        for i, step in enumerate(self.steps):
            where = ", ".join(f"{Path(name).name}:{line}" for name, line in step.origin.lines)
            parts.append(f"{i:5}  {step.origin.part:8}  {step}  {where}")
        return "\n".join(parts)


def describe(value: Value) -> dict[str, Any]:
    return {"name": value.name, "type": value.spec.dtype, "shape": list(value.shape)}
