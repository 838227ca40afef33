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
    """Everything runs even when an earlier part failed: one look shows all there is to mend.
    The fast scope leaves out the types, and the site and the browser, which it does not need."""
    if scope != "fast":
        system.ensure()
    python = environment.ensure()

    def status(*part: str) -> int:
        return subprocess.run([python, "-m", *part], cwd=ROOT).returncode

    failed = []
    with tempfile.TemporaryFile() as printed:
        types = None  # take one core for a while, beside what takes less
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
    """The environment in which what one process compiled of our Python serves every other, also
    where bytecode is not to lie about in the tree."""
    given = dict(os.environ)
    if given.pop("PYTHONDONTWRITEBYTECODE", None):
        given.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pytest_cache" / "bytecode"))
    return given


def wait_for_runs(runs: list[subprocess.Popen], patience: float) -> list[int]:
    """The exit status of each; when which ended is printed. They share the suite: once one is done,
    another has a file left. One that does not end all the same is stopped; it says where each of
    its threads stands."""
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
    """The exit status of each run. Two share the suite, a core each: the fast tests in halves by
    cost, so that each collects only its own, all others from either end until they meet. What the
    second prints comes when both are done. What fails has failed, and so has what hangs. They
    leave in the place what failed and what each test cost."""
    if scope != "fast":
        site.build()
    if scope == "long":
        site.build(tests=True)
    costs.clear(place / "costs")
    begun = time.monotonic()
    markers, profile, patience_s = SCOPES[scope]
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
