"""The CPU back end against its peers in one Chromium: products, answers, and a learning step.

`python3 build.py bench cpu`. Every row alternates between the systems; the shortest time counts.
"""

import base64
import json
import platform
import statistics
import sys

from tests.bench import lab, native_torch, onnx_model

PRODUCTS = [  # (model, inputs, outputs)
    ("smollm2", 576, 576), ("smollm2", 576, 192), ("smollm2", 576, 1536), ("smollm2", 1536, 576),
    ("qwen2.5", 896, 896), ("qwen2.5", 896, 128), ("qwen2.5", 896, 4864), ("qwen2.5", 4864, 896),
]  # fmt: skip
ROWS = (1, 24, 240)
ROUNDS = 10  # short and often: other work of the machine falls between
SHAPES = ((4, 48), (10, 24))
BUDGET, RANK = 100 << 20, 8  # as the engine worker trains
PROMPT = (  # its first words change from round to round, so that nobody knows it already
    "<|im_start|>system\n{} times you have been asked. You are a helpful AI assistant named SmolLM"
    "<|im_end|>\n<|im_start|>user\nExplain in a few sentences why the sky is blue during the day "
    "and red in the evening, so that a child can understand it.<|im_end|>\n<|im_start|>assistant\n"
)
TOKENS, ASKED = 48, 2


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def products(page) -> list[dict]:
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


def answers(page) -> dict:
    loaded = lab.call(page, "ours", "load", "/model.gguf")
    say("loaded", loaded)
    found: dict = {"ours": []}
    for threads in (1, 2):
        lab.call(page, f"wllama {threads}", "load", "/model.gguf", threads)
        found[f"wllama{threads}"] = []
        for turn in range(ASKED):
            prompt = PROMPT.format(turn * 10 + threads)
            for name, system, how in (
                ("ours", "ours", ["python", "answer"]),
                (f"wllama{threads}", f"wllama {threads}", ["answer"]),
            ):
                result = lab.call(page, system, *how, prompt, TOKENS)
                found[name].append(result)
                say(name, result)
    return {"loaded": loaded} | {
        name: {
            "first_ms": min(r["first_ms"] for r in results),
            "tokens_per_s": max(r["tokens_per_s"] for r in results),
            "text": results[-1]["text"],
        }
        for name, results in found.items()
        if name != "loaded"
    }


def training(page) -> list[dict]:
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


def figures(products: list[dict], answered: dict, trained: list[dict]) -> tuple[dict, dict]:
    one_thread = [row["ratio"]["ort1"] for row in products]
    every = [r for row in products for name, r in row["ratio"].items() if name != "ours_packed"]
    ours = answered["ours"]
    peer = {
        "tokens_per_s": answered["wllama1"]["tokens_per_s"],
        "first_ms": answered["wllama1"]["first_ms"],
    }
    why = {}
    torch = [row for row in trained if row["torch_seconds"]]
    if not torch:
        why["train_vs_torch"] = "PyTorch and PEFT are not installed here"
    best_rate = max(row["gflops"]["ours"] for row in products)
    linear_ms = sum(
        ms
        for row in trained
        for op, ms in row["profile"]["ms"].items()
        if op in row["profile"]["work"]
    )
    linear_work = sum(sum(row["profile"]["work"].values()) for row in trained)
    total = {
        "min_ratio_one_thread": min(one_thread),
        "median_ratio": statistics.median(every),
        "decode_ratio": ours["tokens_per_s"] / peer["tokens_per_s"],
        "prefill_ratio": peer["first_ms"] / ours["first_ms"],
        "decode_tokens_per_s": ours["tokens_per_s"],
        "first_token_ms": ours["first_ms"],
        "train_tokens_per_s": statistics.fmean(row["tokens_per_s"] for row in trained),
        "train_vs_torch": min((r["torch_seconds"] / r["seconds"] for r in torch), default=None),
        "gflops_share": linear_work / linear_ms / 1e6 / best_rate,
        "longest_kernel_ms": max(row["profile"]["longest"] for row in trained),
        "bytes_training": max(
            sum(row["prepared"][k] for k in ("activations", "scratch", "state", "module"))
            for row in trained
        ),
        "bytes_weights": answered["loaded"]["weight_bytes"],
    }
    return total, why


def main() -> None:
    with lab.opened() as page:
        say("isolated:", page.evaluate("crossOriginIsolated"), page.evaluate("navigator.userAgent"))
        lab.call(page, "ort one", "threads", 1)
        lab.call(page, "ort two", "threads", 2)
        rows = products(page)
        answered = answers(page)
        trained = training(page)
        browser = page.context.browser.version
    total, why = figures(rows, answered, trained)
    machine = {"cpu": platform.processor() or platform.machine(), "chromium": browser}
    result = {"bench": "cpu", "machine": machine, "figures": total, "why": why}
    print(json.dumps(result | {"rows": [*rows, answered, *trained]}))


if __name__ == "__main__":
    main()
