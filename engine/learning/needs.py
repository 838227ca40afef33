"""What a run will take before it begins: memory at its worst moment, and time by the pace that was
measured."""

from __future__ import annotations

import math
from typing import Any

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
    memory = step.bytes * 2 + pool_rows(model, None) * pool + ANSWER_BYTES
    steps = min(config.max_steps, config.epochs * math.ceil(len(data) / config.batch_size))
    seconds = steps * tokens / pace if pace else None
    return {
        "mode": config.mode,
        "trained_values": layout.size,
        "memory_bytes": memory + copies * 4 * layout.size,
        "steps": steps,
        "seconds": seconds and round(seconds, 1),
    }


async def measured_pace(store: Any) -> float:
    """Tokens a second of the last step that was trained here, or 0."""
    for _, figures in await store.all("metrics", newest=True, limit=1):
        return float(figures.get("tokens_per_second") or 0.0)
    return 0.0
