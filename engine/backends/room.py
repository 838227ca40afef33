"""Memory that runs share in turn: a learning step, the evaluation before it, a comparison after it.

The contents last until the next user writes; a run that needs more than there is allocates its own.
"""

from __future__ import annotations

import os
from typing import Any

ALIGNMENT = 64  # bytes: a cache line


def whole_lines(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def memory_here() -> int:
    """Return the bytes of memory that this machine reports; 0 where it reports none."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0


class Allocations:
    """Counts the bytes allocated now, and the most since `watch`."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def out(self, size: int) -> None:
        self.now += size
        self.most = max(self.most, self.now)

    def back(self, size: int) -> None:
        self.now -= size

    def watch(self) -> int:
        """Restart the maximum, and return the bytes allocated now."""
        self.most = self.now
        return self.now


class Room:
    """A range of bytes at a fixed address."""

    def __init__(self, block: Any) -> None:
        self.block = block

    def take(self, size: int) -> Any:
        """Return the first `size` bytes and remove them from the room; None if it has fewer."""
        if size > self.block.size:
            return None
        taken, self.block = self.block[:size], self.block[whole_lines(size) :]
        return taken
