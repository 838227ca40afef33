"""Estimates the peak memory of a model and of a run, and the time of a run by the measured speed,
before they begin; measures the memory that a run took."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

from oneseek.engine.backends.executor import Executor
from oneseek.engine.compiler.ops.linear import DENSE_BUDGET
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.learning.batch import ROW_SIZES, TOKEN_SIZES, Coder, Row
from oneseek.engine.learning.datasets import DataSet, file_of
from oneseek.engine.learning.rounds.block_windows import Windows
from oneseek.engine.learning.rounds.dataset import row_of
from oneseek.engine.learning.rounds.variants import POOL_ROWS, pool_rows
from oneseek.engine.learning.taste.choices import Choice, count_anchors
from oneseek.engine.learning.trainer import TRAINING_BYTES, RoundTrainer
from oneseek.engine.model import programs, registry
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import FormatError, ModelFile
from oneseek.engine.model.formats.packed import TYPES
from oneseek.engine.model.formats.packing import ANY_HASH, EMBEDDINGS, Packing
from oneseek.engine.model.kv_cache import ANSWER_BYTES
from oneseek.engine.model.llama import Config, Stored
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.look import (
    NUMBER_BYTES,
    count_loaded_bytes,
    estimate_eyes_bytes,
    eyes_bytes,
)
from oneseek.engine.model.trainable import Trained

LOOKED_AT = 64  # examples by which the length of all is estimated
HELD_TOKENS, HELD_TARGETS = 64, 32  # of a row with a KL target
ADAPTER_COPIES = 16  # candidate, moments, variants, best, before, a checkpoint in writing
WHOLE_COPIES = 24  # also the float32 masters, and what is frozen beside a window
LESSON_TOKENS, LESSON_ROWS = 480, 112  # of a step of a long lesson
POSITIONS = 2048  # of a chat
PYTHON_BYTES = 12 << 20  # natively: Python's own memory for training
SHARE = 0.5  # of a device's memory: the rest is the system's and other programs'
REACH = {
    "cpu": 4 << 30,
    "wasm": 4 << 30,
}  # of the processor's kernels, whose addresses have 32 bits
WORTH_PACKING = 0.95  # largest ratio of the sizes, after to before
LARGE_BITS = 8  # of a weight, at least, in a file that packing can make smaller
LARGER_LOADED = 1.5  # than its packed file, at most: scales of 6 bits become 32


def takes(config: Config, stored: dict[str, Stored], weights: int, room: int | None = None) -> dict:
    """Return the bytes that a chat and a lesson need with a model whose weights take `weights`
    bytes. A training step and the evaluation around it share a block of `room` bytes; natively
    (None) there is no such block."""
    row = config.token_bytes
    chat = weights + row * min(POSITIONS, config.positions) + ANSWER_BYTES
    copies = ADAPTER_COPIES * 4 * Trained.from_training(config, for_model(config.parameters)).size
    if room is not None:
        learn = chat + max(step_bytes(config, stored, keep=False), room) + copies
        return {"chat_bytes": chat, "learn_bytes": learn}
    plain = sum(NUMBER_BYTES * math.prod(one.shape) for one in stored.values() if one.bits)
    step = step_bytes(config, stored, keep=True) + row * POOL_ROWS
    learn = chat + step + copies + min(plain, DENSE_BUDGET) + PYTHON_BYTES
    return {"chat_bytes": chat, "learn_bytes": learn, "reached_bytes": chat}


def step_bytes(config: Config, stored: dict[str, Stored], keep: bool) -> int:
    """The bytes of one training step that keeps the activations of all layers (`keep`) or of none.
    A layer with an adapter adds one amount, a layer below them another: both are measured on plans
    of two and four layers, and the rest is extrapolated."""
    usual = for_model(config.parameters)

    def of(below: int, above: int) -> int:
        few = replace(config, layers=below + above)
        adapter = Trained.from_training(few, usual.replace(lora_config={"first_layer": below}))
        size = LESSON_TOKENS, LESSON_ROWS, POSITIONS
        kept = few.layers if keep else 0
        return plan(programs.learn(few, stored, *size, adapter, keep_blocks=kept)).lower_bound

    below = min(usual.lora_config.first_layer, config.layers - 1)
    above = config.layers - below
    if config.layers <= 4:
        return of(below, above)
    two, four, under = of(0, 2), of(0, 4), of(2, 2)
    return two + (four - two) * (above - 2) // 2 + (under - two) * below // 2


def model_takes(model: Model, room: int | None = None) -> dict:
    """Return `takes` of a loaded model."""
    weights = sum(count_loaded_bytes(stored) for stored in model.stored.values())
    return takes(model.config, model.stored, weights, room)


def file_takes(file: ModelFile, room: int | None = None) -> dict:
    """Return `takes` of an opened file."""
    return specs_take(file, {name: file.spec(name) for name in file.names()}, room)


def specs_take(file: ModelFile, specs: dict[str, Any], room: int | None) -> dict:
    """Return `takes` of a file whose tensors are stored as `specs`."""
    stored = {name: Stored(one.shape, one.bits, one.group) for name, one in specs.items()}
    weights = sum(count_loaded_bytes(one) for one in specs.values())
    weights += eyes_bytes(file.eyes) if file.eyes else 0
    return takes(configure(file.config), stored, weights, room)


def file_takes_packed(file: ModelFile, room: int | None = None) -> list[dict]:
    """Return `takes` of each smaller file that packing can make of it, largest first, with its
    bytes and the type of its embeddings. Empty where little is saved or GGUF cannot describe the
    model."""
    found: list[dict] = []
    for embeddings in ("Q8_0", "Q4_1"):
        try:
            packing = Packing(file, "Q4_1", embeddings, ANY_HASH)
        except FormatError:
            return []
        before = found[-1]["bytes"] if found else file.size
        if packing.total < WORTH_PACKING * before:
            told = {"embeddings": embeddings, "bytes": packing.total}
            found.append(told | specs_take(file, packing.specs(), room))
    return found


def row_takes(row: dict, room: int | None = None) -> dict:
    """Estimate `takes` of a row of models.json, whose file may not be here."""
    config = configure(row["config"])
    shapes = config.shapes().items()
    stored = {name: Stored(shape, 4 * (len(shape) > 1), 32) for name, shape in shapes}
    eyes = estimate_eyes_bytes(row)
    found = takes(config, stored, int(row["bytes"] * LARGER_LOADED) + eyes, room)
    return found | {"eyes_bytes": eyes} if eyes else found


def row_takes_packed(row: dict, room: int | None = None) -> dict | None:
    """Estimate `takes` and the bytes of a row's packed form; None where packing saves little or the
    model has eyes, which packing leaves out."""
    if "eyes" in row:
        return None
    config = configure(row["config"])
    stored, size = {}, 0
    for name, shape in config.shapes().items():
        kind = TYPES[("Q8_0" if name in EMBEDDINGS else "Q4_1") if len(shape) > 1 else "F32"]
        stored[name] = Stored(shape, kind.bits, kind.group)
        size += kind.nbytes(math.prod(shape))
    if size > WORTH_PACKING * row["bytes"] or row["bytes"] * 8 < LARGE_BITS * row["parameters"]:
        return None
    weights = sum(count_loaded_bytes(one) for one in stored.values())
    return {"bytes": size, "embeddings": "Q8_0"} | takes(config, stored, weights, room)


def models_fit(back_end: str, memory: int) -> dict[str, dict]:
    """For each known model whether it can chat and learn in a tab, as published and `packed`."""
    return {id: row_fits(row, back_end, memory) for id, row in registry.load_models().items()}


def row_fits(row: dict, back_end: str, memory: int) -> dict:
    """Return the same for one of them."""
    room = TRAINING_BYTES[back_end]
    packed = row_takes_packed(row, room)
    found = judge(row_takes(row, room), back_end, memory)
    return found | {"packed": judge(packed, back_end, memory) if packed else {}}


def judge(taken: dict, back_end: str, memory: int) -> dict:
    """Return `taken` with whether a model can chat and learn on a back end of a device with so much
    `memory` (0: unknown). `limit` is "reach" where the back end addresses less than that."""
    share, reach = int(memory * SHARE), REACH.get(back_end, 0)
    if share and taken.get("reached_bytes", reach + 1) <= reach:
        reach = 0  # what learning takes besides, the kernels need not reach
    room = min(share or reach, reach or share)
    limit = "reach" if room == reach else "memory"
    fits = {f"{what}s": not room or taken[f"{what}_bytes"] <= room for what in ("chat", "learn")}
    return {**taken, "room": room, "limit": limit if room else "", **fits}


def fit_size(wanted: int, sizes: tuple[int, ...]) -> int:
    return next((size for size in sizes if size >= wanted), wanted)


def needs(trainer: RoundTrainer, config: TrainingConfig, record: dict, pace: float) -> dict:
    """Return the mode, trained values, peak memory, steps and seconds of a run. `pace` is in tokens
    a second; 0 means not measured, and then `seconds` is None."""
    layout, model, count = trainer.layout(config), trainer.model, record["examples"]
    rows = sample_rows(trainer.coder, record)
    chosen, practice = "choices" in record, config.practice
    more = math.ceil(practice.anchor_rows) + math.ceil(practice.text_rows)
    held = count_anchors(config) if chosen else more
    longest = max(len(row.prompt) + len(row.target) for row in rows)
    answers = max(len(row.target) for row in rows)
    together = config.batch_size * (2 if chosen else 1)
    tokens = fit_size(together * longest + held * HELD_TOKENS, TOKEN_SIZES)
    targets = fit_size(together * answers + held * HELD_TARGETS, ROW_SIZES)
    windows = Windows(model, layout, config, trainer.memory_budget).layouts
    largest = max(windows, key=lambda one: one.size) if layout.full_names else layout
    step = model.plan_learning(tokens, targets, largest, trainer.memory_budget)
    pool = model.config.token_bytes
    copies = WHOLE_COPIES if layout.full_names else ADAPTER_COPIES
    memory = max(step.bytes * 2, room_of(trainer))
    memory += pool_rows(model, None) * pool + ANSWER_BYTES
    steps = min(config.max_steps, config.epochs * math.ceil(count / config.batch_size))
    seconds = steps * tokens / pace if pace else None
    return {
        "mode": config.mode,
        "trained_values": layout.size,
        "memory_bytes": memory + copies * 4 * layout.size,
        "steps": steps,
        "seconds": seconds and round(seconds, 1),
    }


def sample_rows(coder: Coder, record: dict) -> list[Row]:
    """Return the rows of some examples of a data set, or of all choices."""
    if "choices" in record:
        return [row for one in record["choices"] for row in Choice(**one).rows(coder)]
    data = DataSet(file_of(record))
    chosen = range(0, len(data), max(1, len(data) // LOOKED_AT))
    return [row_of(data[number], coder) for number in chosen]


def room_of(trainer: RoundTrainer) -> int:
    """Return the bytes of the block that a step and the evaluation around it share, which is
    allocated at once; 0 where there is none."""
    has_rooms = trainer.model.executor.room(0) is not None
    return trainer.memory_budget or 0 if has_rooms else 0


class Watch:
    """Measures the peak memory from here on beside the model: that of the back end, and in a
    browser Python's heap, which never shrinks."""

    def __init__(self, executor: Executor) -> None:
        self.allocations, self.python = executor.allocations, python_bytes()
        self.before = self.allocations.watch() if self.allocations else 0

    def most(self) -> int | None:
        """Return the peak in bytes; None where the back end does not count."""
        if self.allocations is None:
            return None
        return self.allocations.most - self.before + python_bytes() - self.python


def python_bytes() -> int:
    if sys.platform != "emscripten":
        return 0
    import pyodide_js

    return int(pyodide_js._module.HEAPU8.length)


async def read_pace(store: Any) -> float:
    """Return the tokens a second of the last training step here, or 0."""
    for _, figures in await store.all("metrics", newest=True, limit=1):
        return float(figures.get("tokens_per_second") or 0.0)
    return 0.0
