"""The known architectures, and how GGUF's keys and tensor names map to those of Hugging Face.

`oneseek.engine.model.llama.Config.shapes` says which tensors a configuration calls for, and with
which shapes. What only the files of one family have is in a module of `architectures`.
"""

import math
import re

import numpy as np

from oneseek.engine.model.formats.architectures import PARTS, WHOLE, gemma3, lfm2, qwen35
from oneseek.engine.model.formats.source import FormatError

# model_type of config.json -> the class name it also has there
ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "lfm2": "Lfm2ForCausalLM",
    "qwen3_5_text": "Qwen3_5ForCausalLM",
}
GGUF_KINDS = {"gemma3": "gemma3_text", "qwen35": "qwen3_5_text"}  # GGUF's other names

# those that are no Llama with other settings
OTHERS = {"gemma3_text": gemma3, "lfm2": lfm2, "qwen3_5_text": qwen35}

# config.json key -> (GGUF key, lowest, highest)
SIZES = {
    "num_hidden_layers": ("block_count", 1, 512),
    "hidden_size": ("embedding_length", 1, 1 << 16),
    "intermediate_size": ("feed_forward_length", 1, 1 << 18),
    "num_attention_heads": ("attention.head_count", 1, 1 << 10),
    "num_key_value_heads": ("attention.head_count_kv", 1, 1 << 10),
    "head_dim": ("attention.key_length", 2, 1 << 12),
    "max_position_embeddings": ("context_length", 1, 1 << 24),
    "vocab_size": ("vocab_size", 1, 1 << 20),
}


LAYER = re.compile(r"blk\.(\d{1,4})\.([\w.]+)")


def parts_of(kind):
    """Return GGUF's names of a layer's parts in one architecture."""
    return OTHERS[kind].PARTS if kind in OTHERS else PARTS


def whole_of(kind):
    """Return GGUF's names of the tensors outside the layers."""
    return OTHERS[kind].WHOLE if kind in OTHERS else WHOLE


def alone_of(kind):
    """Return GGUF's names of a layer's parts that have one tensor, which has no name of its own."""
    return getattr(OTHERS.get(kind), "ALONE", {})


def of_no_use(name, config):
    """Whether a tensor of a file is for something that is not supported here."""
    needless = getattr(OTHERS.get(config["model_type"]), "of_no_use", None)
    return bool(needless and needless(name, config))


def from_gguf_name(name, kind="llama"):
    """`blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`; None for a name that is
    not known."""
    stem, _, leaf = name.rpartition(".")
    if stem in whole_of(kind):
        return f"{whole_of(kind)[stem]}.{leaf}"
    if (whole := LAYER.fullmatch(name)) and whole[2] in alone_of(kind):
        return f"model.layers.{whole[1]}.{alone_of(kind)[whole[2]]}"
    match = LAYER.fullmatch(stem)
    parts = parts_of(kind)
    if match and match[2] in parts:
        return f"model.layers.{match[1]}.{parts[match[2]]}.{leaf}"
    return None


def to_gguf_name(name, kind="llama"):
    """The other way: `model.layers.3.self_attn.q_proj.weight` -> `blk.3.attn_q.weight`."""
    stem, _, leaf = name.rpartition(".")
    whole = {ours: theirs for theirs, ours in whole_of(kind).items()}
    if stem in whole:
        return f"{whole[stem]}.{leaf}"
    alone = {ours: theirs for theirs, ours in alone_of(kind).items()}
    if ".layers." in name and (own := name.split(".", 3))[3] in alone:
        return f"blk.{own[2]}.{alone[own[3]]}"
    _, _, layer, part = stem.split(".", 3)
    theirs = {hugging_face: gguf for gguf, hugging_face in parts_of(kind).items()}
    return f"blk.{layer}.{theirs[part]}.{leaf}"


def activation_of(kind):
    """Return the name of the feed-forward part's activation."""
    return OTHERS[kind].ACTIVATION if kind in OTHERS else "silu"


def half_split_rows(heads, rows):
    """The order that takes q or k rows from Llama's GGUF (rotary pairs side by side) to halves."""
    return np.arange(rows).reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1)


