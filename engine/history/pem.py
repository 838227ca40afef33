"""Ed25519 private keys as the text of a PEM file, on every host."""

from __future__ import annotations

import base64

PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # what stands before the 32 bytes


class BadKey(ValueError):
    """The file holds no Ed25519 key."""


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
