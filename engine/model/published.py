"""Makes the files beside a folder's weights from a model of any format: its configuration, its
tokenizer as the `tokenizers` library reads it, and its chat template."""

from __future__ import annotations

import json

from oneseek.engine.model.formats.model_file import ModelFile
from oneseek.engine.model.formats.vocabulary import SPACE, Vocabulary


def beside_weights(file: ModelFile) -> dict[str, bytes]:
    """Return the files by their names."""
    words = file.tokenizer_data
    named = {name: words.tokens[id] for name, id in words.names.items()}
    settings = {**named, "tokenizer_class": "PreTrainedTokenizerFast"}
    if file.chat_template:
        settings["chat_template"] = file.chat_template
    made = {
        "config.json": file.config,
        "generation_config.json": {"eos_token_id": sorted(words.ends)},
        "tokenizer.json": tokenizer(words),
        "tokenizer_config.json": settings,
    }
    return {
        name: json.dumps(one, ensure_ascii=False, indent=1).encode() for name, one in made.items()
    }


def tokenizer(words: Vocabulary) -> dict:
    """Return a vocabulary as tokenizer.json holds it."""
    added = [
        {"id": id, "content": token, "special": id in words.special, "normalized": False,
         "single_word": False, "lstrip": False, "rstrip": False}
        for token, id in sorted(words.added.items(), key=lambda one: one[1])
    ]  # fmt: skip
    model = {
        "type": "BPE",
        "vocab": {token: id for id, token in enumerate(words.tokens) if token is not None},
        "merges": [list(pair) for pair in words.merges],
        "unk_token": words.tokens[words.names["unk_token"]] if _knows_unknown(words) else None,
        "byte_fallback": words.pieces,
        "fuse_unk": words.pieces,
        "ignore_merges": words.whole_words,
        "dropout": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
    }
    cut = _pieces(words) if words.pieces else _bytes(words)
    begin = _begin(words) if words.add_bos else None
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            **cut, "post_processor": begin, "model": model}  # fmt: skip


def _knows_unknown(words: Vocabulary) -> bool:
    return words.pieces and "unk_token" in words.names


def _sequence(key: str, steps: list[dict]) -> dict:
    return {"type": "Sequence", key: steps}


def _bytes(words: Vocabulary) -> dict:
    """Return how text is split and joined where tokens are spelled in bytes."""
    level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    cuts = [
        {"type": "Split", "pattern": {"Regex": one}, "behavior": "Isolated", "invert": False}
        for one in words.patterns
    ]
    normal = {"type": words.normal_form} if words.normal_form else None
    steps = _sequence("pretokenizers", [*cuts, level])
    return {"normalizer": normal, "pre_tokenizer": steps, "decoder": level}


def _pieces(words: Vocabulary) -> dict:
    """Return the same where tokens are pieces of text with a mark for each space."""
    space = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    prefix = [{"type": "Prepend", "prepend": SPACE}] * words.space_prefix
    back = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] * words.space_prefix
    joined = [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]
    return {"normalizer": _sequence("normalizers", [*prefix, space]), "pre_tokenizer": None,
            "decoder": _sequence("decoders", joined)}  # fmt: skip


def _begin(words: Vocabulary) -> dict:
    """Return what puts the first token before every text."""
    id = words.names["bos_token"]
    token = words.tokens[id]
    first = {"SpecialToken": {"id": token, "type_id": 0}}
    one, other = ({"Sequence": {"id": name, "type_id": at}} for at, name in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": [first, one],
        "pair": [first, one, other],
        "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]}},
    }
