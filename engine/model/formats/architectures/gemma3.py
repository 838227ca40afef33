"""Gemma 3 in files: which layers are local, the size of their window, four norms a layer."""

from oneseek.engine.model.formats import architectures
from oneseek.engine.model.formats.architectures import GLOBAL, check_layers
from oneseek.engine.model.formats.source import FormatError

ACTIVATION, LOCAL = "gelu_pytorch_tanh", "sliding_attention"
CHECKED = (  # only read to refuse what is not supported
    "sliding_window_pattern",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "use_bidirectional_attention",
)
KEYS = ("layer_types", "sliding_window", "query_pre_attn_scalar", *CHECKED)
PARTS = architectures.PARTS | {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
WHOLE = architectures.WHOLE


def from_gguf(get):
    return {
        "rope_local_base_freq": get("rope.freq_base_swa", 10000.0),
        "attn_logit_softcapping": get("attn_logit_softcapping"),
        "final_logit_softcapping": get("final_logit_softcapping"),
    }


def from_json(name, data, rope, near):
    base = near.get("rope_theta", data.get("rope_local_base_freq", 10000.0))
    return {key: data.get(key) for key in KEYS} | {
        "rope_theta": rope.get("rope_theta", data.get("rope_theta", 1e6)),
        "rope_local_base_freq": base,
        "tie_word_embeddings": bool(data.get("tie_word_embeddings", True)),
        "hidden_act": data.get("hidden_activation", ACTIVATION),
    }


def check(name, config):
    """Fill what may be left out, and refuse what no Gemma has or what is not supported."""
    layers = config["num_hidden_layers"]
    if config.get("layer_types") is None:
        every = config.get("sliding_window_pattern") or 6
        if type(every) is not int or every < 1:
            raise FormatError(name, f"sliding_window_pattern is {every!r}")
        config["layer_types"] = [LOCAL if (i + 1) % every else GLOBAL for i in range(layers)]
    check_layers(name, config, LOCAL)
    if config.get("query_pre_attn_scalar") is None:
        config["query_pre_attn_scalar"] = config["head_dim"]
    for key in ("sliding_window", "query_pre_attn_scalar", "rope_local_base_freq"):
        value = config[key]
        if type(value) not in (int, float) or not 0 < value < 1 << 30:
            raise FormatError(name, f"{key} is {value!r}; a positive number is needed")
    if type(config["sliding_window"]) is not int:
        raise FormatError(name, f"sliding_window is {config['sliding_window']!r}")
    for key in ("attn_logit_softcapping", "final_logit_softcapping"):
        if config.get(key) is not None:
            raise FormatError(name, f"{key} is not supported", kind="unsupported")
    if config.get("use_bidirectional_attention"):
        reason = "attention that also looks ahead is not supported"
        raise FormatError(name, reason, kind="unsupported")
    for key in CHECKED:
        config.pop(key, None)
