"""The record of a kernel: which op it serves, how its code is written, and how its work divides
into pieces.

A rule takes the specs and attributes of a step (as its shape rule does) and returns a Kernel, or
None where numpy's definition is to run instead. The kernel's function takes the addresses of
inputs, outputs and scratch, and the part lo..hi of its extent.
"""

from collections.abc import Callable
from dataclasses import dataclass

PIECE = (
    0.2e9  # floating-point operations between two chances to do something else: 4 ms at 50 GFLOP/s
)


@dataclass
class Kernel:
    write: Callable  # (function, *inputs (None where absent), *outputs, scratch, lo, hi)
    extent: int  # rows, columns, heads ... the kernel can be asked for a part of
    unit: int = 1  # every part but the last is a multiple of this
    work: float = 0.0  # floating-point operations, all in all
    scratch: int = 0  # bytes

    def pieces(self) -> list[tuple[int, int]]:
        """The parts lo..hi that are run one after the other."""
        units = -(-self.extent // self.unit)
        count = min(units, max(1, round(self.work / PIECE)))
        edges = [min(self.extent, self.unit * (units * i // count)) for i in range(count + 1)]
        return list(zip(edges, edges[1:], strict=False))


RULES: dict[str, Callable] = {}  # op name -> rule


def kernel(name: str) -> Callable[[Callable], Callable]:
    """Decorator: the rule for the op of that name."""

    def register(rule: Callable) -> Callable:
        if name in RULES:
            raise ValueError(f"two kernels for {name}")
        RULES[name] = rule
        return rule

    return register
