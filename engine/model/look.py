"""Describes a file or folder from its header alone: which model, how large, whether it can be
opened and, if not, why not."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

from oneseek.engine.model.formats import (
    FormatError,
    ModelFile,
    gather_files,
    gguf,
    open_gathered,
    safetensors,
)
from oneseek.engine.model.llama import Stored
from oneseek.engine.model.template import ChatTemplate, TemplateError
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.engine.model.vision.file import POSITIONS, EyesFile
from oneseek.engine.model.vision.siglip import Tower, plan_tower

NUMBER_BYTES = 4  # a plain weight is float32 once it is loaded
SCALE_BYTES = 8  # of a group: a scale and a minimum


def look(where: Any) -> tuple[dict, ModelFile | None]:
    """Return a table of plain values, and the opened model where there is one; `why` says what is
    wrong with any other."""
    name, files = gather_files(where)
    told = {"name": name, "files": len(files), "bytes": 0, "kind": "", "title": ""}
    told |= {"architecture": "", "licence": "", "parameters": 0, "types": {}, "context": 0}
    told |= {"tokens": 0, "loaded_bytes": 0, "eyes": None, "loads": False, "why": ""}
    told |= {"why_kind": "", "why_what": ""}
    try:
        file = open_gathered(name, files)
    except FormatError as error:
        return told | describe_unopened(name, files) | refusal(error), None
    try:
        ChatTemplate(file.chat_template, file.special_tokens)
        Tokenizer(file.tokenizer_data)
    except (FormatError, TemplateError) as error:
        file.close()
        return told | describe(file) | refusal(error), None
    return told | describe(file) | {"loads": True}, file


def refusal(error: FormatError | TemplateError) -> dict:
    """Why not: in words for those who know models, and by a name for callers with other words."""
    kind, what = getattr(error, "kind", "template"), getattr(error, "what", "")
    return {"why": str(error), "why_kind": kind, "why_what": what}


def describe(file: ModelFile) -> dict:
    """Return the facts about an opened model."""
    specs = [file.spec(name) for name in file.names()]
    return {
        "name": file.name,
        "files": len(file.sources),
        "bytes": file.size,
        "kind": file.container,
        "title": words(file.metadata.get("general.name")),
        "architecture": file.architecture,
        "licence": words(file.metadata.get("general.license")),
        "parameters": sum(prod(spec.shape) for spec in specs),
        "types": dict(Counter(spec.kind.name for spec in specs).most_common()),
        "context": file.config["max_position_embeddings"],
        "tokens": len(file.tokenizer_data.tokens),
        "loaded_bytes": sum(count_loaded_bytes(spec) for spec in specs),
        "eyes": describe_eyes(file),
    }


def describe_eyes(file: ModelFile) -> dict | None:
    """The eyes beside a model: their file, and what they take in memory."""
    if file.eyes is None:
        return None
    return {"name": file.eyes.name, "parameters": file.eyes.parameters,
            "bytes": file.eyes.size, "loaded_bytes": eyes_bytes(file.eyes)}  # fmt: skip


def eyes_bytes(eyes: EyesFile) -> int:
    """Return the bytes that the eyes take once they are loaded, with those of encoding a tile."""
    return tower_bytes(eyes.tower, {name: eyes.describe_storage(name) for name in eyes.names()})


def estimate_eyes_bytes(row: dict) -> int:
    """Return the same for a row of models.json, whose matrices are packed in eight bits; 0 where it
    has none."""
    if "eyes" not in row:
        return 0
    tower, stored = Tower(**row["eyes"]["tower"]), {}
    for name, shape in tower.shapes().items():
        packed = len(shape) == 2 and name != POSITIONS
        matrix = (shape[0], prod(shape[1:])) if len(shape) > 2 else shape
        stored[name] = Stored(matrix, 8, 32) if packed else Stored(matrix)
    return tower_bytes(tower, stored)


def tower_bytes(tower: Tower, stored: dict[str, Stored]) -> int:
    return sum(map(count_loaded_bytes, stored.values())) + plan_tower(tower, stored).lower_bound


def count_loaded_bytes(spec: Any) -> int:
    """Return the bytes of a loaded weight: packed ones stay packed."""
    elements = prod(spec.shape)
    if not spec.bits:
        return elements * NUMBER_BYTES
    return elements * spec.bits // 8 + elements // spec.group * SCALE_BYTES


def describe_unopened(name: str, files: dict) -> dict:
    """Return the little that is known of a model that cannot be opened."""
    weights = sorted(file for file in files if file.endswith((".gguf", ".safetensors"))) or [*files]
    found = {"files": len(weights), "bytes": 0}
    for file in weights:
        try:
            source = files[file]()
        except FormatError:
            continue
        found["bytes"] += source.size
        try:
            found |= read_header(name, files, source) if file == weights[0] else {}
        except FormatError:
            pass  # why it cannot be opened is told already
        finally:
            source.close()
    return found


def read_header(name: str, files: dict, source: Any) -> dict:
    if source.size >= 4 and bytes(source.read(0, 4)) == b"GGUF":
        keys = gguf.read_metadata(source)
        size = words(keys.get("general.size_label"))
        return {
            "kind": "GGUF",
            "title": words(keys.get("general.name")) or size,
            "architecture": words(keys.get("general.architecture")),
            "licence": words(keys.get("general.license")),
        }
    if source.name.endswith(".safetensors") or "config.json" in files:
        config = safetensors.read_json(name, files, "config.json", required=False)
        return {"kind": "safetensors", "architecture": words(config.get("model_type"))}
    return {}


def words(value: Any) -> str:
    """Return a name that a file gives, if it is one."""
    return value[:200] if isinstance(value, str) else ""
