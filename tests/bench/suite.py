"""Measures the duration of a scope of the test suite and finds flaky tests.

`python3 build.py bench suite --scope page --times 20 --loaded` runs it 20 times, beside a busy loop
for each core; with `--at-once 2` two runs are the load of each other. It names each test that
failed in any run, with the number of failures. Each run adds a line to `.pytest_cache/suite.jsonl`
when it ends, and Ctrl+C ends the bench with the runs that are over.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from builder import checks, costs, environment, scopes, site
from tests.bench.parts import report

ENDED = costs.RUNS / "suite.jsonl"  # the runs of this bench so far
INTERRUPTED = 2  # pytest's exit status
BUSY = "while True: pass"


@contextlib.contextmanager
def loops(count: int) -> Iterator[None]:
    """So many processes, each of which keeps a core busy."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def once(scope: str, folder: Path) -> dict:
    """Run the scope once: its seconds, the failed tests, and the load at its end."""
    for file in folder.glob("*/v/cache/lastfailed"):
        file.unlink()
    began = time.monotonic()
    statuses = checks.run_tests(environment.ensure(), scope, [], folder)
    files = folder.glob("*/v/cache/lastfailed")
    return {
        "seconds": time.monotonic() - began,
        "processor_seconds": costs.sum_seconds(folder / "costs"),
        "statuses": statuses,
        "failed": sorted({name for file in files for name in json.loads(file.read_text())}),
        "load": os.getloadavg()[0],
    }


def runs(scope: str, times: int, at_once: int) -> list[dict]:
    rows: list[dict] = []
    ENDED.unlink(missing_ok=True)
    folders: SimpleQueue[Path] = SimpleQueue()
    for number in range(at_once):
        folders.put(costs.RUNS / f"run-{number}")

    def run_next(_: int) -> None:
        folder = folders.get()
        row = once(scope, folder)
        folders.put(folder)
        if INTERRUPTED in row["statuses"]:
            return
        rows.append(row)
        with ENDED.open("a") as file:
            print(json.dumps(row), file=file)
        report.say(f"run {len(rows)} of {times}:", row)

    with contextlib.suppress(KeyboardInterrupt), ThreadPoolExecutor(at_once) as threads:
        list(threads.map(run_next, range(times)))
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scope", choices=scopes.SCOPES, default="usual")
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--loaded", action="store_true", help="beside a busy loop for each core")
    options.add_argument("--at-once", type=int, default=1, help="runs at the same time")
    told = options.parse_args()
    site.build()
    with loops(len(os.sched_getaffinity(0)) if told.loaded else 0):
        rows = runs(told.scope, told.times, told.at_once)
    if not rows:
        sys.exit("stopped before a run was over")
    seconds = sorted(row["seconds"] for row in rows)
    figures = {
        "runs": len(rows),
        "at_once": told.at_once,
        "runs_that_failed": sum(any(row["statuses"]) for row in rows),
        "least_seconds": seconds[0],
        "median_seconds": seconds[len(seconds) // 2],
        "most_seconds": seconds[-1],
        "processor_seconds": max(row["processor_seconds"] for row in rows),
    }
    failures = Counter(name for row in rows for name in row["failed"])
    report.write("suite", figures, [*rows, {"failures": dict(failures.most_common())}])


if __name__ == "__main__":
    main()
