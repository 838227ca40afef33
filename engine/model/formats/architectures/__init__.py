"""What only the files of one family have: names, keys and checks, a module a family.

Each has PARTS and WHOLE (GGUF's names of its tensors), ACTIVATION, `from_gguf(get)` and
`from_json(name, data, rope, near)` (its own keys of a configuration) and `check(name, config)`;
where its files ask for them, ALONE, `to_gguf(config)`, `order_of(name, config)` and
`of_no_use(name, config)`.
"""

from oneseek.engine.model.formats.source import FormatError

GLOBAL = "full_attention"
# GGUF name of a layer's part -> Hugging Face's.
PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def check_layers(name, config, other):
    """Check that each layer has full attention, or is of the other kind that its architecture
    has."""
    kinds, layers = config.get("layer_types"), config["num_hidden_layers"]
    known = isinstance(kinds, list) and all(kind in (other, GLOBAL) for kind in kinds)
    if not known or len(kinds) != layers:
        raise FormatError(name, f"layer_types does not name one of two kinds for {layers} layers")