def is_less_one(name, config):
    """Whether safetensors store this gain less one."""
    kind = config["model_type"]
    if kind not in ("gemma3_text", "qwen3_5_text") or not name.endswith("norm.weight"):
        return False
    return not name.endswith("linear_attn.norm.weight")


def order_of(name, shape, config):
    """Return the side of a tensor and the order that turn GGUF's layout into ours; None where they
    are the same."""
    kind = config["model_type"]
    if kind == "llama":
        counts = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
        heads = counts.get(name.split(".")[-2])
        return heads and (0, half_split_rows(config[heads], shape[0]))
    order = getattr(OTHERS.get(kind), "order_of", None)
    return order and order(name, config)


def interleave_rows(heads, rows):
    """The inverse order, for writing GGUF."""
    return np.arange(rows).reshape(heads, 2, -1).swapaxes(1, 2).reshape(-1)


def config_from_gguf(name, metadata, directory):
    """Return config.json's keys from GGUF metadata and the tensors there are."""
    family = metadata.get("general.architecture")
    kind = GGUF_KINDS.get(family, family) if isinstance(family, str) else family
    check_architecture(name, kind)

    def get(key, default=None):
        return metadata.get(f"{family}.{key}", default)

    if get("expert_count"):
        what = "a mixture of experts"
        raise FormatError(name, f"{kind} with {what} is not supported", kind="unsupported")
    config = {"model_type": kind, "architectures": [ARCHITECTURES[kind]]}
    for key, (theirs, _, _) in SIZES.items():
        config[key] = get(theirs)
    embedding = directory.get("token_embd.weight")
    if embedding is not None:
        config["vocab_size"] = embedding.shape[0]
    config |= {
        "rms_norm_eps": get("attention.layer_norm_rms_epsilon"),
        "rope_theta": get("rope.freq_base", 10000.0),
        "rope_scaling": _gguf_scaling(get),
        "sliding_window": get("attention.sliding_window"),
        "tie_word_embeddings": "output.weight" not in directory,
        "hidden_act": activation_of(kind),
        "bos_token_id": metadata.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": metadata.get("tokenizer.ggml.eos_token_id"),
    }
    if kind in OTHERS:
        config |= OTHERS[kind].from_gguf(get)
    config = check_config(name, config)
    if get("rope.dimension_count", rotary_size(config)) != rotary_size(config):
        reason = "rotary positions on a part of each head are not supported"
        raise FormatError(name, reason, kind="unsupported")
    return config


def _gguf_scaling(get):
    kind = get("rope.scaling.type", "none")
    if kind == "none":
        return None
    return {
        "rope_type": kind,
        "factor": get("rope.scaling.factor", 1.0),
        "original_max_position_embeddings": get("rope.scaling.original_context_length"),
    }


def config_from_json(name, data):
    """Return the same keys from a config.json of any transformers version."""
    if not isinstance(data, dict):
        raise FormatError(name, "config.json is not an object")
    data = data.get("text_config") or data
    kind = data.get("model_type")
    check_architecture(name, kind)
    rope = data.get("rope_parameters") or data.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise FormatError(name, f"rope_scaling {rope!r} is not an object")
    near = rope.get("sliding_attention") or {}
    rope = rope.get("full_attention") or rope
    if not isinstance(near, dict) or not isinstance(rope, dict):
        raise FormatError(name, f"rope_parameters {rope!r} is not an object")
    rope = {"rope_type": rope.get("type", "default")} | rope
    window = data.get("sliding_window")
    if kind.startswith("qwen") and not data.get("use_sliding_window"):
        window = None
    config = {key: data.get(key) for key in SIZES}
    config |= {
        "model_type": kind,
        "architectures": [ARCHITECTURES[kind]],
        "rms_norm_eps": data.get("rms_norm_eps", 1e-6),
        "rope_theta": rope.get("rope_theta", data.get("rope_theta", 10000.0)),
        "rope_scaling": None if rope["rope_type"] == "default" else rope,
        "sliding_window": window,
        "tie_word_embeddings": bool(data.get("tie_word_embeddings", False)),
        "hidden_act": data.get("hidden_act", "silu"),
        "bos_token_id": data.get("bos_token_id"),
        "eos_token_id": data.get("eos_token_id"),
    }
    if kind in OTHERS:
        config |= OTHERS[kind].from_json(name, data, rope, near)
    return check_config(name, config)


