"""Eyes in a folder of safetensors (Idefics 3, SmolVLM): their weights lie among those of the
language model, their sizes in `config.json`, the preparation of pictures in
`preprocessor_config.json`."""

from __future__ import annotations

import re
from typing import Any

from oneseek.engine.model.vision.file import EyesFile, read_sizes

LANGUAGE = re.compile(r"^model\.(text_model|language_model)\.")
VISION, CONNECTOR = "model.vision_model.", "model.connector."
WHOLE = {
    "model.vision_model.embeddings.patch_embedding": "v.patch_embd",
    "model.vision_model.embeddings.position_embedding": "v.position_embd",
    "model.vision_model.post_layernorm": "v.post_ln",
    "model.connector.modality_projection.proj": "mm.model.fc",
}
PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.out_proj": "attn_out",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "layer_norm1": "ln1",
    "layer_norm2": "ln2",
}
LAYER = re.compile(r"model\.vision_model\.encoder\.layers\.(\d{1,4})\.([\w.]+)")
# config.json's names, with the defaults of transformers.
SIZES: dict[str, tuple[str, Any]] = {
    "image_size": ("image_size", 224),
    "patch_size": ("patch_size", 32),
    "embedding_length": ("hidden_size", 1152),
    "feed_forward_length": ("intermediate_size", 3072),
    "block_count": ("num_hidden_layers", 12),
    "attention.head_count": ("num_attention_heads", 16),
    "attention.layer_norm_epsilon": ("layer_norm_eps", 1e-6),
}
HALF = (0.5, 0.5, 0.5)


def name_of(theirs: str) -> str:
    """Return llama.cpp's name of a weight of the eyes; an unknown name stays as it is."""
    stem, _, leaf = theirs.rpartition(".")
    if stem in WHOLE:
        return f"{WHOLE[stem]}.{leaf}"
    layer = LAYER.fullmatch(stem)
    if layer and layer[2] in PARTS:
        return f"v.blk.{layer[1]}.{PARTS[layer[2]]}.{leaf}"
    return theirs


def divide(entries: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of the language model under the names of one without eyes, and those of
    the eyes under llama.cpp's names."""
    language, eyes = {}, {}
    for name, entry in entries.items():
        if name.startswith((VISION, CONNECTOR)):
            eyes[name_of(name)] = entry
        else:
            language[LANGUAGE.sub("model.", name)] = entry
    return language, eyes


def eyes_of(name: str, config: dict, taken: dict, entries: dict, words: int) -> EyesFile:
    """Return those of a folder, from its two files of settings and its weights."""
    sizes, metadata = config.get("vision_config"), {"general.architecture": "clip"}
    sizes = sizes if isinstance(sizes, dict) else {}
    longest = taken.get("size")
    told = {
        "projector_type": "idefics3",
        "projection_dim": words,
        "projector.scale_factor": config.get("scale_factor", 2),
        "image_mean": taken.get("image_mean", HALF),
        "image_std": taken.get("image_std", HALF),
        "preproc_image_size": longest.get("longest_edge") if isinstance(longest, dict) else None,
    }
    told |= {theirs: sizes.get(ours, usual) for theirs, (ours, usual) in SIZES.items()}
    metadata |= {f"clip.vision.{key}": value for key, value in told.items()}
    return EyesFile(name, *read_sizes(name, metadata), entries, words)
