"""Times a QLoRA step of SmolLM2-135M on WebGPU, natively and in Chromium; also host time, memory.

`python3 build.py bench step`; with `--native` without Chromium. A GPU emulated by the CPU gets a
small step, and the result says so; on a real one PyTorch + PEFT does the same step on that card.
"""

import argparse
import json
import sys

from builder import fetch
from oneseek.engine.model.trainable import Trained
from tests.bench.parts import gpu_in_tab, lab, oracle, report

ROWS, LENGTH, STEPS = 4, 128, 20
SOFTWARE = (1, 16)  # rows and length of the timed step where there is no real GPU
NO_CARD = "PyTorch has no card of CUDA here to do the same step on"
NO_TAB = "--native: no browser was asked"
IN_TAB = ("host_ms", "host_ms_javascript", "host_ms_python", "tokens_per_s")


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def memory() -> dict:
    """Planned bytes of activations at 4 x 128 tokens, with LoRA on all seven projections and half
    of the tokens as targets: all kept, the lower bound of any plan, every layer recomputed."""
    model = gpu_in_tab.state["model"]
    trained = Trained.lora(model.config, gpu_in_tab.RANK, 2 * gpu_in_tab.RANK)
    shape = (ROWS * LENGTH, ROWS * LENGTH // 2)
    kept = model.program("learn", *shape, trained=trained)
    again = model.program("learn", *shape, trained=trained, keep_blocks=0)
    return {
        "activation_bytes": kept.bytes,
        "liveness_bound_bytes": kept.lower_bound,
        "activation_bytes_recompute": again.bytes,
    }


def measure(ask, shape: tuple[int, int], where: str) -> dict:
    """The figures of one place; `ask(name, *arguments)` calls the engine natively or in the tab."""
    dispatches = ask("prepare_step", *shape)
    say(where, "prepared", dispatches, "dispatches")
    steps = [ask("step") for _ in range(2 if shape == SOFTWARE else STEPS)]
    say(where, "steps", *(f"{s['ms']:.1f} ms" for s in steps))
    best = min(steps[1:], key=lambda s: s["ms"])
    row = dict(where=where, tokens=shape[0] * shape[1], dispatches=dispatches, **best)
    row["host_ms"] = min(s["host_ms"] for s in steps[1:])
    row |= ask("issuing")
    row["tokens_per_s"] = 1e3 * row["tokens"] / best["ms"]
    spent = ask("profile")
    total = sum(spent.values())
    row["share"] = {op: round(ms / total, 4) for op, ms in sorted(spent.items(), key=by_time)}
    say(json.dumps(row))
    return row


def by_time(item: tuple[str, float]) -> float:
    return -item[1]


def beside_torch(rate: float, config) -> dict:
    """PyTorch's time for the step over ours, in float32 and in bfloat16; and the step's operations
    a second as a share of those of a large float32 product in PyTorch."""
    told = {
        numbers: oracle.run_module(
            "native_torch", ROWS, LENGTH, gpu_in_tab.RANK, STEPS, "cuda", numbers, threads=4
        )
        for numbers in ("float32", "bfloat16")
    }
    if told["float32"]["seconds"] is None:
        return dict.fromkeys(("vs_torch_f32", "vs_torch_bf16", "peak_share"))
    say(json.dumps(told))
    seconds = ROWS * LENGTH / rate
    passes = 2  # forward, and back through the same matrices
    operations = passes * 2 * config.parameters * ROWS * LENGTH
    return {
        "vs_torch_f32": told["float32"]["seconds"] / seconds,
        "vs_torch_bf16": told["bfloat16"]["seconds"] / seconds,
        "peak_share": operations / seconds / told["float32"]["peak"],
    }


def natively() -> tuple[dict, dict, dict]:
    """The row, its shape and GPU, and the figures of memory and of the comparison with PyTorch."""
    ask = gpu_in_tab.natively()
    ask("load", fetch.part("model/smollm2-135m").read_bytes())
    gpu = gpu_in_tab.state["gpu"]
    shape = SOFTWARE if gpu.tier.software else (ROWS, LENGTH)
    row = measure(ask, shape, f"native, {gpu.description}")
    at = {"native": gpu.description, "shape": shape, "software": gpu.tier.software}
    card = dict.fromkeys(("vs_torch_f32", "vs_torch_bf16", "peak_share"))
    if not gpu.tier.software:
        card = beside_torch(row["tokens_per_s"], gpu_in_tab.state["model"].config)
    planned = memory()
    ratio = planned["activation_bytes"] / planned["liveness_bound_bytes"]
    return row, at, card | planned | {"activation_ratio": ratio}


def in_chromium(shape: tuple[int, int]) -> dict:
    with lab.opened() as page:

        def in_tab(name, *args):
            return lab.call(page, "ours-gpu", "python", name, *args)

        lab.call(page, "ours-gpu", "load", "/model.gguf")
        return measure(in_tab, shape, f"Chromium, {in_tab('describe')}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--native", action="store_true", help="without a browser")
    native_only = options.parse_args().native
    first, at, more = natively()
    rows = [first]
    figures = {key: first[key] for key in ("tokens_per_s", "dispatches", "host_ms")}
    figures |= {"host_share": first["host_ms"] / first["ms"]} | more
    figures |= dict.fromkeys(f"browser_{name}" for name in IN_TAB)
    if not native_only:
        rows.append(row := in_chromium(at["shape"]))
        figures |= {
            "browser_host_ms": row["host_ms"],
            "browser_host_ms_javascript": row["replay_ms"],
            "browser_host_ms_python": row["record_ms"] - row["replay_ms"],
            "browser_tokens_per_s": row["tokens_per_s"],
        }
    missing = [name for name, figure in figures.items() if figure is None]
    why = {name: NO_TAB if name.startswith("browser_") else NO_CARD for name in missing}
    report.write("step", figures, [at, *rows], why)


if __name__ == "__main__":
    main()
