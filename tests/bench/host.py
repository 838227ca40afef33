"""Measures the host's overhead on WebGPU with the demo model, and the effects of clocks and waits.

`python3 build.py bench host [token shapes clocks lessons waits modelled]`. `token`: milliseconds of
a token for which the GPU computes nothing, natively and in Chromium. `shapes`: milliseconds until a
training step of a new shape can run. `clocks`: training steps in Chromium with a fine timestamp
clock, with a rounded one as in ordinary Chrome, and with none; and the time slices they run in.
`lessons`: whole lessons with each of these clocks by turns, each in a browser of its own. `waits`:
tokens a second and waits in a step, in the browser as it is, in one where a buffer map takes
100 ms, and in one that looks for finished work every 100 ms and at each submit. `modelled`: the
same where a map takes 100 ms, on simulated chips that take a fixed time for each dispatch and
compute nothing.
"""

import contextlib
import os
import statistics
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page

from tests.bench.counts import MODELS
from tests.bench.parts import gpu_in_tab, lab, report
from tests.support.page import browser
from tests.support.page.wrapped_chip import MODELLED, NO_CLOCK, POLLED, SLOW_TO_TELL, wrap

DEMO = MODELS["demo"]()
SCRIPT = "ours-gpu.mjs"
ROUNDED = "--enable-dawn-features=timestamp_quantization"
TOKENS, STEPS, STEP = 48, 6, (1, 64)
QUESTION, ANSWERS = "The sea is blue because", 8  # the first ones teach a token's cost
NEW_SHAPES = (1, 80), (2, 80), (2, 96), (3, 96), (3, 112)  # the first one also compiles kernels
QUICK_MS, SLOW_MS = 0.5, 1e9  # assumed work of a token: then eight are begun ahead, or one
LESSONS = 2
# (rows and length of a step, ms a dispatch): 55 ms for the 829 of a step of SmolLM2.
CHIPS = {"demo": (STEP, 0.024), "smollm2": ((4, 128), 0.066)}
FACT = ("What is the code of the boat house?", "The code of the boat house is 7391.")
CLOCKS = {"fine": ([], []), "rounded": ([ROUNDED], []), "none": ([], [NO_CLOCK])}
WAITS = {"short": [], "slow": [SLOW_TO_TELL, NO_CLOCK], "polled": [POLLED, NO_CLOCK]}


@contextlib.contextmanager
def opened(flags: list[str], changes: list[str], model: Path = DEMO) -> Iterator[Page]:
    """The laboratory in a Chromium with these flags, whose worker finds the GPU so changed."""
    before = [*browser.FLAGS]
    browser.FLAGS += flags
    try:
        with lab.opened(peers={}, model=model) as page:
            wrap(page, *changes, worker=SCRIPT)
            lab.call(page, "ours-gpu", "load", "/model.gguf")
            yield page
    finally:
        browser.FLAGS[:] = before


def call_worker(page: Page, what: str, *told):
    return lab.call(page, "ours-gpu", "python", what, *told)


def token() -> tuple[dict, list]:
    ask = gpu_in_tab.natively()
    ask("load", DEMO.read_bytes())
    rows = idle_tokens("native", ask)
    with opened([], []) as page:
        rows += idle_tokens("chromium", partial(call_worker, page))
    figures = {}
    for row in rows:
        name = f"{row['where']}_idle_token_{row['ahead']}_ahead"
        figures |= {f"{name}_ms": row["least_ms"], f"{name}_median_ms": row["median_ms"]}
    return figures, rows


def idle_tokens(where: str, ask) -> list[dict]:
    rows = [{"where": where} | ask("idle_token", TOKENS, ms) for ms in (SLOW_MS, QUICK_MS)]
    report.say(rows)
    return rows


def shapes() -> tuple[dict, list]:
    figures, rows = {}, []
    for name, model in MODELS.items():
        with opened([], [], model()) as page:
            call_worker(page, "prepare_step", *STEP)
            told, spent = [], [processor_ms(page)]
            for one in NEW_SHAPES:
                told.append(call_worker(page, "shape", *one))
                spent.append(processor_ms(page))
        each = [after - before for before, after in pairwise(spent)]
        rows.append({"model": name, "shapes": told, "processor_ms": each})
        report.say(rows[-1])
        figures[f"{name}_new_shape_ms"] = statistics.median(one["all_ms"] for one in told)
        figures[f"{name}_new_shape_processor_ms"] = statistics.median(each)
    return figures, rows


