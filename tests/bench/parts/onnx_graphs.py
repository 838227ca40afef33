"""Builds the kernels of the GPU benchmark as ONNX models, from the operators of usual models."""

import struct

from tests.bench.parts.onnx_model import block, number, value_info, varint


def attribute(name: str, value: float | int | list[int]) -> bytes:
    if isinstance(value, list):
        body, kind = b"".join(number(8, i) for i in value), 7
    elif isinstance(value, int):
        body, kind = varint(3 << 3) + varint(value & 2**64 - 1), 2
    else:
        body, kind = varint(2 << 3 | 5) + struct.pack("<f", value), 1
    return block(5, block(1, name) + body + number(20, kind))


def node(op: str, inputs: str, output: str, **attributes) -> bytes:
    content = b"".join(block(1, name) for name in inputs.split()) + block(2, output)
    content += block(4, op) + b"".join(attribute(*pair) for pair in attributes.items())
    return block(1, content)


def encode_value_info(name: str, shape, kind: int = 1) -> bytes:
    if kind == 1:
        return value_info(name, shape)
    dimensions = b"".join(block(1, number(1, size)) for size in shape)
    return block(1, name) + block(2, block(1, number(1, kind) + block(2, dimensions)))


def model(nodes: list[bytes], inputs: list, output: tuple) -> bytes:
    graph = b"".join(nodes) + block(2, "kernel")
    for name, shape in inputs:
        graph += block(11, encode_value_info(name, shape, 6 if name == "ids" else 1))
    graph += block(12, value_info("y", output))
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 17))


def matmul(m, k, n):
    inputs = [("a", (m, k)), ("b", (k, n))]
    return model([node("MatMul", "a b", "y")], inputs, (m, n)), inputs


def attention(t, heads, kv, d):
    shape = (heads, t, d)
    inputs = [("q", shape), ("k", shape), ("v", shape), ("mask", (t, t))]
    nodes = [
        node("Transpose", "k", "kt", perm=[0, 2, 1]),
        node("MatMul", "q kt", "raw"),
        node("Constant", "", "scale", value_float=d**-0.5),
        node("Mul", "raw scale", "scaled"),
        node("Add", "scaled mask", "scores"),
        node("Softmax", "scores", "weights", axis=-1),
        node("MatMul", "weights v", "y"),
    ]
    return model(nodes, inputs, shape), inputs


def rmsnorm(rows, cols):
    inputs = [("x", (rows, cols)), ("w", (cols,))]
    nodes = [node("SimplifiedLayerNormalization", "x w", "y", axis=-1, epsilon=1e-5)]
    return model(nodes, inputs, (rows, cols)), inputs


def cross_entropy(rows, vocabulary):
    inputs = [("logits", (rows, vocabulary)), ("ids", (rows, 1))]
    nodes = [
        node("LogSoftmax", "logits", "logs", axis=-1),
        node("GatherElements", "logs ids", "said", axis=1),
        node("Neg", "said", "y"),
    ]
    return model(nodes, inputs, (rows, 1)), inputs
