"""Inputs and names of the golden files: what independent implementations computed of them."""

from pathlib import Path

from oneseek.engine.model.formats.packed import TYPES

FOLDER = Path(__file__).parent
IDS = [256, *b"user\nHej, vad heter du?", 257, 198, *range(260, 277)]
POSITIONS = [0, 1, 7, 20, len(IDS) - 1]
WEIGHT = "model.layers.0.mlp.gate_proj.weight"
# (variant, stored type, container)
CASES = [
    *(("llama", kind, "gguf") for kind in TYPES),
    ("linear", "F16", "gguf"),
    ("qwen2", "Q8_0", "gguf"),
    ("qwen2", "Q4_K", "gguf"),
    ("qwen3", "Q4_1", "gguf"),
    ("qwen3", "Q6_K", "gguf"),
    ("llama", "F32", "safetensors"),
    ("llama3", "BF16", "safetensors"),
    ("linear", "F16", "safetensors"),
    ("mistral", "F16", "safetensors"),
    ("qwen2", "BF16", "safetensors"),
    ("qwen3", "F32", "safetensors"),
]
# Token ids of three texts, as the memory's encoder may be given them.
ENCODED = ([0, 2], [0, 41, 1294, 12, 600, 7, 31000, 29, 2], [0, *range(900, 60000, 1700), 2])
# One of each architecture, and of each way in which two of the same differ.
KINDS = (
    "small-llama",
    "small-llama3",
    "small-mistral",
    "small-qwen2",
    "small-qwen3",
    "gemma3",
    "gemma3-other-scale",
    "lfm2",
    "lfm2-other-parts",
    "qwen35",
    "qwen35-other-parts",
)
# A text longer than the chunks of a recurrent state; every ninth position's logits are kept.
LONG, EVERY = (IDS * 4)[:163], 9
LENGTHS = (len(IDS), 6)  # tokens: longer and shorter than a sliding window
# Weights whose gradients are kept: every kind of weight, in local and in global layers.
GRADIENTS = [
    "model.layers.0.self_attn.q_proj.weight",
    "model.layers.0.self_attn.k_proj.weight",
    "model.layers.1.self_attn.v_proj.weight",
    "model.layers.1.self_attn.o_proj.weight",
    "model.layers.0.self_attn.q_proj.bias",
    "model.layers.1.self_attn.k_proj.bias",
    "model.layers.0.self_attn.v_proj.bias",
    "model.layers.1.self_attn.q_norm.weight",
    "model.layers.0.self_attn.k_norm.weight",
    "model.layers.0.mlp.gate_proj.weight",
    "model.layers.1.mlp.up_proj.weight",
    "model.layers.0.mlp.down_proj.weight",
    "model.layers.0.input_layernorm.weight",
    "model.layers.0.post_attention_layernorm.weight",
    "model.layers.1.pre_feedforward_layernorm.weight",
    "model.layers.2.post_feedforward_layernorm.weight",
    "model.layers.0.conv.in_proj.weight",
    "model.layers.1.conv.in_proj.weight",
    "model.layers.0.conv.conv.weight",
    "model.layers.2.conv.conv.weight",
    "model.layers.2.conv.out_proj.weight",
    "model.layers.1.self_attn.out_proj.weight",
    "model.layers.1.self_attn.q_layernorm.weight",
    "model.layers.0.self_attn.k_layernorm.weight",
    "model.layers.0.feed_forward.w1.weight",
    "model.layers.1.feed_forward.w3.weight",
    "model.layers.2.feed_forward.w2.weight",
    "model.layers.0.operator_norm.weight",
    "model.layers.1.ffn_norm.weight",
    "model.layers.0.linear_attn.in_proj_qkv.weight",
    "model.layers.0.linear_attn.in_proj_z.weight",
    "model.layers.0.linear_attn.in_proj_b.weight",
    "model.layers.0.linear_attn.in_proj_a.weight",
    "model.layers.0.linear_attn.out_proj.weight",
    "model.layers.0.linear_attn.conv1d.weight",
    "model.layers.0.linear_attn.A_log",
    "model.layers.0.linear_attn.dt_bias",
    "model.layers.0.linear_attn.norm.weight",
    "model.layers.1.self_attn.q_proj.weight",
    "model.layers.1.self_attn.k_norm.weight",
    "model.layers.3.self_attn.q_proj.weight",
    "model.layers.3.self_attn.q_norm.weight",
]


def some_rows(gradient):
    """Every fourth row of a gradient, which is what the golden files keep of a matrix."""
    return gradient[::4] if gradient.ndim > 1 else gradient
