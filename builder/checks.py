"""`build.py test`: formatting, lint, types, then the tests, and one exit status for all."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from builder import ROOT, environment, site, system

SCOPES = {"quick": "not slow and not long", "usual": "not long", "long": ""}
SOME_FAILED = 1  # pytest's exit status; any other is no test's fault
EXAMPLES = {"quick": "quick", "usual": "oneseek", "long": "long"}  # drawn by a property's test
# Side by side, a core each. The page waits for a browser, the rest computes; what is quick computes
# only.
HALVES = [["--ignore=tests/page"], ["tests/page"]]
FIRST = [f"tests/{room}" for room in ("learning", "core", "history", "cli", "tree")]
QUICK_HALVES = [FIRST, [f"--ignore={room}" for room in FIRST]]


def run(scope: str, extra: list[str]) -> int:
    """Everything runs even when an earlier part failed: one look shows all there is to mend."""
    system.ensure()
    python = environment.ensure()

    def status(*part: str) -> int:
        return subprocess.run([python, "-m", *part], cwd=ROOT).returncode

    parts = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])
    failed = [part[0] for part in parts if status(*part)]
    halves = [extra] if extra else QUICK_HALVES if scope == "quick" else HALVES
    if any(tested(python, scope, halves)):
        failed.append("pytest")
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


def compiled_once() -> dict[str, str]:
    """The environment in which what one process compiled of our Python serves every other, also
    where bytecode is not to lie about in the tree."""
    given = dict(os.environ)
    if given.pop("PYTHONDONTWRITEBYTECODE", None):
        given.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pytest_cache" / "bytecode"))
    return given


def tested(python: Path, scope: str, halves: list[list[str]]) -> list[int]:
    """Each part's exit status. They run at once; what later ones print comes when the first is
    done. What fails has failed; only a browser, which can be late once on a busy machine, gets a
    second chance, aloud."""
    site.build()
    site.build(tests=True)
    chosen = ["-m", SCOPES[scope], f"--hypothesis-profile={EXAMPLES[scope]}"]
    commands: list[list[Any]] = [
        [python, "-m", "pytest", *chosen, "-o", f"cache_dir=.pytest_cache/{i}", *part]
        for i, part in enumerate(halves)
    ]
    outputs: list[Any] = [None, *(tempfile.TemporaryFile() for _ in commands[1:])]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=out, env=compiled_once())
        for command, out in zip(commands, outputs, strict=True)
    ]
    statuses = []
    for command, process, out in zip(commands, started, outputs, strict=True):
        status = process.wait()
        if out:
            out.seek(0)
            print(out.read().decode(), flush=True)
        if status == SOME_FAILED and "tests/page" in command:
            print("What failed in the browser is run once more, by itself.", file=sys.stderr)
            again = [*command, "--last-failed"]
            status = subprocess.run(again, cwd=ROOT, env=compiled_once()).returncode
        statuses.append(status)
    return statuses