def check_architecture(name, kind):
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise FormatError(
            name,
            f"the architecture {kind!r} is not supported; {', '.join(ARCHITECTURES)} are",
            kind="architecture",
            what=kind if isinstance(kind, str) else "?",
        )


def check_config(name, config):
    """Fill what may be left out and refuse numbers no such model has."""
    config = dict(config)
    heads = config["num_attention_heads"]
    if config["num_key_value_heads"] is None:
        config["num_key_value_heads"] = heads
    if config["head_dim"] is None and type(heads) is int and type(config["hidden_size"]) is int:
        config["head_dim"] = config["hidden_size"] // max(heads, 1)
    for key, (theirs, low, high) in SIZES.items():
        value = config[key]
        if type(value) is not int or not low <= value <= high:
            raise FormatError(
                name, f"{key} ({theirs}) is {value!r}; it must be from {low} to {high}"
            )
    if config["head_dim"] % 2 or heads % config["num_key_value_heads"]:
        raise FormatError(
            name,
            f"{heads} heads of {config['head_dim']} with {config['num_key_value_heads']} for keys "
            "do not divide",
        )
    for key in ("rms_norm_eps", "rope_theta"):
        value = config[key]
        if type(value) not in (int, float) or not 0 < value < math.inf:
            raise FormatError(name, f"{key} is {value!r}; a positive number is needed")
    kind = config["model_type"]
    if config["hidden_act"] != activation_of(kind):
        reason = f"the activation {config['hidden_act']!r} is not supported"
        raise FormatError(name, reason, kind="unsupported")
    window = config["sliding_window"]
    if kind in OTHERS:
        OTHERS[kind].check(name, config)
    elif type(window) is int and window > 0:  # within the window attention is the ordinary one
        config["max_position_embeddings"] = min(config["max_position_embeddings"], window)
    inverse_frequencies(config, name)
    return config


def rotary_size(config):
    """Return how many columns of a head the rotary embedding turns."""
    return int(config["head_dim"] * config.get("partial_rotary_factor", 1))


def local_frequencies(config):
    """Return the same for Gemma's local layers: a base of their own and no scaling."""
    plain = {"rope_theta": config["rope_local_base_freq"], "rope_scaling": None}
    return inverse_frequencies(config | plain)


def inverse_frequencies(config, name="config"):
    """Return the radians a position adds to each rotary pair, float64 [half of the columns that are
    turned], with the model's scaling."""
    size = rotary_size(config)
    plain = 1.0 / config["rope_theta"] ** (np.arange(0, size, 2) / size)
    scaling = config["rope_scaling"]
    if scaling is None:
        return plain
    try:
        return plain / _rope_factors(plain, scaling)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise FormatError(name, f"rope scaling {scaling!r} cannot be used ({error!r})") from error


def _rope_factors(plain, scaling):
    if "factors" in scaling:
        factors = np.asarray(scaling["factors"], np.float64)
        if factors.shape != plain.shape or not (np.isfinite(factors) & (factors > 0)).all():
            raise ValueError(f"{plain.size} positive factors are needed")
        return factors
    factor = float(scaling["factor"])
    if not 0 < factor < math.inf:
        raise ValueError("the factor must be positive")
    if scaling["rope_type"] == "linear":
        return np.full(plain.shape, factor)
    if scaling["rope_type"] != "llama3":
        raise ValueError("linear and llama3 are supported")
    low, high = float(scaling["low_freq_factor"]), float(scaling["high_freq_factor"])
    turns = scaling["original_max_position_embeddings"] * plain / (2 * np.pi)
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    return 1 / ((1 - smooth) / factor + smooth)
