"""The evaluator's verdict: measures with their limits, and the advice that follows from the
worst."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


class Advice(StrEnum):
    """The action that follows from a measurement, the mildest first."""

    ACCEPT = "accept"
    WEAKENED = "weakened"
    MORE = "more"  # steps
    SCALE = "scale"  # the change down
    REJECT = "reject"


ACCEPT, WEAKENED, MORE, SCALE, REJECT = SEVERITY = tuple(Advice)


@dataclass(frozen=True)
class Measure:
    """One number, its limit, and the advice that follows."""

    name: str
    value: float
    limit: str
    verdict: Advice = ACCEPT
    detail: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.verdict == ACCEPT

    def to_dict(self) -> dict:
        return {
            "name": self.name,
            "value": self.value,
            "limit": self.limit,
            "ok": self.ok,
            "detail": list(self.detail),
        }


@dataclass(frozen=True)
class Verdict:
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def advice(self) -> Advice:
        return max((m.verdict for m in self.measures), key=SEVERITY.index, default=ACCEPT)

    @property
    def reason(self) -> str:
        """The measures that failed worst, in words with numbers."""
        worst = [m for m in self.measures if m.verdict == self.advice and not m.ok]
        return "; ".join(f"{m.name} is {m.value:.3g}, must be {m.limit}" for m in worst)

    def to_dict(self) -> dict:
        return {"measures": [m.to_dict() for m in self.measures], "notes": list(self.notes)}


def within(value: float, limit: float, otherwise: Advice) -> Advice:
    """Accept up to the limit; NaN never passes."""
    return ACCEPT if math.isfinite(value) and value <= limit else otherwise
