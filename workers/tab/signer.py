"""Signs with the browser's own Ed25519: the key is made here, and the person can take it along as a
file.

It lies in the settings, so a backup holds it too; the same PEM file serves the server and openssl.
"""

from __future__ import annotations

from typing import Any

import js
from pyodide.ffi import to_js

from oneseek.engine.history.pem import pem_of, pkcs8_of

KEY = ("settings", "signing-key")


class BrowserSigner:
    def __init__(self, key: Any, public_key: str) -> None:
        self.key, self.public_key = key, public_key

    @classmethod
    async def of(cls, store: Any) -> BrowserSigner:
        """The person's signer; its key is made the first time."""
        kept = await store.get(*KEY) or await cls.make(store)
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
        await store.batch([["put", *KEY, kept]])
        return kept

    async def sign(self, data: bytes) -> str:
        signature = await js.crypto.subtle.sign("Ed25519", self.key, to_js(data))
        return signature.to_bytes().hex()
