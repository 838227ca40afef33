"""A small real trainer: it learns prompt -> answer vectors with Adam; equal inputs give equal bits.

It replaces the engine in tests of what happens around training.
"""

import hashlib
import math
from functools import cache

import numpy as np

from oneseek.engine.history.round_plan import PRACTICE, Plan
from oneseek.engine.history.snapshot import Arrays

SIZE = 12
STEPS = {"lesson": 8, "practice": 24}


@cache
def vector(text: str) -> np.ndarray:
    seed = hashlib.sha256(text.encode()).digest()[:8]
    values = np.random.default_rng(int.from_bytes(seed, "little")).standard_normal(SIZE)
    return (values / np.linalg.norm(values)).astype(np.float32)


class SmallAttempt:
    def __init__(self, weights: Arrays, plan: Plan, tolerance: float):
        self.plan = plan
        self.tolerance = tolerance
        self.moments = {name: np.zeros((2, *w.shape), np.float32) for name, w in weights.items()}
        self.candidate = {name: array.copy() for name, array in weights.items()}
        self.step = 0
        self.total = STEPS[plan.kind]

    def advance(self, budget_ms: float) -> dict | None:
        if self.step == self.total:
            return None
        draw = np.random.Generator(np.random.Philox(key=self.plan.seed, counter=self.step))
        replay = list(self.plan.pool)
        rows = list(self.plan.lessons)
        if replay:
            rows += [replay[i] for i in draw.integers(0, len(replay), 4)]
        loss, gradient = self._loss(rows, draw)
        self.step += 1
        self._adam(gradient)
        norm = math.sqrt(sum(float((g * g).sum()) for g in gradient.values()))
        return {
            "step": self.step,
            "loss": loss,
            "learning_rate": 0.05,
            "grad_norm": norm,
            "examples_processed": len(rows) * self.step,
        }

    def _loss(self, rows, draw) -> tuple[float, Arrays]:
        down, up = self.candidate["down"], self.candidate["up"]
        gradient = {name: np.zeros_like(array) for name, array in self.candidate.items()}
        total = 0.0
        for row in rows:
            x, y = vector(row["prompt"]), vector(row["answer"])
            x = x + np.float32(0.01) * draw.standard_normal(SIZE).astype(np.float32)
            hidden = down @ x
            error = up @ hidden - y
            total += float(error @ error) / len(rows)
            scale = np.float32(2 / len(rows))
            gradient["up"] += scale * np.outer(error, hidden)
            gradient["down"] += scale * np.outer(up.T @ error, x)
        return total, gradient

    def _adam(self, gradient: Arrays) -> None:
        for name, g in gradient.items():
            m, v = self.moments[name]
            m[:] = np.float32(0.9) * m + np.float32(0.1) * g
            v[:] = np.float32(0.99) * v + np.float32(0.01) * g * g
            rate = np.float32(0.05 * math.sqrt(1 - 0.99**self.step) / (1 - 0.9**self.step))
            self.candidate[name] -= rate * m / (np.sqrt(v) + np.float32(1e-8))

    def capture(self) -> Arrays:
        moments = {f"moments.{name}": array for name, array in self.moments.items()}
        return {**self.candidate, **moments, "step": np.array([self.step])}

    def weights(self) -> Arrays:
        return self.candidate

    def judge(self) -> dict:
        errors = [self._error(row) for row in (*self.plan.lessons, *self.plan.pool)]
        worst = max(errors, default=0.0)
        accepted = worst < self.tolerance
        reason = "" if accepted else f"worst error {worst:.2f}"
        outcome = "learned" if accepted else "not learned"
        return {"accepted": accepted, "outcome": outcome, "reason": reason, "worst": worst}

    def _error(self, row: dict) -> float:
        answer = self.candidate["up"] @ (self.candidate["down"] @ vector(row["prompt"]))
        return float(np.linalg.norm(answer - vector(row["answer"])))


class SmallTrainer:
    def __init__(self, tolerance: float = 0.9):
        self.tolerance = tolerance

    def fresh(self) -> Arrays:
        draw = np.random.default_rng(7)
        down = draw.uniform(-0.3, 0.3, (SIZE, SIZE)).astype(np.float32)
        return {"down": down, "up": np.zeros((SIZE, SIZE), np.float32)}

    def begin(self, weights: Arrays, plan: Plan) -> SmallAttempt:
        start = self.fresh() if plan.kind == PRACTICE else weights
        return SmallAttempt(start, plan, self.tolerance)

    def resume(self, weights: Arrays, plan: Plan, captured: Arrays) -> SmallAttempt:
        attempt = self.begin(weights, plan)
        for name in attempt.candidate:
            attempt.candidate[name] = captured[name].copy()
            attempt.moments[name] = captured[f"moments.{name}"].copy()
        attempt.step = int(captured["step"][0])
        return attempt
