"""Exports a round for another engine to train: its rows, its steps and its learning rates.

A folder has `dataset.jsonl` (a row per line, as `messages` and as token ids), `round.json` (the
rows and the rate of each step) and `start`, the adapter it begins with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oneseek.engine.history.round_plan import PRACTICE, TRAINING
from oneseek.engine.learning.batch import Coder, Row, Top
from oneseek.engine.learning.datasets import Example
from oneseek.engine.learning.recipe import Hold, Learn
from oneseek.engine.learning.rounds.dataset import DataSetAttempt, row_of
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.model.adapters import only_lora, save_peft

CHECKPOINT = "torch.checkpoint"  # from this and its adapter a killed engine resumes
ROWS, HELD, ROUND, START = "dataset.jsonl", "held.jsonl", "round.json", "start"


class NoRound(ValueError):
    """A folder without an exported round."""


@dataclass(frozen=True)
class ExportedRound:
    """A round as it lies in a folder."""

    folder: Path
    header: dict[str, Any]  # round.json
    rows: list[Row]
    held: list[Row]  # held-out rows of a data set

    def of(self, step: int) -> list[Row]:
        return [self.rows[number] for number in self.header["steps"][step]]


def turns(ask: Any, row: Row, coder: Coder) -> list[dict]:
    """Return the row as messages, for a person to read."""
    said = coder.tokenizer.decode([id for id in row.target if not coder.ends(id)])
    if isinstance(ask, Learn):
        asked = [{"role": "user", "content": ask.question}]
        said = ask.answer
    elif isinstance(ask, Hold):
        asked = [] if ask.plain else [{"role": "user", "content": ask.question}]
        said = ask.begin if ask.plain else said
    else:
        asked, said = list(ask.history), ask.answer
    system = coder.system if asked and asked[0]["role"] != "system" else []
    return [*system, *asked, {"role": "assistant", "content": said}]


def line_of(ask: Any, row: Row, coder: Coder) -> dict:
    """Return a row as JSON, for people and for another engine."""
    line: dict[str, Any] = {"messages": turns(ask, row, coder), "part": row.part}
    if isinstance(ask, Hold) and ask.begin and not ask.plain:
        line["begin"] = ask.begin  # the base was given these words and went on from them
    line |= {"prompt": [int(id) for id in row.prompt], "target": [int(id) for id in row.target]}
    if row.plain:
        line["plain"] = True
    if row.top:
        line["expected"] = {
            "ids": row.top.ids.tolist(),
            "logprobs": row.top.logprobs.astype(np.float64).tolist(),
            "rest": row.top.rest.astype(np.float64).tolist(),
        }
    return line


def row_in(line: dict) -> Row:
    expected, top = line.get("expected"), None
    if expected:
        top = Top(
            np.array(expected["ids"], np.int32),
            np.array(expected["logprobs"], np.float16),
            np.array(expected["rest"], np.float16),
        )
    return Row(line["part"], line["prompt"], line["target"], top, line.get("plain", False))


async def lines(attempt: RoundAttempt) -> tuple[list[str], list[list[int]]]:
    """Return every distinct row of a round as JSON, and the numbers of each step's rows."""
    numbers: dict[str, int] = {}
    steps = []
    for step in range(attempt.steps):
        asks, rows = attempt.asks(step), await attempt.rows(step)
        here = [
            json.dumps(line_of(ask, row, attempt.trainer.coder), ensure_ascii=False)
            for ask, row in zip(asks, rows, strict=True)
        ]
        steps.append([numbers.setdefault(line, len(numbers)) for line in here])
    return list(numbers), steps


async def write(attempt: RoundAttempt, folder: Path) -> dict:
    """Write a round into a folder and return the content of round.json. A lesson cannot be written:
    how many steps it takes is known only when it ends."""
    if attempt.plan.kind not in (PRACTICE, TRAINING):
        raise ValueError(
            "a lesson cannot be exported, because its number of steps is not known in advance; "
            "nothing was written. Export a round of practice or over a data set"
        )
    trainer, config = attempt.trainer, attempt.config
    only_lora(trainer.trained)
    if config.lora_config.frozen_a or config.proximal:
        raise ValueError(
            "a round with lora_config.frozen_a or proximal cannot be exported, because other "
            "engines do not support them; nothing was written"
        )
    found, steps = await lines(attempt)
    lora = config.lora_config
    told = {
        "model": trainer.model.name,
        "fingerprint": trainer.model.fingerprint,
        "kind": attempt.plan.kind,
        "plan": attempt.plan.identity(),
        "seed": attempt.plan.seed,
        "dropout": lora.dropout,
        "kl_weight": attempt.kl_weight,
        "adam": [config.adam_beta1, config.adam_beta2, config.adam_epsilon],
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "first_layer": attempt.first_layer,
        "rates": [attempt.pace.rate(step) for step in range(attempt.steps)],
        "checks": [],
        "steps": steps,
    }
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(attempt, DataSetAttempt):
        every = attempt.epoch_steps
        told["checks"] = [n for n in range(attempt.steps) if (n + 1) % every == 0]
        told["checks"] += [attempt.steps - 1] * (attempt.steps % every > 0)
        told["stop"] = config.confidence_auto_stop.to_dict()
        examples = [attempt.data[number] for number in attempt.validation]
        _put(folder / HELD, _encode_held_out(examples, trainer.coder))
    save_peft(folder / START, trainer.trained, attempt.start, trainer.model.name)
    _put(folder / ROWS, found)
    _put(folder / ROUND, [json.dumps(told)])  # last: a folder that has it is complete
    return told


def _encode_held_out(examples: Iterable[Example], coder: Coder) -> Iterator[str]:
    for example in examples:
        yield json.dumps(line_of(example, row_of(example, coder), coder), ensure_ascii=False)


def _put(path: Path, written: Iterable[str]) -> None:
    part = path.with_name(path.name + ".tmp")
    with part.open("w", encoding="utf-8") as file:
        for line in written:
            file.write(line + "\n")
    part.replace(path)


def is_round(folder: Path) -> bool:
    return (folder / ROUND).exists()


def read_header(folder: Path) -> dict:
    return json.loads((folder / ROUND).read_text("utf-8"))


def read(folder: Path) -> ExportedRound:
    """Return the round that `write` wrote."""
    if not is_round(folder):
        raise NoRound(
            f"{folder} holds no round: {ROUND} is missing. `oneseek export --format dataset` "
            "writes one"
        )
    return ExportedRound(folder, read_header(folder), _rows(folder / ROWS), _rows(folder / HELD))


def _rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [row_in(json.loads(line)) for line in file]


def plain(written: Path) -> tuple[list[str], dict[str, int]]:
    """Return each taught conversation once, in a form that any tool reads, and how many rows of
    which part that leaves out."""
    found: dict[str, None] = {}
    left: dict[str, int] = {}
    with (written / ROWS).open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            if line["part"] == "taught":
                said = {"messages": line["messages"]}
                found[json.dumps(said, ensure_ascii=False)] = None
            else:
                left[line["part"]] = left.get(line["part"], 0) + 1
    return list(found), left
