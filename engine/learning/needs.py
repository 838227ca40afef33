"""What a model and a run will take before they begin: memory at its worst moment, and time by the
pace that was measured; and the memory that a run took."""

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
from oneseek.engine.learning.datasets import DataSet
from oneseek.engine.learning.rounds.block_windows import Windows
from oneseek.engine.learning.rounds.dataset import file_of, row_of
from oneseek.engine.learning.rounds.variants import POOL_ROWS, pool_rows
from oneseek.engine.learning.taste.choices import Choice
from oneseek.engine.learning.trainer import TRAINING_BYTES, EngineTrainer
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

LOOKED_AT = 64  # examples whose length is taken for that of all
HELD_TOKENS, HELD_TARGETS = 64, 32  # of a row that holds on to the base model
ADAPTER_COPIES = 16  # candidate and moments, variants, best and before, a checkpoint on its way
WHOLE_COPIES = 24  # and the masters, with what stands still beside a window
LESSON_TOKENS, LESSON_ROWS = 480, 112  # of a step of a long lesson
POSITIONS = 2048  # of a chat
PYTHON_BYTES = 12 << 20  # natively: what Python loads and keeps to learn
SHARE = 0.5  # of a device's memory: the rest is the system's and other programs'
REACH = {
    "cpu": 4 << 30,
    "wasm": 4 << 30,
}  # of the kernels of the processor: bytes that 32 bits address
WORTH_PACKING = 0.95  # of the size before, at most
LARGE_BITS = 8  # of a weight, at least, in a file of types that packing makes smaller
LARGER_LOADED = 1.5  # a packed file, at most: scales of 6 bits become numbers of 32


def takes(config: Config, stored: dict[str, Stored], weights: int, room: int | None = None) -> dict:
    """The bytes that a chat takes with a model whose weights take `weights` bytes, and a lesson.
    A step and the questions around it share a `room` of so many bytes; natively there is none."""
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
    """The same of a loaded model."""
    weights = sum(count_loaded_bytes(stored) for stored in model.stored.values())
    return takes(model.config, model.stored, weights, room)


def file_takes(file: ModelFile, room: int | None = None) -> dict:
    """The same of an opened file."""
    return specs_take(file, {name: file.spec(name) for name in file.names()}, room)


def specs_take(file: ModelFile, specs: dict[str, Any], room: int | None) -> dict:
    """The same with its tensors stored like this."""
    stored = {name: Stored(one.shape, one.bits, one.group) for name, one in specs.items()}
    weights = sum(count_loaded_bytes(one) for one in specs.values())
    weights += eyes_bytes(file.eyes) if file.eyes else 0
    return takes(configure(file.config), stored, weights, room)


def file_takes_packed(file: ModelFile, room: int | None = None) -> list[dict]:
    """The same of the smaller files that packing makes of it, largest first, with their bytes and
    what becomes of the embeddings; none where little is won or GGUF cannot describe the model."""
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
    """The same of a row of models.json, whose file may not be here: about."""
    config = configure(row["config"])
    shapes = config.shapes().items()
    stored = {name: Stored(shape, 4 * (len(shape) > 1), 32) for name, shape in shapes}
    eyes = estimate_eyes_bytes(row)
    found = takes(config, stored, int(row["bytes"] * LARGER_LOADED) + eyes, room)
    return found | {"eyes_bytes": eyes} if eyes else found


def row_takes_packed(row: dict, room: int | None = None) -> dict | None:
    """The same of what it can be packed to, with its bytes, where that is worth it; packed, a model
    has no eyes."""
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
    """Of each known model, whether it chats and learns in a tab, as given and `packed`."""
    return {id: row_fits(row, back_end, memory) for id, row in registry.load_models().items()}


def row_fits(row: dict, back_end: str, memory: int) -> dict:
    """The same of one of them."""
    room = TRAINING_BYTES[back_end]
    packed = row_takes_packed(row, room)
    found = judge(row_takes(row, room), back_end, memory)
    return found | {"packed": judge(packed, back_end, memory) if packed else {}}


def judge(taken: dict, back_end: str, memory: int) -> dict:
    """Whether a model that `takes` so much can chat and learn on a back end of a device with so
    much memory (0: it does not say); where the back end itself reaches less, `limit` is reach."""
    share, reach = int(memory * SHARE), REACH.get(back_end, 0)
    if share and taken.get("reached_bytes", reach + 1) <= reach:
        reach = 0  # what learning takes besides, the kernels need not reach
    room = min(share or reach, reach or share)
    limit = "reach" if room == reach else "memory"
    fits = {f"{what}s": not room or taken[f"{what}_bytes"] <= room for what in ("chat", "learn")}
    return {**taken, "room": room, "limit": limit if room else "", **fits}


def fit_size(wanted: int, sizes: tuple[int, ...]) -> int:
    return next((size for size in sizes if size >= wanted), wanted)


def needs(trainer: EngineTrainer, config: TrainingConfig, record: dict, pace: float) -> dict:
    """`pace` is tokens a second, 0 where none was measured: then the time is not known."""
    layout, model, count = trainer.layout(config), trainer.model, record["examples"]
    rows = sample_rows(trainer.coder, record)
    held = math.ceil(config.practice.anchor_rows) + math.ceil(config.practice.text_rows)
    longest = max(len(row.prompt) + len(row.target) for row in rows)
    answers = max(len(row.target) for row in rows)
    together = config.batch_size * (2 if "choices" in record else 1)
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
    """Some rows of a data set, or all of what was chosen."""
    if "choices" in record:
        return [row for one in record["choices"] for row in Choice(**one).rows(coder)]
    data = DataSet(file_of(record))
    chosen = range(0, len(data), max(1, len(data) // LOOKED_AT))
    return [row_of(data[number], coder) for number in chosen]


def room_of(trainer: EngineTrainer) -> int:
    """What a step and the questions around it take turns in, of which all is taken at once."""
    has_rooms = trainer.model.executor.room(0) is not None
    return trainer.memory_budget or 0 if has_rooms else 0


class Watch:
    """What is taken beside the model from here on, at most at any moment: of the back end's
    memory, and in a browser of Python's own, which never shrinks."""

    def __init__(self, executor: Executor) -> None:
        self.allocations, self.python = executor.allocations, python_bytes()
        self.before = self.allocations.watch() if self.allocations else 0

    def most(self) -> int | None:
        """None where nobody counts."""
        if self.allocations is None:
            return None
        return self.allocations.most - self.before + python_bytes() - self.python


def python_bytes() -> int:
    if sys.platform != "emscripten":
        return 0
    import pyodide_js

    return int(pyodide_js._module.HEAPU8.length)


async def read_pace(store: Any) -> float:
    """Tokens a second of the last step that was trained here, or 0."""
    for _, figures in await store.all("metrics", newest=True, limit=1):
        return float(figures.get("tokens_per_second") or 0.0)
    return 0.0
