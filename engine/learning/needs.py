"""What a run will take, told before it begins: memory at its worst moment, and time by the pace
that was measured; and the memory that it took."""

from __future__ import annotations

import math
import sys
from typing import Any

from engine.backends.executor import Executor
from engine.core.settings import TrainingConfig
from engine.learning.batch import ROW_SIZES, TOKEN_SIZES
from engine.learning.datasets import DataSet
from engine.learning.rounds.block_windows import Windows
from engine.learning.rounds.dataset import file_of, row_of
from engine.learning.rounds.voices import pool_rows
from engine.learning.trainer import EngineTrainer
from engine.model.kv_cache import ANSWER_BYTES

LOOKED_AT = 64  # examples whose length is taken for that of all
HELD_TOKENS, HELD_TARGETS = 64, 32  # of a row that holds on to the base model
ADAPTER_COPIES = 16  # shadow and moments, voices, best and before, a checkpoint on its way
WHOLE_COPIES = 24  # and the masters, with what stands still beside a window


def fitting(wanted: int, sizes: tuple[int, ...]) -> int:
    return next((size for size in sizes if size >= wanted), wanted)


def needs(trainer: EngineTrainer, config: TrainingConfig, record: dict, pace: float) -> dict:
    """`pace` is tokens a second, 0 where none was measured: then the time is not known."""
    data, layout, model = DataSet(file_of(record)), trainer.layout(config), trainer.model
    chosen = range(0, len(data), max(1, len(data) // LOOKED_AT))
    rows = [row_of(data[number], trainer.coder) for number in chosen]
    held = config.practice.anchor_rows + config.practice.text_rows
    longest = max(len(row.prompt) + len(row.target) for row in rows)
    answers = max(len(row.target) for row in rows)
    tokens = fitting(config.batch_size * longest + held * HELD_TOKENS, TOKEN_SIZES)
    targets = fitting(config.batch_size * answers + held * HELD_TARGETS, ROW_SIZES)
    windows = Windows(model, layout, config, trainer.memory_budget).layouts
    largest = max(windows, key=lambda one: one.size) if layout.whole else layout
    step = model.learning_plan(tokens, targets, largest, trainer.memory_budget)
    pool = 2 * 4 * model.config.layers * model.config.kv_heads * model.config.head_width
    copies = WHOLE_COPIES if layout.whole else ADAPTER_COPIES
    memory = max(step.bytes * 2, room_of(trainer))
    memory += pool_rows(model, None) * pool + ANSWER_BYTES
    steps = min(config.max_steps, config.epochs * math.ceil(len(data) / config.batch_size))
    seconds = steps * tokens / pace if pace else None
    return {
        "mode": config.mode,
        "trained_values": layout.size,
        "memory_bytes": memory + copies * 4 * layout.size,
        "steps": steps,
        "seconds": seconds and round(seconds, 1),
    }


def room_of(trainer: EngineTrainer) -> int:
    """What a step and the questions around it take turns in, of which all is taken at once."""
    has_rooms = trainer.model.executor.room(0) is not None
    return trainer.memory_budget or 0 if has_rooms else 0


class Watch:
    """What is taken beside the model from here on, at most at any moment: of the back end's
    memory, and in a browser of Python's own, which never shrinks."""

    def __init__(self, executor: Executor) -> None:
        self.given, self.python = executor.given, python_bytes()
        self.before = self.given.watch() if self.given else 0

    def most(self) -> int | None:
        """None where nobody counts."""
        if self.given is None:
            return None
        return self.given.most - self.before + python_bytes() - self.python


def python_bytes() -> int:
    if sys.platform != "emscripten":
        return 0
    import pyodide_js

    return int(pyodide_js._module.HEAPU8.length)


async def measured_pace(store: Any) -> float:
    """Tokens a second of the last step that was trained here, or 0."""
    for _, figures in await store.all("metrics", newest=True, limit=1):
        return float(figures.get("tokens_per_second") or 0.0)
    return 0.0
