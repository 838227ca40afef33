"""Who may compute now: a person's answer at once, everything else in the time it was granted.

Back ends ask at every few milliseconds of work (`breathe`); whatever runs inside `urgent` never
waits. Training therefore needs no slices of its own: it simply stops wherever it is.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SLICE_MS = 8.0  # work between two breaths

_urgent: ContextVar[bool] = ContextVar("urgent", default=False)


@contextmanager
def urgent() -> Iterator[None]:
    """Work inside goes first."""
    token = _urgent.set(True)
    try:
        yield
    finally:
        _urgent.reset(token)


class Turns:
    """The turns of one back end. Without grants (scripts, tests) everybody may run."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.clock = clock
        self.until = math.inf  # when the granted time ends
        self.answering: Callable[[], bool] = lambda: False
        self.held = asyncio.Event()  # background work is waiting
        self.waited = 0.0  # seconds it has waited so far
        self._go = asyncio.Event()

    @property
    def worked(self) -> float:
        """The clock without the time that background work spent waiting."""
        return self.clock() - self.waited

    @property
    def is_urgent(self) -> bool:
        return _urgent.get()

    async def breathe(self) -> None:
        """Let everything else of this thread run; in the background, wait for one's turn."""
        await asyncio.sleep(0)
        while not _urgent.get() and (self.answering() or self.clock() >= self.until):
            began = self.clock()
            self._go.clear()
            self.held.set()
            await self._go.wait()
            self.held.clear()
            self.waited += self.clock() - began

    def grant(self, milliseconds: float) -> None:
        """Background work may go on for so long from now; 0 stops it at its next breath."""
        self.until = self.clock() + milliseconds / 1e3
        self.wake()

    def free(self) -> None:
        """No limit any more."""
        self.until = math.inf
        self.wake()

    def wake(self) -> None:
        """Something changed: whoever waits looks again."""
        self._go.set()
