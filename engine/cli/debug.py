"""Inspects a program: its listing, the cost of each step on the device, where it differs from
numpy.

`oneseek steps` inspects one training step of a model: `--debug 3` lists, 2 times, 5 compares.
"""

from __future__ import annotations

import argparse
import asyncio
from math import prod

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.reference import Run as NumpyRun
from oneseek.engine.cli.options import command, model_options, show
from oneseek.engine.compiler.ir import Step, Value
from oneseek.engine.compiler.pieces import operations
from oneseek.engine.compiler.schedule import Plan
from oneseek.engine.model.trainable import Trained

PASSES = 64  # dispatches timed in one submit


def traffic(step: Step) -> int:
    """Bytes a step must at least read and write."""
    written = sum(out.spec.nbytes for out in step.outs)
    return written + sum(value.spec.nbytes for value in step.reads)


def name_subject(step: Step) -> str:
    """The weight that a step uses, or else what it makes."""
    weights = [v.name for v in step.reads if v.name.startswith(("model.", "lm_head."))]
    return weights[0] if weights else step.outs[0].name


async def costs(run) -> list[dict]:
    """Every step of a GPU run with its milliseconds, GB/s and GFLOP/s."""
    spent: list[float] = []
    for start in range(0, len(run), PASSES):
        spent += await run.time(start, min(len(run), start + PASSES))
    per_step: dict[Step, float] = dict.fromkeys(run.program.steps, 0.0)
    for i, ms in enumerate(spent):
        per_step[run.step(i)] += ms
    rows = []
    for i, (step, ms) in enumerate(per_step.items()):
        rate = 1e-6 / ms if ms else 0.0
        row = dict(
            step=i, op=step.op.name, about=name_subject(step), shape=list(step.outs[0].shape)
        )
        row |= dict(ms=ms, gb_s=traffic(step) * rate, gflop_s=operations(step) * rate)
        rows.append(row)
    return rows


def table(rows: list[dict]) -> str:
    lines = [f"{'step':>5} {'ms':>9} {'GB/s':>7} {'GFLOP/s':>8}  op, shape, weight"]
    for row in rows:
        shape = ",".join(map(str, row["shape"]))
        figures = f"{row['step']:5} {row['ms']:9.3f} {row['gb_s']:7.2f} {row['gflop_s']:8.1f}"
        lines.append(f"{figures}  {row['op']} [{shape}] {row['about']}")
    total = sum(row["ms"] for row in rows)
    return "\n".join([*lines, f"total {total:9.3f} ms in {len(rows)} dispatches"])


async def first_difference(run, plan: Plan, tolerance: float = 1e-3) -> str:
    """Run numpy beside `run`, each step from the values the device had, and name the first step
    whose results differ by more than `tolerance` of their size; "" when none does."""
    truth = Numpy().prepare(plan)
    for value in run.program.inputs.values():
        truth.arrays[value][...] = await run.get(value)
    at = 0
    for i, step in enumerate(run.program.steps):
        begin, at = at, run.find_step_end(at)
        run.run(begin, at)
        truth.run(i, i + 1)
        for out in step.outs:
            found = await compare(run, truth, out, tolerance)
            if found:
                return f"step {i}: {step}\n{found}"
    return ""


async def compare(run, truth: NumpyRun, out: Value, tolerance: float) -> str:
    made, wanted = await run.get(out), truth.get(out)
    scale = float(np.abs(wanted).max()) if prod(wanted.shape) else 0.0
    off = np.abs(made.astype(np.float64) - wanted)
    if np.isfinite(made).all() and off.max(initial=0.0) <= tolerance * max(scale, 1e-6):
        wanted[...] = made  # later steps are judged by themselves
        return ""
    at = tuple(int(i) for i in np.unravel_index(int(np.nanargmax(off)), off.shape))
    return f"{out.name}{list(at)} is {made[at]}, numpy says {wanted[at]} (largest {scale:.3g})"


def step_options(parser):
    parser.add_argument(
        "--tokens", type=int, default=32, help="length of the training step; default: 32"
    )
    parser.add_argument(
        "--debug",
        type=int,
        choices=(2, 3, 5),
        default=2,
        help="2: time each dispatch on the GPU (default); 3: list the program; 5: compare each "
        "step on the GPU with numpy",
    )


@command(model_options, step_options)
def steps(options):
    """Inspect a training step: time its dispatches, list its program, or compare it with numpy."""
    asyncio.run(_steps(options))


async def _steps(options):
    from oneseek.engine.cli.commands import load_generator

    backend = "numpy" if options.debug == 3 else "gpu"
    model, _ = await load_generator(argparse.Namespace(**{**vars(options), "backend": backend}))
    trained = Trained.lora(model.config, 8, 16)
    plan = model.program("learn", options.tokens, options.tokens, trained=trained)
    if options.debug == 3:
        show(options, {"listing": list(plan.program.list_lines())}, repr(plan.program))
        return
    run = model.prepare(plan, {})
    rng = np.random.default_rng(0)
    run.write("adapter", trained.initial(0))
    run.write("ids", rng.integers(0, model.config.vocab, options.tokens))
    spans = np.zeros((options.tokens, 4), np.int32)
    spans[:, 3] = np.arange(options.tokens) + 1
    run.write("spans", spans)
    run.write("take", np.arange(options.tokens))
    if options.debug == 2:
        rows = await costs(run)
        show(options, {"steps": rows}, table(rows))
        return
    await run.ready()
    found = await first_difference(run, plan)
    show(options, {"difference": found}, found or "every step agrees with numpy")
