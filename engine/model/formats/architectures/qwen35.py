"""Qwen 3.5 in files: which layers are delta nets, the sizes of these, and GGUF's order of their
value heads.

Hugging Face groups value heads by the key head that they share; GGUF has the first of each group,
then the second of each, and so on.
"""

import numpy as np

from oneseek.engine.model.formats import architectures
from oneseek.engine.model.formats.architectures import GLOBAL, check_layers
from oneseek.engine.model.formats.source import FormatError

ACTIVATION, DELTA = "silu", "linear_attention"
MOST = 512  # layers
PARTS = {theirs: ours for theirs, ours in architectures.PARTS.items() if theirs != "ffn_norm"} | {
    "post_attention_norm": "post_attention_layernorm",
    "attn_qkv": "linear_attn.in_proj_qkv",
    "attn_gate": "linear_attn.in_proj_z",
    "ssm_beta": "linear_attn.in_proj_b",
    "ssm_alpha": "linear_attn.in_proj_a",
    "ssm_conv1d": "linear_attn.conv1d",
    "ssm_norm": "linear_attn.norm",
    "ssm_out": "linear_attn.out_proj",
}
WHOLE = architectures.WHOLE
ALONE = {"ssm_a": "linear_attn.A_log", "ssm_dt.bias": "linear_attn.dt_bias"}  # no weight, no stem
SIZES = {  # config.json key -> (GGUF key, highest)
    "linear_conv_kernel_dim": ("ssm.conv_kernel", 16),
    "linear_key_head_dim": ("ssm.state_size", 256),
    "linear_num_key_heads": ("ssm.group_count", 1 << 10),
    "linear_num_value_heads": ("ssm.time_step_rank", 1 << 10),
}
INNER = "ssm.inner_size"  # of all value heads


def kinds_of(layers, every):
    """Return the kinds of the layers: the last of every so many has attention."""
    return [DELTA if (i + 1) % every else GLOBAL for i in range(layers)]


def from_gguf(get):
    found = {ours: get(theirs) for ours, (theirs, _) in SIZES.items()}
    heads, inner = found["linear_num_value_heads"], get(INNER)
    counted = type(heads) is int and heads > 0 and type(inner) is int
    layers, every = get("block_count"), get("full_attention_interval", 4)
    known = type(layers) is int and type(every) is int and 0 < layers <= MOST and every > 0
    turned, width = get("rope.dimension_count"), get("attention.key_length")
    more = get("nextn_predict_layers", 0)  # layers that predict further tokens
    return found | {
        "num_hidden_layers": layers - more if known and type(more) is int else layers,
        "linear_value_head_dim": inner // heads if counted else None,
        "layer_types": kinds_of(layers - more, every) if known and type(more) is int else None,
        "partial_rotary_factor": turned / width if turned and width else None,
    }


def to_gguf(config):
    """Return the inverse of `from_gguf`."""
    kinds = config["layer_types"]
    return {theirs: config[ours] for ours, (theirs, _) in SIZES.items()} | {
        INNER: config["linear_num_value_heads"] * config["linear_value_head_dim"],
        "full_attention_interval": kinds.index(GLOBAL) + 1 if GLOBAL in kinds else len(kinds) + 1,
        "rope.dimension_count": int(config["head_dim"] * config["partial_rotary_factor"]),
    }


def from_json(name, data, rope, near):
    kinds, layers = data.get("layer_types"), data.get("num_hidden_layers")
    every = data.get("full_attention_interval", 4)
    if kinds is None and type(layers) is int and type(every) is int and every > 0:
        kinds = kinds_of(min(layers, MOST), every)
    usual = (4, 128, 16, 32)
    found = {key: data.get(key, one) for key, one in zip(SIZES, usual, strict=True)}
    return found | {
        "linear_value_head_dim": data.get("linear_value_head_dim", 128),
        "layer_types": kinds,
        "partial_rotary_factor": rope.get(
            "partial_rotary_factor", data.get("partial_rotary_factor", 0.25)
        ),
        "attention_bias": data.get("attention_bias", False),
    }


def check(name, config):
    """Refuse what no Qwen 3.5 has, or what is not supported."""
    check_layers(name, config, DELTA)
    for key, most in [(key, most) for key, (_, most) in SIZES.items()] + [
        ("linear_value_head_dim", 256)
    ]:
        value = config.get(key)
        if type(value) is not int or not 1 <= value <= most:
            raise FormatError(name, f"{key} is {value!r}; it must be from 1 to {most}")
    keys, values = config["linear_num_key_heads"], config["linear_num_value_heads"]
    sides = config["linear_key_head_dim"], config["linear_value_head_dim"]
    if values % keys or sides[0] % 4 or sides[1] % 4:
        raise FormatError(
            name, f"{values} heads for values of {sides[1]} with {keys} of {sides[0]} do not divide"
        )
    factor = config.get("partial_rotary_factor")
    if type(factor) not in (int, float) or not 0 < factor <= 1:
        raise FormatError(name, f"partial_rotary_factor is {factor!r}; it lies between 0 and 1")
    turned = int(config["head_dim"] * factor)
    if not turned or turned % 4:
        raise FormatError(name, f"positions cannot turn {turned} columns of a head")
    if config.pop("attention_bias", False):
        raise FormatError(name, "attention with biases is not supported", kind="unsupported")


def of_no_use(name, config):
    """Whether a tensor belongs to layers that predict further tokens, or to eyes."""
    layer = name.split(".")[1] if name.startswith("blk.") else ""
    if layer.isdecimal() and len(layer) < 5:
        return int(layer) >= config["num_hidden_layers"]
    return name.startswith(("mtp.", "model.visual."))


def order_of(name, config):
    """Return (the axis, the order) that turn GGUF's layout of a tensor into ours; None where they
    are the same."""
    part, heads = name.split(".", 3)[-1], config["linear_num_value_heads"]
    groups = config["linear_num_key_heads"]
    if not part.startswith("linear_attn.") or heads == groups or part.endswith("norm.weight"):
        return None
    wide = config["linear_value_head_dim"]
    first, side, each = 0, 0, wide
    if part.split(".")[1] in ("in_proj_qkv", "conv1d"):
        first = 2 * groups * config["linear_key_head_dim"]
    elif part.split(".")[1] == "out_proj":
        side = 1
    elif part.split(".")[1] != "in_proj_z":
        each = 1
    places = np.arange(heads * each).reshape(heads // groups, groups, each).swapaxes(0, 1)
    return side, np.concatenate([np.arange(first), first + places.reshape(-1)])
