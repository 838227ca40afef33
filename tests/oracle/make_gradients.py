"""Writes tests/golden/gradients.npz: losses and gradients of a tiny Llama with LoRA, by PyTorch.

    pip install torch transformers peft; python -m tests.oracle.make_gradients

The engine's tests compare with the file and need none of the three packages.
"""

import pathlib

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

SIZES = dict(
    vocab_size=96, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, intermediate_size=96, max_position_embeddings=64,
    rope_theta=10000.0, rms_norm_eps=1e-5, tie_word_embeddings=True,
)  # fmt: skip
RANK, ALPHA, STEPS, RATE = 4, 8, 10, 1e-2
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def main() -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES, attn_implementation="eager")).float()
    for name, weight in model.named_parameters():
        torch.nn.init.normal_(weight, 1.0 if "norm" in name else 0.0, 0.15)
    saved = {name: w.detach().numpy().copy() for name, w in model.state_dict().items()}
    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=LINEARS)
    adapted = get_peft_model(model, lora)
    trained = {n: p for n, p in adapted.named_parameters() if p.requires_grad}
    for weight in trained.values():
        torch.nn.init.normal_(weight, 0.0, 0.1)

    def short(name):
        return name.replace("base_model.model.", "").replace(".default", "")

    saved |= {"start." + short(n): w.detach().numpy().copy() for n, w in trained.items()}
    ids = torch.randint(0, SIZES["vocab_size"], (2, 24))
    adam = torch.optim.Adam(trained.values(), lr=RATE, betas=(0.9, 0.99), eps=1e-8)
    losses = []
    for step in range(STEPS):
        logits = adapted(input_ids=ids).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        adam.zero_grad()
        loss.backward()
        if step == 0:
            saved |= {"gradient." + short(n): w.grad.numpy().copy() for n, w in trained.items()}
            saved["norm"] = torch.nn.utils.clip_grad_norm_(trained.values(), 1.0).numpy()
        else:
            torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        adam.step()
        losses.append(loss.item())
    saved |= {"ids": ids.numpy(), "losses": np.array(losses)}
    saved.pop("lm_head.weight", None)
    path = pathlib.Path(__file__).parent.parent / "golden" / "gradients.npz"
    np.savez_compressed(path, **saved)
    print(f"wrote {path}: {path.stat().st_size} bytes, losses {losses[0]:.4f} -> {losses[-1]:.4f}")


if __name__ == "__main__":
    main()
