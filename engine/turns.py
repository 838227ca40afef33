"""Decides who may compute now: a person's answer at once, everything else in the time it was
granted.

Back ends ask every few milliseconds of work (`breathe`), long-running plain Python does too
(`pause`). Training therefore needs no slices of its own: it simply pauses wherever it is.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

SLICE_MS = 6.0  # work between two breaths: an answer waits for half of that on average
HOPS = 2  # passes of the event loop until an incoming message is a question; nothing computes then

Made = TypeVar("Made")
RANKS = URGENT, ASKED, BACKGROUND = "urgent", "asked", "background"
_rank: ContextVar[str] = ContextVar("rank", default=ASKED)


@contextmanager
def _as(rank: str) -> Iterator[None]:
    token = _rank.set(rank)
    try:
        yield
    finally:
        _rank.reset(token)


def urgent() -> AbstractContextManager[None]:
    """Work inside goes first: somebody waits for its words."""
    return _as(URGENT)


def background() -> AbstractContextManager[None]:
    """Work inside waits for answers and for grants; other work waits for answers only."""
    return _as(BACKGROUND)


async def beside(work: Callable[..., Made], *given: Any) -> Made:
    """Return what plain Python that may take long makes, in a thread of its own where there are
    threads: the event loop goes on meanwhile."""
    if sys.platform == "emscripten":
        return work(*given)
    return await asyncio.to_thread(work, *given)


class Turns:
    """The turns of one back end. Without grants (scripts, tests) everybody may run."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.until = math.inf  # when the granted time ends
        self.sparing = False  # work that is not for an answer uses one core
        self.answering: Callable[[], bool] = lambda: False
        self.spared = False  # waiting work gets one slice during an answer
        self.held = asyncio.Event()  # background work is waiting
        self.waited = 0.0  # seconds it has waited so far
        self.breathed = clock()  # when everything else last had its turn
        self._go = asyncio.Event()

    @property
    def worked(self) -> float:
        """The clock without the time that background work spent waiting."""
        return self.clock() - self.waited

    @property
    def remaining_ms(self) -> float:
        """Milliseconds of work before the next breath: plain Python since the last one counts."""
        return max(0.0, SLICE_MS - 1e3 * (self.clock() - self.breathed))

    @property
    def rank(self) -> str:
        return _rank.get()

    @property
    def is_urgent(self) -> bool:
        return self.rank == URGENT

    async def breathe(self) -> None:
        """Let everything else of this thread run; wait for one's turn."""
        for _ in range(HOPS):
            await asyncio.sleep(0)
        while self._must_wait():
            began = self.clock()
            self._go.clear()
            self.held.set()
            await self._go.wait()
            self.held.clear()
            self.waited += self.clock() - began
        self.breathed = self.clock()

    def _must_wait(self) -> bool:
        rank = _rank.get()
        if rank == URGENT:
            return False
        if self.spared:
            self.spared = False
            return False
        return self.answering() or (rank == BACKGROUND and self.clock() >= self.until)

    def grant(self, milliseconds: float) -> None:
        """Background work may go on for so long from now; 0 stops it at its next breath."""
        self.until = self.clock() + milliseconds / 1e3
        self.wake()

    def spend(self, sparing: bool) -> None:
        """Let work that is not for an answer use one core, or all."""
        self.sparing = sparing

    def yield_to(self, answering: Callable[[], bool]) -> None:
        """Make work that is not urgent wait while somebody is answered."""
        self.answering = answering

    def free(self) -> None:
        """Lift the limit of the last grant."""
        self.until = math.inf
        self.wake()

    def spare(self) -> None:
        """Give one slice to waiting work, also while somebody is answered."""
        if self.held.is_set():
            self.spared = True
            self.wake()

    def wake(self) -> None:
        """Let waiting work check again whether it may run."""
        self._go.set()


class Pause:
    """Called in every loop of plain Python that may take long; `wait()` is how the host waits in
    the middle of such code for a turn (a browser's workers can, by suspending the stack)."""

    def __init__(self) -> None:
        self.wait: Callable[[], object] | None = None
        self.until = 0.0

    def wait_by(self, wait: Callable[[], object] | None) -> None:
        """Set how the host waits; None where it cannot."""
        self.wait = wait

    def __call__(self) -> None:
        if self.wait and time.perf_counter() >= self.until:
            self.wait()
            self.until = time.perf_counter() + SLICE_MS / 1e3


pause = Pause()
