"""Exports and imports adapters: PEFT's folder, a LoRA for llama.cpp, or merged into the model's
weights.

Inside, weights are in half-split rotary order like Hugging Face's, so PEFT's tensors are ours under
longer names; GGUF wants Llama's q and k rows interleaved again.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
from pathlib import Path

import numpy as np

from oneseek.engine.model.formats import (
    FileSource,
    ModelFile,
    Packed,
    Source,
    gguf_writer,
    safetensors,
)
from oneseek.engine.model.formats.architecture import is_less_one, order_of, to_gguf_name
from oneseek.engine.model.formats.packed import read_plain
from oneseek.engine.model.formats.to_gguf import FAMILIES
from oneseek.engine.model.llama import Config
from oneseek.engine.model.trainable import Trained

WEIGHTS, SETTINGS, CARD = "adapter_model.safetensors", "adapter_config.json", "README.md"
BLOCKS = "blocks.safetensors"
PREFIX = "base_model.model."

CARD_TEXT = """\
---
base_model: {base}
library_name: peft
tags:
- lora
language: [{languages}]
---
# {name}

A LoRA adapter made by OneSeek on {base}: rank {rank}, alpha {alpha:g}, {modules}.
It holds what one person taught it; treat it as personal data.

    from peft import PeftModel
    model = PeftModel.from_pretrained(base_model, "this folder")

For llama.cpp: `convert_lora_to_gguf.py --base <model> <this folder>`, or OneSeek's own GGUF export.
"""

BEHIND_TEXT = """
It was made, and checked, to speak behind OneSeek's memory: to what that takes for a question about
something taught, and the base model answers all else. Alone it speaks to everything.
{alone}
"""
UNMEASURED = "What that changes was not measured; `oneseek export --format peft` does."


class AdapterError(ValueError):
    """An adapter that cannot be used here, and why; nothing was changed."""


def modules_of(trained: Trained) -> list[str]:
    """The last names of the adapted modules, in the order PEFT lists them."""
    names = {name.split(".")[-3] for name in trained.entries if name.endswith(".lora_A.weight")}
    return sorted(names)


def peft_files(
    trained: Trained, flat: np.ndarray, base: str, name: str = "OneSeek adapter",
    languages: tuple[str, ...] = ("sv", "en"), extra: dict | None = None, behind: bool = False,
    alone: str = "",
) -> dict[str, bytes]:  # fmt: skip
    """Return PEFT's three files. `extra` becomes oneseek.json; `alone` says, where that was
    measured, what an adapter made `behind` a memory does without it."""
    tensors = {
        PREFIX + key: trained.part(flat, key)
        for key in trained.entries
        if ".lora_A." in key or ".lora_B." in key
    }
    packed = io.BytesIO()
    safetensors.write(packed, tensors, {"format": "pt"})
    layers = trained.layers
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": trained.rank,
        "lora_alpha": trained.scale * trained.rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": modules_of(trained),
        "layers_to_transform": layers if layers[0] else None,
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        "revision": None,
        "inference_mode": True,
    }
    card = CARD_TEXT.format(
        base=base, name=name, languages=", ".join(languages), rank=trained.rank,
        alpha=trained.scale * trained.rank, modules=", ".join(modules_of(trained)),
    )  # fmt: skip
    files = {
        WEIGHTS: packed.getvalue(),
        SETTINGS: json.dumps(settings, indent=2).encode(),
        CARD: (card + (BEHIND_TEXT.format(alone=alone or UNMEASURED) if behind else "")).encode(),
    }
    if extra:
        files["oneseek.json"] = json.dumps(extra, indent=2).encode()
    return files


def name_in(card: bytes) -> str:
    """Return the name on an adapter's card; nothing where it has no heading."""
    lines = card.decode(errors="replace").splitlines()
    return next((line[2:].strip()[:200] for line in lines if line.startswith("# ")), "")


