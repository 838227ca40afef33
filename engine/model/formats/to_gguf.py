"""The GGUF metadata of an opened model; a model that GGUF cannot describe exactly is refused."""

import numpy as np

from oneseek.engine.model.formats import architecture, vocabulary
from oneseek.engine.model.formats.gguf import Tensor
from oneseek.engine.model.formats.packed import TYPES
from oneseek.engine.model.formats.source import FormatError
from oneseek.engine.model.formats.vocabulary import (
    BYTE,
    BYTE_NAMES,
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
)
from oneseek.engine.model.formats.words import PRE_TOKENIZERS

# Our names of architectures -> GGUF's.
FAMILIES = {ours: theirs for theirs, ours in architecture.GGUF_KINDS.items()}
FAMILIES["mistral"] = "llama"
OF_PARTS = ("split.no", "split.count", "split.tensors.count")
SHARED = ("tokens", "merges", "pieces", "patterns", "whole_words", "normal_form", "space_prefix",
          "added", "special", "ends", "add_bos")  # fmt: skip


def kind_of(file):
    """Return the architecture of the file in GGUF, by our name of it."""
    return "llama" if file.architecture == "mistral" else file.architecture


def metadata_of(file, directory):
    """The keys for a file with this directory: a GGUF's own, or made of config and tokenizer."""
    if file.container == "GGUF":
        return {key: value for key, value in file.metadata.items() if key not in OF_PARTS}
    keys = {"general.name": file.name} | _of_config(file) | _of_words(file)
    if file.chat_template is not None:
        keys["tokenizer.chat_template"] = file.chat_template
    _check(file, keys, directory)
    return keys


def _of_config(file):
    config, family = file.config, FAMILIES.get(file.architecture, file.architecture)
    keys = {"general.architecture": family}
    for ours, (theirs, _, _) in architecture.SIZES.items():
        keys[f"{family}.{theirs}"] = config[ours]
    keys[f"{family}.attention.value_length"] = config["head_dim"]
    keys[f"{family}.attention.layer_norm_rms_epsilon"] = float(config["rms_norm_eps"])
    keys[f"{family}.rope.freq_base"] = float(config["rope_theta"])
    if to_gguf := getattr(architecture.OTHERS.get(file.architecture), "to_gguf", None):
        own = to_gguf(config)
        keys |= {f"{family}.{key}": value for key, value in own.items()}
    if file.architecture == "gemma3_text":
        keys[f"{family}.attention.sliding_window"] = config["sliding_window"]
        keys[f"{family}.rope.freq_base_swa"] = float(config["rope_local_base_freq"])
    scaling = config["rope_scaling"] or {}
    if scaling.get("rope_type") == "linear":
        keys[f"{family}.rope.scaling.type"] = "linear"
        keys[f"{family}.rope.scaling.factor"] = float(scaling["factor"])
    return keys


def rope_factors(file):
    """Llama 3's scaling as GGUF keeps it, a divisor for each rotary pair; None without one."""
    scaling = file.config["rope_scaling"]
    if scaling is None or scaling.get("rope_type") == "linear":
        return None
    plain = architecture.inverse_frequencies(file.config | {"rope_scaling": None})
    return (plain / architecture.inverse_frequencies(file.config)).astype(np.float32)


def _of_words(file):
    words = file.tokenizer_data
    fillers = [f"[PAD{id}]" for id in range(len(words.tokens), file.config["vocab_size"])]
    tokens = [f"[PAD{id}]" if one is None else one for id, one in enumerate(words.tokens)]
    types = np.array([_type(words, id) for id in range(len(tokens))], np.int32)
    keys = {
        "tokenizer.ggml.tokens": tokens + fillers,
        "tokenizer.ggml.token_type": np.append(types, np.full(len(fillers), UNUSED, np.int32)),
        "tokenizer.ggml.add_bos_token": words.add_bos,
    }
    for theirs, ours in (("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("padding", "pad")):
        if f"{ours}_token" in words.names:
            keys[f"tokenizer.ggml.{theirs}_token_id"] = words.names[f"{ours}_token"]
    others = sorted(words.ends - {words.names.get("eos_token")})
    if others:
        keys["tokenizer.ggml.eot_token_id"] = others[0]
    if words.pieces:
        ranks = {}
        for rank, pair in enumerate(words.merges):
            ranks.setdefault("".join(pair), -float(rank))
        scores = [ranks.get(token, 0.0) for token in tokens + fillers]
        more = {"scores": np.array(scores, np.float32), "add_space_prefix": words.space_prefix}
        return keys | {"tokenizer.ggml.model": "llama"} | prefix_keys(more)
    rule = words.patterns, words.whole_words, words.normal_form
    pre = next((name for name, known in PRE_TOKENIZERS.items() if known == rule), None)
    if pre is None:
        raise FormatError(file.name, "GGUF has no name for the pre-tokenizer of this model")
    more = {"pre": pre, "merges": [" ".join(pair) for pair in words.merges]}
    return keys | {"tokenizer.ggml.model": "gpt2"} | prefix_keys(more)


def prefix_keys(keys):
    return {f"tokenizer.ggml.{key}": value for key, value in keys.items()}


def _type(words, id):
    token = words.tokens[id]
    if token is None:
        return UNUSED
    if id in words.special:
        return CONTROL if token in words.added else UNKNOWN
    if token in words.added:
        return USER_DEFINED
    return BYTE if words.pieces and token in BYTE_NAMES else NORMAL


def _check(file, keys, directory):
    """Check that it is the same model when read back; numbers may lose what float32 cannot hold."""
    found = architecture.config_from_gguf(file.name, keys, directory)
    kind = kind_of(file)
    expected = file.config | {"model_type": kind, "architectures": found["architectures"]}
    loose = ("rope_scaling", "bos_token_id", "eos_token_id", "sliding_window")
    loose = loose if kind != "gemma3_text" else loose[:3]
    for key in expected.keys() & found.keys() - set(loose):
        if not _same(expected[key], found[key]):
            raise FormatError(file.name, f"GGUF cannot say that its {key} is {expected[key]!r:.80}")
    if rope_factors(file) is not None and kind != "llama":
        raise FormatError(file.name, "GGUF has no such rope scaling for this architecture")
    words, again = file.tokenizer_data, vocabulary.from_gguf(file.name, keys)
    again.tokens = again.tokens[: len(words.tokens)]
    for name in SHARED:
        ours, theirs = getattr(words, name), getattr(again, name)
        if name == "tokens":
            ours = [f"[PAD{id}]" if one is None else one for id, one in enumerate(ours)]
        if ours != theirs:
            raise FormatError(file.name, f"its tokenizer cannot be kept in GGUF ({name} differ)")


def _same(ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return np.float32(ours) == np.float32(theirs)
    return ours == theirs


def directory_of(tensors):
    """Return tensors that are still to be written, as far as a configuration needs them."""
    return {
        name: Tensor(name, shape, TYPES[kind], 0, None)
        for name, (kind, shape, _) in tensors.items()
    }
