"""The loss curve of a round in the store: a row for each step, and at the end its version.

Rows lie in `metrics` under RUN/STEP, so that drawing them needs no event.
"""

import math
from typing import Any

PAGE = 500


async def add(store: Any, run: str, plan: str, metrics: dict) -> dict:
    """Store the figures of one step, with the plan they belong to; return the figures."""
    figures = {
        "step": metrics["step"],
        "steps": metrics["steps"],
        "loss": finite(metrics["loss"]),
        "held_out": finite(metrics.get("held_out")),
        "learning_rate": float(metrics["learning_rate"]),
        "grad_norm": finite(metrics["grad_norm"]),
        "tokens_per_second": float(metrics["tokens_per_second"]),
        "examples": metrics["examples_processed"],
    }
    row = {**figures, "run": run, "plan": plan}
    await store.batch([["put", "metrics", key_of(run, metrics["step"]), row]])
    return figures


async def close(store: Any, run: str, version: dict | None) -> None:
    """Set in every row of the run the version it led to (0 when it was not used), and in the first
    and the last the loss on held-out wordings, before and after."""
    rows = await rows_of(store, run)
    if not rows:
        return
    for _, row in rows:
        row["version"] = version["number"] if version else 0
    held_out = version["gate"].get("held_out") if version else None
    if held_out:
        rows[0][1]["held_out"] = finite(held_out["before"])
        rows[-1][1]["held_out"] = finite(held_out["after"])
    await store.batch([["put", "metrics", key, row] for key, row in rows])


async def rows_of(store: Any, run: str) -> list[tuple[str, dict]]:
    found, after = [], f"{run}/"
    while True:
        some = await store.all("metrics", after, PAGE)
        mine = [(key, row) for key, row in some if key.startswith(f"{run}/")]
        found += mine
        if len(mine) < PAGE:
            return found
        after = some[-1][0]


def key_of(run: str, step: int) -> str:
    return f"{run}/{step:06d}"


def finite(value: float | None) -> float | None:
    """Return None for NaN and infinity, which JSON cannot hold."""
    return float(value) if value is not None and math.isfinite(value) else None
