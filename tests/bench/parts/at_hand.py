"""Collects the models on this machine: those of the registry that are downloaded, the default one
converted to other types, a small random one of each architecture, and named files."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from oneseek.engine.model import registry
from oneseek.engine.model.formats import ModelFile, Packed, open_model, safetensors
from oneseek.engine.model.formats.native import FileWriter
from oneseek.engine.model.formats.packing import pack
from tests.golden import KINDS
from tests.support import tiny

PACKED = (("q8_0", "Q8_0", "Q8_0"), ("q4_1", "Q4_1", "Q8_0"))


def models(folder: Path, named: Iterable[Path] = ()) -> dict[str, Path]:
    """Name -> file; converted and random models are written into the folder."""
    rows = registry.load_models().values()
    found = {row["id"]: places[0] for row in rows if (places := registry.places(row))}
    if default := found.get("smollm2-135m"):
        found |= make_variants(default, folder, "smollm2-135m")
    for kind in KINDS:
        if "-other" not in kind:  # GGUF cannot describe these
            found[kind] = write_file(folder / f"{kind}.gguf", tiny.gguf(kind, "F32"))
    return found | {path.stem: path for path in named}


def make_variants(given: Path, folder: Path, name: str) -> dict[str, Path]:
    """Write the model as safetensors in F16, and from that packed ones; name -> file of these."""
    whole = folder / f"{name}-f16"
    if not (whole / "config.json").exists():
        with closing(open_model(given)) as file:
            as_safetensors(file, whole)
    found = {}
    for called, kind, embeddings in PACKED:
        path = found[f"{name}-{called}"] = folder / f"{name}-{called}.gguf"
        if not path.exists():
            with closing(open_model(whole)) as file, closing(FileWriter(path)) as writer:
                asyncio.run(pack(file, writer, kind, embeddings))
    return found


def write_file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def as_safetensors(file: ModelFile, folder: Path) -> None:
    """Write a folder as on Hugging Face; config.json comes last, so that its folder is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name in file.names():
        weight = file.read(name)
        dense = weight.dense() if isinstance(weight, Packed) else weight
        tensors[name] = "F16", dense.shape, dense.astype("<f2").tobytes()
    with (folder / "model.safetensors").open("wb") as out:
        safetensors.write(out, tensors)
    texts = {
        "tokenizer.json": tokenizer_json(file.metadata),
        "tokenizer_config.json": {"chat_template": file.chat_template} | file.special_tokens,
        "config.json": file.config,
    }
    for name, data in texts.items():
        (folder / name).write_text(json.dumps(data, default=np.generic.item))


def tokenizer_json(keys: dict) -> dict:
    """The tokenizer.json of Hugging Face from the vocabulary of a GGUF file; digits are split, as
    in SmolLM2."""
    tokens, types = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]
    special = [
        {"id": i, "content": token, "special": kind == 3, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for i, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in (3, 4)
    ]
    pieces = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    pieces["trim_offsets"] = True
    words = [{"type": "Digits", "individual_digits": True}, pieces]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    model = {"type": "BPE", "vocab": vocabulary, "merges": list(keys["tokenizer.ggml.merges"])}
    return {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": words},
        "decoder": pieces,
        "model": model | {"byte_fallback": False, "ignore_merges": False},
    }
