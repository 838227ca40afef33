"""The shape of trained weights (mode, modules, rank, layers), encoded in the name of their array.

The name `adapter` means the shape in which the engine was opened; every other shape adds its
settings to the name. So the weights need no other description, to answer with them or to resume
from them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.snapshot import Arrays

USUAL = "adapter"
FIELDS = ("mode", "full_blocks", "lora_config")  # of a configuration: those that decide the shape
LORA = ("rank", "alpha", "target_modules", "enable_bias", "first_layer")


def describe(config: TrainingConfig) -> dict[str, Any]:
    """Return the settings that make up the shape, and no other."""
    found: dict[str, Any] = {"mode": config.mode}
    if config.mode != "lora":
        found["full_blocks"] = config.full_blocks
    if config.mode != "full":
        lora = config.lora_config.to_dict()
        found["lora_config"] = {name: lora[name] for name in LORA}
        if not lora["first_layer"]:  # a name without it means all layers
            del found["lora_config"]["first_layer"]
    return found


def must_have_place(wanted: TrainingConfig, config: TrainingConfig) -> None:
    """Refuse a run that would drop a requested setting or something learned before."""
    if describe(wanted) != describe(config):
        raise ValueError(
            f"the version in use was trained in mode {config.mode} with rank "
            f"{config.lora_config.rank}; a run in mode {wanted.mode} with rank "
            f"{wanted.lora_config.rank} would lose a part of it. Nothing was changed. Go back to "
            "the original model or to an earlier version, and begin the run from there"
        )


def name_of(config: TrainingConfig, usual: TrainingConfig) -> str:
    """Return the name of the array of weights in this shape."""
    if describe(config) == describe(usual):
        return USUAL
    return f"{USUAL} {json.dumps(describe(config), sort_keys=True, separators=(',', ':'))}"


def config_of(name: str, usual: TrainingConfig) -> TrainingConfig:
    """Return the configuration of the shape that this name encodes."""
    _, _, settings = name.partition(" ")
    return usual.replace(**json.loads(settings)) if settings else usual


def over_all_layers(config: TrainingConfig) -> TrainingConfig:
    """Return the shape in which an engine is opened: it has room for an adapter on any layers, and
    its name is that of adapters from before layers could be chosen."""
    return config.replace(lora_config={"first_layer": 0})


def new(config: TrainingConfig) -> dict:
    """Return a round's default plan settings: the first layer of its adapter, unless it is 0."""
    first = config.lora_config.first_layer
    return {"lora_config": {"first_layer": first}} if first else {}


def unpack_weights(weights: Arrays) -> tuple[str, np.ndarray]:
    """Return the name and the values of the one array of weights."""
    ((name, flat),) = weights.items()
    return name, np.asarray(flat, np.float32)


def select(plan_config: dict) -> dict:
    """Return a plan's settings that decide the shape."""
    return {name: plan_config[name] for name in FIELDS if name in plan_config}
