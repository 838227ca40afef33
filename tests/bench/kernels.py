"""Compares our WebGPU kernels with jax-js, TensorFlow.js and onnxruntime-web in one Chromium.

`python3 build.py bench kernels [kernel ...]`. All systems compute on the same inputs, and their
results are first compared with numpy's; then they are timed by turns, warm, without reading results
back. Each kernel is timed forward, and forward with backward. With `--native` ours run without a
browser and are compared with PyTorch on the same card.
"""

import argparse
import base64
import json
import math
import statistics
import sys
from collections.abc import Callable

import numpy as np
import playwright.sync_api

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.schedule import plan
from tests.bench.parts import gpu_in_tab, lab, onnx_graphs, oracle, report

SHAPES = {
    "matmul": {
        "smollm2": [(64, 576, 1536), (256, 576, 576), (256, 1536, 576)],
        "qwen2.5": [(64, 896, 4864), (128, 896, 896)],
    },
    "attention": {"smollm2": [(128, 9, 9, 64), (256, 9, 9, 64)], "qwen2.5": [(128, 14, 14, 64)]},
    "rmsnorm": {"smollm2": [(256, 576)], "qwen2.5": [(256, 896)]},
    "cross_entropy": {"smollm2": [(16, 49152)], "qwen2.5": [(8, 151936)]},
}
PEERS = ("jax", "tfjs-gpu", "ort-gpu")
ROUNDS, LEAST_MS, PATIENCE = 3, 150, 120  # rounds, ms of a measurement, seconds for an answer
NO_CARD = "PyTorch has no card of CUDA here"


class Disagrees(Exception):
    """A system computes something else, so that its time would mean nothing."""


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def work(kernel: str, shape: tuple, backward: bool) -> float:
    """Floating-point operations, by the usual count (attention: the causal half)."""
    if kernel == "matmul":
        return 2 * math.prod(shape) * (3 if backward else 1)
    if kernel == "attention":
        t, heads, _, d = shape
        return 2 * t * t * heads * d * (3.5 if backward else 1)
    return math.prod(shape) * (10 if backward else 4)


def compute_expected(kernel: str, shape: tuple, backward: bool) -> np.ndarray:
    program, feeds = gpu_in_tab.trace_kernel(kernel, list(shape), backward)

    run = Numpy(np.float64).prepare(plan(program))
    for name, array in feeds.items():
        run.write(name, array)
    run.run()
    return run.get(program.outputs["dx" if backward else "y"])


def prepare(page, system: str, kernel: str, shape: tuple, backward: bool) -> None:
    if system == "ours-gpu":
        say(lab.call(page, system, "python", "prepare", kernel, shape, backward))
    elif system == "ort-gpu":
        graph, inputs = getattr(onnx_graphs, kernel)(*shape)
        lab.call(page, system, "prepare", base64.b64encode(graph).decode(), inputs)
    else:
        lab.call(page, system, "prepare", kernel, shape, backward)


def call_worker(page, system: str, name: str, *args):
    where = ["python"] if system == "ours-gpu" else []
    return lab.call(page, system, *where, name, *args, seconds=PATIENCE)


def error(page, system: str, kernel: str, shape: tuple, truth: np.ndarray) -> float:
    got = np.frombuffer(base64.b64decode(call_worker(page, system, "result")), np.float32)
    if kernel == "attention" and system in ("tfjs-gpu", "ort-gpu"):
        t, heads, _, d = shape
        got = got.reshape(heads, t, d).swapaxes(0, 1)
    return off(system, kernel, shape, got, truth)


def off(system: str, kernel: str, shape: tuple, got: np.ndarray, truth: np.ndarray) -> float:
    found = np.abs(got.reshape(truth.shape) - truth).max() / np.abs(truth).max()
    if not found < 1e-3:
        raise Disagrees(f"{system} disagrees with numpy on {kernel} {shape}: {found}")
    return float(found)


