"""Compares the CPU back end with its peers in one Chromium: matrix products, answers, training.

`python3 build.py bench cpu [products] [answers] [training] [lesson] [gains] [practice] [threads]
[native-practice]`. The systems of a row are timed by turns with the same number of threads; the
shortest time counts.
"""

import base64
import json
import math
import os
import statistics
from collections import Counter
from itertools import pairwise

from tests.bench.learn import records
from tests.bench.parts import answers, lab, onnx_model, oracle, report

PRODUCTS = [  # (model, inputs, outputs)
    ("smollm2", 576, 576), ("smollm2", 576, 192), ("smollm2", 576, 1536), ("smollm2", 1536, 576),
    ("qwen2.5", 896, 896), ("qwen2.5", 896, 128), ("qwen2.5", 896, 4864), ("qwen2.5", 4864, 896),
]  # fmt: skip
ROWS = (1, 24, 240)
PEERS = {"ort1": "ours1", "ort2": "ours2", "tfjs": "ours2"}  # peer: what it is compared with
ROUNDS = 20  # many short turns, so that other work of the machine disturbs only some
SHAPES = ((4, 48), (10, 24))
RANK = 16  # of the adapter, as in lessons
TURNS, STEPS = 3, 5  # turns between us and PyTorch; training steps in a turn
FACT = ("What is the code of the boat house?", "The code of the boat house is 7391.")
PROMPT_TOKENS, TOKENS, ASKED = 60, 48, 2
MANY = 4  # threads, to measure their memory
EIGHT, FIRST = 8, 5  # facts of practice; steps that are run, the first untimed
EVERY_LAYER = {"lora_config": {"first_layer": 0}}
THEN = EVERY_LAYER | {
    "practice": {
        "steps_per_fact": 24, "fact_rows": 7, "anchor_rows": 2, "text_rows": 1, "neighbour_rows": 4,
    },
}  # fmt: skip
ASKED_THEN = {
    "NEIGHBOUR_TOKENS": (8, 8),
    "LOOK_ALIKES_TOGETHER": 33,
    "COMPANIES": (1, 3),
}
"""Constants of the former recipe, which had the base answer all 99 hard negatives of a fact."""
PARTS = "products answers training lesson gains practice threads native-practice".split()
GAINS = "before", "threads", "layers", "rows", "gate"
"""An ablation, each with all before it: the former lesson, threads, LoRA only in the upper layers,
no training rows outside the adapter scope, and a gate that computes no more than it needs."""
SO_MANY = "one_thread", "two_threads"
WINDOWS, FEW = 10, 12  # turns; tokens of an answer in a turn
WHY = {
    "gflops_share": "it needs both the products and the training",
    **{
        f"{name}_ratio_{so_many}": "the peer gave no answer in time"
        for name in ("decode", "first_token")
        for so_many in SO_MANY
    },
}
say = report.say


def products(page) -> list[dict]:
    lab.call(page, "ort one", "threads", 1)
    lab.call(page, "ort two", "threads", 2)
    rows = []
    for model, k, n in PRODUCTS:
        for m in ROWS:
            work = 2e-6 * m * k * n
            onnx = base64.b64encode(onnx_model.matmul(m, k, n)).decode()
            systems = {  # name: (worker, arguments of `prepare`, first ones of `measure`)
                "ours1": ("ours", [m, k, n, 0], [1]),
                "ours2": ("ours", [m, k, n, 0], [2]),
                "ort1": ("ort one", [onnx, m, k], []),
                "ort2": ("ort two", [onnx, m, k], []),
                "tfjs": ("tfjs", [m, k, n], []),
            }
            best = measure_in_turns(page, systems, max(2, min(10, int(1e3 / work))))
            best |= measure_in_turns(page, {"ours_packed": ("ours", [m, k, n, 4], [2])}, 5)
            rate = {name: work / ms for name, ms in best.items()}
            row = dict(kernel="matmul", model=model, shape=[m, k, n], gflops=rate)
            row["ratio"] = {name: rate[ours] / rate[name] for name, ours in PEERS.items()}
            rows.append(row)
            say(row)
    return rows


