"""Tests of every op, found through the registry: a new op is tested as soon as it exists."""

import asyncio
import re

import numpy as np
import pytest

from builder import ROOT
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.grad import grad
from oneseek.engine.compiler.ir import OPS
from oneseek.engine.compiler.schedule import is_elementwise, plan
from tests.support.op_cases import CASES, build


def run(program, feeds, dtype=np.float64):
    run = Numpy(dtype).prepare(plan(program))
    for name, array in feeds.items():
        run.write(name, array)
    run.run()
    return {name: asyncio.run(run.read(name)) for name in program.outputs}


@pytest.mark.parametrize("op,case", CASES)
def test_the_shape_rule_says_what_numpy_makes(op, case):
    program, _, outs, feeds = build(op, case)
    made = run(program, feeds, np.float32)
    for i, out in enumerate(outs):
        assert made[f"out{i}"].shape == out.shape


@pytest.mark.parametrize("op", [op for op in OPS.values() if ".wgsl:" in op.kernel])
def test_how_an_op_is_launched_stands_with_it(op):
    file, entry = op.kernel.split(":")
    assert re.search(rf"\bfn {entry}\b", (ROOT / "shaders" / file).read_text())
    assert op.launch_rule and op.launch_rule.__module__ == op.reference.__module__


def test_an_expression_finds_the_input_whose_memory_its_result_takes():
    """Reused inputs must be an op's first ones, because shaders/elementwise.wgsl counts them by
    letter."""
    for op in filter(is_elementwise, OPS.values()):
        assert list(op.reuses) == op.params[: len(op.reuses)], op.name


STEEP = ("above_zero", "at_least")  # constant except at their jumps
DIFFERENTIABLE = [
    case for case in CASES if case.values[0].pullback and case.values[0].name not in STEEP
]
LOSS = {
    "soft_cross_entropy": 1,
    "delta": 1,
}  # the output to differentiate if it is not the first


@pytest.mark.parametrize("op,case", DIFFERENTIABLE)
def test_the_vjp_agrees_with_central_differences(op, case):
    program, ins, outs, feeds = build(op, case)
    at = LOSS.get(op.name, 0)
    seed = program.input("cotangent", outs[at].shape)
    feeds["cotangent"] = np.random.default_rng(1).uniform(-1, 1, outs[at].shape)
    constant = ("codes", "scales", "table", "positions", "spans", "weight", "mask", "probs", "rest")
    wrt = [v for v in ins if v and v.spec.dtype == "f32" and v.name not in constant]
    if op.name == "rows":
        wrt = [ins[0]]
    for w, g in zip(wrt, grad({outs[at]: seed}, wrt), strict=True):
        program.output(f"d{w.name}", g)
    made = run(program, feeds)

    def total(changed):
        return (run(program, changed)[f"out{at}"] * feeds["cotangent"]).sum()

    rng = np.random.default_rng(2)
    for w in wrt:
        for _ in range(4):
            place, h = tuple(rng.integers(0, d) for d in w.shape), 1e-5
            up, down = feeds[w.name].copy(), feeds[w.name].copy()
            up[place] += h
            down[place] -= h
            slope = (total({**feeds, w.name: up}) - total({**feeds, w.name: down})) / (2 * h)
            np.testing.assert_allclose(made[f"d{w.name}"][place], slope, rtol=1e-4, atol=1e-7)


def test_the_loss_gradient_agrees_with_central_differences():
    op = OPS["soft_cross_entropy"]
    program, _, _, feeds = build(op, op.cases[1])
    gradient = run(program, feeds)["out0"]
    rng = np.random.default_rng(3)
    for _ in range(20):
        at, h = (int(rng.integers(3)), int(rng.integers(300))), 1e-5
        losses = []
        for sign in (1, -1):
            logits = feeds["logits"].copy()
            logits[at] += sign * h
            losses.append(run(program, {**feeds, "logits": logits})["out1"].sum())
        np.testing.assert_allclose(gradient[at], (losses[0] - losses[1]) / (2 * h), rtol=1e-4)


def test_cross_entropy_is_the_soft_loss_with_one_target():
    op = OPS["soft_cross_entropy"]
    program, _, _, feeds = build(op, op.cases[0])
    probs = np.zeros_like(feeds["probs"])
    probs[:, 0] = 1
    made = run(program, {**feeds, "probs": probs, "rest": np.zeros(6), "weight": np.ones(6)})
    q = np.exp(feeds["logits"]) / np.exp(feeds["logits"]).sum(-1, keepdims=True)
    target = feeds["ids"][:, 0]
    np.testing.assert_allclose(made["out1"], -np.log(q[np.arange(6), target]), rtol=1e-9)
    np.testing.assert_allclose(made["out0"], q - np.eye(11)[target], atol=1e-9)
