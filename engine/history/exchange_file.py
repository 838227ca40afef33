"""The file that carries what was told to another device: encrypted with a phrase, and signed if the
ledger is.

It has a line of JSON with the parameters of the encryption, the ciphertext, and a checksum over
both, so that a damaged file is told apart from a wrong phrase.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import secrets
import unicodedata
from collections.abc import Callable
from typing import Any

from oneseek.engine.core.exchange.arriving import FromTheFuture, bring, must_be_of_today
from oneseek.engine.core.exchange.entries import Unreadable, check_entries
from oneseek.engine.core.exchange.gathering import Here
from oneseek.engine.history.ledger import canonical
from oneseek.engine.history.verify_integrity import holds

FORMAT, VERSION = "oneseek-exchange", 1
DERIVED, CIPHER = "PBKDF2-HMAC-SHA256", "AES-256-GCM"
COST = 600_000  # rounds of PBKDF2: what one guess at the phrase costs whoever has the file
COSTS = (100_000, 10_000_000)  # less protects nothing, more would hold this device up
NONCE, KEY = 12, 32  # bytes
SHORTEST = 12  # characters of a phrase
CHECKSUM = 32  # bytes of SHA-256 at the end
BEGIN = b'{"format": "%s", "version": ' % FORMAT.encode()

WORDS = {
    "wrong": "this file is no OneSeek exchange file",
    "older": "this file has a format that this OneSeek no longer reads; make it anew",
    "newer": "this file was made by a newer OneSeek; update this one",
    "damaged": "this file was cut off or damaged on its way; copy it again",
    "phrase": "this is not the phrase that the file was sealed with",
    "signature": "the signature does not fit the content of this file; it was forged or altered",
    "short": f"a phrase needs at least {SHORTEST} characters; several words are easy to remember",
    "future": "the clock of the device that made this file is more than a day ahead of this one's; "
    "set both right and make the file anew",
}


class NotTheKey(ValueError):
    """The key is wrong or the bytes were changed; a cipher cannot know which."""


class NotOpened(ValueError):
    """Why a file or a phrase is of no use, as a name of WORDS; nothing was changed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{WORDS[why]}. Nothing was changed")
        self.why = why


async def export_state(
    store: Any, phrase: str, clock: Callable[[], int], cipher: Any, signer: Any = None
) -> tuple[dict[str, dict], bytes]:
    """Return all that was told and forgotten here, and its file."""
    state = (await Here.of(store)).state
    return state, await seal(state, good_phrase(phrase), clock, cipher, signer)


def of_today(state: dict[str, dict], clock: Callable[[], int]) -> dict[str, dict]:
    """Return a state that can be taken over, or raise NotOpened."""
    try:
        must_be_of_today(state, clock)
    except FromTheFuture as error:
        raise NotOpened("future") from error
    return state


async def import_state(store: Any, state: dict[str, dict], clock: Callable[[], int]) -> dict:
    """Take over what a file holds; return what that changed here, as `bring` does."""
    return await bring(store, of_today(state, clock), clock)


async def seal(
    state: dict[str, dict],
    phrase: str,
    clock: Callable[[], int],
    cipher: Any,
    signer: Any = None,
    cost: int = COST,
) -> bytes:
    """Return the bytes of a file that holds this state. A `cipher` derives a `key` from a phrase
    and encrypts and decrypts with it: NativeCipher of native_keys.py, or the browser's own."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(NONCE)
    text = canonical({"made": clock(), "entries": [state[about] for about in sorted(state)]})
    inside = {"text": text}
    if signer:
        signature = signer.sign(text.encode())
        inside["signature"] = await signature if inspect.isawaitable(signature) else signature
        inside["signed_by"] = signer.public_key
    header = {
        "format": FORMAT,
        "version": VERSION,
        "derived": DERIVED,
        "cost": cost,
        "cipher": CIPHER,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
    }
    line = json.dumps(header).encode() + b"\n"
    key = await cipher.key(_even(phrase), salt, cost)
    whole = line + await cipher.encrypt(key, nonce, json.dumps(inside).encode(), line)
    return whole + hashlib.sha256(whole).digest()


async def unseal(data: bytes, phrase: str, cipher: Any) -> tuple[dict[str, dict], str]:
    """Return the state in a file and the public key it is signed with (empty if unsigned), or raise
    NotOpened."""
    line, header = _header(data)
    try:
        salt, nonce = bytes.fromhex(header["salt"]), bytes.fromhex(header["nonce"])
        how = header["derived"], header["cipher"], len(nonce), type(header["cost"])
        known = how == (DERIVED, CIPHER, NONCE, int)
    except (KeyError, TypeError, ValueError):
        known = False
    if not known or not COSTS[0] <= header["cost"] <= COSTS[1]:
        raise NotOpened("wrong")
    key = await cipher.key(_even(phrase), salt, header["cost"])
    try:
        hidden = data[len(line) : -CHECKSUM]
        inside = json.loads(await cipher.decrypt(key, nonce, hidden, line))
    except NotTheKey as error:
        raise NotOpened("phrase") from error
    if "signature" in inside:
        if not holds(inside["signed_by"], inside["text"].encode(), inside["signature"]):
            raise NotOpened("signature")
    try:
        return check_entries(json.loads(inside["text"])["entries"]), inside.get("signed_by", "")
    except Unreadable as error:
        raise NotOpened("wrong") from error


def _header(data: bytes) -> tuple[bytes, dict]:
    """Return the first line of a complete file of this format, and what it says, or raise
    NotOpened. Every version of the format ends with the checksum."""
    if not data.startswith(BEGIN):
        cut = data and BEGIN.startswith(data)
        raise NotOpened("damaged" if cut else "wrong")
    if hashlib.sha256(data[:-CHECKSUM]).digest() != data[-CHECKSUM:]:
        raise NotOpened("damaged")
    line = data.partition(b"\n")[0] + b"\n"
    try:
        header = json.loads(line)
        newer, older = header["version"] > VERSION, header["version"] < VERSION
    except (ValueError, KeyError, TypeError) as error:
        raise NotOpened("wrong") from error
    if newer or older:
        raise NotOpened("newer" if newer else "older")
    return line, header


def _even(phrase: str) -> bytes:
    """Return the same bytes for a phrase, whatever keyboard wrote it."""
    return unicodedata.normalize("NFKC", phrase.strip()).encode()


def good_phrase(phrase: str) -> str:
    """The phrase, or NotOpened where it is too short to protect anything."""
    if len(phrase.strip()) < SHORTEST:
        raise NotOpened("short")
    return phrase
