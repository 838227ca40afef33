"""One QLoRA step of SmolLM2-135M on WebGPU, natively and in Chromium: time, host time, memory.

`python3 build.py bench step`. On a GPU played by the CPU the step is a small one, and said to be.
"""

import asyncio
import json
import sys

from builder import fetch
from engine.model.trainable import Trained
from tests.bench.parts import gpu_in_tab, lab

ROWS, LENGTH = 4, 128
SOFTWARE = (1, 16)  # rows and length of the timed step where there is no real GPU
NO_GPU = "no GPU at hand: a step in PyTorch on the same card was not measured"


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def memory() -> dict:
    """Planned bytes of activations at 4 x 128 tokens, all seven projections, half of the tokens
    targets: everything kept, the least any plan can need, and every layer computed again."""
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


def measured(ask, shape: tuple[int, int], where: str) -> dict:
    """One row: `ask(name, *arguments)` reaches the engine natively or in the tab."""
    dispatches = ask("prepare_step", *shape)
    say(where, "prepared", dispatches, "dispatches")
    steps = [ask("step") for _ in range(2 if shape == SOFTWARE else 5)]
    say(where, "steps", *(f"{s['ms']:.0f} ms" for s in steps))
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


def main() -> None:
    loop = asyncio.new_event_loop()

    def native(name, *args):
        return json.loads(loop.run_until_complete(getattr(gpu_in_tab, name)(*args)))

    native("load", fetch.part("model/smollm2-135m").read_bytes())
    gpu = gpu_in_tab.state["gpu"]
    shape = SOFTWARE if gpu.tier.software else (ROWS, LENGTH)
    rows = [measured(native, shape, f"native, {gpu.description}")]
    planned = memory()
    loop.close()
    with lab.opened() as page:

        def in_tab(name, *args):
            return lab.call(page, "ours-gpu", "python", name, *args)

        lab.call(page, "ours-gpu", "load", "/model.gguf")
        rows.append(measured(in_tab, shape, f"Chromium, {in_tab('describe')}"))
    first = rows[0]
    figures = {key: first[key] for key in ("tokens_per_s", "dispatches", "host_ms")}
    figures |= {"host_share": first["host_ms"] / first["ms"]}
    figures |= {
        "browser_host_ms": rows[1]["host_ms"],
        "browser_host_ms_javascript": rows[1]["replay_ms"],
        "browser_host_ms_python": rows[1]["record_ms"] - rows[1]["replay_ms"],
        "activation_ratio": planned["activation_bytes"] / planned["liveness_bound_bytes"],
        "browser_tokens_per_s": rows[1]["tokens_per_s"],
    }
    figures |= planned | dict.fromkeys(("vs_torch_f32", "vs_torch_bf16", "peak_share"))
    machine = {"native": gpu.description, "shape": shape, "software": gpu.tier.software}
    why = dict.fromkeys(("vs_torch_f32", "vs_torch_bf16", "peak_share"), NO_GPU)
    result = {"bench": "step", "machine": machine, "figures": figures, "why": why, "rows": rows}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
