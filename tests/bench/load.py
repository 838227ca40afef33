"""Measures loading a model up to its first token: seconds and memory, in Chromium and natively.

`python3 build.py bench load [FILE ...]` loads every model that can be had here (parts/at_hand.py)
and the named files, on the processor. Cold is a new process, or a new worker whose browser has the
file; warm is a second load in the same one. `bytes` is the peak growth of memory: of the resident
set natively, of the heaps of Python and of the kernels in Chromium.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from oneseek.engine.backends.select import processor
from tests.bench.parts import at_hand, from_file, lab, report


def natively(path: Path) -> dict:
    call = [sys.executable, "-m", "tests.bench.load", "--alone", str(path)]
    return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


async def alone(path: str) -> dict:
    """Measure in this process, which loads nothing else."""
    executor, before = processor(), peak()
    cold = await from_file.measure(path, executor)
    grown = peak() - before
    warm = await from_file.measure(path, processor())
    return {"cold": cold, "warm": warm, "bytes": grown}


def peak() -> int:
    """The peak resident set in bytes; `ru_maxrss` would begin with that of the parent process."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def in_chromium(path: Path) -> dict:
    with lab.opened(peers={}, model=path) as page:
        before = lab.call(page, "ours", "memory")["wasm"]
        cold = lab.call(page, "ours", "from_file", "/model.gguf")
        grown = lab.call(page, "ours", "memory")["wasm"] - before
        warm = lab.call(page, "ours", "from_file", "/model.gguf")
    return {"cold": cold, "warm": warm, "bytes": grown}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("files", nargs="*", type=Path, help="more models to load")
    ask.add_argument("--only", help="models whose names begin with this")
    ask.add_argument("--alone", help=argparse.SUPPRESS)
    options = ask.parse_args()
    if options.alone:
        print(json.dumps(asyncio.run(alone(options.alone))))
        return
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        found = at_hand.models(Path(folder), options.files)
        for name, path in found.items():
            if not name.startswith(options.only or ""):
                continue
            for home, measured in (("chromium", in_chromium), ("native", natively)):
                row = {"model": name, "home": home, "file_bytes": path.stat().st_size}
                row |= measured(path)
                report.say(row)
                rows.append(row)
                for when in ("cold", "warm"):
                    figures[f"{name}_{home}_{when}_first_token_s"] = row[when]["first_token_s"]
                figures[f"{name}_{home}_bytes"] = row["bytes"]
    report.write("load", figures, rows)


if __name__ == "__main__":
    main()
