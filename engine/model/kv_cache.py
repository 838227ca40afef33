"""The KV cache of all conversations: one pool of rows, handed out in stretches. A row is what a
token leaves for later ones: keys and values, what short convolutions read, what a delta rule added.

A lane is one conversation's stretch. It remembers which tokens it holds, so that the next turn
computes only what is new.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from oneseek.engine.backends.executor import Tensor
from oneseek.engine.backends.room import Room
from oneseek.engine.compiler.ir import Spec
from oneseek.engine.model.llama import Config

ADDRESSED = 2048  # rows
ENDING = 4  # last tokens of an answer that may come back as others: its end, half a word
ANSWER_BYTES = 6144 << 10  # what SmolLM2 needs while it reads 256 tokens, or answers 16 at once


@dataclass
class Lane:
    """Rows [start, start + capacity) of the pool and the tokens already in them."""

    start: int
    capacity: int
    ids: list[int] = field(default_factory=list)
    head: Lane | None = None  # another lane whose tokens come before this one's
    used: int = 0  # when it was last used, in turns of the pool's counter
    plain: int | None = (
        None  # tokens, the head's included, read without an adapter: others share these
    )

    @property
    def token_ids(self) -> list[int]:
        """All tokens already computed, those of the head included."""
        return self.head.ids + self.ids if self.head else self.ids

    @property
    def shared(self) -> int:
        """How many tokens come before this lane's own."""
        return len(self.head.ids) if self.head else 0

    @property
    def end(self) -> int:
        """The row after its last token."""
        return self.start + len(self.ids)

    @property
    def head_start(self) -> int:
        return self.head.start if self.head else 0

    def common(self, ids: list[int]) -> int:
        """Count its own tokens that `ids` has as well after the head. The last one never counts: it
        is always computed again, because its output is wanted."""
        common = 0
        for ours, theirs in zip(self.ids, ids[self.shared : -1], strict=False):
            if ours != theirs:
                break
            common += 1
        return common

    def keep_common(self, ids: list[int], head: Lane | None) -> None:
        """Drop what differs from `ids` after the head."""
        if head is not self.head:
            self.head, self.ids, self.plain = head, [], None
        del self.ids[self.common(ids) :]
        if self.plain is not None:
            self.cut(self.plain)
            self.plain = None

    def cut(self, tokens: int) -> None:
        """Drop all after the first `tokens`, which include those of the shared head."""
        del self.ids[max(0, tokens - self.shared) :]


class NoRoom(RuntimeError):
    """The cache cannot hold what was asked for."""


