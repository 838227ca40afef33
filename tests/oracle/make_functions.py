"""Writes tests/golden/functions.npz: the library's functions, computed by PyTorch in float64.

    pip install torch==2.13.0 numpy; python -m tests.oracle.make_functions

For each case the result, and the gradients of its sum of squares.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tests.support.front_cases import CASES


class Torch:
    """The library's names, implemented with PyTorch."""

    exp, log, sqrt, tanh = torch.exp, torch.log, torch.sqrt, torch.tanh
    relu, silu = functional.relu, functional.silu

    @staticmethod
    def gelu(x):
        return functional.gelu(x, approximate="tanh")

    @staticmethod
    def above(a, b):
        return (a > b).double()

    @staticmethod
    def where(mask, a, b):
        return torch.where(torch.as_tensor(mask) != 0, a, b)

    @staticmethod
    def sum(x, axis=None, keepdims=False):
        return x.sum() if axis is None else x.sum(axis, keepdims)

    @staticmethod
    def mean(x, axis=None, keepdims=False):
        return x.mean() if axis is None else x.mean(axis, keepdims)

    @staticmethod
    def max(x, axis=None, keepdims=False):
        return x.amax() if axis is None else x.amax(axis, keepdims)

    @staticmethod
    def softmax(x, axis=-1):
        return x.softmax(axis)

    @staticmethod
    def log_softmax(x, axis=-1):
        return x.log_softmax(axis)

    @staticmethod
    def cross_entropy(logits, ids):
        return functional.cross_entropy(logits, torch.as_tensor(ids).long())

    @staticmethod
    def embedding(table, ids):
        return functional.embedding(torch.as_tensor(ids).long(), table)

    @staticmethod
    def take(x, index, axis):
        shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
        flat = torch.as_tensor(index).long().flatten()
        return x.index_select(axis, flat).reshape(shape)

    @staticmethod
    def reshape(x, shape):
        return x.reshape(shape)

    @staticmethod
    def transpose(x, axes=None):
        return x.permute(axes or tuple(range(x.ndim))[::-1])

    @staticmethod
    def concat(parts, axis):
        return torch.cat(parts, axis)

    @staticmethod
    def rmsnorm(x, gain):
        return functional.rms_norm(x, gain.shape, gain, 1e-5)

    @staticmethod
    def layernorm(x, gain, bias):
        return functional.layer_norm(x, gain.shape, gain, bias, 1e-5)


def main() -> None:
    saved = {}
    for name, (arrays, function) in CASES.items():
        given = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
        result = function(Torch, *given)
        (result**2).sum().backward()
        saved[name] = result.detach().numpy()
        saved |= {f"{name}.{i}": x.grad.numpy() for i, x in enumerate(given)}
    path = Path(__file__).parents[1] / "golden" / "functions.npz"
    np.savez_compressed(path, **saved)
    print(f"wrote {path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