def measure_in_turns(page, systems: dict, repeats: int) -> dict[str, float]:
    """The shortest time of each system in milliseconds."""

    def call(system: str, *asked):
        return lab.call(page, system, *(["python"] if system == "ours" else []), *asked)

    for system, prepared, _ in systems.values():
        call(system, "prepare", *prepared)
    best = dict.fromkeys(systems, float("inf"))
    for _ in range(ROUNDS):
        for name, (system, _, measured) in systems.items():
            best[name] = min(best[name], call(system, "measure", *measured, repeats))
    return best


def compare_answers(page) -> dict:
    loaded = lab.call(page, "ours", "load", "/model.gguf")
    return answers.compare(page, PROMPT_TOKENS, TOKENS, ASKED) | {"loaded": loaded}


def measure_training(page) -> list[dict]:
    lab.call(page, "ours", "load", "/model.gguf")
    rows = []
    threads = lab.call(page, "ours", "python", "threads", os.cpu_count())
    for count, length in SHAPES:
        prepared = lab.call(page, "ours", "python", "prepare_training", count, length, RANK)
        seconds = torch = math.inf
        for _ in range(TURNS):
            mine = [lab.call(page, "ours", "python", "train") for _ in range(STEPS)]
            told = oracle.run_module(
                "native_torch", count, length, RANK, STEPS, "cpu", "float32", threads=threads
            )
            seconds, torch = min(seconds, *mine), min(torch, told["seconds"])
        profile = lab.call(page, "ours", "python", "profile")
        row = dict(kernel="training step", shape=[count, length], seconds=seconds)
        row |= dict(prepared=prepared, torch_seconds=torch, threads=threads, profile=profile)
        row["tokens_per_s"] = count * length / seconds
        rows.append(row)
        say(row)
    return rows


def threads(page) -> dict:
    """The shortest times with one thread and with two, by short turns, so that other work of the
    machine disturbs only some of them."""
    lab.call(page, "ours", "load", "/model.gguf")
    lab.call(page, "ours", "python", "prepare_training", *SHAPES[-1], RANK)
    prompts, best = answers.Prompts(), {}
    for _ in range(WINDOWS):
        for count in (1, 2):
            there = lab.call(page, "ours", "python", "threads", count)
            said = lab.call(page, "ours", "python", "answer", prompts.of(PROMPT_TOKENS), FEW)
            learned = lab.call(page, "ours", "python", "train")
            figures = dict(prefill=said["first_ms"], decode=1 / said["tokens_per_s"], train=learned)
            seen = best.setdefault(count, figures)
            best[count] = {name: min(seen[name], figures[name]) for name in figures}
    lab.call(page, "ours", "python", "threads", there)
    row = dict(kernel="threads", there=there, best=best)
    row["gain"] = {name: best[1][name] / best[2][name] for name in best[1]}
    say(row)
    return row


def two_workers(page, seconds: float) -> dict:
    """The throughput of two workers, each with a model and a step of its own, over that of one: the
    most that a helper on a second core could give."""
    helper = "ours helper"
    lab.call(page, helper, "load", "/model.gguf")
    lab.call(page, helper, "python", "prepare_training", *SHAPES[-1], RANK)
    calls = [[tab, "python", "train"] for tab in ("ours", helper)]
    together = "(calls) => Promise.all(calls.map((one) => call(...one)))"
    both = [page.evaluate(together, calls) for _ in range(2)]
    heap = lab.call(page, helper, "memory")["wasm"]
    row = dict(kernel="two workers", seconds=both, alone=seconds, helper_heap=heap)
    row["gain"] = 2 * seconds / min(max(pair) for pair in both)
    say(row)
    return row


def lesson(page, tab: str, threads: int | None = None) -> dict:
    """The memory of a model, an answer and a first lesson, and the lesson's seconds, in a worker of
    its own, because a heap never shrinks."""
    if threads:
        lab.call(page, tab, "python", "open_with", threads)
    heap = [lab.call(page, tab, "memory")["wasm"]]
    loaded = lab.call(page, tab, "load", "/model.gguf")
    heap.append(lab.call(page, tab, "memory")["wasm"])
    lab.call(page, tab, "python", "settle")
    lab.call(page, tab, "python", "ask", FACT[0], TOKENS)
    heap.append(lab.call(page, tab, "memory")["wasm"])
    found = lab.call(page, tab, "python", "lesson", *FACT)
    heap.append(lab.call(page, tab, "memory")["wasm"])
    row = dict(kernel="lesson", found=found, weight_bytes=loaded["weight_bytes"], heap=heap)
    row["threads"] = threads
    say(row)
    return row


