"""Which of two back ends is quicker on this machine, since a weak graphics chip can lose to the
processor, and how quick the one in use is.

What is measured is the product that nearly all of the work consists of, once for each device: the
store keeps the figures.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from oneseek.engine.backends.executor import Executor
from oneseek.engine.compiler.ir import OPS, Program
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.turns import urgent

ROWS, NARROW, WIDE = 64, 576, 1536  # those of SmolLM2 while it learns
TIMES, ROUNDS = 8, 3
LEAST = 1e-5  # seconds that anything takes, whatever the clock says
PACE_MS = 400  # of measuring, for an answer and for a lesson each


def product(rows: int = ROWS, times: int = TIMES) -> Program:
    """There and back again, several times over the same weights."""
    program = Program("quick check")
    x = program.input("x", (rows, NARROW))
    weights = [
        (
            program.input(f"codes{i}", (n, k // 8), "u32"),
            program.input(f"scales{i}", (n, k // 32, 2)),
        )
        for i, (n, k) in enumerate(((WIDE, NARROW), (NARROW, WIDE)))
    ]
    for _ in range(times):
        for codes, scales in weights:
            x = OPS["packed_linear"](x, codes, scales, bits=4)
    program.output("y", x)
    return program


async def milliseconds(executor: Executor) -> float:
    """Of computing alone: what reading a result takes that is there already is taken off, as a
    browser may be long in telling that a graphics chip is done."""
    run, best, read = executor.prepare(plan(product())), math.inf, math.inf
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with urgent():  # all at once
            await run.advance()
        await run.read("y")
        done = time.perf_counter()
        await run.read("y")
        best, read = min(best, done - began), min(read, time.perf_counter() - done)
    return 1e3 * max(best - read, LEAST)


async def weights_a_second(executor: Executor, rows: int) -> float:
    """How many weights a second so many rows at once are multiplied with; the best of several
    times, as whatever else runs only takes time away."""
    run, best, began = executor.prepare(plan(product(rows))), math.inf, time.perf_counter()
    while best == math.inf or 1e3 * (time.perf_counter() - began) < PACE_MS:
        start = time.perf_counter()
        await run.advance()
        await run.read("y")
        best = min(best, time.perf_counter() - start)
        await executor.breathe()
    return 2 * TIMES * NARROW * WIDE / best


async def pace(open_executor: Callable[[], Awaitable[Executor]]) -> dict[str, float]:
    """Weights a second of an `answer`, which reads one token after the other, and of a `lesson`."""
    executor = await open_executor()
    rows = {"answer": 1, "lesson": ROWS}
    return {what: await weights_a_second(executor, count) for what, count in rows.items()}


async def both(open_executor: Callable[[str], Awaitable[Executor]]) -> dict[str, float]:
    """Milliseconds of `gpu` and `cpu`."""
    return {kind: await milliseconds(await open_executor(kind)) for kind in ("gpu", "cpu")}


async def measure_once(store: Any, key: str, measure: Callable[[], Awaitable[Any]]) -> Any:
    """What `measure()` came to when the store was first asked for this key."""
    known = await store.get("state", key)
    if known is None:
        known = await measure()
        await store.batch([["put", "state", key, known]], [])
    return known
