"""The back end for a processor without a browser: the tab's kernels under wasmtime, and numpy where
its matrix products of many rows are faster: for these alone in an answer, and for the whole of a
learning step.

Packed weights are in memory once: numpy reads the arrays where the kernels have them.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from oneseek.engine.backends.executor import Run
from oneseek.engine.backends.quick_check import product
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.room import Room, memory_here
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.compiler.ir import Step
from oneseek.engine.compiler.ops.linear import DENSE_BUDGET, dense, weight_shape
from oneseek.engine.compiler.schedule import Plan, plan

PRODUCT = "packed_linear"
NUMBER_BYTES = 4
MANY = 24  # rows: below, reading the unpacked weights takes numpy longer than the kernel takes
UPRIGHT = 128  # rows up to which numpy is faster with the larger matrix, the weights, on the left
LOSS, CHANGES = "soft_cross_entropy", {"adamw", "accumulate"}  # ops that make a learning step
SHARE = 0.25  # of the machine's memory, for the unpacked weights
ROWS, TIMES, ROUNDS = 240, 2, 3  # as in a learning step; half a second in all


class Processor(Wasm):
    """The executor of `--backend cpu`."""

    name = "cpu"

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(Native(threads))
        self.numpy = Numpy()
        self.allocations = None  # numpy allocates the memory of a step
        self.milliseconds: dict[str, float] = {}  # of wasm and numpy, once measured
        self.many: float = MANY  # rows from which numpy multiplies, in the plan being prepared

    def prepare(self, plan: Plan, tensors: dict | None = None, room: Room | None = None) -> Run:
        if learns(plan) and self.numpy_multiplies():
            self.numpy.share(self.turns)
            run: Any = self.numpy.prepare(plan, tensors)
            run.tensors = tensors  # keeps the memory of its arrays alive
            return run
        self.many = MANY if self.unpacks(plan) and self.numpy_multiplies() else math.inf
        return super().prepare(plan, tensors, room)

    def by_numpy(self, step: Step) -> bool:
        return step.op.name == PRODUCT and step.ins[0].spec.rows >= self.many

    def definition(self, step: Step) -> Any:
        few = step.op.name == PRODUCT and step.ins[0].spec.rows <= UPRIGHT
        return weights_first if few else super().definition(step)

    def unpacks(self, plan: Plan) -> bool:
        """Whether this program's weights fit into memory as float32."""
        weights = {
            step.ins[1]: weight_shape(step.ins[1].spec, step.ins[2].spec, step.attrs["bits"])
            for step in plan.program.steps
            if step.op.name == PRODUCT
        }
        plain = sum(NUMBER_BYTES * n * k for n, k in weights.values())
        return plain <= min(DENSE_BUDGET, SHARE * memory_here())

    async def measured(self) -> dict[str, float]:
        """Return the milliseconds of wasm and of numpy, by which `prepare` chooses."""
        self.numpy_multiplies()
        return self.milliseconds

    def choose_by(self, milliseconds: dict[str, float]) -> None:
        """Choose by an earlier measurement: a resumed or repeated training must use the same back
        end to reproduce the same bits."""
        self.milliseconds = milliseconds

    def numpy_multiplies(self) -> bool:
        if not self.milliseconds:
            planned, self.many = plan(product(ROWS, TIMES)), math.inf
            ours, theirs = super().prepare(planned), self.numpy.prepare(planned)
            self.milliseconds = {"wasm": quickest(ours), "numpy": quickest(theirs)}
        return self.milliseconds["numpy"] < self.milliseconds["wasm"]


def learns(plan: Plan) -> bool:
    """Whether the plan is a learning step: it has a loss, and changes what is trained."""
    ops = {step.op.name for step in plan.program.steps}
    return LOSS in ops and bool(CHANGES & ops)


def weights_first(
    x: np.ndarray,
    codes: np.ndarray,
    scales: np.ndarray,
    h: np.ndarray | None = None,
    b: np.ndarray | None = None,
    base: np.ndarray | None = None,
    *,
    bits: int,
) -> np.ndarray:
    """x W^T + h b^T + base, computed as (W x^T + b h^T)^T."""
    y = dense(codes, scales, bits) @ x.T
    if h is not None and b is not None:
        y += b @ h.T
    return y.T if base is None else y.T + base


def quickest(run: Run) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run.run()
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)
