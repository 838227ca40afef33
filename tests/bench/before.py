"""Compares the CPU times of this tree with those of an earlier commit, by turns, natively.

`python3 build.py bench before COMMIT [products answer training lesson]`. Both trees compute with
the kernels of the tab under wasmtime (an answer also with numpy, as on the command line), each in a
process of its own; the figures are ratios of median times, now over before.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

from builder import ROOT, fetch
from tests.bench.parts import report

PARTS = {"products": 15, "answer": 7, "training": 7, "lesson": 3}  # part: turns
DEMO = "engine/model/demo/tiny.gguf"


def tree_of(commit: str, folder: Path) -> Path:
    """Write the files of a commit into a folder."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def make_encoder(tree: Path) -> None:
    """Build the encoder of a tree with its own code, as its lessons need it."""
    made = [sys.executable, "-c", "from builder import encoder; encoder.file()"]
    subprocess.run(made, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=True)


def start_process(tree: Path) -> subprocess.Popen:
    script, models = (
        ROOT / "tests/bench/parts/at_commit.py",
        [str(fetch.part("model/smollm2-135m"))],
    )
    return subprocess.Popen(
        [sys.executable, script, *models, str(tree / DEMO)],
        cwd=tree, env={"PYTHONPATH": str(tree), "OPENBLAS_NUM_THREADS": "2"}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def ask(process: subprocess.Popen, name: str) -> dict:
    assert process.stdin and process.stdout
    print(name, file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("commit")
    options.add_argument("part", nargs="*", help=" ".join(PARTS))
    told = options.parse_args()
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as whole:
        trees = {"before": tree_of(told.commit, Path(folder)), "now": ROOT}
        for part in told.part or PARTS:
            if part == "lesson":
                make_encoder(trees["before"])
            sides = {name: whole.enter_context(start_process(tree)) for name, tree in trees.items()}
            for _ in range(PARTS[part]):
                rows += [{"side": name} | ask(side, part) for name, side in sides.items()]
                report.say(rows[-2:])
            for side in sides.values():
                side.terminate()
    figures = {}
    for what in dict.fromkeys(name for row in rows for name in row if name != "side"):
        before, now = (
            statistics.median(row[what] for row in rows if row["side"] == side and what in row)
            for side in ("before", "now")
        )
        figures[f"{what.replace(' ', '_')}_ratio"] = now / before
    report.write("before", figures, rows)


if __name__ == "__main__":
    main()