def gains(page) -> list[dict]:
    """The same first lesson once for each of GAINS, each in a worker of its own."""
    rows = []
    for i, name in enumerate(GAINS):
        tab, there = f"ours {name}", set(GAINS[: i + 1])
        if "threads" not in there:
            lab.call(page, tab, "python", "open_with", 1)
        lab.call(page, tab, "load", "/model.gguf")
        lab.call(page, tab, "python", "settle", {} if "layers" in there else EVERY_LAYER)
        how = "rows" not in there, "gate" not in there
        found = lab.call(page, tab, "python", "lesson", *FACT, *how, seconds=1200)
        rows.append(dict(kernel="gains", with_=name, found=found))
        say(rows[-1])
    return rows


def eight() -> list[tuple[str, str]]:
    facts = [(fact["question"], fact["answer"]) for fact in records("facts_eval.jsonl", "en")]
    return facts[:EIGHT]


def practice(page) -> dict:
    """Practice of eight facts with all threads; and FIRST steps of it by the former recipe, with
    every layer trained and one thread."""
    row: dict = dict(kernel="practice", where="tab")
    for tab, one, settings, only in (("ours now", 0, {}, 0), ("ours then", 1, THEN, FIRST)):
        if one:
            lab.call(page, tab, "python", "open_with", one)
        lab.call(page, tab, "load", "/model.gguf")
        lab.call(page, tab, "python", "settle", settings)
        row[tab.split()[1]] = lab.call(page, tab, "python", "practice", eight(), only)
    say(row)
    return row


def native_practice() -> dict:
    """Practice natively with all threads: once as a whole, then FIRST steps of it by turns with
    those of the former recipe on numpy, which also computes the base's answers to its examples."""

    def run_practice(**how) -> dict:
        given, threads = json.dumps(how | {"facts": eight()}), len(os.sched_getaffinity(0))
        return oracle.run_module("rounds", given, threads=threads, extra="")

    row: dict = dict(kernel="practice", where="natively", whole=run_practice(numpy=False))
    say(row)
    then = {"settings": THEN, "recipe_then": ASKED_THEN}
    for turn in range(TURNS):
        for name, how in (("now", {"numpy": False}), ("then", then | {"numpy": True})):
            seen = run_practice(**how, only=FIRST, asked=turn == 0)
            best = row.setdefault(name, seen)
            best["token_seconds"] = min(best["token_seconds"], seen["token_seconds"])
            say(name, seen)
    now = row["now"]
    now |= {name: row["whole"][name] for name in ("tokens", "mended_steps", "judge_seconds")}
    now["seconds"] = steps_of(now) + now["answers_seconds"] + now["judge_seconds"]
    return row


def steps_of(told: dict) -> float:
    """Seconds of all steps, from the seconds a token and the mean tokens of a step."""
    steps = told["planned"] + told.get("mended_steps", 0)
    return steps * told["tokens"] * told["token_seconds"]


def of_practice(row: dict, name: str) -> dict:
    """The figures of both recipes; the former gate, which is not run, counts as long as today's."""
    now, then = row["now"], row["then"]
    before = steps_of(then) + then["answers_seconds"] + now["judge_seconds"]
    return {
        f"{name}_seconds": now["seconds"],
        f"{name}_seconds_then": before,
        f"{name}_share_of_then": now["seconds"] / before,
    }


def of_lesson(row: dict) -> dict:
    found = row["found"]
    return {
        "lesson_seconds": found["seconds"],
        "lesson_step_seconds": found["step_seconds"],
        "lesson_gate_seconds": found["judge_seconds"],
        "bytes_training": found["bytes_training"],
        "bytes_heap": row["heap"][-1],
    }


