"""The parameters that members of a group exchange: B of an adapter whose A is frozen.

The mean of several B times the mean of several A is not the mean of the B A. So A comes from a
seed, the same bits in every member, and is not trained; with it the mean of B is the mean of what
the members learned, and only B is sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.model import registry
from oneseek.engine.model.adapters import load_peft
from oneseek.engine.model.families import configure
from oneseek.engine.model.loaded import extract_fingerprint_bytes
from oneseek.engine.model.trainable import Trained

Arrays = Mapping[str, np.ndarray]


class Unfit(ValueError):
    """An array or setting does not belong to this group."""


def names(trained: Trained) -> list[str]:
    """Return the names of what travels."""
    return [name for name in trained.entries if name.endswith(".lora_B.weight")]


def take_out(trained: Trained, flat: np.ndarray) -> dict[str, np.ndarray]:
    """Return B alone."""
    return {name: trained.part(flat, name).copy() for name in names(trained)}


def put_in(trained: Trained, flat: np.ndarray, given: Arrays) -> np.ndarray:
    """Return the same A with the B that came; Unfit where it is no B of this adapter."""
    fits(trained, given)
    whole = flat.copy()
    for name, array in given.items():
        trained.part(whole, name)[...] = array
    return whole


def fits(trained: Trained, given: Arrays) -> None:
    wanted = {name: trained.entries[name][1] for name in names(trained)}
    if odd := sorted(set(wanted) ^ set(given)):
        raise Unfit(f"only one of the received and the group's weights has {odd[0]}")
    for name, shape in wanted.items():
        array = np.asarray(given[name])
        if array.shape != tuple(shape) or array.dtype.kind != "f":
            raise Unfit(f"{name} came as {array.dtype}{list(array.shape)}, not {list(shape)}")
        if not np.isfinite(array).all():
            raise Unfit(f"{name} came with numbers that are not finite")


def mark(trained: Trained, flat: np.ndarray) -> str:
    """Return a hash of A and its layout: a member whose A differs in a bit has another."""
    digest = hashlib.sha256(json.dumps([trained.rank, trained.scale]).encode())
    for name in trained.entries:
        if name.endswith(".lora_A.weight"):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(trained.part(flat, name), "<f4").tobytes())
    return digest.hexdigest()[:32]


def settings(parameters: float, wanted: dict[str, Any]) -> TrainingConfig:
    """Return how members train by default: as measured for the model's size, A frozen, and for as
    long as they are told, whatever their own held-out part says."""
    usual = for_model(parameters).replace(
        epochs=4,
        warmup_steps=0,
        lora_config={"dropout": 0.0},
        confidence_auto_stop={"enabled": False},
    )
    return usual.replace(**wanted).replace(mode="lora", lora_config={"frozen_a": True})


class Beginning:
    """The server's part of the group's model: its layout, and A; no weight is loaded. A group may
    continue from the adapter of an earlier run."""

    def __init__(
        self, model: str | None, wanted: dict[str, Any], adapter: Path | None = None
    ) -> None:
        digest = hashlib.sha256()
        with contextlib.closing(registry.open_named(registry.one(model))) as file:
            config = configure(file.config)
            for name in file.names():
                read = file.read(name)
                digest.update(extract_fingerprint_bytes(read))
            self.model = file.name
        self.training = settings(config.parameters, wanted)
        self.trained = Trained.from_training(config, self.training)
        self.flat = self.trained.initial(self.training.seed)
        if adapter:
            self._go_on_from(*load_peft(adapter, config))
        self.told = {
            "training": json.dumps(self.training.to_dict()),
            "a": mark(self.trained, self.flat),
            "base": digest.hexdigest()[:16],
        }

    def _go_on_from(self, trained: Trained, flat: np.ndarray) -> None:
        if mark(trained, flat) != mark(self.trained, self.flat):
            raise Unfit(
                "the adapter to continue from has another LoRA matrix A than this group; nothing "
                "was started. Choose the adapter of an earlier run with the same settings"
            )
        self.flat = put_in(self.trained, self.flat, take_out(trained, flat))
