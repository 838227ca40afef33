"""Test cases for the library's functions, run in the library and in PyTorch: named arrays, and a
function of a module with these names."""

import numpy as np

RNG = np.random.default_rng(11)
INDEX = np.array([[2, 0], [1, 2]], np.int32)
IDS = np.array([3, 0, 4], np.int32)


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


X, Y, ROW, W = numbers(3, 8), numbers(3, 8), numbers(8), numbers(8, 5)
CUBE, SLAB, POSITIVE = numbers(2, 3, 4), numbers(3, 1), np.abs(numbers(3, 8)) + 0.1
MASK = (X > 0).astype(np.float32)

# name -> the arrays to differentiate, and their function, given a module `n`
CASES = {
    "add spread": ((CUBE, SLAB), lambda n, a, b: a + b),
    "subtract": ((X, ROW), lambda n, a, b: a - b),
    "subtract from a number": ((X,), lambda n, a: 1 - a),
    "multiply spread": ((CUBE, SLAB), lambda n, a, b: a * b),
    "divide": ((X, POSITIVE), lambda n, a, b: a / b),
    "divide a number": ((POSITIVE,), lambda n, a: 2 / a),
    "power": ((X,), lambda n, a: a**3),
    "matmul": ((X, W), lambda n, a, b: a @ b),
    "matmul of more": ((CUBE.reshape(2, 3, 4), numbers(4, 5)), lambda n, a, b: a @ b),
    "matmul transposed": ((X, Y), lambda n, a, b: a.T @ b),
    "matmul by transposed": ((X, Y), lambda n, a, b: a @ b.T),
    "exp": ((X,), lambda n, a: n.exp(a)),
    "log": ((POSITIVE,), lambda n, a: n.log(a)),
    "sqrt": ((POSITIVE,), lambda n, a: n.sqrt(a)),
    "tanh": ((X,), lambda n, a: n.tanh(a)),
    "relu": ((X,), lambda n, a: n.relu(a)),
    "gelu": ((X,), lambda n, a: n.gelu(a)),
    "silu": ((X,), lambda n, a: n.silu(a)),
    "where": ((X, ROW), lambda n, a, b: n.where(MASK, a, b)),
    "where above": ((X, Y), lambda n, a, b: n.where(n.above(a, b), a, b)),
    "sum": ((CUBE,), lambda n, a: n.sum(a)),
    "sum of an axis": ((CUBE,), lambda n, a: n.sum(a, 1)),
    "mean": ((CUBE,), lambda n, a: n.mean(a, 0, True)),
    "max": ((CUBE,), lambda n, a: n.max(a, 2)),
    "max of all": ((CUBE,), lambda n, a: n.max(a)),
    "softmax": ((X,), lambda n, a: n.softmax(a)),
    "softmax of an axis": ((CUBE,), lambda n, a: n.softmax(a, 1)),
    "log_softmax": ((X,), lambda n, a: n.log_softmax(a)),
    "cross_entropy": ((numbers(3, 5),), lambda n, a: n.cross_entropy(a, IDS)),
    "embedding": ((CUBE[0],), lambda n, a: n.embedding(a, INDEX)),
    "take": ((CUBE,), lambda n, a: n.take(a, INDEX, 2)),
    "reshape": ((CUBE,), lambda n, a: n.reshape(a, (4, -1)) * n.reshape(a, (4, 6))),
    "transpose": ((CUBE, numbers(4, 2, 3)), lambda n, a, b: n.transpose(a, (2, 0, 1)) * b),
    "transpose all": ((CUBE, numbers(4, 3, 2)), lambda n, a, b: n.transpose(a) * b),
    "concat": ((CUBE, numbers(2, 2, 4)), lambda n, a, b: n.concat([a, b, a], 1)),
    "slice": ((CUBE,), lambda n, a: a[1, :2, 1:3]),
    "rmsnorm": ((X, ROW), lambda n, a, b: n.rmsnorm(a, b)),
    "layernorm": ((X, ROW, numbers(8)), lambda n, a, b, c: n.layernorm(a, b, c)),
}
