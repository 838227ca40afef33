"""The CPU cost of each test: `build.py test` prints the highest and shares files out by the record.

    python3 -m builder.costs    # the record of the last run becomes tests/costs.json

A cost is in CPU seconds, including the processes that a test starts, since wall-clock seconds
depend on what else the machine does.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from builder import ROOT, scopes

RECORD = ROOT / "tests" / "costs.json"  # "files": file -> kind of test -> CPU seconds
RUNS = ROOT / ".pytest_cache"  # a folder for each pytest process, and one for their costs
LAST_RUN = RUNS / "costs"
KINDS = {"fast": 1, "quick": 2, "usual": 3, "long": 4}  # of tests; a scope runs its kind and lower
SHOWN = 30
UNKNOWN_S = {"fast": 1.0, "quick": 5.0, "usual": 30.0, "long": 60.0}  # assumed for a new file
# From DEAR_S on an unmarked test is quick, not fast; from SLOW_S on it is slow. Its cost stands in
# the record under "dear".
DEAR_S, SLOW_S = 0.05, 0.2


def order(scope: str) -> list[str]:
    """The test files in an order in which two runs, one from each end, meet at cheap files: first
    the others from the most to the least expensive, then the page's from the least to the most."""
    files = _costs(scope)
    page = [file for file in files if file.startswith("tests/page/")]
    rest = [file for file in files if file not in page]
    return rest + page[::-1]


def halves(scope: str) -> list[list[str]]:
    """The test files in two lists of about equal cost."""
    lists: list[list[str]] = [[], []]
    totals = [0.0, 0.0]
    for file, seconds in _costs(scope).items():
        least = totals.index(min(totals))
        lists[least].append(file)
        totals[least] += seconds
    return lists


def read_record() -> dict:
    """The committed record."""
    return json.loads(RECORD.read_text())


def _costs(scope: str) -> dict[str, float]:
    """The recorded cost of each test file in this scope, the most expensive first."""
    record, kind_of_scope = read_record()["files"], "usual" if scope == "page" else scope
    found = {}
    for path in scopes.test_files(scope):
        file = path.relative_to(ROOT).as_posix()
        kinds = record.get(file, {kind_of_scope: UNKNOWN_S[kind_of_scope]})
        found[file] = sum(kinds[kind] for kind in kinds if KINDS[kind] <= KINDS[kind_of_scope])
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def clear(folder: Path) -> None:
    """Remove the costs of earlier runs from the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()


def _read_costs(folder: Path) -> dict[str, dict]:
    """Test -> its kind, CPU seconds and wall-clock seconds."""
    tests = {}
    for file in sorted(folder.glob("*.json")):
        tests.update(json.loads(file.read_text()))
    return tests


def sum_seconds(folder: Path) -> float:
    """The CPU seconds of all tests of a run."""
    return sum(test["processor"] for test in _read_costs(folder).values())


def report(seconds: float, folder: Path) -> str:
    """A text: the most expensive files and tests of a run of `seconds`, and the machine's load."""
    tests = _read_costs(folder)
    files: Counter[str] = Counter()
    for name, test in tests.items():
        files[name.partition("::")[0]] += test["processor"]
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    lines = [
        f"{len(tests)} tests took {seconds:.0f} s and {sum_seconds(folder):.0f} CPU seconds; "
        f"load {load}",
        "the most expensive files, in CPU seconds:",
        *(f"{cost:8.1f}          {file}" for file, cost in files.most_common(SHOWN)),
        "the most expensive tests, in CPU seconds and wall-clock seconds:",
    ]
    for name, test in sorted(tests.items(), key=lambda item: -item[1]["processor"])[:SHOWN]:
        lines.append(f"{test['processor']:8.1f} {test['wall']:8.1f} {name}")
    return "\n".join(lines)


def keep() -> None:
    """Write the costs of the last run to the record; a test that did not run keeps its old
    entry."""
    tests, old = _read_costs(LAST_RUN), read_record()
    files: dict[str, dict[str, float]] = {}
    dear = {name: cost for name, cost in old["dear"].items() if name not in tests}
    for name, test in tests.items():
        kinds = files.setdefault(name.partition("::")[0], {})
        kinds[test["kind"]] = kinds.get(test["kind"], 0.0) + test["processor"]
        by_cost = test["kind"] in ("fast", "quick") or name in old["dear"]
        if by_cost and test["processor"] >= DEAR_S:
            dear[name] = round(test["processor"], 1)
    merged = {
        file: old["files"].get(file, {}) | files.get(file, {})
        for file in sorted({*old["files"], *files})
        if (ROOT / file).exists()
    }
    kept = {
        file: {kind: round(kinds[kind], 1) for kind in KINDS if kind in kinds}
        for file, kinds in merged.items()
    }
    ordered = dict(sorted(dear.items()))
    RECORD.write_text(json.dumps({"files": kept, "dear": ordered}, indent=1) + "\n")


if __name__ == "__main__":
    if not any(LAST_RUN.glob("*.json")):
        sys.exit(f"no run of build.py test has written to {LAST_RUN} yet")
    keep()
