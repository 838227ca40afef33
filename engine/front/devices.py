"""Chooses where a traced program is computed, and waits for results in synchronous code."""

from __future__ import annotations

import asyncio
import atexit
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from oneseek.engine.backends.executor import Executor
from oneseek.engine.backends.select import executor_named, kernels

Made = TypeVar("Made")
NAMES = {"numpy": "numpy", "cpu": "cpu", "webgpu": "gpu"}  # ours -> that of the command line
_opened: dict[str, Executor] = {}
_chosen: list[Executor] = []
atexit.register(_opened.clear)  # before the libraries that they end by are gone
atexit.register(_chosen.clear)


def now(work: Coroutine[Any, Any, Made]) -> Made:
    """Await this here and now, also where a loop runs already (Jupyter, a tab); return its
    result."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    if sys.platform == "emscripten":
        from pyodide.ffi import run_sync

        return run_sync(work)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


class on:
    """Chooses the back end from here on: "numpy", "cpu", "webgpu" or an executor. As a context,
    until its end."""

    def __init__(self, device: str | Executor) -> None:
        self.before = _chosen[:]
        _chosen[:] = [executor(device)]

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        _chosen[:] = self.before


def executor(device: str | Executor) -> Executor:
    if not isinstance(device, str):
        return device
    if device not in NAMES:
        raise ValueError(f"there is no device {device!r}; there are {', '.join(map(repr, NAMES))}")
    if device not in _opened:
        _opened[device] = kernels() if device == "cpu" else now(executor_named(NAMES[device]))
    return _opened[device]


def get_executor() -> Executor:
    """Return the chosen executor; numpy by default."""
    return _chosen[0] if _chosen else executor("numpy")
