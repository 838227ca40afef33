"""Seals an exchange file with the browser's own PBKDF2 and AES-GCM."""

from __future__ import annotations

from typing import Any

import js
from pyodide.ffi import JsException, to_js

from oneseek.engine.history.exchange_file import KEY, NotTheKey


class BrowserCipher:
    async def key(self, phrase: bytes, salt: bytes, cost: int) -> Any:
        subtle, uses = js.crypto.subtle, to_js(["encrypt", "decrypt"])
        known = await subtle.importKey("raw", to_js(phrase), "PBKDF2", False, to_js(["deriveKey"]))
        how = options(name="PBKDF2", hash="SHA-256", salt=to_js(salt), iterations=cost)
        wanted = options(name="AES-GCM", length=8 * KEY)
        return await subtle.deriveKey(how, known, wanted, False, uses)

    async def sealed(self, key: Any, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        made = await js.crypto.subtle.encrypt(gcm(nonce, beside), key, to_js(data))
        return made.to_bytes()

    async def opened(self, key: Any, nonce: bytes, data: bytes, beside: bytes) -> bytes:
        try:
            made = await js.crypto.subtle.decrypt(gcm(nonce, beside), key, to_js(data))
        except JsException as error:
            raise NotTheKey("another key, or the bytes were changed") from error
        return made.to_bytes()


def gcm(nonce: bytes, beside: bytes) -> Any:
    return options(name="AES-GCM", iv=to_js(nonce), additionalData=to_js(beside))


def options(**given: Any) -> Any:
    return to_js(given, dict_converter=js.Object.fromEntries)
