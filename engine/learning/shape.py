"""What training changes of a model, and how stored weights say so: by the name of their one array.

`adapter` is the shape the engine was opened in; every other shape writes its settings into the
name, so that whoever reads the weights needs nothing else to answer with them or to go on from
them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.snapshot import Arrays

USUAL = "adapter"
FIELDS = ("mode", "full_blocks", "lora_config")  # of a configuration: what decides the shape
LORA = ("rank", "alpha", "target_modules", "enable_bias", "first_layer")


def describe(config: TrainingConfig) -> dict[str, Any]:
    """The settings that the shape consists of, and no other."""
    found: dict[str, Any] = {"mode": config.mode}
    if config.mode != "lora":
        found["full_blocks"] = config.full_blocks
    if config.mode != "full":
        lora = config.lora_config.to_dict()
        found["lora_config"] = {name: lora[name] for name in LORA}
        if not lora["first_layer"]:  # a name that does not say it is of all layers
            del found["lora_config"]["first_layer"]
    return found


def must_have_place(wanted: TrainingConfig, config: TrainingConfig) -> None:
    """A run never leaves out what was asked for, nor what was learned before."""
    if describe(wanted) != describe(config):
        raise ValueError(
            f"what is in use was trained in mode {config.mode} with rank {config.lora_config.rank}, "
            f"and a run in mode {wanted.mode} with rank {wanted.lora_config.rank} cannot go on from "
            "it without losing some of it; nothing was changed. Go back to the original model, or to "
            "a version before it, to begin anew"
        )


def name_of(config: TrainingConfig, usual: TrainingConfig) -> str:
    """What the array of weights in this shape is called."""
    if describe(config) == describe(usual):
        return USUAL
    return f"{USUAL} {json.dumps(describe(config), sort_keys=True, separators=(',', ':'))}"


def config_of(name: str, usual: TrainingConfig) -> TrainingConfig:
    """The configuration whose shape weights of this name have."""
    _, _, settings = name.partition(" ")
    return usual.replace(**json.loads(settings)) if settings else usual


def over_all_layers(config: TrainingConfig) -> TrainingConfig:
    """The shape an engine is opened in: it has a place for an adapter of any layers, and its name
    is that of those trained before there was a choice."""
    return config.replace(lora_config={"first_layer": 0})


def new(config: TrainingConfig) -> dict:
    """What the plan of a round says where nobody asked for anything: where its adapter begins, if
    not at the beginning."""
    first = config.lora_config.first_layer
    return {"lora_config": {"first_layer": first}} if first else {}


def unpack_weights(weights: Arrays) -> tuple[str, np.ndarray]:
    """The one array that weights consist of, and its name."""
    ((name, flat),) = weights.items()
    return name, np.asarray(flat, np.float32)


def select(plan_config: dict) -> dict:
    """What a plan says about the shape."""
    return {name: plan_config[name] for name in FIELDS if name in plan_config}
