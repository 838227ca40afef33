"""Times the same training step in PyTorch + PEFT, natively: `oracle.run_module("native_torch",
rows, length, rank, steps, "cpu", "float32", threads=2)` returns the seconds of the shortest step,
and on CUDA the operations a second of a large product of the same type, as the peak."""

import json
import sys
import time
from collections.abc import Callable

LARGE = 4096  # rows and columns of the product that measures the peak


def shortest(work: Callable[[], None], done: Callable[[], None], times: int) -> float:
    """The shortest of 1 + `times` runs in seconds; the first one warms up."""
    best = float("inf")
    for _ in range(1 + times):
        began = time.perf_counter()
        work()
        done()
        best = min(best, time.perf_counter() - began)
    return best


def measure(
    rows: int, length: int, rank: int, steps: int, device: str, numbers: str, threads: int
) -> dict[str, float | None]:
    """A step of forward, backward and AdamW on SmolLM2's shapes; None without the device."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    if device == "cuda" and not torch.cuda.is_available():
        return {"seconds": None, "peak": None}
    done = torch.cuda.synchronize if device == "cuda" else lambda: None
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
    base = LlamaForCausalLM(config).to(device, getattr(torch, numbers))
    model = get_peft_model(base, lora)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    ids = torch.randint(0, 49152, (rows, length), device=device)
    labels = ids.clone()
    labels[:, : length // 2] = -100

    def step() -> None:
        model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    found: dict[str, float | None] = {"seconds": shortest(step, done, steps), "peak": None}
    if device == "cuda":
        large = torch.randn((LARGE, LARGE), device=device, dtype=getattr(torch, numbers))
        found["peak"] = 2 * LARGE**3 / shortest(lambda: large @ large, done, steps)
    return found


if __name__ == "__main__":
    *sizes, device, numbers, threads = sys.argv[1:]
    rows, length, rank, steps = map(int, sizes)
    print(json.dumps(measure(rows, length, rank, steps, device, numbers, int(threads))))
