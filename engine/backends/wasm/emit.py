"""WebAssembly written from Python: a kernel is a Python function whose loops and sums are those of
the machine code.

An expression is the bytes that compute it, so building one writes it; statements go to the
function they belong to. The module imports its memory and carries a `dylink.0` section, which is
all Pyodide's ctypes asks of a shared library.
"""

import struct
from contextlib import contextmanager

from engine.backends.wasm.opcodes import (
    BRANCH_IF,
    CALL,
    END,
    EXTRACT_LANE,
    IF,
    LOOP,
    OPCODES,
    SHUFFLE,
    STORE32_LANE,
    TYPES,
    V128_CONST,
    VOID,
)

FAMILY = {"i32": "i32", "f32": "f32", "v128": "f32x4"}  # what + - * / < mean for a type


def unsigned(n: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def signed(n: int) -> bytes:
    out = bytearray()
    while not -64 <= n < 64:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n & 127])


def vector(items) -> bytes:
    items = list(items)
    return unsigned(len(items)) + b"".join(items)


def text(name: str) -> bytes:
    return unsigned(len(name.encode())) + name.encode()


def opcode(number: int) -> bytes:
    return bytes([number]) if number < 0x100 else b"\xfd" + unsigned(number - 0x100)


class Expr:
    """Code that leaves one value of a known type on the stack."""

    def __init__(self, type, code):
        self.type, self.code = type, code

    def __add__(self, other):
        return (
            self
            if self.type == "i32" and other == 0
            else op(f"{FAMILY[self.type]}.add", self, other)
        )

    def __sub__(self, other):
        return op(f"{FAMILY[self.type]}.sub", self, other)

    def __rsub__(self, other):
        return op(f"{FAMILY[self.type]}.sub", value(other, self.type), self)

    def __mul__(self, other):
        return (
            self
            if self.type == "i32" and other == 1
            else op(f"{FAMILY[self.type]}.mul", self, other)
        )

    def __truediv__(self, other):
        return op(f"{FAMILY[self.type]}.truediv", self, other)

    def __rtruediv__(self, other):
        return op(f"{FAMILY[self.type]}.truediv", value(other, self.type), self)

    def __floordiv__(self, other):
        return op("i32.floordiv", self, other)

    def __and__(self, other):
        return op(f"{self.type}.and", self, other)

    def __or__(self, other):
        return op("v128.or", self, other)

    def __lt__(self, other):
        return op(f"{FAMILY[self.type]}.lt", self, other)

    def __gt__(self, other):
        return op(f"{FAMILY[self.type]}.gt", self, other)

    def __le__(self, other):
        return op(f"{FAMILY[self.type]}.le", self, other)

    def __ge__(self, other):
        return op(f"{FAMILY[self.type]}.ge", self, other)

    def __neg__(self):
        return op("f32x4.neg", self)

    def lane(self, number):
        return Expr("f32", self.code + opcode(EXTRACT_LANE) + bytes([number]))

    __radd__, __rmul__ = __add__, __mul__


def value(x, type="i32") -> Expr:
    """A Python number as a constant; in a vector, the same number in all lanes."""
    if isinstance(x, Expr):
        return x
    if type == "i32":
        return Expr("i32", b"\x41" + signed(x))
    if type == "f32":
        return Expr("f32", b"\x43" + struct.pack("<f", x))
    return Expr("v128", opcode(V128_CONST) + struct.pack("<4f", x, x, x, x))


def ints(*lanes) -> Expr:
    """A vector constant of four 32-bit integers, or of one repeated."""
    return Expr(
        "v128", opcode(V128_CONST) + struct.pack("<4I", *(lanes if len(lanes) == 4 else lanes * 4))
    )


def op(name, *operands) -> Expr:
    """Any instruction by name; Python numbers take the type of the first operand (shift counts are
    i32)."""
    number, type = OPCODES[name]
    first, *rest = operands
    kind = "i32" if ".sh" in name else first.type
    return Expr(type, first.code + b"".join(value(x, kind).code for x in rest) + opcode(number))


def shuffle(a, b, *lanes) -> Expr:
    """Four 32-bit lanes picked from two vectors: 0-3 are those of `a`, 4-7 those of `b`."""
    picked = bytes(4 * lane + byte for lane in lanes for byte in range(4))
    return Expr("v128", a.code + b.code + opcode(SHUFFLE) + picked)


def interleave(a, b, start) -> Expr:
    """Bytes start..start+7 of two vectors in turn: a0 b0 a1 b1 ..."""
    picked = bytes(lane for i in range(start, start + 8) for lane in (i, 16 + i))
    return Expr("v128", a.code + b.code + opcode(SHUFFLE) + picked)


