"""Writes a MatMul with a constant right side as an ONNX model, protobuf field by field."""


def varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def number(field: int, n: int) -> bytes:
    return varint(field << 3) + varint(n)


def block(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def value_info(name: str, shape: tuple[int, ...]) -> bytes:
    dimensions = b"".join(block(1, number(1, size)) for size in shape)
    tensor = number(1, 1) + block(2, dimensions)
    return block(1, name) + block(2, block(1, tensor))


def matmul(m: int, k: int, n: int) -> bytes:
    """y[m, n] = a[m, k] b[k, n]; b repeats one number, which ONNX folds into a constant."""
    sizes = number(1, 2) + number(2, 7) + block(8, "sizes")
    sizes += block(9, k.to_bytes(8, "little") + n.to_bytes(8, "little"))
    one = number(1, 1) + number(2, 1) + block(9, b"\0\0\0\x3f")
    attribute = block(1, "value") + block(5, one) + number(20, 4)
    fill = block(1, "sizes") + block(2, "b") + block(4, "ConstantOfShape") + block(5, attribute)
    product = block(1, "a") + block(1, "b") + block(2, "y") + block(4, "MatMul")
    graph = block(1, fill) + block(1, product) + block(2, "product") + block(5, sizes)
    graph += block(11, value_info("a", (m, k))) + block(12, value_info("y", (m, n)))
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 17))
