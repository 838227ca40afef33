"""The same learning step in PyTorch + PEFT, natively: `oracle.told_by("native_torch", rows, length,
rank, steps, threads=2)` tells the seconds of the shortest."""

import json
import sys
import time


def step_seconds(rows: int, length: int, rank: int, steps: int, threads: int) -> float:
    """Forward, backward and AdamW on SmolLM2's shapes."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
    )
    lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    model = get_peft_model(LlamaForCausalLM(config), lora)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    ids = torch.randint(0, 49152, (rows, length))
    labels = ids.clone()
    labels[:, : length // 2] = -100
    best = float("inf")
    for _ in range(1 + steps):  # the first makes the optimiser's state
        began = time.perf_counter()
        model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    print(json.dumps({"seconds": step_seconds(*map(int, sys.argv[1:]))}))
