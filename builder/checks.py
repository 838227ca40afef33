"""`build.py test`: formatting, lint, types, then the tests, and one exit status for all."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from builder import ROOT, environment, site, system

SCOPES = {"quick": "not slow and not long", "usual": "not long", "long": ""}


def run(scope: str, extra: list[str]) -> int:
    """Everything runs even when an earlier part failed: one look shows all there is to mend."""
    system.ensure()
    python = environment.ensure()

    def status(*part: str) -> int:
        return subprocess.run([python, "-m", *part], cwd=ROOT).returncode

    parts = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])
    failed = [part[0] for part in parts if status(*part)]
    if extra:
        halves = [extra]
    else:  # the page waits for a browser, the rest computes: side by side they take half the time
        halves = [["--ignore=tests/page"], ["tests/page"]]
    if any(tested(python, SCOPES[scope], halves)):
        failed.append("pytest")
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


def tested(python: Path, marks: str, halves: list[list[str]]) -> list[int]:
    """Each part's exit status. They run at once; what later ones print comes when the first is
    done."""
    site.build()
    site.build(tests=True)
    commands: list[list[Any]] = [
        [python, "-m", "pytest", "-m", marks, "-o", f"cache_dir=.pytest_cache/{i}", *part]
        for i, part in enumerate(halves)
    ]
    outputs: list[Any] = [None, *(tempfile.TemporaryFile() for _ in commands[1:])]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=out)
        for command, out in zip(commands, outputs, strict=True)
    ]
    statuses = []
    for process, out in zip(started, outputs, strict=True):
        statuses.append(process.wait())
        if out:
            out.seek(0)
            print(out.read().decode(), flush=True)
    return statuses