def load(address, offset=0, kind="v128.load") -> Expr:
    number, type = OPCODES[kind]
    return Expr(type, address.code + opcode(number) + b"\x00" + unsigned(offset))


def splat(address, offset=0) -> Expr:
    """One float from memory in all four lanes."""
    return load(address, offset, "v128.load32_splat")


class Local(Expr):
    """A variable of a function; `+=` and `-=` assign."""

    def __init__(self, function, index, type):
        super().__init__(type, b"\x20" + unsigned(index))
        self.function, self.index = function, index

    def set(self, x):
        self.function.body += value(x, self.type).code + b"\x21" + unsigned(self.index)

    def __iadd__(self, x):
        self.set(self + x)
        return self

    def __isub__(self, x):
        self.set(self - x)
        return self


class Function:
    """One function under construction; every parameter is an i32: an address, a row, a count."""

    def __init__(self, index, name, parameters):
        self.index, self.name, self.parameters = index, name, parameters
        self.body, self.types = bytearray(), []
        self.prologue, self.constants = bytearray(), {}

    def __iter__(self):
        return (Local(self, i, "i32") for i in range(len(self.parameters)))

    def local(self, type="i32") -> Local:
        self.types.append(type)
        return Local(self, len(self.parameters) + len(self.types) - 1, type)

    def let(self, expr) -> Local:
        """A value worth a name: computed here, read as often as you like."""
        local = self.local(value(expr).type)
        local.set(expr)
        return local

    def constant(self, expr) -> Local:
        """A constant kept from the first instruction on; written in a loop it is made each time."""
        if expr.code not in self.constants:
            local = self.constants[expr.code] = self.local(expr.type)
            self.prologue += expr.code + b"\x21" + unsigned(local.index)
        return self.constants[expr.code]

    def store(self, address, x, offset=0):
        x = value(x, "f32")
        self.body += (
            address.code
            + x.code
            + opcode(OPCODES[f"{x.type}.store"][0])
            + b"\x00"
            + unsigned(offset)
        )

    def store_lane(self, address, x, lane, offset=0):
        self.body += (
            address.code
            + x.code
            + opcode(STORE32_LANE)
            + b"\x00"
            + unsigned(offset)
            + bytes([lane])
        )

    def call(self, function, *arguments):
        if len(arguments) != len(function.parameters):
            raise TypeError(
                f"{function.name} takes {function.parameters}, not {len(arguments)} arguments"
            )
        self.body += (
            b"".join(value(x).code for x in arguments) + bytes([CALL]) + unsigned(function.index)
        )

    @contextmanager
    def when(self, condition):
        self.body += condition.code + bytes([IF, VOID])
        yield
        self.body += bytes([END])

    @contextmanager
    def loop(self, start, stop, step=1):
        """`for i in range(start, stop, step)`; a start known to lie before the stop costs no
        check."""
        i = self.let(value(start))
        certain = isinstance(start, int) and isinstance(stop, int) and start < stop
        if not certain:
            self.body += (i < stop).code + bytes([IF, VOID])
        self.body += bytes([LOOP, VOID])
        yield i
        i += step
        self.body += (
            (i < stop).code + bytes([BRANCH_IF, 0, END]) + (b"" if certain else bytes([END]))
        )

    def encoded(self) -> bytes:
        declared = vector(b"\x01" + bytes([TYPES[type]]) for type in self.types)
        code = declared + bytes(self.prologue + self.body) + bytes([END])
        return unsigned(len(code)) + code


class Module:
    """Functions in the order they were written; all of them are exported under their names."""

    def __init__(self):
        self.functions = []

    def function(self, name, parameters) -> Function:
        self.functions.append(Function(len(self.functions), name, parameters))
        return self.functions[-1]

    def encoded(self) -> bytes:
        arities = sorted({len(f.parameters) for f in self.functions})
        types = (b"\x60" + vector([bytes([TYPES["i32"]])] * n) + b"\x00" for n in arities)
        memory = text("env") + text("memory") + b"\x02\x00\x00"
        exports = (text(f.name) + b"\x00" + unsigned(f.index) for f in self.functions)
        sections = [
            (
                0,
                text("dylink.0") + bytes([1, 4, 0, 0, 0, 0]),
            ),  # needs no memory and no table of its own
            (1, vector(types)),
            (2, vector([memory])),
            (3, vector(unsigned(arities.index(len(f.parameters))) for f in self.functions)),
            (7, vector(exports)),
            (10, vector(f.encoded() for f in self.functions)),
        ]
        return b"\0asm\1\0\0\0" + b"".join(bytes([n]) + unsigned(len(s)) + s for n, s in sections)
