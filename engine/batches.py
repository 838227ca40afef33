"""How much is learned at once: a little while someone is at the keyboard, more when nobody is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.data import TOKEN_SIZES

WHEN_ACTIVE = (2, 4)
WHEN_IDLE = (16, 32)
SOURCE_SHARE = 0.2


@dataclass(frozen=True)
class PackedRound:
    """Examples taken together, and the compiled shape (in tokens) that holds them."""

    examples: tuple[dict, ...]
    tokens: int
    used: int


class BatchManager:
    """Takes examples from `queue` (a TrainingQueue) in its order, as many as fit.

    `length(example)` is in tokens.  One imported source fills at most a fifth of a batch, so that a
    page cannot drown everything else; what does not fit goes back to its place.
    """

    def __init__(
        self,
        queue: Any,
        length: Callable[[dict], int],
        bytes_per_token: int,
        memory_bytes: int,
        shapes: Sequence[int] = TOKEN_SIZES,
    ):
        self.queue = queue
        self.length = length
        self.shapes = [size for size in shapes if size * bytes_per_token <= memory_bytes]
        if not self.shapes:
            least = shapes[0] * bytes_per_token
            raise MemoryError(f"training needs at least {least} bytes, {memory_bytes} are allowed")

    def limits(self, active: bool) -> tuple[int, int]:
        """The fewest examples worth waiting for, and the most taken."""
        return WHEN_ACTIVE if active else WHEN_IDLE

    def next_batch(self, active: bool) -> PackedRound | None:
        """The next examples, lent from the queue; None when nothing waits that fits a shape."""
        _, most = self.limits(active)
        lent = self.queue.take(2 * most)
        chosen: list[dict] = []
        used = 0
        for example in lent:
            length = self.length(example)
            fits = len(chosen) < most and used + length <= self.shapes[-1]
            if fits and self._shared(example, chosen, most):
                chosen.append(example)
                used += length
        taken = {one["id"] for one in chosen}
        self.queue.give_back([one["id"] for one in lent if one["id"] not in taken])
        if not chosen:
            return None
        tokens = next(size for size in self.shapes if size >= used)
        return PackedRound(tuple(chosen), tokens, used)

    def _shared(self, example: dict, chosen: list[dict], most: int) -> bool:
        """Whether this source may have one more place."""
        if example["priority"] != "import":
            return True
        same = sum(one["source"] == example["source"] for one in chosen)
        return same < max(1, int(SOURCE_SHARE * most))
