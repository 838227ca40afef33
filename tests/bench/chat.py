"""Compares a chat with SmolLM2 with peers: load time, time to the first token, tokens a second.

`python3 build.py bench chat`. In one Chromium and from one file our two back ends and
@wllama/wllama are measured; natively our engine as on the command line and llama.cpp, by turns and
with the same number of threads (`--native`: only this). `--each` instead measures every model that
can be had here (parts/at_hand.py), in Chromium on the processor and natively on the back end
`auto`, which is a GPU if there is a real one.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from builder import fetch
from oneseek.engine.backends.select import executor_named
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from tests.bench.parts import answers, at_hand, lab, oracle, report, spoken
from tests.golden import KINDS

PROMPT_TOKENS, TOKENS, ROUNDS = 128, 48, 2
GPU_TOKENS = {True: 4, False: TOKENS}  # a software adapter takes seconds for each
SHORT, FEW = "Why is the sky blue?", 8  # for made-up models, which read a few dozen tokens
CAPITAL, ANSWER = "What is the capital of France?", "Paris"
SILENT = "the peer gave no answer in time"


SCRIPT_BYTES = "async () => (await performance.measureUserAgentSpecificMemory()).bytes"


def ready(page: Page) -> dict:
    """Load the model from a file the browser has and ask a first question: times and memory."""

    def memory() -> dict:
        heap = lab.call(page, "ours", "memory")["wasm"]
        return {"heap": heap, "script": page.evaluate(SCRIPT_BYTES)}

    before = memory()
    loaded = lab.call(page, "ours", "load", "/model.gguf")
    after = memory()
    first, again = (lab.call(page, "ours", "python", "ask", CAPITAL, TOKENS) for _ in range(2))
    row = {"system": "ours-cpu", "loaded": loaded, "first": first, "again": again}
    row |= {"before": before, "after": after, "answered": memory()}
    report.say(row)
    check(first)
    return row


def check(answer: dict) -> None:
    if ANSWER not in answer["text"]:
        raise SystemExit(f"{CAPITAL!r} was answered {answer['text']!r}, without {ANSWER}")


def on_the_gpu(page: Page) -> dict:
    """The figures of the WebGPU back end on the GPU that is here."""
    seconds = lab.call(page, "ours-gpu", "load", "/model.gguf")
    adapter = lab.call(page, "ours-gpu", "python", "describe")
    tokens = GPU_TOKENS["swiftshader" in str(adapter).lower()]
    lab.call(page, "ours-gpu", "python", "answer", answers.Prompts().of(PROMPT_TOKENS), tokens)
    prompts = answers.Prompts()
    prompts.asked = ROUNDS  # another prompt than that of the run that compiled
    told = lab.call(page, "ours-gpu", "python", "answer", prompts.of(PROMPT_TOKENS), tokens)
    first = lab.call(page, "ours-gpu", "python", "ask", CAPITAL, 8)
    row = {"system": "ours-gpu", "adapter": adapter, "load_seconds": seconds, "best": told}
    report.say(row | {"first": first})
    check(first)
    return row | {"first": first}


def native_ours(prompt: str, path: Path, tokens: int = TOKENS) -> dict:
    return asyncio.run(measure_answer(prompt, path, tokens))


async def measure_answer(prompt: str, path: Path, tokens: int) -> dict:
    """The figures of an answer on the command line's default back end; the second answer counts."""
    executor = await executor_named("auto")
    model = await Model.load(open_model(path), executor)
    generator = Generator(model)
    ids = model.tokenizer.encode(prompt, special=True)
    for _ in range(2):
        said = await spoken.answer(generator, ids, tokens)
    return said | {"back_end": executor.name}


def natively() -> dict:
    prompt = answers.Prompts().of(PROMPT_TOKENS)
    path, best = fetch.part("model/smollm2-135m"), {}
    threads = len(os.sched_getaffinity(0))
    for _ in range(ROUNDS):
        there = oracle.run_module("native_llama", path, prompt, TOKENS, threads=threads)
        for who, told in (("ours", native_ours(prompt, path)), ("llama.cpp", there)):
            seen = best.get(who, told)
            best[who] = max(seen, told, key=lambda one: one["tokens_per_s"])
            best[who]["first_ms"] = min(seen["first_ms"], told["first_ms"])
    row = {"system": "native", "threads": threads, **best}
    report.say(row)
    return row


def of_native(row: dict) -> dict:
    ours, theirs = row["ours"], row["llama.cpp"]
    return {
        "native_decode_ratio": ours["tokens_per_s"] / theirs["tokens_per_s"],
        "native_first_token_ratio": theirs["first_ms"] / ours["first_ms"],
    }


def in_chromium(prompt: str, path: Path, tokens: int) -> dict:
    with lab.opened(peers={}, model=path) as page:
        lab.call(page, "ours", "load", "/model.gguf")
        for _ in range(2):
            answer = lab.call(page, "ours", "python", "answer", prompt, tokens)
    return {"first_ms": answer["first_ms"], "tokens_per_s": answer["tokens_per_s"]}


def each() -> None:
    whole, rows, figures = answers.Prompts().of(PROMPT_TOKENS), [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in at_hand.models(Path(folder)).items():
            prompt, tokens = (SHORT, FEW) if name in KINDS else (whole, TOKENS)
            for home, said in (("chromium", in_chromium), ("native", native_ours)):
                row = {"model": name, "home": home} | said(prompt, path, tokens)
                report.say(row)
                rows.append(row)
                for what in ("first_ms", "tokens_per_s"):
                    figures[f"{name}_{home}_{what}"] = row[what]
    report.write("chat", figures, rows)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--each", action="store_true", help="every model instead of every peer")
    ask.add_argument("--native", action="store_true", help="only natively")
    options = ask.parse_args()
    if options.each:
        each()
    elif options.native:
        native = natively()
        report.write("chat", of_native(native), [native])
    else:
        compare()


def compare() -> None:
    with lab.opened() as page:
        first = ready(page)
        found = answers.compare(page, PROMPT_TOKENS, TOKENS, ROUNDS)
        gpu = on_the_gpu(page)
    native = natively()
    mine = found[f"ours{answers.THREADS[-1]}"]
    best = max(mine, gpu["best"], key=lambda one: one["tokens_per_s"])
    peers = [one for name, one in found.items() if "ours" not in name and one]
    peer = max(peers, key=lambda one: one["tokens_per_s"], default=None)
    peak = sum(first["after"].values()) - sum(first["before"].values())  # a heap never shrinks
    figures = (
        answers.ratios(best, peer)
        | {
            "load_ms": 1e3 * first["loaded"]["seconds"],
            "peak_bytes": peak,
            "peak_to_file": peak / first["loaded"]["file_bytes"],
            "tab_bytes": sum(first["answered"].values()),
            "tab_bytes_without_model": sum(first["before"].values()),
            "first_answer_ms": first["first"]["first_ms"],
            "programs_ms": first["first"]["first_ms"] - first["again"]["first_ms"],
            "cpu_first_token_ms": mine["first_ms"],
            "cpu_tokens_per_s": mine["tokens_per_s"],
            "gpu_first_token_ms": gpu["best"]["first_ms"],
            "gpu_tokens_per_s": gpu["best"]["tokens_per_s"],
        }
        | of_native(native)
    )
    why = {name: SILENT for name, figure in figures.items() if figure is None}
    peers_row = {"system": "in one Chromium", "best": found}
    report.write("chat", figures, [first, peers_row, gpu, native], why)


if __name__ == "__main__":
    main()
