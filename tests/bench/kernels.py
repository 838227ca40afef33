"""WebGPU kernels against jax-js, TensorFlow.js and onnxruntime-web in one Chromium.

`python3 build.py bench kernels [kernel ...]`. Everyone computes the same numbers, which are
compared with numpy's first; then they take turns, warm, reading nothing back. Forward, and forward
with backward.
"""

import base64
import json
import math
import statistics
import sys

import numpy as np
import playwright.sync_api

from engine.backends.reference import Numpy
from engine.compiler.schedule import plan
from tests.bench.parts import gpu_in_tab, lab, onnx_graphs

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


class Disagrees(Exception):
    """A contestant computes something else: its time would mean nothing."""


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


def expected(kernel: str, shape: tuple, backward: bool) -> np.ndarray:
    program, feeds = gpu_in_tab.traced(kernel, list(shape), backward)

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


def asked(page, system: str, name: str, *args):
    where = ["python"] if system == "ours-gpu" else []
    return lab.call(page, system, *where, name, *args, seconds=PATIENCE)


def error(page, system: str, kernel: str, shape: tuple, truth: np.ndarray) -> float:
    got = np.frombuffer(base64.b64decode(asked(page, system, "result")), np.float32)
    if kernel == "attention" and system in ("tfjs-gpu", "ort-gpu"):
        t, heads, _, d = shape
        got = got.reshape(heads, t, d).swapaxes(0, 1)
    off = np.abs(got.reshape(truth.shape) - truth).max() / np.abs(truth).max()
    if not off < 1e-3:
        raise Disagrees(f"{system} disagrees with numpy on {kernel} {shape}: {off}")
    return float(off)


def compare(page, kernel: str, model: str, shape: tuple, backward: bool) -> dict:
    systems = ["ours-gpu", *(p for p in PEERS if not (backward and p == "ort-gpu"))]
    row: dict = dict(kernel=kernel, model=model, shape=list(shape), backward=backward)
    truth, errors, repeats, best, why = expected(kernel, shape, backward), {}, {}, {}, {}
    for system in systems:
        try:
            prepare(page, system, kernel, shape, backward)
            errors[system] = error(page, system, kernel, shape, truth)
            asked(page, system, "measure", 1)
            repeats[system] = max(1, min(200, int(LEAST_MS / asked(page, system, "measure", 1))))
        except (playwright.sync_api.Error, Disagrees) as problem:
            if system == "ours-gpu":
                raise
            why[system] = str(problem).splitlines()[0]
    for turn in range(ROUNDS):
        for system in repeats:
            spent = asked(page, system, "measure", repeats[system])
            best[system] = min(best[system], spent) if turn else spent
    for system in list(best):  # who lost its device on the way was fast at nothing
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


def main() -> None:
    chosen = sys.argv[1:] or list(SHAPES)
    with lab.opened() as page:
        machine = {"chromium": page.context.browser.version}
        rows = [
            compare(page, kernel, model, shape, backward)
            for kernel in chosen
            for model, shapes in SHAPES[kernel].items()
            for shape in shapes
            for backward in (False, True)
        ]
        machine["adapter"] = asked(page, "ours-gpu", "describe")
    ratios = [ratio for row in rows for ratio in row["ratio"].values()]
    figures = {
        "min_ratio": min(ratios),
        "median_ratio": statistics.median(ratios),
        "worst_error": max(row["errors"]["ours-gpu"] for row in rows),
    }
    print(json.dumps({"bench": "kernels", "machine": machine, "figures": figures, "rows": rows}))


if __name__ == "__main__":
    main()
