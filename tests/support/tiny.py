"""Random models of a few hundred kilobytes: every architecture, every stored type, in both
containers.

They are made from fixed seeds wherever they are needed. Only the results of other implementations
are committed (tests/golden, made by tests/golden/make_logits.py).
"""

import io
import json
import zlib

import numpy as np

from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import architecture, gguf_writer, safetensors
from oneseek.engine.model.formats.packed import TYPES
from oneseek.engine.model.formats.words import QWEN2
from oneseek.engine.model.tokenizer import ALPHABET

BASE = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "vocab_size": 288,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "bos_token_id": 256,
    "eos_token_id": 257,
}
VARIANTS: dict[str, dict] = {
    "llama": {"tie_word_embeddings": True},
    "llama3": {
        "tie_word_embeddings": False,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "linear": {
        "tie_word_embeddings": True,
        "rope_scaling": {"rope_type": "linear", "factor": 4.0},
    },
    "mistral": {"tie_word_embeddings": False, "sliding_window": 4096},
    "qwen2": {"tie_word_embeddings": True, "rms_norm_eps": 1e-6, "rope_theta": 1e6},
    "qwen3": {"tie_word_embeddings": True, "rms_norm_eps": 1e-6, "rope_theta": 1e6},
    "gemma3": {
        "tie_word_embeddings": True,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "rope_local_base_freq": 10000.0,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 7,
        "head_dim": 32,
        "sliding_window": 8,
        "query_pre_attn_scalar": 32,
        "hidden_activation": "gelu_pytorch_tanh",
    },
}
VARIANTS["gemma3-other-scale"] = VARIANTS["gemma3"] | {
    "num_hidden_layers": 3,
    "query_pre_attn_scalar": 20,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
}
VARIANTS["lfm2"] = {
    "tie_word_embeddings": True,
    "norm_eps": 1e-5,
    "rope_theta": 1e6,
    "hidden_size": 64,
    "intermediate_size": 96,
    "block_auto_adjust_ff_dim": False,
    "num_hidden_layers": 4,
    "head_dim": 16,
    "conv_L_cache": 3,
    "layer_types": ["conv", "full_attention", "conv", "conv"],
}
VARIANTS["lfm2-other-parts"] = VARIANTS["lfm2"] | {
    "tie_word_embeddings": False,
    "num_hidden_layers": 3,
    "intermediate_size": 120,
    "block_auto_adjust_ff_dim": True,
    "block_ffn_dim_multiplier": 1.5,
    "block_multiple_of": 32,
    "conv_L_cache": 4,
    "layer_types": ["full_attention", "conv", "conv"],
}
VARIANTS["qwen35"] = {
    "tie_word_embeddings": True,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 1e6,
        "partial_rotary_factor": 0.25,
    },
    "rope_theta": 1e6,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "head_dim": 32,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_num_key_heads": 4,
    "linear_num_value_heads": 4,
    "full_attention_interval": 4,
    "layer_types": [*["linear_attention"] * 3, "full_attention"],
}
VARIANTS["qwen35-other-parts"] = VARIANTS["qwen35"] | {
    "tie_word_embeddings": False,
    "head_dim": 16,
    "num_hidden_layers": 2,
    "linear_conv_kernel_dim": 3,
    "linear_key_head_dim": 24,
    "linear_value_head_dim": 32,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 6,
    "full_attention_interval": 2,
    "layer_types": ["linear_attention", "full_attention"],
}
SMALL = {"hidden_size": 64, "intermediate_size": 96, "head_dim": 32}  # of variants named small-
GGUF_FAMILIES = {"mistral": "llama", "gemma3_text": "gemma3", "qwen3_5_text": "qwen35"}
MODEL_TYPES = {
    "llama3": "llama",
    "linear": "llama",
    "gemma3": "gemma3_text",
    "gemma3-other-scale": "gemma3_text",
    "lfm2-other-parts": "lfm2",
    "qwen35": "qwen3_5_text",
    "qwen35-other-parts": "qwen3_5_text",
}

TOKENS = [ALPHABET[byte] for byte in range(256)]
TOKENS += ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool>"]
MERGES = "Ġ t|h e|Ġt he|i n|a n|Ġ a|e r|o n|Ġa n|Ã ¥|Ã ¤|Ã ¶|Ġ s|o r|1 2|Ċ Ċ|Ġ Ġ".split("|")
TOKENS += [merge.replace(" ", "") for merge in MERGES]
CONTROL = [256, 257, 258]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# The offsets of a block's float16 scales, with values that give weights of a useful size.
HALVES = {
    "Q4_0": {0: 0.012},
    "Q4_1": {0: 0.012, 2: -0.09},
    "Q5_0": {0: 0.006},
    "Q5_1": {0: 0.006, 2: -0.093},
    "Q8_0": {0: 0.0008},
    "Q4_K": {0: 0.0005, 2: 0.0037},
    "Q5_K": {0: 0.00025, 2: 0.0037},
    "Q6_K": {208: 0.0001},
}


