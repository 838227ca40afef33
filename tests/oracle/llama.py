"""llama.cpp's logits for given tokens, at its full precision.

    CMAKE_ARGS="-DGGML_BLAS=ON -DGGML_BLAS_VENDOR=OpenBLAS" pip install llama-cpp-python==0.3.36

With BLAS (Debian: libopenblas-dev) it multiplies 32 rows and more by the dequantised weights. In
smaller batches, and always without BLAS, it rounds activations to 8 bits if the weights are
quantised.
"""

import contextlib

import numpy as np
from llama_cpp import Llama

FLOAT32 = 0
EXACT_ROWS, ROUNDED_ROWS = 512, 16


@contextlib.contextmanager
def opened(path: str, rows: int = EXACT_ROWS, adapter: str | None = None):
    """Yield a model that computes so many rows at a time, with a cache of 32-bit numbers."""
    model = Llama(
        path, n_ctx=1024, n_batch=rows, n_ubatch=rows, n_threads=1, n_threads_batch=1,
        logits_all=True, type_k=FLOAT32, type_v=FLOAT32, flash_attn=False, lora_path=adapter,
        verbose=False,
    )  # fmt: skip
    with contextlib.closing(model):
        yield model


def logits(model: Llama, ids: list[int]) -> np.ndarray:
    """Logits at every position."""
    model.reset()
    model.eval(ids)
    return np.array(model.scores[: len(ids)])


def greedy(model: Llama, prompt: list[int], count: int, ends: set[int]) -> list[int]:
    """The greedy continuation; each token is computed from the whole text, so that all are
    exact."""
    if len(prompt) < 32:
        raise ValueError("llama.cpp is exact from 32 tokens on")
    ids = list(prompt)
    while len(ids) < len(prompt) + count:
        token = int(logits(model, ids)[-1].argmax())
        if token in ends:
            break
        ids.append(token)
    return ids[len(prompt) :]
