"""Inspection of a compiled function: parts, lines, shapes, buffers and kernels of its steps."""

import json

import numpy as np
import pytest

import oneseek
from oneseek.engine.backends.wasm.emit import Module
from oneseek.engine.backends.wasm.listing import Reader, instructions
from oneseek.engine.backends.wasm.program import assign_offsets, kernel_of, signature, write_kernel
from oneseek.engine.compiler.launch import Tier, launch_of
from oneseek.engine.compiler.schedule import is_elementwise
from oneseek.engine.front.tracing import Watch

from .test_programs import PROGRAMS, program

PROGRAM = """
def loss(w, x, y):
    hidden = oneseek.relu(x @ w["inner"] + w["bias"])
    guessed = hidden @ w["outer"]
    return oneseek.mean((guessed - y) ** 2)
"""


def inspect_step():
    """The inspection of PROGRAM's training step, whose source lines belong to "here.py"."""
    names = {"oneseek": oneseek, "__name__": "written here"}
    exec(compile(PROGRAM, "here.py", "exec"), names)
    weights = {"inner": np.ones((4, 8)), "bias": np.zeros(8), "outer": np.ones((8, 1))}
    with oneseek.on("numpy"):
        train = oneseek.Train(names["loss"], weights, oneseek.SGD(rate=0.1))
        return oneseek.inspect(train, np.ones((16, 4), np.float32), np.ones((16, 1), np.float32))


def test_each_step_knows_its_part_and_the_line_that_asked_for_it():
    found = inspect_step()
    lines = {(step.op.name, step.origin.part): found.lines(step, "here.py") for step in found.steps}
    assert lines["relu", "forward"] == [3]
    assert lines["matmul", "forward"] == [4], "the last of two"
    assert lines["summed", "forward"] == [5]
    gradients = [s for s in found.steps if s.op.name == "matmul" and s.origin.part == "backward"]
    assert [found.lines(step, "here.py") for step in gradients] == [[4], [4], [3]]
    parts = [step.origin.part for step in found.steps]
    assert parts == sorted(parts, key=["forward", "backward", "update"].index)
    assert not any(found.lines(s, "here.py") for s in found.steps if s.origin.part == "update")


def test_what_is_fused_has_the_lines_of_all_that_it_took_in():
    lines = "def f(x):\n    y = x * 2.0\n    y = y + 1.0\n    return oneseek.tanh(y)\n"
    names = {"oneseek": oneseek, "__name__": "written here"}
    exec(compile(lines, "here.py", "exec"), names)
    found = oneseek.inspect(names["f"], np.ones(4))
    last = found.steps[-1]
    assert last.op.name.startswith("tanh_of") and sorted(found.lines(last)) == [3, 4]


def test_its_facts_are_json_with_shapes_and_buffers_that_do_not_overlap():
    found = inspect_step()
    facts = json.loads(json.dumps(found.facts("here.py")))
    first = facts["steps"][0]
    assert first["op"] == "matmul" and first["makes"][0]["shape"] == [16, 8]
    assert first["reads"][0] == {"name": "in.0.data.0", "type": "f32", "shape": [16, 4]}
    assert facts["bytes"] == found.plan.bytes >= facts["least_bytes"] > 0
    assert max(b["offset"] + b["bytes"] for b in facts["buffers"]) <= assign_offsets(found.plan)[1]
    for one in facts["buffers"]:
        for other in facts["buffers"]:
            if one is not other and one["first"] <= other["last"] and other["first"] <= one["last"]:
                ends = one["offset"] + one["bytes"], other["offset"] + other["bytes"]
                assert ends[0] <= other["offset"] or ends[1] <= one["offset"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_kernel_of_a_program_is_shown_as_it_is(name):
    example = program(name)
    with oneseek.on("numpy"):
        train = oneseek.Train(example.loss, example.weights(), example.OPTIMISER)
        found = oneseek.inspect(train, *next(example.batches()))
    alike = {signature(step): i for i, step in enumerate(found.steps)}
    for i in alike.values():
        step = found.steps[i]
        wgsl = found.wgsl(i)
        entry = "elementwise" if is_elementwise(step.op) else launch_of(step, Tier())[0]
        assert f"fn {entry}(" in wgsl and "EXPRESSION" not in wgsl
        kernel = kernel_of(step)
        if kernel is None:
            assert f"numpy computes {step.op.name}" in found.wasm(i)
            continue
        function = write_kernel(Module(), step, kernel)
        code = bytes(function.prologue + function.body)
        shown = [*instructions(code)]
        assert found.wasm(i).splitlines()[2:] == shown
        opened = sum(line.split()[0] in ("block", "loop", "if") for line in shown)
        assert opened == sum(line.split()[0] == "end" for line in shown) and code


def test_instructions_are_read_with_all_that_belongs_to_them():
    reader = Reader(b"\x41\x7f\x41\xc0\x00\xe5\x8e\x26")
    assert reader.instruction(reader.opcode()) == "i32.const -1"
    assert reader.instruction(reader.opcode()) == "i32.const 64"
    assert reader.unsigned() == 624_485


def test_it_can_be_printed():
    said = repr(inspect_step())
    assert "one_step: " in said and "forward   %0:f32[16,8] = matmul" in said
    assert "here.py:3" in said


def test_who_watches_hears_of_programs_and_of_steps():
    class Heard(Watch):
        traces: list = []
        losses: list = []

        def observe_program(self, traced):
            self.traces.append(traced)

        async def observe_step(self, loss, ms):
            self.losses.append((loss, ms))

    x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
    with oneseek.on("numpy"):
        train = oneseek.Train(
            lambda w, x: oneseek.mean((x @ w) ** 2), np.ones((1, 1)), oneseek.SGD()
        )
        with Heard() as heard:
            losses = [train.step(x) for _ in range(3)]
        train.step(x)
    assert len(heard.traces) == 1 and [loss for loss, _ in heard.losses] == losses
    assert all(ms > 0 for _, ms in heard.losses)
