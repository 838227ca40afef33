"""Draws that depend only on a seed and a path of names, never on what was drawn elsewhere.

A step of training asks `Draw(seed, "lesson", step)`: repeating it gives the same data on any
machine, without a generator whose state would have to be saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Draw:
    def __init__(self, *path: object) -> None:
        self.key = "\x1f".join(str(part) for part in path).encode()
        self.count = 0

    def draw_below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        self.count += 1
        digest = hashlib.blake2b(self.key + b"\x1e%d" % self.count, digest_size=8).digest()
        return int.from_bytes(digest, "little") % n

    def unit(self) -> float:
        return self.draw_below(1 << 53) / (1 << 53)

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def choice(self, items: Sequence[Item]) -> Item:
        return items[self.draw_below(len(items))]

    def sample(self, items: Iterable[Item], count: int) -> list[Item]:
        """Up to `count` different items in drawn order."""
        left = list(items)
        return [left.pop(self.draw_below(len(left))) for _ in range(min(count, len(left)))]

    def shuffle(self, items: Iterable[Item]) -> list[Item]:
        items = list(items)
        return self.sample(items, len(items))