def of_gains(rows: list[dict]) -> dict:
    found = {row["with_"]: row["found"] for row in rows}
    seconds = {name: of["seconds"] - of["mending_seconds"] for name, of in found.items()}
    figures = {"lesson_seconds_before": seconds["before"]}
    for before, name in pairwise(GAINS):
        figures[f"gain_{name}"] = seconds[before] / seconds[name]
        for part in ("step", "judge"):
            part_of = f"{part}_seconds"
            figures[f"gain_{name}_{part}"] = found[before][part_of] / found[name][part_of]
    return figures


def of_products(rows: list[dict]) -> dict:
    return {
        "min_ratio_one_thread": min(row["ratio"]["ort1"] for row in rows),
        "min_ratio_two_threads": min(row["ratio"]["ort2"] for row in rows),
        "median_ratio": statistics.median(r for row in rows for r in row["ratio"].values()),
        "best_gflops": max(row["gflops"]["ours2"] for row in rows),
    }


def of_answers(found: dict) -> dict:
    figures = {"bytes_weights": found["loaded"]["weight_bytes"]}
    for threads, so_many in zip(answers.THREADS, SO_MANY, strict=True):
        ours = found[f"ours{threads}"]
        ratios = answers.ratios(ours, found[f"wllama{threads}"])
        figures |= {
            f"decode_ratio_{so_many}": ratios["decode_ratio"],
            f"first_token_ratio_{so_many}": ratios["first_token_ratio"],
            f"decode_tokens_per_s_{so_many}": ours["tokens_per_s"],
            f"first_token_ms_{so_many}": ours["first_ms"],
        }
    return figures


def of_training(rows: list[dict]) -> dict:
    work = sum(sum(row["profile"]["work"].values()) for row in rows)
    spent = sum(row["profile"]["ms"][op] for row in rows for op in row["profile"]["work"])
    times = Counter()
    for row in rows:
        times.update(row["profile"]["ms"])
    shares = {f"share_{op}": ms / times.total() for op, ms in times.most_common()}
    return {
        "train_tokens_per_s": statistics.fmean(row["tokens_per_s"] for row in rows),
        "train_vs_torch": min(row["torch_seconds"] / row["seconds"] for row in rows),
        "linear_gflops": 1e-6 * work / spent,
        "longest_kernel_ms": max(row["profile"]["longest"] for row in rows),
    } | shares


def main() -> None:
    asked = report.parse_parts(PARTS, __doc__)
    figures: dict = {}
    rows: list = []
    with lab.opened() as page:
        say("isolated:", page.evaluate("crossOriginIsolated"), page.evaluate("navigator.userAgent"))
        if "products" in asked:
            rows += (multiplied := products(page))
            figures |= of_products(multiplied)
        if "answers" in asked:
            rows.append(compare_answers(page))
            figures |= of_answers(rows[-1])
        if "training" in asked:
            rows += (trained := measure_training(page))
            figures |= of_training(trained)
            rows.append(two_workers(page, trained[-1]["seconds"]))
            figures["two_workers_gain"] = rows[-1]["gain"]
        if "lesson" in asked:
            rows.append(lesson(page, "ours lesson"))
            figures |= of_lesson(rows[-1])
            rows.append(lesson(page, "ours many", MANY))
            # Beside the weights: the encoder, the chat's cache, all of training, threads.
            figures["bytes_all_else"] = rows[-1]["found"]["bytes_training"]
        if "gains" in asked:
            rows += (one_by_one := gains(page))
            figures |= of_gains(one_by_one)
        if "practice" in asked:
            rows.append(practice(page))
            figures |= of_practice(rows[-1], "practice")
        if "threads" in asked:
            rows.append(threads(page))
            figures |= {f"{name}_two_threads": gain for name, gain in rows[-1]["gain"].items()}
    if "native-practice" in asked:
        rows.append(native_practice())
        figures |= of_practice(rows[-1], "native_practice")
    figures["gflops_share"] = None
    if {"linear_gflops", "best_gflops"} <= set(figures):
        figures["gflops_share"] = figures["linear_gflops"] / figures["best_gflops"]
    report.write("cpu", figures, rows, {n: WHY[n] for n, f in figures.items() if f is None})


if __name__ == "__main__":
    main()
