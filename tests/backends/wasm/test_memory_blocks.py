"""The allocator of the CPU back end: allocation, release, and requests that cannot be met."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.backends.room import ALIGNMENT
from oneseek.engine.backends.wasm.memory import REACH, Memory

pytestmark = pytest.mark.in_worker


class Bytes:
    """A host whose memory is a numpy array."""

    def __init__(self, most=REACH):
        self.bytes, self.most = np.zeros(0, np.uint8), most

    @property
    def size(self):
        return self.bytes.size

    def grow(self, more):
        if self.size + more > self.most:
            return False
        self.bytes = np.append(self.bytes, np.zeros(more, np.uint8))
        return True

    def clear(self, address, size):
        self.bytes[address : address + size] = 0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5000)), max_size=60))
def test_no_two_blocks_share_a_byte_and_each_begins_as_zeros(wishes):
    memory, held = Memory(Bytes()), []
    for drop, size in wishes:
        if drop and held:
            held.pop(size % len(held))
            gc.collect(0)
        block = memory.block(size)
        assert block.address % ALIGNMENT == 0 and block.address > 0
        assert not memory.host.bytes[block.address : block.address + size].any()
        memory.host.bytes[block.address : block.address + size] = 255
        spans = [(one.address, one.address + one.size) for one in held]
        assert all(b <= block.address or block.address + size <= a for a, b in spans)
        held.append(block)


def test_what_nobody_holds_any_more_is_given_out_again():
    memory = Memory(Bytes())
    for _ in range(100):
        memory.block(1 << 20)
    assert memory.host.size < 4 << 20


def test_a_part_keeps_the_whole():
    memory = Memory(Bytes())
    part = memory.block(1000)[128:256]
    other = memory.block(1000)
    assert part.size == 128 and other.address >= part.address - 128 + 1000


@pytest.mark.parametrize("size", [1 << 34, 1 << 22])
def test_memory_that_is_not_there_is_one_clear_sentence(size):
    memory = Memory(Bytes(most=1 << 21))
    with pytest.raises(MemoryError, match=f"no {size >> 20} MB left .* your chats are safe"):
        memory.block(size)
    assert memory.block(100).size == 100