class Pool:
    """Tensors of what every layer keeps of tokens, and the lanes in use. Row 0 is scratch: the
    padding of a batch is written there and never read.

    Its users take turns in `room`. With `inside` the rows lie there too; otherwise they are
    allocated as needed, where the back end can do that.
    """

    def __init__(
        self,
        executor,
        config: Config,
        rows: int,
        room: Room | None = None,
        inside: bool = False,
    ):
        self.executor, self.room, self.inside = executor, room, inside
        self.rows, self.clock, self.reached = rows, 0, 0
        self.lanes: dict[str, Lane] = {}
        self.busy: set[str] = set()  # keys of answers under way: their lanes stay as they are
        self.cols = config.cache_cols
        self.tensors: dict[str, Tensor] = {}
        self.reach(rows if inside else 1)

    def reach(self, rows: int) -> None:
        """Allocate the first `rows` rows; the tensors may be others afterwards."""
        if rows <= self.reached:
            return
        step = self.executor.cache_step or self.rows
        self.reached = min(self.rows, -(-rows // step) * step)
        for name, cols in self.cols.items():
            spec = Spec((self.reached, cols))
            grown = self.executor.empty(spec, self.room if self.inside else None)
            if name in self.tensors:
                grown.copy_from(self.tensors[name])
            self.tensors[name] = grown

    @property
    def addressed(self) -> int:
        """The rows a program is made for. One that may find fewer in memory serves all pools."""
        return max(self.rows, ADDRESSED) if self.executor.cache_step else self.rows

    def lane(self, key: str, capacity: int, keep: Collection[str] = ()) -> Lane:
        """Return the lane of a conversation with room for `capacity` tokens. The least recently
        used lanes are dropped for it, except those to `keep` and those of answers under way."""
        self.clock += 1
        lane = self.lanes.get(key)
        if lane is None or not self.try_extend(lane, capacity, keep):
            self.lanes.pop(key, None)
            lane = self.lanes[key] = Lane(self.find(capacity, keep), capacity)
        lane.used = self.clock
        return lane

    def resume(self, key: str, ids: list[int], head: Lane | None) -> None:
        """Let `key` continue the lane of the conversation that these `ids` continue, so that none
        of it is computed again. Lanes of other weights do not count."""
        weights = key.partition(":")[0] + ":"
        if key in self.lanes:
            return
        for other in self.lanes.keys() - self.busy:
            lane = self.lanes[other]
            same = lane.head is head and other.startswith(weights)
            if same and len(lane.ids) > ENDING and lane.common(ids) >= len(lane.ids) - ENDING:
                self.lanes[key] = self.lanes.pop(other)
                return

    def nearest(self, key: str, ids: list[int]) -> tuple[Lane | None, int]:
        """Return the lane of the same weights and head that has most tokens in common with `ids`
        after it, and how many."""
        mine, weights = self.lanes[key], key.partition(":")[0] + ":"
        best, most = None, len(mine.ids)
        for other, lane in self.lanes.items():
            if lane is mine or lane.head is not mine.head or not other.startswith(weights):
                continue
            common = lane.common(ids)
            if lane.plain is not None:
                common = min(common, lane.plain - lane.shared)
            if common > most:
                best, most = lane, common
        return best, most

    def idle(self, keep: Collection[str]) -> list[str]:
        """Return the keys of lanes that may be dropped: neither an answer under way nor the caller
        needs them."""
        needed = self.busy.union(keep)
        heads = [self.lanes[key].head for key in needed if key in self.lanes]
        return [
            key
            for key, lane in self.lanes.items()
            if key not in needed and not any(lane is head for head in heads)
        ]

    def try_extend(self, lane: Lane, capacity: int, keep: Collection[str]) -> bool:
        """Extend a lane in place, dropping idle ones after it; return whether it has room for so
        many tokens."""
        if capacity <= lane.capacity:
            return True
        end = lane.start + capacity
        behind = {key for key, one in self.lanes.items() if lane.start < one.start < end}
        if end > self.rows or not behind <= set(self.idle(keep)):
            return False
        for key in behind:
            if key in self.lanes:  # it may have gone with its beginning
                self.drop(key)
        lane.capacity = capacity
        return True

    def find(self, capacity: int, keep: Collection[str]) -> int:
        while True:
            begin = 1
            for lane in sorted(self.lanes.values(), key=lambda lane: lane.start):
                if lane.start - begin >= capacity:
                    break
                begin = lane.start + lane.capacity
            if self.rows - begin >= capacity:
                return begin
            idle = self.idle(keep)
            if not idle:
                raise NoRoom(
                    f"{capacity} tokens do not fit the cache of {self.rows} rows beside "
                    f"{len(self.lanes)} conversations that are being answered"
                )
            self.drop(min(idle, key=lambda key: self.lanes[key].used))

    def drop(self, key: str) -> None:
        """Free a lane, and every lane that continues it."""
        gone = self.lanes.pop(key)
        for other in [k for k, lane in self.lanes.items() if lane.head is gone]:
            del self.lanes[other]

    def forget(self, name: str) -> None:
        """Drop the lanes of a generator of this name, as when its weights changed."""
        for key in [k for k in self.lanes if k == f"head:{name}" or k.startswith(f"{name}:")]:
            del self.lanes[key]
