"""Calls the command line as a shell would."""

import json

from oneseek.engine.model.demo import MODEL

SHORT = ["--set", "lora_config.rank=4", "lora_config.alpha=16", "lesson.max_steps=2",
         "lesson.more_steps=0", "practice.steps_per_fact=1", "lesson.anchor_rows=1",
         "lesson.neighbour_rows=1", "practice.anchor_rows=1"]  # fmt: skip


def read_output(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def call(command, *more, short=True):
    fixed = ["--model", str(MODEL), "--backend", "numpy", "--json"]
    return [command, *fixed, *map(str, more), *(SHORT if short else [])]
