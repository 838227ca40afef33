"""How long a scope of the suite takes, and what fails of it by chance.

`python3 build.py bench suite --scope page --times 20 --loaded` runs it so often, beside a busy loop
for each core; a test that fails in any run is named with how often it did. Each run adds a line to
`.pytest_cache/suite.jsonl` as it ends, and Ctrl+C ends the bench with the runs that are over.
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

from builder import ROOT, checks, costs, environment, scopes
from tests.bench.parts import report

FAILED = ROOT / ".pytest_cache"  # each process of a run has a folder there
ENDED = FAILED / "suite.jsonl"  # the runs of this bench so far
BUSY = "while True: pass"


@contextlib.contextmanager
def loops(count: int) -> Iterator[None]:
    """Processes that do nothing, as fast as they can."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def once(scope: str) -> dict:
    """One run: its seconds, what failed, and the load at its end."""
    for file in FAILED.glob("*/v/cache/lastfailed"):
        file.unlink()
    began = time.monotonic()
    statuses = checks.run_tests(environment.ensure(), scope, [])
    files = FAILED.glob("*/v/cache/lastfailed")
    return {
        "seconds": time.monotonic() - began,
        "processor_seconds": costs.sum_seconds(),
        "statuses": statuses,
        "failed": sorted({name for file in files for name in json.loads(file.read_text())}),
        "load": os.getloadavg()[0],
    }


def runs(scope: str, times: int) -> list[dict]:
    rows: list[dict] = []
    ENDED.unlink(missing_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        while len(rows) < times:
            rows.append(once(scope))
            with ENDED.open("a") as file:
                print(json.dumps(rows[-1]), file=file)
            report.say(f"run {len(rows)} of {times}:", rows[-1])
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scope", choices=scopes.SCOPES, default="usual")
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--loaded", action="store_true", help="beside a busy loop for each core")
    told = options.parse_args()
    with loops(len(os.sched_getaffinity(0)) if told.loaded else 0):
        rows = runs(told.scope, told.times)
    if not rows:
        sys.exit("stopped before a run was over")
    seconds = sorted(row["seconds"] for row in rows)
    figures = {
        "runs": len(rows),
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
