"""`build.py test`: formatting, lint, types, then the tests, and one exit status for all."""

import subprocess
import sys

from builder import ROOT, environment, system

SCOPES = {"quick": "not slow and not long", "usual": "not long", "long": ""}
SOME_FAILED = 1  # pytest's exit status; any other is no test's fault


def run(scope: str, extra: list[str]) -> int:
    """Everything runs even when an earlier part failed: one look shows all there is to mend. A
    browser can be late once on a busy machine, so what failed gets a second chance, aloud."""
    system.ensure()
    python = environment.ensure()

    def status(*part: str) -> int:
        return subprocess.run([python, "-m", *part], cwd=ROOT).returncode

    parts = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])
    failed = [part[0] for part in parts if status(*part)]
    tests = ("pytest", "-m", SCOPES[scope], *extra)
    tested = status(*tests)
    if tested == SOME_FAILED:
        print("What failed is run once more, by itself.", file=sys.stderr)
        tested = status(*tests, "--last-failed")
        if not tested:
            print("It passed: those tests depend on how busy the machine is.", file=sys.stderr)
    if tested:
        failed.append("pytest")
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0