def config(variant):
    """The config.json of a variant."""
    whole = variant.removeprefix("small-")
    kind = MODEL_TYPES.get(whole, whole)
    names = {"model_type": kind, "architectures": [architecture.ARCHITECTURES[kind]]}
    return BASE | VARIANTS[whole] | (SMALL if whole != variant else {}) | names


def shapes(variant):
    """The shapes of a variant's tensors, by name."""
    data = config(variant)
    return configure(architecture.config_from_json(variant, data)).shapes()


def _draw(name):
    return np.random.RandomState(zlib.crc32(name.encode()))


def weight(name, shape):
    """One random tensor: near one for norms, small otherwise."""
    values = _draw(name).standard_normal(shape)
    if name.endswith("A_log"):  # unit size, so some states last and some do not
        return values.astype(np.float32)
    return (1 + 0.1 * values if "norm" in name else 0.06 * values).astype(np.float32)


def make_tensor(name, shape, kind):
    """The bytes of a random tensor; quantised types get random blocks with sensible scales."""
    if kind == "F32":
        return weight(name, shape).tobytes()
    if kind == "F16":
        return weight(name, shape).astype(np.float16).tobytes()
    if kind == "BF16":
        return (weight(name, shape).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    draw, block = _draw(name), TYPES[kind]
    count = int(np.prod(shape)) // block.block
    blocks = draw.randint(0, 256, (count, block.bytes)).astype(np.uint8)
    for at, typical in HALVES[kind].items():
        halves = (typical * draw.uniform(0.7, 1.3, count)).astype("<f2")
        blocks[:, at : at + 2] = halves.view(np.uint8).reshape(count, 2)
    return blocks.tobytes()


def metadata(variant):
    """The GGUF metadata of a variant."""
    data = config(variant)
    kind = GGUF_FAMILIES.get(data["model_type"], data["model_type"])
    keys = {"general.architecture": kind, "general.name": f"tiny {variant}"}
    for ours, (theirs, _, _) in architecture.SIZES.items():
        keys[f"{kind}.{theirs}"] = data[ours]
    keys[f"{kind}.attention.layer_norm_rms_epsilon"] = data["rms_norm_eps"]
    keys[f"{kind}.rope.freq_base"] = data["rope_theta"]
    if kind == "lfm2":
        found = architecture.config_from_json(variant, data)
        own = [data["num_key_value_heads"] * (one != "conv") for one in data["layer_types"]]
        keys["lfm2.attention.head_count_kv"] = np.array(own, np.int32)
        keys["lfm2.feed_forward_length"] = found["intermediate_size"]
        keys["lfm2.shortconv.l_cache"] = data["conv_L_cache"]
        keys["lfm2.attention.layer_norm_rms_epsilon"] = data["norm_eps"]
    if kind == "qwen35":
        keys["qwen35.ssm.conv_kernel"] = data["linear_conv_kernel_dim"]
        keys["qwen35.ssm.state_size"] = data["linear_key_head_dim"]
        keys["qwen35.ssm.group_count"] = data["linear_num_key_heads"]
        keys["qwen35.ssm.time_step_rank"] = data["linear_num_value_heads"]
        inner = data["linear_num_value_heads"] * data["linear_value_head_dim"]
        keys["qwen35.ssm.inner_size"] = inner
        keys["qwen35.full_attention_interval"] = data["full_attention_interval"]
        keys["qwen35.rope.dimension_count"] = data["head_dim"] // 4
    if kind == "gemma3":
        keys["gemma3.attention.sliding_window"] = data["sliding_window"]
    if variant == "linear":
        keys[f"{kind}.rope.scaling.type"] = "linear"
        keys[f"{kind}.rope.scaling.factor"] = data["rope_scaling"]["factor"]
    types = np.ones(len(TOKENS), np.int32)
    types[CONTROL] = 3
    types[259] = 4
    return keys | {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.bos_token_id": 256,
        "tokenizer.ggml.eos_token_id": 257,
        "tokenizer.chat_template": TEMPLATE,
    }


def gguf(variant="llama", kind="Q4_1", **changes):
    """A whole GGUF file with matrices of this type and the rest in F32; `changes` edit the
    metadata, None deletes a key."""
    keys, tensors = contents(variant, kind, **changes)
    return encode_gguf(keys, tensors)


def contents(variant, kind, **changes):
    """The metadata and tensors of that file."""
    tensors = {}
    for name, shape in shapes(variant).items():
        kept = kind if len(shape) == 2 else "F32"
        data = make_tensor(name, shape, kept)
        if variant.startswith("qwen35"):
            data = as_qwen35(config(variant), name, shape, data)
        if len(shape) == 3:  # of a convolution; GGUF drops the side of length one
            shape = shape[0], shape[2]
        if variant == "gemma3" and len(shape) == 1:  # safetensors store these gains minus one
            data = (weight(name, shape) + np.float32(1)).tobytes()
        theirs = architecture.to_gguf_name(name, config(variant)["model_type"])
        tensors[theirs] = kept, shape, data
    if variant == "llama3":
        rule = config(variant)["rope_scaling"]
        tensors["rope_freqs.weight"] = llama3_factors(rule)
    keys = metadata(variant) | {key.replace("__", "."): value for key, value in changes.items()}
    return {k: v for k, v in keys.items() if v is not None}, tensors


def as_qwen35(data, name, shape, stored):
    """A tensor as llama.cpp's converter writes it: gains with the 1 added, A as -exp(A_log), and
    value heads in turns of the key heads instead of grouped."""
    if len(shape) == 1:
        values = np.frombuffer(stored, np.float32)
        if name.endswith("A_log"):
            values = -np.exp(values)
        elif name.endswith("norm.weight") and "linear_attn" not in name:
            values = values + np.float32(1)
        stored = values.tobytes()
    heads, groups = data["linear_num_value_heads"], data["linear_num_key_heads"]
    part = name.split(".")[-2]
    if "linear_attn" not in name or part == "norm" or heads == groups:
        return stored
    rows = np.frombuffer(stored, np.uint8).reshape(shape[0], -1)
    if part == "out_proj":
        apart = rows.reshape(shape[0], groups, heads // groups, -1)
        return apart.swapaxes(1, 2).tobytes()
    first = 2 * groups * data["linear_key_head_dim"] * (part in ("in_proj_qkv", "conv1d"))
    apart = rows[first:].reshape(groups, heads // groups, -1)
    return rows[:first].tobytes() + apart.swapaxes(0, 1).tobytes()


def encode_gguf(keys, tensors):
    file = io.BytesIO()
    gguf_writer.write(file, keys, tensors)
    return file.getvalue()


def gguf_parts(variant="llama", kind="Q4_1", count=3, bare_first=False, name="tiny"):
    """The same in several files, as llama-gguf-split cuts it; with `bare_first` the first holds no
    tensors."""
    keys, tensors = contents(variant, kind)
    return cut(keys, tensors, count, bare_first, name)


def cut(keys, tensors, count, bare_first=False, name="tiny"):
    """Split a file with this metadata and these tensors into parts."""
    own = [{} for _ in range(count)]
    for turn, tensor in enumerate(tensors):
        own[turn % (count - bare_first) + bare_first][tensor] = tensors[tensor]
    files = {}
    for number, inside in enumerate(own):
        split = {"split.no": number, "split.count": count, "split.tensors.count": len(tensors)}
        head = keys | split if number == 0 else split
        files[f"{name}-{number + 1:05}-of-{count:05}.gguf"] = encode_gguf(head, inside)
    return files


def llama3_factors(rule):
    """The divisors that llama.cpp's converter stores for this rule, computed in its steps."""
    factors = []
    for index in range(0, 64, 2):
        wavelength = 2 * np.pi * 500000.0 ** (index / 64)
        turns = rule["original_max_position_embeddings"] / wavelength
        if turns > rule["high_freq_factor"]:
            factors.append(1.0)
        elif turns < rule["low_freq_factor"]:
            factors.append(rule["factor"])
        else:
            span = rule["high_freq_factor"] - rule["low_freq_factor"]
            smooth = (turns - rule["low_freq_factor"]) / span
            factors.append(1 / ((1 - smooth) / rule["factor"] + smooth))
    return np.array(factors, np.float32)


def tokenizer_json():
    """The same tokenizer in Hugging Face's format."""
    special = [
        {"id": i, "content": TOKENS[i], "special": i in CONTROL, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for i in [*CONTROL, 259]
    ]
    split = {"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": False}
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    bytes_only["trim_offsets"] = False
    model = {"type": "BPE", "vocab": {token: id for id, token in enumerate(TOKENS)}}
    return {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_only]},
        "decoder": bytes_only,
        "model": model | {"merges": MERGES, "byte_fallback": False, "ignore_merges": False},
    }


def tensors_of(variant, kind):
    """(type, shape, bytes) of each tensor."""
    return {
        name: (kind, shape, make_tensor(name, shape, kind))
        for name, shape in shapes(variant).items()
    }


def as_safetensors(tensors):
    data = io.BytesIO()
    safetensors.write(data, tensors)
    return data.getvalue()


def folder(variant="llama", kind="F32", shards=1):
    """A model folder as {file name: bytes}, with its weights in `shards` safetensors files."""
    tensors = tensors_of(variant, kind)
    settings = {"chat_template": TEMPLATE, "bos_token": TOKENS[256], "eos_token": TOKENS[257]}
    files = {
        "config.json": json.dumps(config(variant)).encode(),
        "tokenizer.json": json.dumps(tokenizer_json()).encode(),
        "tokenizer_config.json": json.dumps(settings).encode(),
    }
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    names = names if shards > 1 else ["model.safetensors"]
    placed = {name: names[i % shards] for i, name in enumerate(tensors)}
    for file in names:
        files[file] = as_safetensors({n: t for n, t in tensors.items() if placed[n] == file})
    if shards > 1:
        index = {"metadata": {}, "weight_map": placed}
        files["model.safetensors.index.json"] = json.dumps(index).encode()
    return files
