"""Learns the cost of each dispatch on this device, and cuts expensive dispatches into pieces.

A piece is a range of a dispatch's workgroups. Workgroups are independent, so the result has the
same bits however the dispatch is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf, prod
from operator import sub
from typing import Any, NamedTuple

from oneseek.engine.compiler.ir import Step

SUBMIT_MS = 100.0  # predicted work of one submit when no slices are asked for
CHEAPEST_MS = 0.05  # least estimate for a dispatch that was never measured
LEAST_MS = 0.01  # least cost of any dispatch: a rounded clock may measure zero for a quick one
DOUBT = 2.0  # factor on the estimate of an unmeasured dispatch, in a slice with others
NEWS = 1.25  # factor by which a cost must change before pieces are cut anew
# Operations a millisecond assumed before any measurement: low, so that the first pieces are small.
GUESS = {True: 1e6, False: 5e7}  # key: true if the CPU emulates the GPU


@dataclass(eq=False)
class Dispatch:
    """One launch of a kernel; most steps are one."""

    step: Step
    pipeline: object  # a promise until the run is ready
    group: Any  # the bound arrays; the number of its kind until all are made
    counts: tuple[int, int, int]  # workgroups
    sizes: tuple[int, ...]  # the values of the kernel's `Sizes`
    kind: tuple  # equal kinds cost the same
    repeatable: bool  # true if running it again leaves the same numbers


class Piece(NamedTuple):
    """A range of a dispatch's workgroups, usually all of them."""

    dispatch: Dispatch
    first: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def share(self) -> float:
        return prod(self.counts) / prod(self.dispatch.counts)


def split(dispatch: Dispatch, most: float = inf) -> list[Piece]:
    """Cut a dispatch into pieces of at most `most` workgroups (at least one), along its longest
    sides first."""
    sizes, rest = [*dispatch.counts], prod(dispatch.counts)
    for side in sorted(range(3), key=lambda i: -dispatch.counts[i]):
        if most >= rest:
            break
        rest //= dispatch.counts[side]  # workgroups in one slice across this side
        sizes[side] = max(1, int(most // rest))
    starts = (range(0, n, size) for n, size in zip(dispatch.counts, sizes, strict=True))
    return [
        Piece(dispatch, first, tuple(map(min, sizes, map(sub, dispatch.counts, first))))
        for first in product(*starts)
    ]


class Costs:
    """Milliseconds of each kind of dispatch, learned on the device: measured alone, or as its share
    of what several took together."""

    def __init__(self, software: bool, alone: bool = True) -> None:
        self.software = software
        self.alone = alone  # true if the device's clock can measure a single dispatch
        self.known: dict[tuple, float] = {}
        self.shares: dict[tuple, float] = {}
        self.lessons = 0  # counts changes of costs, so that plans know when they are outdated

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
        """Record the time of a piece that was measured alone."""
        self._keep(self.known, piece.dispatch.kind, ms / piece.share)

    def share_out(self, pieces: list[Piece], ms: float) -> None:
        """Record the joint time of pieces: those never measured alone share, in proportion to their
        estimates, what the others leave."""
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
        """Raise a cost at once, lower it slowly: a slice that is too long is worse than one that is
        too short."""
        ms, before = max(LEAST_MS, ms), costs.get(kind)
        now = ms if before is None else max(ms, 0.7 * before + 0.3 * ms)
        costs[kind] = now
        if before is None or not before / NEWS < now < before * NEWS:
            self.lessons += 1

    def pieces(self, dispatch: Dispatch, limit_ms: float) -> list[Piece]:
        """Cut the dispatch so that no piece should take longer than `limit_ms`."""
        return split(dispatch, prod(dispatch.counts) * limit_ms / self.estimate(dispatch))


def operations(step: Step) -> int:
    """Floating-point operations of a step by its op's cost rule; without one, one for each
    result."""
    if step.op.cost_rule is None:
        return step.outs[0].spec.size
    return step.op.cost_rule(*(value and value.spec for value in step.ins), **step.attrs)
