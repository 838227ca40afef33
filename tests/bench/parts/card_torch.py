"""Times the kernels of `bench kernels` in PyTorch on CUDA, in float32: `oracle.run_module(
"card_torch", JSON of a list of [kernel, shape, backward], milliseconds, threads=1)` returns the
milliseconds of each, or None without CUDA."""

import json
import sys
import time
from collections.abc import Callable


def work_of(kernel: str, shape: list[int], backward: bool) -> Callable[[], object]:
    import torch
    from torch.nn import functional

    def some(*size: int):
        return torch.randn(size, device="cuda", requires_grad=backward)

    if kernel == "matmul":
        m, k, n = shape
        given = [some(m, k), some(k, n)]
        forward = torch.matmul
    elif kernel == "attention":
        t, heads, kv, d = shape
        given = [some(1, heads, t, d), some(1, kv, t, d), some(1, kv, t, d)]

        def forward(q, k, v):
            return functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    elif kernel == "rmsnorm":
        rows, cols = shape
        given = [some(rows, cols), some(cols)]

        def forward(x, w):
            return functional.rms_norm(x, (cols,), w, 1e-5)
    else:
        rows, vocabulary = shape
        given = [some(rows, vocabulary)]
        ids = (torch.arange(rows, device="cuda") * 7919 + 13) % vocabulary

        def forward(logits):
            return functional.cross_entropy(logits, ids, reduction="sum")

    if not backward:
        return lambda: forward(*given)
    upstream = torch.randn_like(forward(*given))
    return lambda: torch.autograd.grad(forward(*given), given, upstream)


def milliseconds(work: Callable[[], object], least: float) -> float:
    """The best of three means in milliseconds, each over as many runs as take `least` milliseconds,
    without synchronising between them."""
    import torch

    def took(repeats: int) -> float:
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(repeats):
            work()
        torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - began) / repeats

    took(3)
    repeats = max(1, int(least / took(10)))
    return min(took(repeats) for _ in range(3))


def measure(cases: list, least: float) -> list[float] | None:
    import torch

    if not torch.cuda.is_available():
        return None
    torch.set_float32_matmul_precision("highest")
    return [milliseconds(work_of(*case), least) for case in cases]


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]), float(sys.argv[2]))))
