"""Keeps a server's learning to a share of the time: slices are granted as the page's scheduler
does. While answers never end learning gets a share as well, so that what was told is learned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from oneseek.engine.core.scheduler import DutyCycle
from oneseek.engine.turns import SLICE_MS as BREATH_MS
from oneseek.engine.turns import Turns

SLICE_MS = 50.0
CAP_SLICES = 2  # unused time is not saved up: a burst is never longer than this

BUSY_SHARE = 0.2  # of the time, while somebody is always being answered


async def take_turns(turns: Turns, is_quiet: Callable[[], bool], share: float) -> None:
    """Give learning all the time that answers leave, or its share of it, for as long as the server
    lives."""
    if share < 1:
        await asyncio.gather(Share(turns, share).keep(), spare_slices(turns, is_quiet, share))
    turns.free()
    await spare_slices(turns, is_quiet, share)


async def spare_slices(turns: Turns, is_quiet: Callable[[], bool], share: float) -> None:
    """Grant one slice of learning after another beside answers, for as long as the server lives."""
    while True:
        await asyncio.sleep(BREATH_MS / min(share, BUSY_SHARE) / 1e3)
        if not is_quiet():
            turns.spare()


class Share:
    def __init__(self, turns: Turns, share: float) -> None:
        self.turns, self.share = turns, share
        self.duty = DutyCycle(now_ms())

    async def keep(self) -> None:
        """Grant slices for as long as the server lives."""
        self.turns.grant(0)
        while True:
            self.duty.accrue(now_ms(), self.share, CAP_SLICES * SLICE_MS)
            missing = SLICE_MS - self.duty.allowance
            if missing > 0:
                await asyncio.sleep(missing / self.share / 1e3)
            elif self.turns.held.is_set():
                await self.slice()
            else:
                await asyncio.sleep(SLICE_MS / 1e3)

    async def slice(self) -> None:
        """Grant time to work that waits; what it took too long is made up for by the next pause."""
        began = now_ms()
        self.turns.held.clear()
        self.turns.grant(SLICE_MS)
        await self.until_it_waits()
        self.duty.spend(now_ms(), now_ms() - began)

    async def until_it_waits(self) -> None:
        """Wait until the slice is over: the work waits again, has ended, or steps aside for an
        answer."""
        try:
            async with asyncio.timeout(2 * SLICE_MS / 1e3):  # `wait_for` may lose a cancellation
                await self.turns.held.wait()
        except TimeoutError:
            self.turns.grant(0)


def now_ms() -> float:
    return 1e3 * time.monotonic()
