"""Runs a module of this folder in a Python process of its own: peers with the packages of an extra,
and our own code with fewer threads than numpy starts with."""

import json
import os
import subprocess

from builder import ROOT, environment


def run_module(
    module: str, *arguments: object, threads: int, extra: str = "oracle", given: str = ""
) -> dict:
    """Run a module with an extra's packages and so many threads, with `given` on its stdin; return
    the JSON of its last line."""
    python = environment.extra(extra) / "python" if extra else environment.PYTHON
    line = [python, "-m", f"tests.bench.parts.{module}", *arguments, threads]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    done = subprocess.run(
        list(map(str, line)), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, input=given,
        env=os.environ | {name: str(value) for name, value in limits.items()},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])
