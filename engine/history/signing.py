"""A key the person holds, and what is signed with it: Ed25519 from a PEM file, in plain Python.

The page signs with the browser's WebCrypto instead (workers/tab/signer.py); both read and write the
same files.  Not hardened against someone who measures this process; the browser's is.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from pathlib import Path

from oneseek.engine.core.environment import variable
from oneseek.engine.history.verify_integrity import BASE, ORDER, packed_point, times

PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # what stands before the 32 bytes


class BadKey(ValueError):
    """The file holds no Ed25519 key."""


class Signer:
    """`public_key` in hex, and `sign(data)`, also in hex."""

    def __init__(self, seed: bytes) -> None:
        digest = bytearray(hashlib.sha512(seed).digest())
        digest[0] &= 248
        digest[31] = digest[31] & 127 | 64
        self._secret, self._prefix = int.from_bytes(digest[:32], "little"), bytes(digest[32:])
        self._public = packed_point(times(self._secret, BASE))
        self.public_key = self._public.hex()

    def sign(self, data: bytes) -> str:
        once = _number(self._prefix, data) % ORDER
        point = packed_point(times(once, BASE))
        share = _number(point, self._public, data) % ORDER
        rest = (once + share * self._secret) % ORDER
        return (point + rest.to_bytes(32, "little")).hex()


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def new_key() -> str:
    """A new private key as the text of a PEM file."""
    return pem_of(PKCS8 + secrets.token_bytes(32))


def pem_of(pkcs8: bytes) -> str:
    body = base64.b64encode(pkcs8).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"


def pkcs8_of(pem: str) -> bytes:
    lines = [line for line in pem.splitlines() if not line.startswith("-")]
    try:
        found = base64.b64decode("".join(lines), validate=True)
    except ValueError as error:
        raise BadKey("this is no PEM file of a private key") from error
    if not found.startswith(PKCS8) or len(found) != len(PKCS8) + 32:
        raise BadKey("this is no Ed25519 key; `openssl genpkey -algorithm ed25519` makes one")
    return found


def named_key() -> Signer | None:
    """The key that the environment names, if it does."""
    path = variable("LEDGER_PRIVATE_KEY_PATH")
    return read_key(path) if path else None


def read_key(path: str | Path) -> Signer:
    return Signer(pkcs8_of(Path(path).read_text())[len(PKCS8) :])
