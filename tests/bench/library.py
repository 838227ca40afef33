"""Compares training two programs of examples/engine/ with jax-js, TensorFlow.js and PyTorch.

`python3 build.py bench library` trains the network of moons.py and the transformer of characters.py
by AdamW, from the same weights on the same batch. Every system has one thread and reads the loss of
each step. It is compared with PyTorch natively, then with the others in one Chromium. Within a
place all take turns, and the quickest turn of each counts. A system whose losses differ from
numpy's is named and gets no ratio.
"""

import gzip
import json
import statistics
import tempfile
from pathlib import Path

import playwright.sync_api

from builder import ROOT
from tests.bench.parts import lab, oracle, report
from tests.bench.parts.programs_native import NAMES, source
from tests.bench.parts.programs_ours import OPTIMISER, plain

STEPS, TURNS, LEAST_MS = 12, 5, 200  # compared steps; turns; milliseconds of a turn
NATIVE = ("numpy", "cpu", "torch")
NEEDED = "tfjs", "tfjs/", "tfjs-gpu", "jax"
IN_A_TAB = (  # (who, device), ours before those it is compared with
    ("ours", "cpu"), ("tfjs", "wasm"), ("jax", "wasm"),
    ("ours", "webgpu"), ("tfjs", "webgpu"), ("jax", "webgpu"),
)  # fmt: skip
BENCH = ("rpc.mjs", "programs")  # files that only the benchmark fetches
ALIKE, PATIENCE = 1e-3, 300  # tolerance of the losses; seconds to wait for an answer


def natively() -> list[dict]:
    """The native rows. Each turn of a system has a process; PyTorch's alone has extra `torch`."""
    told: dict[str, list[dict]] = {system: [] for system in NATIVE}
    for _ in range(TURNS):
        for system in NATIVE:
            extra = "torch" if system == "torch" else ""
            asked = ("programs_native", system, STEPS, 1)
            told[system].append(oracle.run_module(*asked, threads=1, extra=extra))
    return [
        row("natively", system, "cpu", name, **best([turn[name] for turn in told[system]]))
        for name in NAMES
        for system in NATIVE
    ]


def best(turns: list[dict]) -> dict:
    first_ms = statistics.median(turn["first_ms"] for turn in turns)
    return turns[0] | {"ms": min(turn["ms"] for turn in turns), "first_ms": first_ms}


def row(place: str, who: str, device: str, program: str, **found) -> dict:
    made = dict(place=place, who=who, device=device, program=program, **found)
    if "ms" in found:
        made["steps_per_s"] = 1e3 / found["ms"]
    report.say(json.dumps(made))
    return made


def in_chromium(page: playwright.sync_api.Page, folder: Path, program: str) -> list[dict]:
    page.reload()  # ends the workers of the program before
    text, found = source(program), {}
    told = json.loads(plain(program, text))
    for who, device in IN_A_TAB:
        try:
            found[who, device] = begin_training(page, who, device, program, told, text)
        except playwright.sync_api.Error as problem:
            found[who, device] = {"why": problem.message.splitlines()[0]}
    running = {system: one for system, one in found.items() if "ms" in one}
    for turn in range(TURNS):
        for (who, device), one in running.items():
            repeats = max(1, int(LEAST_MS / one["ms"]))
            ms = call_worker(page, who, device, "train", repeats)["ms"] / repeats
            one["ms"] = min(one["ms"], ms) if turn else ms
    for one in running.values():
        one["fetched_mb"] = measure_download(folder, one.pop("fetched"))
    return [row("Chromium", *system, program, **one) for system, one in found.items()]


def begin_training(page, who: str, device: str, program: str, told: dict, text: str) -> dict:
    """Start a system and train STEPS steps: its times, losses and downloads."""
    started = call_worker(page, who, device, "started")
    first = call_worker(page, who, device, "begin", device, program, told, text, OPTIMISER)
    rest = call_worker(page, who, device, "train", STEPS - 1)
    losses = [first["losses"][0], rest["losses"][-1]]
    found = dict(losses=losses, first_ms=first["ms"], ms=rest["ms"] / (STEPS - 1))
    return found | dict(start_ms=started["ms"], fetched=started["fetched"])


def call_worker(page, who: str, device: str, name: str, *arguments) -> dict:
    return lab.call(page, f"programs-{who} {device}", name, *arguments, seconds=PATIENCE)


def measure_download(folder: Path, paths: list[str]) -> float:
    """Megabytes of the fetched files, compressed as a host sends them."""
    files = [
        folder / path.lstrip("/") for path in {*paths} if not path.lstrip("/").startswith(BENCH)
    ]
    return sum(len(gzip.compress(file.read_bytes())) for file in files) / 1e6


def judge_rows(rows: list[dict]) -> list[dict]:
    """The rows with the difference of their losses from numpy's and our rate over theirs."""
    for one in rows:
        if "ms" not in one:
            continue
        truth = find_row(rows, "natively", "numpy", "cpu", one["program"])["losses"]
        one["off"] = max(abs(a - b) for a, b in zip(one["losses"], truth, strict=True))
        if not one["off"] < ALIKE:
            one["why"] = f"its losses are not those of numpy: {one['off']:.2g} apart"
            continue
        who, device = ("cpu", "cpu") if one["place"] == "natively" else ("ours", one["device"])
        ours = find_row(rows, one["place"], who, device.replace("wasm", "cpu"), one["program"])
        one["ours_over_it"] = ours["steps_per_s"] / one["steps_per_s"]
    return rows


def find_row(rows: list[dict], place: str, who: str, device: str, program: str) -> dict:
    wanted = dict(place=place, who=who, device=device, program=program)
    return next(one for one in rows if wanted.items() <= one.items())


def main() -> None:
    rows = natively()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab.place(folder, {peer: lab.PEERS[peer] for peer in NEEDED}, tests=False)
        lab.write(
            folder / "programs_ours.py", (ROOT / "tests/bench/parts/programs_ours.py").read_bytes()
        )
        with lab.opened_in(folder) as page:
            chromium = page.context.browser.version
            for program in NAMES:
                rows += in_chromium(page, folder, program)
    figures, why = {}, {}
    for one in judge_rows(rows):
        name = f"{one['program']}_{one['place'].lower()}_{one['who']}_{one['device']}"
        figures[f"{name}_ours_over_it"] = one.get("ours_over_it")
        if "why" in one:
            why[f"{name}_ours_over_it"] = one["why"]
    report.write("library", figures, [{"chromium": chromium}, *rows], why)


if __name__ == "__main__":
    main()
