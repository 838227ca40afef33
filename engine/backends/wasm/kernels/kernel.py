"""The record of a kernel: how its code is written, and how its work divides into parts.

A rule takes the specs and attributes of a step (as its shape rule does) and returns a Kernel, or
None where numpy's definition is to run instead. The kernel's function takes the addresses of
inputs, outputs and scratch, and the part lo..hi of its extent.
"""

from collections.abc import Callable
from dataclasses import dataclass

# Floating-point operations between two chances for other work: 10 ms at 20 GFLOP/s.
PIECE = 0.2e9
# Operations of a part: small enough for threads to end at about the same time, but down to GRAIN
# only where there would be fewer than SHARES parts.
PART, GRAIN, SHARES = 4e6, 0.3e6, 8


@dataclass
class Kernel:
    write: Callable  # (function, *inputs (None where absent), *outputs, scratch, lo, hi)
    extent: int  # rows, columns, heads ... the kernel can be asked for a part of
    unit: int = 1  # every part but the last is a multiple of this
    work: float = 0.0  # floating-point operations in all
    scratch: int = 0  # bytes
    chains: int = 0  # equal stretches of the extent; the parts of one depend on each other

    def pieces(self) -> list[tuple[int, int]]:
        """Return the parts lo..hi, which may run at the same time."""
        units = -(-self.extent // self.unit)
        count = min(units, max(1, round(self.work / PART), min(SHARES, int(self.work / GRAIN))))
        edges = [min(self.extent, self.unit * (units * i // count)) for i in range(count + 1)]
        return list(zip(edges, edges[1:], strict=False))

    def rounds(self) -> list[list[tuple[int, int]]]:
        """Return rounds of parts: those of a round may run at the same time, and rounds follow each
        other."""
        if not self.chains:
            return [self.pieces()]
        length = self.extent // self.chains
        count = min(length, max(1, round(self.work / self.chains / PIECE)))
        edges = [length * i // count for i in range(count + 1)]
        return [
            [(chain * length + lo, chain * length + hi) for chain in range(self.chains)]
            for lo, hi in zip(edges, edges[1:], strict=False)
        ]


RULES: dict[str, Callable] = {}  # op name -> rule


def kernel(name: str) -> Callable[[Callable], Callable]:
    """Decorator: the rule for the op of that name."""

    def register(rule: Callable) -> Callable:
        if name in RULES:
            raise ValueError(f"two kernels for {name}")
        RULES[name] = rule
        return rule

    return register
