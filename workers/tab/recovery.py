"""Recovery after a device is lost, a graphics chip or a thread: everything is rebuilt from the
store, with patience.

The first attempts come quickly, later ones wait longer. A device that was lost twice is not trusted
again: the processor takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from oneseek.engine.core.messages import Lost, Restored
from oneseek.workers.post import Emit

WAITS = (0.2, 2.0, 10.0, 30.0, 120.0)  # seconds before each attempt
TRUSTED = 2  # losses after which the processor takes over


class Recovery:
    """`rebuild(back_end)` makes the model resident again and says why on that back end;
    `computes_on()` is the back end in use."""

    def __init__(
        self, emit: Emit, rebuild: Callable[[str], Awaitable[str]], computes_on: Callable[[], str]
    ) -> None:
        self.emit, self.rebuild, self.computes_on = emit, rebuild, computes_on
        self.losses = 0
        self.work: asyncio.Future | None = None

    def begin(self, reason: str) -> None:
        """Recover from the loss of the device; whoever needs it awaits `wait_for_end`."""
        if self.work is None or self.work.done():
            self.losses += 1
            self.work = asyncio.ensure_future(self.restore())

    async def wait_for_end(self) -> None:
        """Wait until a recovery that is under way has ended."""
        if self.work is not None:
            await self.work

    async def restore(self) -> None:
        what = "device" if self.computes_on() == "gpu" else "thread"
        for attempt, wait in enumerate(WAITS, 1):
            self.emit(Lost(what=what, attempt=attempt, next_ms=int(wait * 1000)))
            await asyncio.sleep(wait)
            trusted = what == "device" and self.losses < TRUSTED and attempt < len(WAITS)
            back_end = "gpu" if trusted else "cpu"
            try:
                why = await self.rebuild(back_end)
            except Exception:
                if back_end == "cpu":  # nothing is left to try; the waiters get the error
                    raise
            else:
                self.emit(Restored(back_end=back_end, why=why))
                return
