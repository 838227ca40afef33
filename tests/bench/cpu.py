"""The CPU back end against its peers in one Chromium: products, answers, and a learning step.

`python3 build.py bench cpu [products] [answers] [training]`. Every row alternates between the
systems; the shortest time counts.
"""

import base64
import json
import platform
import statistics
import sys

from tests.bench import answers, lab, native_torch, onnx_model

PRODUCTS = [  # (model, inputs, outputs)
    ("smollm2", 576, 576), ("smollm2", 576, 192), ("smollm2", 576, 1536), ("smollm2", 1536, 576),
    ("qwen2.5", 896, 896), ("qwen2.5", 896, 128), ("qwen2.5", 896, 4864), ("qwen2.5", 4864, 896),
]  # fmt: skip
ROWS = (1, 24, 240)
ROUNDS = 10  # short and often: other work of the machine falls between
SHAPES = ((4, 48), (10, 24))
BUDGET, RANK = 100 << 20, 8  # as the engine worker trains
PROMPT_TOKENS, TOKENS, ASKED = 60, 48, 2
WHY = {
    "train_vs_torch": "PyTorch and PEFT are not installed here",
    "gflops_share": "it needs both the products and the training",
}


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def products(page) -> list[dict]:
    lab.call(page, "ort one", "threads", 1)
    lab.call(page, "ort two", "threads", 2)
    rows = []
    for model, k, n in PRODUCTS:
        for m in ROWS:
            work = 2e-6 * m * k * n
            onnx = base64.b64encode(onnx_model.matmul(m, k, n)).decode()
            systems = {  # name -> the worker, what comes before its functions, what it prepares
                "ours": ("ours", ["python"], [m, k, n, 0]),
                "ort1": ("ort one", [], [onnx, m, k]),
                "ort2": ("ort two", [], [onnx, m, k]),
                "tfjs": ("tfjs", [], [m, k, n]),
            }
            best = alternating(page, systems, max(2, min(10, int(1e3 / work))))
            packed = {"ours_packed": ("ours", ["python"], [m, k, n, 4])}
            best |= alternating(page, packed, 5)
            rate = {name: work / ms for name, ms in best.items()}
            row = dict(kernel="matmul", model=model, shape=[m, k, n], gflops=rate)
            row["ratio"] = {name: rate["ours"] / r for name, r in rate.items() if name != "ours"}
            rows.append(row)
            say(row)
    return rows


def alternating(page, systems: dict, repeats: int) -> dict[str, float]:
    """The shortest time of each system, in milliseconds."""
    for system, before, prepared in systems.values():
        lab.call(page, system, *before, "prepare", *prepared)
    best = dict.fromkeys(systems, float("inf"))
    for _ in range(ROUNDS):
        for name, (system, before, _) in systems.items():
            spent = lab.call(page, system, *before, "measure", repeats)
            best[name] = min(best[name], spent)
    return best


def spoken(page) -> dict:
    loaded = lab.call(page, "ours", "load", "/model.gguf")
    return answers.compared(page, PROMPT_TOKENS, TOKENS, ASKED) | {"loaded": loaded}


def training(page) -> list[dict]:
    lab.call(page, "ours", "load", "/model.gguf")
    rows = []
    for count, length in SHAPES:
        prepared = lab.call(page, "ours", "python", "prepare_training", count, length, RANK, BUDGET)
        seconds = min(lab.call(page, "ours", "python", "train") for _ in range(3))
        profile = lab.call(page, "ours", "python", "profile")
        torch = native_torch.step_seconds(count, length, RANK)
        row = dict(kernel="training step", shape=[count, length], seconds=seconds)
        row |= dict(prepared=prepared, torch_seconds=torch, profile=profile)
        row["tokens_per_s"] = count * length / seconds
        rows.append(row)
        say(row)
    return rows


def of_products(rows: list[dict]) -> dict:
    every = [r for row in rows for name, r in row["ratio"].items() if name != "ours_packed"]
    return {
        "min_ratio_one_thread": min(row["ratio"]["ort1"] for row in rows),
        "median_ratio": statistics.median(every),
        "best_gflops": max(row["gflops"]["ours"] for row in rows),
    }


def of_answers(found: dict) -> dict:
    ours = found["ours"]
    ratios = answers.ratios(ours, found["wllama1"])
    return {
        "decode_ratio": ratios["decode_ratio"],
        "prefill_ratio": ratios["first_token_ratio"],
        "decode_tokens_per_s": ours["tokens_per_s"],
        "first_token_ms": ours["first_ms"],
        "bytes_weights": found["loaded"]["weight_bytes"],
    }


def of_training(rows: list[dict]) -> dict:
    torch = [row["torch_seconds"] / row["seconds"] for row in rows if row["torch_seconds"]]
    work = sum(sum(row["profile"]["work"].values()) for row in rows)
    spent = sum(row["profile"]["ms"][op] for row in rows for op in row["profile"]["work"])
    parts = ("activations", "scratch", "state", "module")
    return {
        "train_tokens_per_s": statistics.fmean(row["tokens_per_s"] for row in rows),
        "train_vs_torch": min(torch, default=None),
        "linear_gflops": 1e-6 * work / spent,
        "longest_kernel_ms": max(row["profile"]["longest"] for row in rows),
        "bytes_training": max(sum(row["prepared"][part] for part in parts) for row in rows),
    }


def main() -> None:
    asked = sys.argv[1:] or ["products", "answers", "training"]
    figures: dict = {}
    rows: list = []
    with lab.opened() as page:
        say("isolated:", page.evaluate("crossOriginIsolated"), page.evaluate("navigator.userAgent"))
        browser = page.context.browser.version
        if "products" in asked:
            rows += products(page)
            figures |= of_products(rows)
        if "answers" in asked:
            rows.append(spoken(page))
            figures |= of_answers(rows[-1])
        if "training" in asked:
            trained = training(page)
            rows += trained
            figures |= of_training(trained)
    figures["gflops_share"] = None
    if {"linear_gflops", "best_gflops"} <= set(figures):
        figures["gflops_share"] = figures["linear_gflops"] / figures["best_gflops"]
    why = {name: WHY[name] for name, figure in figures.items() if figure is None}
    machine = {"cpu": platform.processor() or platform.machine(), "chromium": browser}
    result = {"bench": "cpu", "machine": machine, "figures": figures, "why": why}
    print(json.dumps(result | {"rows": rows}))


if __name__ == "__main__":
    main()
