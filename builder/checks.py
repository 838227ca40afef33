"""`build.py test`: formatting, lint, types, then the tests, and one exit status for all."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from builder import ROOT, costs, environment, site, system
from builder.scopes import SCOPES


def run(scope: str, extra: list[str]) -> int:
    """Run every check, even after one failed, so that one run shows every fault.

    The fast scope leaves out the type check, and the site and the browser, which it does not need.
    """
    if scope != "fast":
        system.ensure()
    python = environment.ensure()

    def status(*part: str) -> int:
        return subprocess.run([python, "-m", *part], cwd=ROOT).returncode

    failed = []
    with tempfile.TemporaryFile() as printed:
        types = None  # mypy occupies one core for a while; it runs beside the other checks
        if scope != "fast":
            types = subprocess.Popen(
                [python, "-m", "mypy"], cwd=ROOT, stdout=printed, stderr=printed
            )
        parts = (["ruff", "format", "--check", "."], ["ruff", "check", "."])
        failed += [part[0] for part in parts if status(*part)]
        if any(run_tests(python, scope, extra)):
            failed.append("pytest")
        if types and types.wait():
            failed.append("mypy")
        printed.seek(0)
        print(printed.read().decode(), flush=True)
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


def share_bytecode() -> dict[str, str]:
    """An environment in which all processes share the bytecode of our Python, even where
    PYTHONDONTWRITEBYTECODE keeps it out of the tree."""
    given = dict(os.environ)
    if given.pop("PYTHONDONTWRITEBYTECODE", None):
        given.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pytest_cache" / "bytecode"))
    return given


def wait_for_runs(runs: list[subprocess.Popen], patience: float) -> list[int]:
    """The exit status of each run; prints when each one ended.

    The runs share the suite, so once one is done another has at most one file left. A run that has
    not ended `patience` seconds later is aborted, and prints where each of its threads stands.
    """
    begun = time.monotonic()
    over: dict[int, float] = {}
    while len(over) < len(runs):
        time.sleep(0.2)
        now = time.monotonic() - begun
        for i, run in enumerate(runs):
            if i not in over and run.poll() is not None:
                over[i] = now
                print(f"\nrun {i + 1} ended with {run.returncode} after {now:.0f} s", flush=True)
            elif i not in over and now > min(over.values(), default=math.inf) + patience:
                run.send_signal(signal.SIGABRT)
    return [run.returncode for run in runs]


def run_tests(python: Path, scope: str, extra: list[str], place: Path = costs.RUNS) -> list[int]:
    """The exit status of each pytest run; a test that hangs counts as failed.

    Two runs share the suite, a core each. The fast tests are split in halves by cost, so that each
    run collects only its own; the others are taken from both ends of one list until the runs meet.
    The output of the second run is printed after both have ended. What failed, and the cost of each
    test, is left in `place`.
    """
    if scope != "fast":
        site.build()
    if scope == "long":
        site.build(tests=True)
    costs.clear(place / "costs")
    begun = time.monotonic()
    markers, profile, patience_s, _ = SCOPES[scope]
    chosen = ["-p", "tests.support.cost", "--costs", str(place / "costs")]
    chosen += ["-m", markers, f"--hypothesis-profile={profile}"]
    chosen += ["-o", f"faulthandler_timeout={patience_s}"]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as open_files:
        if extra:
            ways = [extra]
        elif scope == "fast":
            ways = costs.halves(scope)
        else:
            files = costs.order(scope)
            shared = ["-p", "tests.support.shared_out", "--shared", folder]
            ways = [[*shared, *one] for one in (files, files[::-1])]
        later = [open_files.enter_context(tempfile.TemporaryFile()) for _ in ways[1:]]
        runs = [
            subprocess.Popen(
                [python, "-X", "faulthandler", "-m", "pytest", *chosen,
                 "-o", f"cache_dir={place / str(i)}", *way],
                cwd=ROOT, stdout=later[i - 1] if i else None, env=share_bytecode(),
            )
            for i, way in enumerate(ways)
        ]  # fmt: skip
        statuses = wait_for_runs(runs, patience_s)
        for printed in later:
            printed.seek(0)
            print(printed.read().decode(), flush=True)
    print(costs.report(time.monotonic() - begun, place / "costs"), flush=True)
    return statuses
