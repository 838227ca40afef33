"""What a dispatch costs on this device, and how one that costs too much is cut into pieces.

A piece is a range of a dispatch's workgroups. Workgroups do not know of each other, so the bits are
the same however they are cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf, prod
from operator import sub
from typing import NamedTuple

from oneseek.engine.compiler.ir import Step

SUBMIT_MS = 100.0  # predicted work of one submit where nobody asked for slices
CHEAPEST_MS = 0.05  # of a dispatch nobody has measured
# Operations a millisecond before anything is measured: low, so that the first pieces are small.
GUESS = {True: 1e6, False: 5e7}  # by whether the CPU plays the GPU


@dataclass(eq=False)
class Dispatch:
    """One launch of a kernel: most steps are one."""

    step: Step
    pipeline: object  # a promise until the run is ready
    group: object  # what the kernel sees
    counts: tuple[int, int, int]  # workgroups
    sizes: tuple[int, ...]  # what the kernel reads
    kind: tuple  # equal kinds cost the same


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
    """Milliseconds of each kind of dispatch, learned on the device itself."""

    def __init__(self, software: bool) -> None:
        self.software = software
        self.known: dict[tuple, float] = {}
        self.lessons = 0  # counts what was learned, so that plans know when they are old

    def knows(self, piece: Piece) -> bool:
        return piece.dispatch.kind in self.known

    def of(self, piece: Piece) -> float:
        return piece.share * self.whole(piece.dispatch)

    def whole(self, dispatch: Dispatch) -> float:
        guess = CHEAPEST_MS + operations(dispatch.step) / GUESS[self.software]
        return self.known.get(dispatch.kind, guess)

    def learn(self, piece: Piece, ms: float) -> None:
        """Quick to rise, slow to fall: a slice that is too long is worse than a short one."""
        ms /= piece.share
        known = self.known.get(piece.dispatch.kind, ms)
        self.known[piece.dispatch.kind] = max(ms, 0.7 * known + 0.3 * ms)
        self.lessons += 1

    def pieces(self, dispatch: Dispatch, limit_ms: float) -> list[Piece]:
        """The dispatch cut so that no piece should take longer than `limit_ms`."""
        return split(dispatch, prod(dispatch.counts) * limit_ms / self.whole(dispatch))


def operations(step: Step) -> int:
    """Floating-point operations of a step: by its op's own rule, else one for each result."""
    if step.op.cost_rule is None:
        return step.outs[0].spec.size
    return step.op.cost_rule(*(value and value.spec for value in step.ins), **step.attrs)
