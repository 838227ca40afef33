"""WebAssembly written from Python: a kernel is a Python function whose loops and sums are those of
the machine code.

An expression is the bytes that compute it, so building one writes it; statements go to the
function they belong to. The module imports its memory, which several threads may share, and has a
table of its functions, so that a number in memory can say which one is meant.
"""

import struct
from contextlib import contextmanager
from functools import cache

from oneseek.engine.backends.wasm.opcodes import (
    BRANCH_IF,
    CALL,
    CALL_INDIRECT,
    DROP,
    END,
    EXTRACT_LANE,
    IF,
    LOOP,
    OPCODES,
    RETURN,
    SHUFFLE,
    STORE32_LANE,
    TYPES,
    V128_CONST,
    VOID,
)
from oneseek.engine.turns import pause

FAMILY = {"i32": "i32", "i64": "i64", "f32": "f32", "v128": "f32x4"}  # what + - * / < mean
LARGEST_MEMORY = 65536  # pages: what 32 bits reach

SMALL = [bytes([n]) for n in range(128)]  # most numbers in code


def unsigned(n: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    if 0 <= n < 128:
        return SMALL[n]
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


@cache
def opcode(number: int) -> bytes:
    if number < 0x100:
        return bytes([number])
    if number < 0x10000:
        return b"\xfd" + unsigned(number - 0x100)
    return b"\xfe" + unsigned(number - 0x10000)


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
        return Expr("f32", self.code + opcode(EXTRACT_LANE) + unsigned(number))

    __radd__, __rmul__ = __add__, __mul__


def value(x, type="i32") -> Expr:
    """A Python number as a constant; in a vector, the same number in all lanes."""
    if isinstance(x, Expr):
        return x
    if type == "i32":
        return Expr("i32", b"\x41" + signed(x))
    if type == "i64":
        return Expr("i64", b"\x42" + signed(x))
    if type == "f32":
        return Expr("f32", b"\x43" + struct.pack("<f", x))
    return Expr("v128", opcode(V128_CONST) + struct.pack("<4f", x, x, x, x))


def ints(*lanes) -> Expr:
    """A vector constant of four 32-bit integers, or of one repeated."""
    return Expr(
        "v128", opcode(V128_CONST) + struct.pack("<4I", *(lanes if len(lanes) == 4 else lanes * 4))
    )


def op(name, *operands) -> Expr:
    """Any instruction by name; Python numbers take the type of the first operand (a vector's shift
    counts are i32)."""
    number, type = OPCODES[name]
    first, *rest = operands
    kind = "i32" if ".sh" in name and first.type == "v128" else first.type
    code = first.code
    for x in rest:
        code += value(x, kind).code
    return Expr(type, code + opcode(number))


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


def atomic(name, address, *operands, offset=0) -> Expr:
    """An access that all threads see in one order; its address is a multiple of its size."""
    number, type = OPCODES[name]
    size = b"\x03" if name.startswith("i64") else b"\x02"
    code = address.code + b"".join(value(x).code for x in operands)
    return Expr(type, code + opcode(number) + size + unsigned(offset))


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
    """One function under construction. Every parameter is an i32: an address, a row, a count. So is
    its `result`, if it has one: the value of `give`, or else 0."""

    def __init__(self, index, name, parameters, result=False, fused=True):
        self.index, self.name, self.parameters, self.result = index, name, parameters, result
        self.fused = fused
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

    def add_product(self, so_far, a, b):
        """so_far += a b, of vectors: rounded once where the processor can, else twice."""
        if self.fused:
            so_far.set(op("f32x4.relaxed_madd", a, b, so_far))
        else:
            so_far.set(so_far + a * b)

    def result_of(self, function, *arguments) -> Expr:
        code = b"".join(value(x).code for x in arguments)
        return Expr("i32", code + bytes([CALL]) + unsigned(function.index))

    def call_by_number(self, number, type, *arguments):
        """A call of the function of that number, which takes as many arguments as these."""
        self.body += b"".join(value(x).code for x in arguments) + number.code
        self.body += bytes([CALL_INDIRECT]) + unsigned(type) + b"\x00"

    def drop(self, expr):
        """Compute the expression for its side effect."""
        self.body += expr.code + bytes([DROP])

    def put(self, access):
        """Add an atomic store, which leaves no value on the stack."""
        self.body += access.code

    def give(self, x):
        self.body += value(x).code + bytes([RETURN])

    @contextmanager
    def repeat(self):
        """A loop that runs once more whenever its variable was set to 1 within."""
        again = self.local()
        self.body += bytes([LOOP, VOID])
        again.set(0)
        yield again
        self.body += again.code + bytes([BRANCH_IF, 0, END])

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

    def encode(self) -> bytes:
        pause()
        declared = vector(b"\x01" + bytes([TYPES[type]]) for type in self.types)
        last = value(0).code if self.result else b""
        code = declared + bytes(self.prologue + self.body) + last + bytes([END])
        return unsigned(len(code)) + code

    @property
    def type(self):
        """The number of parameters and whether there is a result: functions of one type can replace
        each other in a call by number."""
        return len(self.parameters), self.result


class Module:
    """Functions in the order they were written; all of them are exported under their names. Without
    `fused`, a product and its sum are two instructions, for hosts without relaxed SIMD."""

    def __init__(self, fused=True):
        self.functions, self.types, self.fused = [], [], fused

    def function(self, name, parameters, result=False) -> Function:
        self.functions.append(Function(len(self.functions), name, parameters, result, self.fused))
        return self.functions[-1]

    def type_of(self, parameters, result=False) -> int:
        """The number of a type."""
        if (parameters, result) not in self.types:
            self.types.append((parameters, result))
        return self.types.index((parameters, result))

    def encode(self, shared=False) -> bytes:
        """Encode the module; with a `shared` memory, for the hosts that have threads."""
        kinds = [unsigned(self.type_of(*f.type)) for f in self.functions]
        number = bytes([TYPES["i32"]])
        types = (
            b"\x60" + vector([number] * n) + vector([number] if result else [])
            for n, result in self.types
        )
        limits = b"\x03\x00" + unsigned(LARGEST_MEMORY) if shared else b"\x00\x00"
        memory = text("env") + text("memory") + b"\x02" + limits
        count = unsigned(len(self.functions))
        exports = (text(f.name) + b"\x00" + unsigned(f.index) for f in self.functions)
        everyone = b"\x00" + value(0).code + bytes([END])
        everyone += vector(unsigned(f.index) for f in self.functions)
        sections = [
            (1, vector(types)),
            (2, vector([memory])),
            (3, vector(kinds)),
            (4, vector([b"\x70\x00" + count])),
            (7, vector(exports)),
            (9, vector([everyone])),
            (10, vector(f.encode() for f in self.functions)),
        ]
        return b"\0asm\1\0\0\0" + b"".join(bytes([n]) + unsigned(len(s)) + s for n, s in sections)
