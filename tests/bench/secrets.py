"""How many secrets the screening of what is learned sees, and how many ordinary sentences it holds
back: `python3 build.py bench secrets`.

The development set is what the rules were written with, and the first set by other hands, which
was judged before; the second judges them, and nothing is tuned on it (tests/held_out/secrets.md).
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

DEVELOPMENT = ROOT / "tests/bench/secrets_dev.jsonl"
HELD_OUT = ROOT / "tests/held_out"
SETS = {
    "dev": (DEVELOPMENT, DEVELOPMENT),
    "first": (HELD_OUT / "secrets_1.jsonl", HELD_OUT / "ordinary_1.jsonl"),
    "held_out": (HELD_OUT / "secrets_2.jsonl", HELD_OUT / "ordinary_2.jsonl"),
}
TIMES = 5


def texts(path: Path, secret: bool) -> list[str]:
    """The texts of a file; in the development set a kind of secret says which they are."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path == DEVELOPMENT:
        rows = [row for row in rows if bool(row["secret"]) is secret]
    return [row["text"] for row in rows]


def microseconds(some: list[str]) -> float:
    """The time that one text takes here, in CPython."""
    found = []
    for _ in range(TIMES):
        started = time.perf_counter()
        for text in some:
            secrets_in(text)
        found.append((time.perf_counter() - started) / len(some))
    return statistics.median(found) * 1e6


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    figures: dict[str, float] = {}
    rows = []
    for name, (with_secret, without) in SETS.items():
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
