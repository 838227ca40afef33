"""Memory whose users take turns: a learning step, the questions before it, a comparison after it.

What somebody left in a room lasts until another comes in; who needs more than there is gets memory
of their own.
"""

from __future__ import annotations

import os
from typing import Any

ALIGNMENT = 64  # bytes: a cache line


def whole_lines(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def memory_here() -> int:
    """Bytes of memory that this machine says it has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0


class Allocations:
    """How many bytes are given out, and how many were at most since `watch`."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def out(self, size: int) -> None:
        self.now += size
        self.most = max(self.most, self.now)

    def back(self, size: int) -> None:
        self.now -= size

    def watch(self) -> int:
        """From here on; what is given out already."""
        self.most = self.now
        return self.now


class Room:
    """A stretch of bytes at a fixed place."""

    def __init__(self, block: Any) -> None:
        self.block = block

    def take(self, size: int) -> Any:
        """The first `size` bytes, which are not part of the room any more; None if it is
        smaller."""
        if size > self.block.size:
            return None
        taken, self.block = self.block[:size], self.block[whole_lines(size) :]
        return taken
