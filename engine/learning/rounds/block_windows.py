"""Modes `full` and `hybrid`: trains float32 master weights of whole blocks, one window at a time;
and an adapter whose A is frozen.

Every trained value lies in one flat array, as in mode `lora`; only the current window has gradients
and moments on the device, and windows take turns when they do not all fit the budget. `hybrid`
trains its LoRA window first, merges it into the blocks once its loss stops falling, and continues
in full.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from oneseek.engine.backends.room import Room
from oneseek.engine.core.settings import StopConfig, TrainingConfig
from oneseek.engine.learning.adaptive import ConfidenceAutoStop
from oneseek.engine.learning.rounds.candidate import Candidate, Hyper, Outcome
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained

TURN = 8  # steps that a window trains in a row, and over which Plateau takes a mean
COPIES = 4  # of a trained value: itself, its gradient and two moments


def blocks_of(trained: Trained) -> dict[str, list[str]]:
    """Layer -> its float32 masters."""
    found: dict[str, list[str]] = {}
    for name in trained.entries:
        if ".lora_" not in name:
            found.setdefault(".".join(name.split(".")[:3]), []).append(name)
    return found


def windows_of(trained: Trained, budget: int | None, frozen_a: bool = False) -> list[list[str]]:
    """Return the windows, each the entries trained together: LoRA first if there is one, then as
    many blocks as fit. A frozen A is in none."""
    lora = [
        name for name in trained.entries
        if ".lora_" in name and not (frozen_a and name.endswith(".lora_A.weight"))
    ]  # fmt: skip
    windows: list[list[str]] = [lora] if lora else []
    blocks: list[list[str]] = [[]]
    for names in blocks_of(trained).values():
        size = sum(prod(trained.entries[name][1]) for name in (*blocks[-1], *names))
        if blocks[-1] and budget is not None and 4 * COPIES * size > budget:
            blocks.append([])
        blocks[-1] += names
    return windows + [names for names in blocks if names]


async def masters(model: Model, trained: Trained) -> np.ndarray:
    """Return the model's own values of the entries trained in full; all others are zero."""
    flat = np.zeros(trained.size, np.float32)
    for names in blocks_of(trained).values():
        for name in names:
            trained.part(flat, name)[...] = await model.dense(name)
    return flat


def fold_adapter(trained: Trained, flat: np.ndarray) -> np.ndarray:
    """Merge the adapter into the masters of its modules and zero its B; a module without masters
    keeps its adapter."""
    flat = flat.copy()
    for a in trained.entries:
        module = a.removesuffix(".lora_A.weight")
        if a != module and f"{module}.weight" in trained.entries:
            b = trained.part(flat, f"{module}.lora_B.weight")
            change = b @ trained.part(flat, a)
            trained.part(flat, f"{module}.weight")[...] += np.float32(trained.scale) * change
            b[...] = 0
    return flat


