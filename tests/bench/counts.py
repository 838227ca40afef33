"""Counts the WebGPU calls of a token, a prompt and a training step: no faster chip saves them.

`python3 build.py bench counts [demo smollm2]`, natively and in Chromium.
"""

from pathlib import Path

from builder import ROOT, fetch
from tests.bench.parts import gpu_in_tab, lab, report

PROMPT, STEP = 128, (4, 128)
MODELS = {
    "demo": lambda: ROOT / "engine/model/demo/tiny.gguf",
    "smollm2": lambda: fetch.part("model/smollm2-135m"),
}


def count_calls(ask, load, name: str, where: str) -> dict:
    load()
    row = {"model": name, "where": where} | ask("counts", PROMPT)
    row["step"] = ask("prepare_step", *STEP)
    report.say(row)
    return row


def natively(name: str, path: Path) -> dict:
    ask = gpu_in_tab.natively()
    gpu_in_tab.state.pop("generator", None)
    return count_calls(ask, lambda: ask("load", path.read_bytes()), name, "native")


def in_chromium(name: str, path: Path) -> dict:
    with lab.opened(peers={}, model=path) as page:

        def ask(what, *told):
            return lab.call(page, "ours-gpu", "python", what, *told)

        def load():
            lab.call(page, "ours-gpu", "load", "/model.gguf")

        return count_calls(ask, load, name, "chromium")


def main() -> None:
    rows = []
    for name in report.parse_parts(MODELS, __doc__):
        path = MODELS[name]()
        rows += [natively(name, path), in_chromium(name, path)]
    figures = {
        f"{row['model']}_{row['where']}_{what}": value
        for row in rows
        for what, value in row.items()
        if what not in ("model", "where")
    }
    report.write("counts", figures, rows)


if __name__ == "__main__":
    main()
