"""Trains a candidate, a copy of the adapter, step by step; the adapter in use stays untouched.

A step is a pure function of the candidate, its moments and the batch, and can stop after any of its
dispatches. lesson.py, dataset.py and taste/attempt.py decide what the batches hold,
training_engine.py what happens to the result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneseek.engine.backends.executor import Run
from oneseek.engine.backends.room import Room
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained

STATE = ("", ".m", ".v")  # the candidate and its two moments
PULL, AWAY = ".pull", ".away"  # of the proximal term, which pulls it to its start


@dataclass(frozen=True)
class Hyper:
    """The optimiser's settings at one step."""

    rate: float
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-8
    decay: float = 0.0
    max_norm: float = 1.0

    def at(self, step: int) -> np.ndarray:
        """Return the numbers that AdamW reads at step 1, 2, ..."""
        corrections = (1 - self.beta1**step, 1 - self.beta2**step)
        first = (self.rate, self.beta1, self.beta2, self.eps, self.decay)
        return np.array([*first, *corrections, self.max_norm], np.float32)


@dataclass(frozen=True)
class Outcome:
    """The report of one step. A norm that is not finite means that the step changed nothing."""

    step: int
    losses: np.ndarray  # of each target row, weighted as the batch said
    norm: float
    rate: float

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.norm) and np.isfinite(self.losses).all())


class Candidate:
    """A copy of the trained array, stepped batch by batch."""

    mode = "lora"

    def __init__(
        self,
        model: Model,
        trained: Trained,
        memory_budget: int | None = None,
        dropout: float = 0.0,
        room: Room | None = None,
        still: dict | None = None,  # tensors that differ from the base and are not trained
        near: float = 0.0,  # weight of the proximal term
    ) -> None:
        self.model, self.trained, self.still = model, trained, still or {}
        self.memory_budget, self.dropout, self.near = memory_budget, dropout, near
        self.steps = 0
        self.room = room
        executor, spec = model.executor, trained.spec
        names = [trained.name + suffix for suffix in STATE]
        self.tensors = {name: executor.empty(spec) for name in names}
        if near:
            self.tensors[trained.name + PULL] = executor.empty(spec)
            self.tensors[trained.name + AWAY] = executor.empty(spec)
            self.tensors[trained.name + PULL].write(np.full(trained.size, near, np.float32))
        self._runs: dict[tuple[int, int, int, int], Run] = {}
        self._run: Run | None = None
        self._at, self._rate = 0, 0.0

    def begin(self, adapter: np.ndarray, moments: tuple | None = None, steps: int = 0) -> None:
        """Start from given weights: with fresh moments, or exactly where a checkpoint stopped."""
        zeros = np.zeros_like(adapter)
        m, v = moments or (zeros, zeros)
        for suffix, array in zip(STATE, (adapter, m, v), strict=True):
            self.tensors[self.trained.name + suffix].write(array)
        self.steps, self._run = steps, None
        if not steps:
            self.hold_to(adapter)

    def hold_to(self, flat: np.ndarray) -> None:
        """Set the weights that the proximal term pulls to, for a round that resumes at a later
        step."""
        if self.near:
            self.tensors[self.trained.name + AWAY].write(np.float32(-self.near) * flat)

    async def state(self) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], int]:
        """Return the state from which `begin` resumes with identical bits."""
        arrays = [await self.tensors[self.trained.name + suffix].read() for suffix in STATE]
        return arrays[0], (arrays[1], arrays[2]), self.steps

    async def look(self) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], int]:
        """Return what `state` does, without a copy where possible: valid only until the next
        step."""
        arrays = [await self.tensors[self.trained.name + suffix].look() for suffix in STATE]
        return arrays[0], (arrays[1], arrays[2]), self.steps

    def run_for(self, tokens: int, rows: int, choices: int = 0, first: int = 0) -> Run:
        """Return the run of a training step of this shape, with `choices` for the preference loss;
        with `first`, only of the layers from that one on, given the states below."""
        key = tokens, rows, choices, first
        if key not in self._runs:
            more: dict[str, Any] = {"near": True} if self.near else {}
            more |= {"choices": choices} if choices else {}
            more |= {"first": first} if first else {}
            planned = self.model.plan_learning(
                tokens, rows, self.trained, self.memory_budget, dropout=self.dropout, **more
            )
            self._runs[key] = self.model.prepare(planned, self.tensors | self.still, self.room)
        return self._runs[key]

    def load(
        self, batch: dict[str, np.ndarray], hyper: Hyper, seed: int = 0, first: int = 0
    ) -> None:
        """Prepare the next step, which `advance` then computes; with `first`, of the layers from
        that one on, for which the batch has the states `below`."""
        shape = len(batch["ids"]), len(batch["take"]), len(batch.get("share", ()))
        run = self.run_for(*shape, first)
        for name, array in batch.items():
            run.write(name, array)
        run.write("hyper", hyper.at(self.steps + 1))
        if self.dropout:
            run.write("seed", np.array([seed + self.steps], np.uint32))
        self._run, self._at, self._rate = run, 0, hyper.rate

    async def advance(self, budget_ms: float | None = None) -> Outcome | None:
        """Compute for about `budget_ms`; the outcome once the step is complete."""
        run = self._run
        if run is None:
            raise RuntimeError("no batch was loaded")
        self._at = await run.advance(self._at, budget_ms)
        if self._at < len(run):
            return None
        losses, norm = await asyncio.gather(run.read("losses"), run.read("norm"))  # one wait
        self._run = None
        self.steps += 1
        return Outcome(self.steps, losses, float(norm[0]), self._rate)

    async def step(
        self,
        batch: dict[str, np.ndarray],
        hyper: Hyper,
        pause: Callable | None = None,
        budget_ms: float | None = None,
        first: int = 0,
    ) -> Outcome:
        """One whole step; `await pause()` is called between its slices."""
        self.load(batch, hyper, first=first)
        while (outcome := await self.advance(budget_ms)) is None:
            if pause:
                await pause()
        return outcome