class Windows:
    """A candidate with the interface of rounds/candidate.py, of which one window at a time is
    trained."""

    def __init__(
        self,
        model: Model,
        trained: Trained,
        config: TrainingConfig,
        memory_budget: int | None = None,
        room: Room | None = None,
    ) -> None:
        self.model, self.trained, self.config = model, trained, config
        self.memory_budget, self.room = memory_budget, room
        self.names = windows_of(trained, memory_budget, config.lora_config.frozen_a)
        self.layouts = [self._layout(names) for names in self.names]
        self.lora_first = config.mode != "full"  # of `hybrid` until its plateau
        self.steps = 0
        self.near_to = np.broadcast_to(np.float32(0), (trained.size,))

    def _layout(self, names: list[str]) -> Trained:
        """The layout of one window: an array of what it trains, and one of what stays frozen."""
        shapes = {name: shape for name, (_, shape) in self.trained.entries.items()}
        still = Trained.of(
            {name: shape for name, shape in shapes.items() if name not in names},
            scale=self.trained.scale, rank=self.trained.rank, name="still",
        ) if len(names) < len(shapes) else None  # fmt: skip
        own = Trained.of({name: shapes[name] for name in names}, name=self.trained.name)
        return replace(own, scale=self.trained.scale, rank=self.trained.rank, still=still)

    # ---- whose turn it is

    @property
    def mode(self) -> str:
        return "lora" if self.lora_first else "full"

    @property
    def rate_share(self) -> float:
        """The factor on the learning rate: full weights need a much smaller one than an adapter."""
        return 1.0 if self.lora_first else self.config.full_rate / self.config.learning_rate

    def turn(self) -> int:
        if self.lora_first:
            return 0
        first = int(self.config.mode == "hybrid")
        return first + self.steps // TURN % (len(self.names) - first)

    async def go_on_in_full(self) -> np.ndarray:
        """Merge the adapter and train the blocks; return the values before, for a rollback."""
        flat, _, steps = await self.state()
        self.lora_first = False
        self.begin(fold_adapter(self.trained, flat), None, steps)
        return flat

    # ---- as a candidate

    def go_on_with(self, lora: bool) -> None:
        """Train the adapter first, or the blocks themselves."""
        self.lora_first = lora

    def begin(self, adapter: np.ndarray, moments: tuple | None = None, steps: int = 0) -> None:
        zeros = np.zeros_like(adapter)
        m, v = moments or (zeros, zeros)
        self.whole = [array.copy() for array in (adapter, m, v)]
        self.steps = steps
        if not steps:
            self.lora_first = self.config.mode != "full"
            self.near_to = self.whole[0].copy()
        self._place()

    def hold_to(self, flat: np.ndarray) -> None:
        self.near_to = flat
        self.window.hold_to(self._part(self.layouts[self.at], flat))

    def _place(self) -> None:
        """Upload the window whose turn it is, and the rest as frozen."""
        self.at = self.turn()
        layout = self.layouts[self.at]
        parts = [self._part(layout, array) for array in self.whole]
        more = {}
        if layout.still:
            more["still"] = self.model.executor.upload(self._part(layout.still, self.whole[0]))
        adapts = any(".lora_" in name for name in self.trained.entries)
        dropout = self.config.lora_config.dropout if adapts else 0.0
        near = self.config.proximal
        self.window = Candidate(
            self.model, layout, self.memory_budget, dropout, self.room, more, near
        )
        self.window.begin(parts[0], (parts[1], parts[2]), self.steps)
        self.window.hold_to(self._part(layout, self.near_to))

    def _part(self, layout: Trained, whole: np.ndarray) -> np.ndarray:
        flat = np.zeros(layout.size, np.float32)
        for name in layout.entries:
            layout.part(flat, name)[...] = self.trained.part(whole, name)
        return flat

    async def state(self) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], int]:
        """Return all values and moments, the window's as they are now, and the step."""
        layout = self.layouts[self.at]
        flat, (m, v), _ = await self.window.state()
        for whole, part in zip(self.whole, (flat, m, v), strict=True):
            for name in layout.entries:
                self.trained.part(whole, name)[...] = layout.part(part, name)
        flat, m, v = (array.copy() for array in self.whole)
        return flat, (m, v), self.steps

    look = state

    def load(
        self, batch: dict[str, np.ndarray], hyper: Hyper, seed: int = 0, first: int = 0
    ) -> None:
        self.window.load(batch, replace(hyper, rate=hyper.rate * self.rate_share), seed, first)

    async def advance(self, budget_ms: float | None = None) -> Outcome | None:
        outcome = await self.window.advance(budget_ms)
        if outcome is not None:
            self.steps = self.window.steps
            if self.turn() != self.at:
                await self.state()
                self._place()
        return outcome


class Plateau:
    """Detects that the loss has stopped falling, by its means over TURN steps."""

    def __init__(self, config: TrainingConfig) -> None:
        self.stop = ConfidenceAutoStop(
            StopConfig(
                threshold=config.plateau_threshold, patience=config.plateau_patience, min_epochs=1
            )
        )
        self.losses: list[float] = []

    def update(self, loss: float) -> bool:
        self.losses.append(loss)
        if len(self.losses) % TURN:
            return False
        return self.stop.update(float(np.mean(self.losses[-TURN:])))
