"""LFM2 in files: which layers are convolutions, how many tokens these read, names of its own."""

import numpy as np

from oneseek.engine.model.formats.architectures import GLOBAL, check_layers
from oneseek.engine.model.formats.source import FormatError

ACTIVATION, CONV = "silu", "conv"
MOST = 512  # layers
PARTS = {
    "attn_norm": "operator_norm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_layernorm",
    "attn_k_norm": "self_attn.k_layernorm",
    "attn_output": "self_attn.out_proj",
    "shortconv.in_proj": "conv.in_proj",
    "shortconv.conv": "conv.conv",
    "shortconv.out_proj": "conv.out_proj",
    "ffn_norm": "ffn_norm",
    "ffn_gate": "feed_forward.w1",
    "ffn_up": "feed_forward.w3",
    "ffn_down": "feed_forward.w2",
}
WHOLE = {  # most files name the last norm as if it followed the embedding
    "token_embd": "model.embed_tokens",
    "output_norm": "model.embedding_norm",
    "token_embd_norm": "model.embedding_norm",
    "output": "lm_head",
}


def from_gguf(get):
    """Return its settings. Key-value heads are counted layer by layer: a layer with none is a
    convolution."""
    heads = get("attention.head_count_kv")
    heads = heads.tolist() if isinstance(heads, np.ndarray) else []
    return {
        "num_key_value_heads": max((one for one in heads if one), default=None),
        "layer_types": [GLOBAL if one else CONV for one in heads],
        "conv_L_cache": get("shortconv.l_cache"),
    }


def to_gguf(config):
    """Return the inverse of `from_gguf`."""
    heads = config["num_key_value_heads"]
    counts = [heads * (kind != CONV) for kind in config["layer_types"]]
    return {
        "attention.head_count_kv": np.array(counts, np.int32),
        "shortconv.l_cache": config["conv_L_cache"],
    }


def from_json(name, data, rope, near):
    kinds, layers = data.get("layer_types"), data.get("num_hidden_layers")
    attending = data.get("full_attn_idxs")
    if kinds is None and isinstance(attending, list) and type(layers) is int:
        kinds = [GLOBAL if i in attending else CONV for i in range(min(layers, MOST))]
    tied = data.get("tie_word_embeddings", data.get("tie_embedding", True))
    return {
        "intermediate_size": compute_intermediate_size(name, data),
        "layer_types": kinds,
        "conv_L_cache": data.get("conv_L_cache", 3),
        "conv_bias": data.get("conv_bias", False),
        "rms_norm_eps": data.get("norm_eps", 1e-5),
        "rope_theta": rope.get("rope_theta", data.get("rope_theta", 1e6)),
        "tie_word_embeddings": bool(tied),
    }


def compute_intermediate_size(name, data):
    """Return the width of the feed-forward part: two thirds of the given one, in whole blocks."""
    hidden = data.get("block_ff_dim", data.get("intermediate_size"))
    if not data.get("block_auto_adjust_ff_dim", True):
        return hidden
    every, times = data.get("block_multiple_of", 256), data.get("block_ffn_dim_multiplier", 1.0)
    for key, value in (("block_ff_dim", hidden), ("block_multiple_of", every)):
        if type(value) is not int or not 1 <= value <= 1 << 20:
            raise FormatError(name, f"{key} is {value!r}; a whole number is needed")
    if type(times) not in (int, float) or not 0 < times < 1 << 10:
        raise FormatError(name, f"block_ffn_dim_multiplier is {times!r}")
    return -(-int(times * int(2 * hidden / 3)) // every) * every


def check(name, config):
    """Refuse what no LFM2 has, or what is not supported."""
    check_layers(name, config, CONV)
    taps = config.get("conv_L_cache")
    if type(taps) is not int or not 1 <= taps <= 16:
        raise FormatError(name, f"conv_L_cache is {taps!r}; it must be from 1 to 16")
    if config.pop("conv_bias", False):
        reason = "convolutions with a bias are not supported"
        raise FormatError(name, reason, kind="unsupported")
    config |= {"norm_eps": config["rms_norm_eps"], "block_auto_adjust_ff_dim": False}
