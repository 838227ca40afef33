"""Encryption and signatures for hosts without a browser, by `cryptography`.

The page uses WebCrypto (workers/tab/web_crypto.py); both read and write the same
files.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oneseek.engine.core.environment import variable
from oneseek.engine.history.exchange_file import KEY, NotTheKey
from oneseek.engine.history.pem import PKCS8, pem_of, pkcs8_of


class NativeCipher:
    """Seals an exchange file: PBKDF2 with SHA-256, then AES-256-GCM. Each takes up to half a
    second, so it runs beside whatever else this process does."""

    async def key(self, phrase: bytes, salt: bytes, cost: int) -> AESGCM:
        return AESGCM(
            await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", phrase, salt, cost, KEY)
        )

    async def encrypt(self, key: AESGCM, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        """Return the ciphertext and its tag, which also authenticates what stands `beside` it."""
        return await asyncio.to_thread(key.encrypt, nonce, data, beside)

    async def decrypt(self, key: AESGCM, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        try:
            return await asyncio.to_thread(key.decrypt, nonce, data, beside)
        except InvalidTag as error:
            raise NotTheKey("another key, or the bytes were changed") from error


class Signer:
    """`public_key` in hex, and `sign(data)`, also in hex."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        return self._key.sign(data).hex()


def new_key() -> str:
    """A new private key as the text of a PEM file."""
    return pem_of(PKCS8 + secrets.token_bytes(32))


def read_key(path: str | Path) -> Signer:
    return Signer(pkcs8_of(Path(path).read_text())[len(PKCS8) :])


def read_named_key() -> Signer | None:
    """The key that the environment names, if it does."""
    path = variable("LEDGER_PRIVATE_KEY_PATH")
    return read_key(path) if path else None
