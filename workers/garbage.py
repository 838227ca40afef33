"""Collects a worker's garbage at chosen moments: Pyodide's automatic collections may crash it.

CPython's incremental collector follows the frames of every stack, including a suspended one, whose
frames Pyodide has put aside by then (pyodide/pyodide#6464, in 314.0.7). Collections of the youngest
objects, and of all objects, do not look at frames.
"""

from __future__ import annotations

import asyncio
import gc

YOUNG, ALL = 0, 2
BEAT = 1.0  # seconds between two looks
ENOUGH = 2000  # new objects that are worth a collection
GROWN = 20  # collections of young objects before one of all


def start() -> None:
    """Collect in this way from now on; objects that exist already are frozen for good."""
    gc.disable()
    gc.collect()
    gc.freeze()
    asyncio.ensure_future(keep())


async def keep() -> None:
    collections = 0
    while True:
        await asyncio.sleep(BEAT)
        if gc.get_count()[0] < ENOUGH:
            continue
        collections += 1
        gc.collect(YOUNG if collections % GROWN else ALL)
