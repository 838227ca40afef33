"""The browser's own cryptography: PBKDF2 and AES-GCM seal an exchange file, Ed25519 signs.

The private key is made here, and the person can take it along as a file. It lies in the settings,
so a backup holds it too; the same PEM file serves the server and openssl.
"""

from __future__ import annotations

from typing import Any

import js
from pyodide.ffi import JsException, to_js

from oneseek.engine.history.exchange_file import KEY, NotTheKey
from oneseek.engine.history.pem import pem_of, pkcs8_of

STORED_KEY = ("settings", "signing-key")


class BrowserCipher:
    async def key(self, phrase: bytes, salt: bytes, cost: int) -> Any:
        subtle, uses = js.crypto.subtle, to_js(["encrypt", "decrypt"])
        known = await subtle.importKey("raw", to_js(phrase), "PBKDF2", False, to_js(["deriveKey"]))
        how = options(name="PBKDF2", hash="SHA-256", salt=to_js(salt), iterations=cost)
        wanted = options(name="AES-GCM", length=8 * KEY)
        return await subtle.deriveKey(how, known, wanted, False, uses)

    async def encrypt(self, key: Any, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        made = await js.crypto.subtle.encrypt(gcm(nonce, beside), key, to_js(data))
        return made.to_bytes()

    async def decrypt(self, key: Any, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        try:
            made = await js.crypto.subtle.decrypt(gcm(nonce, beside), key, to_js(data))
        except JsException as error:
            raise NotTheKey("another key, or the bytes were changed") from error
        return made.to_bytes()


def gcm(nonce: bytes, beside: bytes) -> Any:
    return options(name="AES-GCM", iv=to_js(nonce), additionalData=to_js(beside))


def options(**given: Any) -> Any:
    return to_js(given, dict_converter=js.Object.fromEntries)


class BrowserSigner:
    def __init__(self, key: Any, public_key: str) -> None:
        self.key, self.public_key = key, public_key

    @classmethod
    async def of(cls, store: Any) -> BrowserSigner:
        """The person's signer; its key is made the first time."""
        kept = await store.get(*STORED_KEY) or await cls.make(store)
        name, wanted = "Ed25519", to_js(["sign"])
        private = to_js(pkcs8_of(kept["private"]))
        key = await js.crypto.subtle.importKey("pkcs8", private, name, False, wanted)
        return cls(key, kept["public"])

    @classmethod
    async def make(cls, store: Any) -> dict:
        pair = await js.crypto.subtle.generateKey("Ed25519", True, to_js(["sign", "verify"]))
        private = await js.crypto.subtle.exportKey("pkcs8", pair.privateKey)
        public = await js.crypto.subtle.exportKey("raw", pair.publicKey)
        kept = {"private": pem_of(private.to_bytes()), "public": public.to_bytes().hex()}
        await store.batch([["put", *STORED_KEY, kept]])
        return kept

    async def sign(self, data: bytes) -> str:
        signature = await js.crypto.subtle.sign("Ed25519", self.key, to_js(data))
        return signature.to_bytes().hex()
