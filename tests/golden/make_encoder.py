"""Makes tests/golden/encoder.npz: the last hidden states of some texts, by transformers with the
weights of the memory's sentence encoder.

    python tests/golden/make_encoder.py     (torch, transformers; seconds; `build.py dist` before)
"""

import asyncio
import pathlib
import sys

import numpy as np
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from oneseek.engine.learning.memory.encoder import encoder_here  # noqa: E402 (see above)
from oneseek.engine.model.formats.gguf import read_header  # noqa: E402
from oneseek.engine.model.formats.packed import Packed, read_packed, read_plain  # noqa: E402
from tests.golden import ENCODED  # noqa: E402

OURS = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def weight(source, entry):
    read = read_packed if entry.kind.bits else read_plain
    found = read(source, entry.offset, entry.kind, entry.shape)
    return np.asarray(found.dense() if isinstance(found, Packed) else found, np.float32)


def ours(name):
    """`encoder.layer.3.output.dense.bias` -> `blk.3.ffn_down.bias`."""
    path, kind = name.rsplit(".", 1)
    if path.startswith("encoder.layer."):
        layer, part = path.removeprefix("encoder.layer.").split(".", 1)
        return f"blk.{layer}.{OURS[part]}.{kind}"
    return f"{OURS[path]}.{kind}"


def bert_of(source):
    """The encoder of a GGUF file as a transformers model, without dropout also in training mode."""
    metadata, directory = read_header(source)
    config = transformers.BertConfig(
        vocab_size=len(metadata["tokenizer.ggml.tokens"]),
        hidden_size=metadata["bert.embedding_length"],
        num_hidden_layers=metadata["bert.block_count"],
        num_attention_heads=metadata["bert.attention.head_count"],
        intermediate_size=metadata["bert.feed_forward_length"],
        max_position_embeddings=metadata["bert.context_length"],
        layer_norm_eps=metadata["bert.attention.layer_norm_epsilon"],
        type_vocab_size=directory["token_types.weight"].shape[0],
        hidden_act="gelu_pytorch_tanh",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    state = {name: torch.tensor(weight(source, directory[ours(name)]))
             for name, _ in model.named_parameters()}  # fmt: skip
    model.load_state_dict(state, strict=False)
    return model


def main():
    model, made = bert_of(asyncio.run(encoder_here())), {}
    for i, ids in enumerate(ENCODED):
        with torch.no_grad():
            made[str(i)] = model(torch.tensor([ids])).last_hidden_state[0].numpy()
    np.savez_compressed(pathlib.Path(__file__).with_name("encoder.npz"), **made)


if __name__ == "__main__":
    main()
