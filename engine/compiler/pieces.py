"""What a dispatch costs on this device, and how one that costs too much is cut into pieces.

A piece is a range of a dispatch's workgroups. Workgroups do not know of each other, so the bits are
the same however they are cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf, prod
from operator import sub
from typing import Any, NamedTuple

from oneseek.engine.compiler.ir import Step

SUBMIT_MS = 100.0  # predicted work of one submit where nobody asked for slices
CHEAPEST_MS = 0.05  # of a dispatch nobody has measured
LEAST_MS = 0.01  # of any dispatch: a clock that is rounded takes a quick one for no time at all
DOUBT = 2.0  # how much longer a dispatch may take that nobody has measured, in a slice with others
NEWS = 1.25  # by how much a cost has to change for pieces to be cut anew
# Operations a millisecond before anything is measured: low, so that the first pieces are small.
GUESS = {True: 1e6, False: 5e7}  # by whether the CPU plays the GPU


@dataclass(eq=False)
class Dispatch:
    """One launch of a kernel: most steps are one."""

    step: Step
    pipeline: object  # a promise until the run is ready
    group: Any  # what the kernel sees; the number of its kind until all are made
    counts: tuple[int, int, int]  # workgroups
    sizes: tuple[int, ...]  # what the kernel reads
    kind: tuple  # equal kinds cost the same
    repeatable: bool  # whether it leaves the same numbers when it runs once more


class Piece(NamedTuple):
    """A range of a dispatch's workgroups, as a rule all of them."""

    dispatch: Dispatch
    first: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def share(self) -> float:
        return prod(self.counts) / prod(self.dispatch.counts)


def split(dispatch: Dispatch, most: float = inf) -> list[Piece]:
    """Pieces of at most `most` workgroups (of one at least), cut along the longest sides first."""
    sizes, rest = [*dispatch.counts], prod(dispatch.counts)
    for side in sorted(range(3), key=lambda i: -dispatch.counts[i]):
        if most >= rest:
            break
        rest //= dispatch.counts[side]  # workgroups of one line across this side
        sizes[side] = max(1, int(most // rest))
    starts = (range(0, n, size) for n, size in zip(dispatch.counts, sizes, strict=True))
    return [
        Piece(dispatch, first, tuple(map(min, sizes, map(sub, dispatch.counts, first))))
        for first in product(*starts)
    ]


class Costs:
    """Milliseconds of each kind of dispatch, learned on the device itself: of one that was measured
    alone, or its share of what several took together."""

    def __init__(self, software: bool, alone: bool = True) -> None:
        self.software = software
        self.alone = alone  # whether the device's clock can measure one dispatch
        self.known: dict[tuple, float] = {}
        self.shares: dict[tuple, float] = {}
        self.lessons = 0  # counts what was learned, so that plans know when they are old

    def knows(self, piece: Piece) -> bool:
        kind = piece.dispatch.kind
        return kind in self.known or (not self.alone and kind in self.shares)

    def of(self, piece: Piece) -> float:
        return piece.share * self.estimate(piece.dispatch)

    def estimate(self, dispatch: Dispatch) -> float:
        if dispatch.kind in self.known:
            return self.known[dispatch.kind]
        if dispatch.kind in self.shares:
            return self.shares[dispatch.kind]
        return CHEAPEST_MS + operations(dispatch.step) / GUESS[self.software]

    def learn(self, piece: Piece, ms: float) -> None:
        """What a piece took that was measured alone."""
        self._keep(self.known, piece.dispatch.kind, ms / piece.share)

    def share_out(self, pieces: list[Piece], ms: float) -> None:
        """What these took together: those that were not measured alone share what the others leave,
        as they were thought to take it."""
        thought = {piece.dispatch.kind: self.estimate(piece.dispatch) for piece in pieces}
        left, shared = ms, 0.0
        for piece in pieces:
            cost = piece.share * thought[piece.dispatch.kind]
            if piece.dispatch.kind in self.known:
                left -= cost
            else:
                shared += cost
        for kind in thought.keys() - self.known.keys():
            self._keep(self.shares, kind, thought[kind] * max(0.0, left) / shared)

    def _keep(self, costs: dict[tuple, float], kind: tuple, ms: float) -> None:
        """Quick to rise, slow to fall: a slice that is too long is worse than a short one."""
        ms, before = max(LEAST_MS, ms), costs.get(kind)
        now = ms if before is None else max(ms, 0.7 * before + 0.3 * ms)
        costs[kind] = now
        if before is None or not before / NEWS < now < before * NEWS:
            self.lessons += 1

    def pieces(self, dispatch: Dispatch, limit_ms: float) -> list[Piece]:
        """The dispatch cut so that no piece should take longer than `limit_ms`."""
        return split(dispatch, prod(dispatch.counts) * limit_ms / self.estimate(dispatch))


def operations(step: Step) -> int:
    """Floating-point operations of a step: by its op's own rule, else one for each result."""
    if step.op.cost_rule is None:
        return step.outs[0].spec.size
    return step.op.cost_rule(*(value and value.spec for value in step.ins), **step.attrs)
