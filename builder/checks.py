"""`build.py test`: formatting, lint, types, then the tests, and one exit status for all."""

import subprocess
import sys

from builder import ROOT, environment, system

SCOPES = {"quick": "not slow and not long", "usual": "not long", "long": ""}


def run(scope: str, extra: list[str]) -> int:
    """Everything runs even when an earlier part failed: one look shows all there is to mend."""
    system.ensure()
    python = environment.ensure()
    parts = [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy"],
        ["pytest", "-m", SCOPES[scope], *extra],
    ]
    failed = [
        part[0] for part in parts if subprocess.run([python, "-m", *part], cwd=ROOT).returncode
    ]
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0
