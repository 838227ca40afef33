"""Measure which of two back ends is faster on this machine, because a weak graphics chip can lose
to the processor, and how fast the one in use is.

The benchmark is the matrix product that takes nearly all of the time. It runs once for each device:
the store keeps the result.
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

ROWS, NARROW, WIDE = 64, 576, 1536  # the shapes of SmolLM2 in a learning step
TIMES, ROUNDS = 8, 3
LEAST = 1e-5  # seconds: a lower bound, because clocks are rounded
PACE_MS = 400  # of measuring, for an answer and for a learning step each


def product(rows: int = ROWS, times: int = TIMES) -> Program:
    """A program that multiplies up and down, `times` times, with the same two weight matrices."""
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
    """Return the time of computing alone: the time to read a finished result is subtracted, because
    a browser may report late that a graphics chip is done."""
    run, best, read = executor.prepare(plan(product())), math.inf, math.inf
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with urgent():  # without slices
            await run.advance()
        await run.read("y")
        done = time.perf_counter()
        await run.read("y")
        best, read = min(best, done - began), min(read, time.perf_counter() - done)
    return 1e3 * max(best - read, LEAST)


async def weights_a_second(executor: Executor, rows: int) -> float:
    """Return how many weights a second are multiplied with `rows` rows at once; the best of several
    runs, because other load can only slow one down."""
    run, best, began = executor.prepare(plan(product(rows))), math.inf, time.perf_counter()
    while best == math.inf or 1e3 * (time.perf_counter() - began) < PACE_MS:
        start = time.perf_counter()
        await run.advance()
        await run.read("y")
        best = min(best, time.perf_counter() - start)
        await executor.breathe()
    return 2 * TIMES * NARROW * WIDE / best


async def pace(open_executor: Callable[[], Awaitable[Executor]]) -> dict[str, float]:
    """The weights a second of an `answer`, one row at a time, and of a `lesson`, ROWS at a time."""
    executor = await open_executor()
    rows = {"answer": 1, "lesson": ROWS}
    return {what: await weights_a_second(executor, count) for what, count in rows.items()}


async def both(open_executor: Callable[[str], Awaitable[Executor]]) -> dict[str, float]:
    """Return the milliseconds of `gpu` and of `cpu`."""
    return {kind: await milliseconds(await open_executor(kind)) for kind in ("gpu", "cpu")}


async def measure_once(store: Any, key: str, measure: Callable[[], Awaitable[Any]]) -> Any:
    """What the store has for this key; the first call runs `measure()` and stores its result."""
    known = await store.get("state", key)
    if known is None:
        known = await measure()
        await store.batch([["put", "state", key, known]], [])
    return known