def compare(page, kernel: str, model: str, shape: tuple, backward: bool) -> dict:
    systems = ["ours-gpu", *(p for p in PEERS if not (backward and p == "ort-gpu"))]
    row: dict = dict(kernel=kernel, model=model, shape=list(shape), backward=backward)
    truth, errors, repeats, best, why = compute_expected(kernel, shape, backward), {}, {}, {}, {}
    for system in systems:
        try:
            prepare(page, system, kernel, shape, backward)
            errors[system] = error(page, system, kernel, shape, truth)
            call_worker(page, system, "measure", 1)
            repeats[system] = max(
                1, min(200, int(LEAST_MS / call_worker(page, system, "measure", 1)))
            )
        except (playwright.sync_api.Error, Disagrees) as problem:
            if system == "ours-gpu":
                raise
            why[system] = str(problem).splitlines()[0]
    for turn in range(ROUNDS):
        for system in repeats:
            spent = call_worker(page, system, "measure", repeats[system])
            best[system] = min(best[system], spent) if turn else spent
    for system in list(best):  # a system that lost its device meanwhile computed nothing
        try:
            error(page, system, kernel, shape, truth)
        except (playwright.sync_api.Error, Disagrees) as problem:
            why[system] = str(problem).splitlines()[0]
            del best[system]
    gflops = {name: work(kernel, shape, backward) / ms / 1e6 for name, ms in best.items()}
    row |= dict(ours_gflops=gflops.pop("ours-gpu"), peer_gflops=gflops, ms=best, errors=errors)
    row["ratio"] = {name: row["ours_gflops"] / rate for name, rate in gflops.items()}
    say(json.dumps(row | dict(why=why)))
    return row | dict(why=why)


def cases(chosen: list[str]) -> list[tuple[str, str, tuple, bool]]:
    return [
        (kernel, model, shape, backward)
        for kernel in chosen
        for model, shapes in SHAPES[kernel].items()
        for shape in shapes
        for backward in (False, True)
    ]


def natively(chosen: list[str]) -> None:
    """Time our kernels, then PyTorch's: together on one card they would wait for each other."""
    ours = gpu_in_tab.natively()
    rows = [mine(ours, *case) for case in cases(chosen)]
    given = [[row["kernel"], row["shape"], row["backward"]] for row in rows]
    told = oracle.run_module("card_torch", json.dumps(given), LEAST_MS, threads=1)
    for row, ms in zip(rows, told or (), strict=bool(told)):
        row["torch_ms"], row["ratio"] = ms, ms / row["ms"]
        say(json.dumps(row))
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    figures = {
        "worst_error": max(row["error"] for row in rows),
        "min_ratio": min(ratios, default=None),
        "median_ratio": statistics.median(ratios) if ratios else None,
    }
    why = {} if ratios else dict.fromkeys(("min_ratio", "median_ratio"), NO_CARD)
    report.write("kernels", figures, [{"adapter": ours("describe")}, *rows], why)


def mine(ours: Callable, kernel: str, model: str, shape: tuple, backward: bool) -> dict:
    ours("prepare", kernel, shape, backward)
    got = np.frombuffer(base64.b64decode(ours("result")), np.float32)
    wrong = off("ours", kernel, shape, got, compute_expected(kernel, shape, backward))
    repeats = max(1, min(1000, int(LEAST_MS / ours("measure", 10))))
    best = min(ours("measure", repeats) for _ in range(ROUNDS))
    row = dict(kernel=kernel, model=model, shape=list(shape), backward=backward, ms=best)
    row |= dict(error=wrong, gflops=work(kernel, shape, backward) / best / 1e6)
    say(json.dumps(row))
    return row


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("kernels", nargs="*", default=list(SHAPES), metavar="KERNEL")
    ask.add_argument("--native", action="store_true", help="without a browser")
    options = ask.parse_args()
    if unknown := set(options.kernels) - set(SHAPES):
        ask.error(f"no kernel {', '.join(sorted(unknown))}: there are {', '.join(SHAPES)}")
    natively(options.kernels) if options.native else in_chromium(options.kernels)


def in_chromium(chosen: list[str]) -> None:
    with lab.opened() as page:
        machine = {"chromium": page.context.browser.version}
        rows = [compare(page, *case) for case in cases(chosen)]
        machine["adapter"] = call_worker(page, "ours-gpu", "describe")
    ratios = [ratio for row in rows for ratio in row["ratio"].values()]
    figures = {
        "min_ratio": min(ratios),
        "median_ratio": statistics.median(ratios),
        "worst_error": max(row["errors"]["ours-gpu"] for row in rows),
    }
    print(json.dumps({"bench": "kernels", "machine": machine, "figures": figures, "rows": rows}))


if __name__ == "__main__":
    main()
