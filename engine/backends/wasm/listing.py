"""WebAssembly as text: the instructions of a function, one a line, by the specification's names."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from oneseek.engine.backends.wasm.emit import Function
from oneseek.engine.backends.wasm.opcodes import (
    BLOCK,
    BRANCH,
    BRANCH_IF,
    CALL,
    CALL_INDIRECT,
    DROP,
    ELSE,
    END,
    EXTRACT_LANE,
    IF,
    LOOP,
    OPCODES,
    RETURN,
    SHUFFLE,
    STORE32_LANE,
    V128_CONST,
)

SIMD, ATOMIC = 0x100, 0x10000  # the first numbers of the prefixed instructions
OURS = {"floordiv": "div_s", "truediv": "div", "lt": "lt_s", "gt": "gt_s", "le": "le_s"}
PLAIN = {ELSE: "else", END: "end", RETURN: "return", DROP: "drop"}
NUMBERED = {
    0x20: "local.get", 0x21: "local.set", BRANCH: "br", BRANCH_IF: "br_if", CALL: "call",
}  # fmt: skip
NESTING = {BLOCK: "block", LOOP: "loop", IF: "if"}
CONSTANTS = {0x41: "i32.const", 0x42: "i64.const"}
NAMES = {number: name for name, (number, _) in OPCODES.items()}


def disassemble(function: Function) -> str:
    """The function as text, in the order of its bytes."""
    parameters = " ".join(function.parameters)
    kinds = " ".join(function.types)
    head = [f"{function.name}({parameters})", f"  local {kinds}"]
    return "\n".join([*head, *instructions(bytes(function.prologue + function.body))])


def instructions(code: bytes) -> Iterator[str]:
    """Yield the instructions, indented by their nesting."""
    reader, depth = Reader(code), 1
    while reader.at < len(code):
        number = reader.opcode()
        depth -= number in (END, ELSE)
        yield "  " * depth + reader.instruction(number)
        depth += number in NESTING or number == ELSE


class Reader:
    """Instructions out of bytes."""

    def __init__(self, code: bytes) -> None:
        self.code, self.at = code, 0

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.code[self.at - count : self.at]

    def unsigned(self) -> int:
        number = shift = 0
        while True:
            (byte,) = self.bytes(1)
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def signed(self) -> int:
        first = self.at
        number = self.unsigned()
        bits = 7 * (self.at - first)
        return number - (1 << bits) if number >> (bits - 1) else number

    def opcode(self) -> int:
        (number,) = self.bytes(1)
        if number in (0xFD, 0xFE):
            return (SIMD if number == 0xFD else ATOMIC) + self.unsigned()
        return number

    def instruction(self, number: int) -> str:
        if number in PLAIN:
            return PLAIN[number]
        if number in NESTING:
            self.bytes(1)
            return NESTING[number]
        if number in NUMBERED:
            return f"{NUMBERED[number]} {self.unsigned()}"
        if number in CONSTANTS:
            return f"{CONSTANTS[number]} {self.signed()}"
        if number == 0x43:
            return f"f32.const {struct.unpack('<f', self.bytes(4))[0]:.9g}"
        if number == CALL_INDIRECT:
            kind, _ = self.unsigned(), self.unsigned()
            return f"call_indirect (type {kind})"
        if number == V128_CONST:
            return "v128.const i32x4 " + " ".join(map(hex, struct.unpack("<4I", self.bytes(16))))
        if number == SHUFFLE:
            return "i8x16.shuffle " + " ".join(map(str, self.bytes(16)))
        if number == EXTRACT_LANE:
            return f"f32x4.extract_lane {self.bytes(1)[0]}"
        if number == STORE32_LANE:
            return f"v128.store32_lane{self.place()} {self.bytes(1)[0]}"
        return self.format_name(NAMES[number])

    def format_name(self, name: str) -> str:
        kind, _, what = name.partition(".")
        if ".load" in name or ".store" in name or "atomic" in name:
            return name + self.place()
        whole_numbers = kind in ("i32", "i64") or what in ("floordiv", "truediv")
        return f"{kind}.{OURS.get(what, what) if whole_numbers else what}"

    def place(self) -> str:
        """Read a memory operand; return its offset from the address as text."""
        self.unsigned()
        offset = self.unsigned()
        return f" offset={offset}" if offset else ""
