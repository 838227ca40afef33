"""Identifies equal examples: by a hash of their words as the eye reads them."""

import hashlib

_LETTERS = (
    ("\u00a0", " "),
    ("a\u030a", "å"),
    ("a\u0308", "ä"),
    ("o\u0308", "ö"),
    ("e\u0301", "é"),
    ("u\u0308", "ü"),
    ("Å", "å"),
    ("Ä", "ä"),
    ("Ö", "ö"),
    ("É", "é"),
    ("Ü", "ü"),
    ("Æ", "æ"),
    ("Ø", "ø"),
)
_SAME = [(one.encode(), other.encode()) for one, other in _LETTERS]


def normalise(text):
    """Return the same string for texts that look the same: case, white space and combining marks
    are evened out.

    On bytes and with its own letters because MicroPython's str knows ASCII only, and the page and
    the worker must agree.
    """
    data = text.encode().lower()
    for one, other in _SAME:
        data = data.replace(one, other)
    return b" ".join(data.split()).rstrip(b" .!").decode()


def content_hash(prompt, answer):
    return _hash(normalise(prompt) + "\x00" + normalise(answer))


def prompt_hash(prompt):
    return _hash(normalise(prompt))


def _hash(text):
    return hashlib.sha256(text.encode()).digest()[:8].hex()


def visible(text):
    """A text without invisible characters: zero width, direction marks, tags, variation abuse."""
    for letter in set(text):
        if is_hidden(ord(letter)):
            text = text.replace(letter, "")
    return text


def is_hidden(code):
    return (
        0x200B <= code <= 0x200F
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xE0000 <= code <= 0xE0FFF
        or code in (0x00AD, 0x061C, 0x180E, 0xFEFF)
        or code < 32
        and code not in (9, 10, 13)
    )