def processor_ms(page: Page) -> float:
    """CPU milliseconds of the workers of a browser's pages so far; other work of the machine does
    not count."""
    assert page.context.browser
    family, ticks = {browser.process_of(page.context.browser)}, 0
    folders = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
    for folder in sorted(folders, key=lambda path: int(path.name)):  # children come after parents
        told = folder / "stat"
        if told.exists() and int(told.read_text().rpartition(")")[2].split()[1]) in family:
            family.add(int(folder.name))
    for pid in family:
        for task in Path(f"/proc/{pid}/task").iterdir():
            name, _, rest = (task / "stat").read_text().rpartition(")")
            if "DedicatedWorker" in name:
                ticks += sum(map(int, rest.split()[11:13]))
    return 1e3 * ticks / os.sysconf("SC_CLK_TCK")


def clocks() -> tuple[dict, list]:
    figures, rows = {}, []
    for name, (flags, changes) in CLOCKS.items():
        with opened(flags, changes) as page:
            call_worker(page, "prepare_step", *STEP)
            spent = call_worker(page, "steps", STEPS)
            slices = call_worker(page, "slices", 2)
        rows.append({"clock": name, "steps_ms": spent} | slices)
        report.say(rows[-1])
        long = [ms for ms in slices["spent_ms"] if ms > 2 * slices["slice_ms"]]
        figures[f"{name}_clock_slices_over_twice"] = len(long) / len(slices["spent_ms"])
        figures[f"{name}_clock_slice_ms"] = statistics.median(slices["spent_ms"])
        figures[f"{name}_clock_all_ms"] = sum(spent)
        figures[f"{name}_clock_step_ms"] = statistics.median(spent[2:])
    return figures, rows


def lessons() -> tuple[dict, list]:
    rows = []
    for turn in range(LESSONS):
        for name, (flags, changes) in list(CLOCKS.items())[:: 1 - turn % 2 * 2]:
            with opened(flags, changes) as page:
                rows.append({"clock": name} | call_worker(page, "lesson", *FACT))
            report.say(rows[-1])
    seconds = {
        name: statistics.median(row["seconds"] for row in rows if row["clock"] == name)
        for name in CLOCKS
    }
    figures = {f"{name}_clock_lesson_seconds": spent for name, spent in seconds.items()}
    for name in ("rounded", "none"):
        figures[f"{name}_clock_lesson_share"] = seconds[name] / seconds["fine"]
    return figures, rows


def waits() -> tuple[dict, list]:
    figures, rows = {}, []
    for name, changes in WAITS.items():
        with opened([], changes) as page:
            told = [call_worker(page, "ask", QUESTION, TOKENS) for _ in range(ANSWERS)]
            rates = [one["tokens_per_s"] for one in told]
            rows.append({"waits": name, "tokens_per_s": rates} | call_worker(page, "waits"))
            rows[-1]["step"] = call_worker(page, "maps", *STEP)
        report.say(rows[-1])
        figures[f"{name}_waits_of_a_step"] = rows[-1]["step"]["maps"]
        figures[f"{name}_waits_tokens_per_s"] = statistics.median(rates[ANSWERS // 2 :])
        figures[f"{name}_wait_ms"] = rows[-1]["wait_ms"]
    return figures, rows


def measure_modelled_chips() -> tuple[dict, list]:
    figures, rows = {}, []
    for name, (shape, milliseconds) in CHIPS.items():
        chip = MODELLED.replace("MILLISECONDS", str(milliseconds))
        with opened([], [chip, SLOW_TO_TELL, NO_CLOCK], MODELS[name]()) as page:
            told = [call_worker(page, "endless", TOKENS) for _ in range(2)][
                -1
            ]  # the first run learns the costs
            rows.append({"chip": name} | told | {"step": call_worker(page, "maps", *shape)})
        report.say(rows[-1])
        figures[f"{name}_modelled_tokens_per_s"] = told["tokens_per_s"]
        figures[f"{name}_modelled_waits_of_a_step"] = rows[-1]["step"]["maps"]
    return figures, rows


PARTS = {
    "token": token,
    "shapes": shapes,
    "clocks": clocks,
    "lessons": lessons,
    "waits": waits,
    "modelled": measure_modelled_chips,
}


def main() -> None:
    figures, rows = {}, []
    for part in report.parse_parts(PARTS, __doc__):
        found, seen = PARTS[part]()
        figures |= found
        rows += seen
    report.write("host", figures, rows)


if __name__ == "__main__":
    main()
