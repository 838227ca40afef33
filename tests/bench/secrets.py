"""Measures the screening for secrets: the share of secrets it sees, the share of ordinary sentences
it holds back, and microseconds a text: `python3 build.py bench secrets`.

The rules are written and the weights fitted on the development sets and on the former held-out sets
(tests/held_out/secrets.md).  `--set N` evaluates one held-out set alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from builder import ROOT
from oneseek.engine.core.collecting.secrets import secrets_in
from tests.bench.parts import report

HELD_OUT = ROOT / "tests/held_out"
DEVELOPED = {
    "dev": ROOT / "tests/bench/secrets_dev.jsonl",
    "dev2": ROOT / "tests/bench/secrets_dev2.jsonl",
    "dev3": ROOT / "tests/bench/secrets_dev3.jsonl",
    "dev4": ROOT / "tests/bench/secrets_dev4.jsonl",
    "dev5": ROOT / "tests/bench/secrets_dev5.jsonl",
    "dev6": ROOT / "tests/bench/secrets_dev6.jsonl",
    "dev7": ROOT / "tests/bench/secrets_dev7.jsonl",
    "dev8": ROOT / "tests/bench/secrets_dev8.jsonl",
    "dev9": ROOT / "tests/bench/secrets_dev9.jsonl",
    "dev10": ROOT / "tests/bench/secrets_dev10.jsonl",
}
JUDGED = (
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
)  # former held-out sets, by other writers
TIMES = 5


def texts(path: Path, secret: bool) -> list[str]:
    """The texts of a file; of a development set, those with a secret or those without."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path in DEVELOPED.values():
        rows = [row for row in rows if bool(row["secret"]) is secret]
    return [row["text"] for row in rows]


def microseconds(some: list[str]) -> float:
    """Microseconds of screening one text in CPython, the median of TIMES runs."""
    found = []
    for _ in range(TIMES):
        started = time.perf_counter()
        for text in some:
            secrets_in(text)
        found.append((time.perf_counter() - started) / len(some))
    return statistics.median(found) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--set", metavar="N", help="tests/held_out/secrets_N.jsonl alone; all known ones otherwise"
    )
    wanted = parser.parse_args().set
    sets = {} if wanted else {name: (path, path) for name, path in DEVELOPED.items()}
    for number in (wanted,) if wanted else JUDGED:
        pair = HELD_OUT / f"secrets_{number}.jsonl", HELD_OUT / f"ordinary_{number}.jsonl"
        sets[f"set_{number}"] = pair
    figures: dict[str, float] = {}
    rows = []
    for name, (with_secret, without) in sets.items():
        secrets, ordinary = texts(with_secret, True), texts(without, False)
        seen = [text for text in secrets if secrets_in(text)]
        held = [text for text in ordinary if secrets_in(text)]
        figures[f"{name}_secrets"] = len(secrets)
        figures[f"{name}_seen"] = len(seen)
        figures[f"{name}_seen_share"] = len(seen) / len(secrets)
        figures[f"{name}_ordinary"] = len(ordinary)
        figures[f"{name}_held"] = len(held)
        figures[f"{name}_us_a_text"] = microseconds(secrets + ordinary)
        rows.append({"set": name, "not_seen": sorted(set(secrets) - set(seen)), "held": held})
    report.write("secrets", figures, rows)


if __name__ == "__main__":
    main()
