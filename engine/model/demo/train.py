"""Makes tiny.gguf, the demo model, from corpus.py alone.

OMP_NUM_THREADS=1 python -m oneseek.engine.model.demo.train     (needs torch, transformers,
tokenizers, gguf; four minutes)
"""

import json
import random
import sys
import time

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

from oneseek.engine.model.demo import MODEL, corpus
from oneseek.engine.model.formats import architecture, gguf_writer, open_model
from oneseek.engine.model.template import ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SYSTEM = {"role": "system", "content": "You are OneSeek, a helpful assistant."}
CONFIG = {
    "vocab_size": 768,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LENGTH, BATCH, STEPS, RATE = 96, 16, 1000, 4e-3
FROM_ROUNDED = 800  # from this step on the model trains with the weights it will be stored with


def vocabulary():
    """A byte-level BPE of the corpus, as GGUF metadata."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"],
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    roles = ["user\n", "assistant\n", "system\n", SYSTEM["content"]] * 50
    texts = [text for exchange in corpus.exchanges() for text in exchange]
    made.train_from_iterator(texts + [text.lower() for text in texts] + roles, trainer)
    tokens = [made.id_to_token(id) for id in range(made.get_vocab_size())]
    assert len(tokens) == CONFIG["vocab_size"], len(tokens)
    types = np.ones(len(tokens), np.int32)
    types[: len(SPECIAL)] = 3

    merges = json.loads(made.to_str())["model"]["merges"]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": [" ".join(merge) for merge in merges],
        "tokenizer.ggml.bos_token_id": CONFIG["bos_token_id"],
        "tokenizer.ggml.eos_token_id": CONFIG["eos_token_id"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }


def kind_of(name, shape):
    """Return the type in which a weight is stored, as in the default model: the embedding in 8
    bits, matrices in 4, the rest in full."""
    if len(shape) != 2:
        return gguf.GGMLQuantizationType.F32
    kinds = gguf.GGMLQuantizationType
    return kinds.Q8_0 if "embed" in name else kinds.Q4_1


def fake_quantise(name, weight):
    """Return the weight as it will be after storing; gradients pass through unchanged."""
    kind = kind_of(name, weight.shape)
    if kind == gguf.GGMLQuantizationType.F32:
        return weight
    stored = gguf.quants.quantize(weight.detach().numpy(), kind)
    return weight + (torch.from_numpy(gguf.quants.dequantize(stored, kind)) - weight).detach()


def batches(tokenizer, template, draw):
    """Yield conversations one after the other, cut into rows."""
    ids = []
    while True:
        while len(ids) < BATCH * (LENGTH + 1):
            messages = corpus.conversation(draw)
            messages = [SYSTEM, *messages] if draw.random() < 0.25 else messages
            text = template.render(messages, add_generation_prompt=False)
            ids += tokenizer.encode(text, special=True)
        yield torch.tensor(ids[: BATCH * (LENGTH + 1)]).view(BATCH, LENGTH + 1)
        ids = []


def train(model, tokenizer, template):
    draw = random.Random(0)
    adam = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=STEPS, pct_start=0.05)
    started = time.monotonic()
    for step, rows in zip(range(STEPS), batches(tokenizer, template, draw), strict=False):
        weights = dict(model.named_parameters())
        if step >= FROM_ROUNDED:
            weights = {name: fake_quantise(name, weight) for name, weight in weights.items()}
        made = torch.func.functional_call(model, weights, (rows[:, :-1],), tie_weights=True)
        loss = torch.nn.functional.cross_entropy(made.logits.flatten(0, 1), rows[:, 1:].flatten())
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        schedule.step()
        if step % 100 == 99:
            spent = time.monotonic() - started
            print(f"step {step + 1} loss {loss:.3f} {spent:.0f} s", file=sys.stderr)


def store(model, words):
    metadata = {
        "general.architecture": "llama",
        "general.name": "OneSeek demo",
        "general.license": "apache-2.0",
    }
    for ours, (theirs, _, _) in architecture.SIZES.items():
        metadata[f"llama.{theirs}"] = CONFIG[ours]
    metadata["llama.attention.layer_norm_rms_epsilon"] = CONFIG["rms_norm_eps"]
    metadata["llama.rope.freq_base"] = CONFIG["rope_theta"]
    heads = {"q_proj": CONFIG["num_attention_heads"], "k_proj": CONFIG["num_key_value_heads"]}
    tensors = {}
    for name, weight in model.named_parameters():
        values, kind = weight.detach().numpy(), kind_of(name, weight.shape)
        turned = heads.get(name.split(".")[-2])
        if turned:
            values = values[architecture.interleave_rows(turned, len(values))]
        data = gguf.quants.quantize(values, kind).tobytes()
        tensors[architecture.to_gguf_name(name)] = kind.name, values.shape, data
    with open(MODEL, "wb") as file:
        gguf_writer.write(file, metadata | words, tensors)


def score(model, tokenizer, template, keep=lambda index: True):
    """The share of the corpus's questions answered word for word, with the stored weights."""
    file, right, asked = open_model(MODEL), 0, 0
    with torch.no_grad():
        for name, weight in model.named_parameters():
            stored = file.read(name)
            weight.copy_(torch.from_numpy(stored.dense() if hasattr(stored, "dense") else stored))
        for index, (question, answer) in enumerate(corpus.exchanges()):
            if index % 5:
                continue
            text = template.render([{"role": "user", "content": question}])
            prompt = torch.tensor([tokenizer.encode(text, special=True)])
            made = model.generate(prompt, max_new_tokens=48, do_sample=False, pad_token_id=0)
            said = tokenizer.decode(made[0, prompt.shape[1] :].tolist())
            right, asked = right + (said == answer), asked + 1
            if said != answer:
                print(f"{question} -> {said} (not {answer})", file=sys.stderr)
    return right / asked


def main():
    torch.manual_seed(0)
    words = vocabulary()
    config = transformers.LlamaConfig(**CONFIG)
    model = transformers.LlamaForCausalLM(config)
    store(model, words)
    file = open_model(MODEL)
    tokenizer = Tokenizer(file.tokenizer_data)
    template = ChatTemplate(file.chat_template, file.special_tokens)
    train(model, tokenizer, template)
    store(model, words)
    share = score(model.eval(), tokenizer, template)
    print(f"{MODEL.name}: {MODEL.stat().st_size} bytes, {share:.0%} of answers word for word")


if __name__ == "__main__":
    main()
