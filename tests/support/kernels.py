"""Compares a kernel with numpy's definition of its op."""

import asyncio
import sys

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.program import kernel_of
from oneseek.engine.compiler.schedule import plan
from tests.support.op_cases import CASES, build
from tests.support.wasm_host import host


def outputs(executor, program, feeds):
    run = executor.prepare(plan(program))
    for name, array in feeds.items():
        run.write(name, array)
    run.run()
    return {name: asyncio.run(run.read(name)) for name in program.outputs}


def relative_error(ours, truth):
    return np.linalg.norm(ours - truth) / max(np.linalg.norm(truth), 1e-30)


def check(program, feeds):
    rounded = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in feeds.items()}
    ours = outputs(Wasm(host()), program, rounded)
    truth = outputs(Numpy(np.float64), program, rounded)
    for name, value in truth.items():
        assert ours[name].shape == value.shape
        assert relative_error(ours[name].astype(np.float64), value) < 1e-5, f"{program.steps[0]}"


def has_kernel(op, case):
    return kernel_of(build(op, case)[0].steps[0]) is not None


WITH_KERNEL = [case for case in CASES if has_kernel(*case.values)]


def mark_most(cases: list, mark: pytest.MarkDecorator) -> list:
    """The cases, four of five with the mark; in a tab unmarked, because there the whole suite waits
    for --long."""
    if sys.platform == "emscripten":
        return cases
    return [
        case
        if number % 5 == 0
        else pytest.param(*case.values, marks=[*case.marks, mark], id=case.id)
        for number, case in enumerate(cases)
    ]