def save_peft(folder: Path, trained: Trained, flat: np.ndarray, base: str, **more) -> None:
    """Write the files into a folder, each complete or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in peft_files(trained, flat, base, **more).items():
        part = folder / (name + ".tmp")
        part.write_bytes(data)
        part.replace(folder / name)


def save_adapter(folder: Path, trained: Trained, flat: np.ndarray, base: str, **more) -> None:
    """Write PEFT's files of an adapter, and the blocks that were trained in full under their own
    names."""
    if trained.rank:
        save_peft(folder, trained, flat, base, **more)
    if trained.full_names:
        packed = io.BytesIO()
        safetensors.write(packed, {name: trained.part(flat, name) for name in trained.full_names})
        part = folder / (BLOCKS + ".tmp")
        part.write_bytes(packed.getvalue())
        part.replace(folder / BLOCKS)


def load_adapter(folder: Path, config: Config) -> tuple[Trained, np.ndarray]:
    """Load what `save_adapter` or PEFT wrote."""
    if not (folder / BLOCKS).exists():
        return load_peft(folder, config)
    lora, flat = Trained(), np.zeros(0, np.float32)
    if (folder / SETTINGS).exists():
        lora, flat = load_peft(folder, config)
    with contextlib.closing(FileSource(folder / BLOCKS)) as source:
        _, tensors = safetensors.read_header(source)
        shapes = {name: shape for name, (_, shape) in lora.entries.items()}
        shapes |= {name: tuple(tensors[name].shape) for name in tensors}
        trained = Trained.of(shapes, scale=lora.scale, rank=lora.rank)
        whole = np.zeros(trained.size, np.float32)
        for name, tensor in tensors.items():
            values = read_plain(source, tensor.offset, tensor.kind, tensor.shape)
            trained.part(whole, name)[...] = values
    for name in lora.entries:
        trained.part(whole, name)[...] = lora.part(flat, name)
    return trained, whole


def only_lora(trained: Trained) -> None:
    """Refuse to write as an adapter what is more than one."""
    if trained.full_names:
        raise AdapterError(
            "this version was trained in mode full or hybrid, and an adapter file cannot hold the "
            "blocks that changed; nothing was written. Instead, export it merged"
        )


def load_peft(folder: Path, config: Config) -> tuple[Trained, np.ndarray]:
    """Load a PEFT folder, to answer with and to continue training."""
    try:
        settings = (folder / SETTINGS).read_bytes()
        source = FileSource(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise AdapterError(
            f"{folder} is no adapter: {Path(error.filename).name} is missing"
        ) from error
    try:
        return read_peft(settings, source, config)
    finally:
        source.close()


def read_peft(settings: bytes, source: Source, config: Config) -> tuple[Trained, np.ndarray]:
    """The adapter in PEFT's settings and weights, checked against the model it is meant for."""
    given = safetensors.parse_json(SETTINGS, settings)
    refuse(given)
    rank = given["r"]
    pattern = given.get("target_modules") or []
    modules = {
        f"model.layers.{i}.{module}": sides
        for i in layers_in(given, config) or range(config.layers)
        for module, sides in config.linears(i).items()
        if module.split(".")[-1] in pattern
    }
    trained = Trained.beside(modules, rank, given["lora_alpha"])
    _, tensors = safetensors.read_header(source)
    if set(tensors) != {PREFIX + name for name in trained.entries}:
        odd = sorted(set(tensors) ^ {PREFIX + name for name in trained.entries})[0]
        raise AdapterError(
            f"{source.name} does not fit this model: only one of the two has {odd}. "
            "Nothing was changed; load the base model that the adapter was made for"
        )
    flat = np.zeros(trained.size, np.float32)
    for name, (_, shape) in trained.entries.items():
        tensor = tensors[PREFIX + name]
        if tuple(tensor.shape) != tuple(shape):
            raise AdapterError(f"{name} is {tuple(tensor.shape)}, this model wants {shape}")
        values = read_plain(source, tensor.offset, tensor.kind, tensor.shape)
        if not np.isfinite(values).all():
            raise AdapterError(f"{name} holds numbers that are not finite; get the adapter again")
        trained.part(flat, name)[...] = values
    return trained, flat


def layers_in(settings: dict, config: Config) -> list[int] | None:
    """Return the layers of an adapter; None where it has all."""
    layers = settings.get("layers_to_transform")
    if layers is None:
        return None
    layers = [layers] if isinstance(layers, int) else layers
    known = [str(layer) for layer in range(config.layers)]  # as words: True is no layer
    if not isinstance(layers, list) or not layers or any(str(one) not in known for one in layers):
        raise AdapterError(
            f"the adapter changes the layers {layers}, and this model has {config.layers}. "
            "Nothing was changed; load the base model that the adapter was made for"
        )
    return sorted(set(layers))


