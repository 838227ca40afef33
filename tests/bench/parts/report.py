"""The output of every bench: progress on stderr, one JSON object last on stdout.

`figures` is flat and holds only numbers; one that could not be measured is None, and `why` gives
the reason in a sentence.
"""

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def parse_parts(parts: Iterable[str], about: str) -> list[str]:
    """The parts of a bench that the command line names, or all of them."""
    known = list(parts)
    options = argparse.ArgumentParser(description=about)
    options.add_argument("part", nargs="*", help=" ".join(known))
    named = options.parse_args().part
    for part in named:
        if part not in known:
            options.error(f"there is no part {part}; there are {', '.join(known)}")
    return named or known


def write(bench: str, figures: dict, rows: list[dict], why: dict[str, str] | None = None) -> None:
    """Print the result; every figure has to be finite, or None with a reason in `why`."""
    why = why or {}
    for name, value in figures.items():
        assert value is not None or name in why, f"{name} is None and nothing says why"
        assert value is None or math.isfinite(value), f"{name} is {value}"
    result = {
        "bench": bench,
        "machine": machine(),
        "figures": {name: round_figure(value) for name, value in figures.items()},
        "rows": rows,
    }
    print(json.dumps(result | ({"why": why} if why else {}), ensure_ascii=False), flush=True)


def round_figure(value):
    """Round a float to four significant digits; integers stay as they are."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def machine() -> dict:
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
