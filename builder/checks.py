"""`build.py test`: formatting, lint, types, then the tests, and one exit status for all."""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from builder import ROOT, environment, site, system

SCOPES = {"quick": "not slow and not long", "usual": "not long", "long": ""}
EXAMPLES = {"quick": "quick", "usual": "oneseek", "long": "long"}  # drawn by a property's test
PATIENCE = {"quick": 600, "usual": 900, "long": 3600}  # in seconds; no file takes nearly as long
LAST = "page"  # of the rooms; who comes from the other end begins there


def run(scope: str, extra: list[str]) -> int:
    """Everything runs even when an earlier part failed: one look shows all there is to mend."""
    system.ensure()
    python = environment.ensure()

    def status(*part: str) -> int:
        return subprocess.run([python, "-m", *part], cwd=ROOT).returncode

    with (
        tempfile.TemporaryFile() as told,
        subprocess.Popen([python, "-m", "mypy"], cwd=ROOT, stdout=told, stderr=told) as types,
    ):  # types take one core for a while, beside what takes less
        parts = (["ruff", "format", "--check", "."], ["ruff", "check", "."])
        failed = [part[0] for part in parts if status(*part)]
        if any(tested(python, scope, extra)):
            failed.append("pytest")
        if types.wait():
            failed.append("mypy")
        told.seek(0)
        print(told.read().decode(), flush=True)
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


def rooms() -> list[str]:
    """The folders of tests, the page's at the end."""
    found = {
        path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/test_*.py")
    }
    return [f"tests/{room}" for room in sorted(found, key=lambda room: (room == LAST, room))]


def ended(runs: list[subprocess.Popen], patience: float) -> list[int]:
    """The exit status of each. They share the suite: once one is done, another has a file left.
    One that does not end all the same is stopped; it says where each of its threads stands."""
    until = math.inf
    while None in (statuses := [run.poll() for run in runs]):
        if any(status is not None for status in statuses):
            until = min(until, time.monotonic() + patience)
        if time.monotonic() > until:
            for run in runs:
                run.send_signal(signal.SIGABRT)
        time.sleep(0.2)
    return statuses


def tested(python: Path, scope: str, extra: list[str]) -> list[int]:
    """The exit status of each run. Two share the suite out, a core each, from either end until
    they meet: one computes, the other waits for a browser. What the second prints comes when the
    first is done. What fails has failed, and so has what hangs."""
    site.build()
    site.build(tests=True)
    chosen = ["-m", SCOPES[scope], f"--hypothesis-profile={EXAMPLES[scope]}"]
    chosen += ["-o", f"faulthandler_timeout={PATIENCE[scope]}"]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as later:
        shared = ["-p", "tests.support.shared_out", "--shared", folder]
        ways = [extra] if extra else [[*shared, *rooms()], [*shared, *reversed(rooms())]]
        runs = [
            subprocess.Popen(
                [python, "-X", "faulthandler", "-m", "pytest", *chosen,
                 "-o", f"cache_dir=.pytest_cache/{i}", *way],
                cwd=ROOT, stdout=later if i else None, env=compiled_once(),
            )
            for i, way in enumerate(ways)
        ]  # fmt: skip
        statuses = ended(runs, PATIENCE[scope])
        later.seek(0)
        print(later.read().decode(), flush=True)
    return statuses