def holds(target: Trained, trained: Trained) -> bool:
    """Whether everything `trained` changes has a place in `target`."""
    return trained.rank <= target.rank and set(trained.entries) <= set(target.entries)


def convert_layout(
    trained: Trained, flat: np.ndarray, target: Trained, start: np.ndarray | None = None
) -> np.ndarray:
    """Return the same weights in another layout: a smaller rank is filled up from `start`, and B is
    multiplied by the ratio of the scales, so that every answer stays what it was."""
    if trained == target:
        return flat
    if trained.rank > target.rank:
        raise AdapterError(
            f"the adapter has rank {trained.rank}, and training continues from a rank of at most "
            f"{target.rank}; nothing was changed"
        )
    if missing := set(trained.entries) - set(target.entries):
        raise AdapterError(f"the adapter changes {sorted(missing)[0]}, which is not trained here")
    result = target.initial(0) if start is None else start.copy()
    ratio = np.float32(trained.scale / target.scale)
    for name in trained.entries:
        part, given = target.part(result, name), trained.part(flat, name)
        if ".lora_A." in name:
            part[: trained.rank] = given
        elif ".lora_B." in name:
            part[:, : trained.rank] = ratio * given
        else:
            part[...] = given
    return result


def refuse(settings: dict) -> None:
    """Refuse what PEFT knows and this engine does not."""
    if settings.get("peft_type") != "LORA":
        raise AdapterError(f"this is a {settings.get('peft_type')} adapter; only LORA can be used")
    for name in ("use_dora", "use_rslora", "fan_in_fan_out", "modules_to_save", "rank_pattern",
                 "alpha_pattern", "trainable_token_indices"):  # fmt: skip
        if settings.get(name):
            raise AdapterError(f"the adapter uses {name}, which is not supported")
    if settings.get("bias", "none") != "none":
        raise AdapterError("the adapter trains biases, which this engine does not load")
    rank = settings.get("r")
    if not isinstance(rank, int) or not 1 <= rank <= 256:
        raise AdapterError(f"the adapter's rank is {rank!r}; it must be from 1 to 256")


def gguf_lora(trained: Trained, flat: np.ndarray, config: Config, kind: str, name: str) -> bytes:
    """Return a LoRA file for llama.cpp (`--lora`)."""
    tensors, family = {}, FAMILIES.get(kind, kind)
    keys = config.order_keys | {"model_type": "llama" if family == "llama" else kind}
    for key in trained.entries:
        if ".lora_A." not in key and ".lora_B." not in key:
            continue
        module, side = key.removesuffix(".weight").rsplit(".", 1)
        values = trained.part(flat, key)
        placed = order_of(f"{module}.weight", trained.entries[f"{module}.lora_B.weight"][1], keys)
        if placed and side == ("lora_B", "lora_A")[placed[0]]:
            values = values.take(np.argsort(placed[1]), placed[0])
        tensors[f"{to_gguf_name(module + '.weight', kind)}.{side.lower()}"] = values
    metadata = {
        "general.type": "adapter",
        "general.architecture": family,
        "general.name": name,
        "adapter.type": "lora",
        "adapter.lora.alpha": float(trained.scale * trained.rank),
    }
    packed = io.BytesIO()
    gguf_writer.write(packed, metadata, tensors)
    return packed.getvalue()


def save_merged(path: Path, file: ModelFile, trained: Trained, flat: np.ndarray) -> None:
    """Write every weight of the model as float32 into one safetensors file, the adapter merged; one
    weight at a time is in memory."""
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name in file.names():
        shape = list(file.spec(name).shape)
        end = offset + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(path.name + ".tmp")
    with open(part, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in file.names():
            values = merge_weight(file, trained, flat, name)
            kept = values - np.float32(1) if is_less_one(name, file.config) else values
            out.write(kept.tobytes())
    part.replace(path)


def merge_weight(file: ModelFile, trained: Trained, flat: np.ndarray, name: str) -> np.ndarray:
    """Return W + scale B A of one weight."""
    weight = file.read(name)
    values = weight.dense() if isinstance(weight, Packed) else np.asarray(weight, np.float32)
    module = name.removesuffix(".weight")
    if name in trained:
        values = trained.part(flat, name)
    if f"{module}.lora_A.weight" in trained:
        a = trained.part(flat, f"{module}.lora_A.weight")
        b = trained.part(flat, f"{module}.lora_B.weight")
        values = values + np.float32(trained.scale) * (b @ a)
    return values
