"""AES-256-GCM (NIST SP 800-38D) in numpy and plain Python, for hosts without a browser.

The page uses WebCrypto instead (workers/tab/cipher.py); both read and write the same files.  Its
tables are read at places that depend on the key, so it is not hardened against someone who measures
this process; the browser's is.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from functools import cache
from typing import Any

import numpy as np

from oneseek.engine.history.exchange_file import KEY, NONCE, NotTheKey

ROUNDS, TAG = 14, 16
REDUCTION = 0xE1 << 120  # of GHASH's field, whose bits count from the left


class PlainCipher:
    """What seals an exchange file natively."""

    async def key(self, phrase: bytes, salt: bytes, cost: int) -> Any:
        """Half a second's work, beside whatever else this process does."""
        return await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", phrase, salt, cost, KEY)

    async def sealed(self, key: Any, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        return sealed(key, nonce, data, beside)

    async def opened(self, key: Any, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        return opened(key, nonce, data, beside)


def sealed(key: bytes, nonce: bytes, data: bytes, beside: bytes) -> bytes:
    """The ciphertext and its tag, which also vouches for what stands `beside` it."""
    schedule = round_keys(key)
    hidden = _counted(schedule, nonce, data)
    return hidden + _tag(schedule, nonce, hidden, beside)


def opened(key: bytes, nonce: bytes, data: bytes, beside: bytes) -> bytes:
    schedule = round_keys(key)
    hidden, tag = data[:-TAG], data[-TAG:]
    if len(data) < TAG or not hmac.compare_digest(tag, _tag(schedule, nonce, hidden, beside)):
        raise NotTheKey("another key, or the bytes were changed")
    return _counted(schedule, nonce, hidden)


# ---- AES


@cache
def tables() -> tuple[np.ndarray, np.ndarray]:
    """The S-box, and twice each byte in AES's field."""
    double = np.array([(b << 1) ^ (0x11B if b & 128 else 0) for b in range(256)], np.uint8)
    powers = [1]
    for _ in range(254):  # 3 makes all others
        powers.append(powers[-1] ^ int(double[powers[-1]]))
    box = np.full(256, 0x63, np.uint8)
    for exponent, value in enumerate(powers):
        inverse = powers[-exponent % 255]
        for turn in range(5):
            box[value] ^= (inverse << turn | inverse >> 8 - turn) & 255
    return box, double


def round_keys(key: bytes) -> np.ndarray:
    """[15, 16] bytes."""
    if len(key) != KEY:
        raise ValueError(f"a key of {len(key)} bytes, {KEY} are needed")
    box, double = tables()
    words = [np.frombuffer(key[i : i + 4], np.uint8) for i in range(0, KEY, 4)]
    constant = 1
    while len(words) < 4 * (ROUNDS + 1):
        last = words[-1]
        if len(words) % 8 == 0:
            last = box[np.roll(last, -1)]
            last[0] ^= constant
            constant = int(double[constant])
        elif len(words) % 8 == 4:
            last = box[last]
        words.append(words[-8] ^ last)
    return np.concatenate(words).reshape(ROUNDS + 1, 16)


def encrypted(schedule: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """[n, 16] bytes, each block by itself."""
    box, double = tables()
    shifted = np.array([(i + 4 * (i % 4)) % 16 for i in range(16)])
    state = blocks ^ schedule[0]
    for number in range(1, ROUNDS + 1):
        state = box[state][:, shifted]
        if number < ROUNDS:
            column = state.reshape(-1, 4, 4)
            every = column[..., :1] ^ column[..., 1:2] ^ column[..., 2:3] ^ column[..., 3:]
            pairs = double[column ^ np.roll(column, -1, axis=2)]
            state = (column ^ every ^ pairs).reshape(-1, 16)
        state = state ^ schedule[number]
    return state


def _counted(schedule: np.ndarray, nonce: bytes, data: bytes, first: int = 2) -> bytes:
    """The data under the stream of its counter."""
    count = -(-len(data) // 16)
    blocks = np.empty((count, 16), np.uint8)
    blocks[:, :NONCE] = np.frombuffer(nonce, np.uint8)
    numbers = np.arange(first, first + count, dtype=">u4")
    blocks[:, NONCE:] = numbers.view(np.uint8).reshape(-1, 4)
    stream = encrypted(schedule, blocks).reshape(-1)[: len(data)]
    return (np.frombuffer(data, np.uint8) ^ stream).tobytes()


# ---- GHASH


def _tag(schedule: np.ndarray, nonce: bytes, hidden: bytes, beside: bytes) -> bytes:
    zero = encrypted(schedule, np.zeros((1, 16), np.uint8)).tobytes()
    lengths = (8 * len(beside)).to_bytes(8, "big") + (8 * len(hidden)).to_bytes(8, "big")
    whole = b"".join(part + bytes(-len(part) % 16) for part in (beside, hidden)) + lengths
    return _counted(schedule, nonce, ghash(zero, whole), first=1)


def ghash(by: bytes, data: bytes) -> bytes:
    """The data as a polynomial at the point `by`; a table of products for each byte of a block."""
    single, value = [], int.from_bytes(by, "big")
    for _ in range(128):
        single.append(value)
        value = value >> 1 ^ (REDUCTION if value & 1 else 0)
    products = []
    for place in range(16):
        row = [0]
        for bit in range(8):  # the leftmost bit of a byte comes first
            row = [one ^ more for one in row for more in (0, single[8 * place + bit])]
        products.append(row)
    sum = 0
    for at in range(0, len(data), 16):
        block = (sum ^ int.from_bytes(data[at : at + 16], "big")).to_bytes(16, "big")
        sum = 0
        for row, byte in zip(products, block, strict=True):
            sum ^= row[byte]
    return sum.to_bytes(16, "big")
