"""The parts of JSON, byte by byte: literals, strings and numbers, each with how far it was read.

A literal is (LITERAL, text, bytes read); a string (STRING, fewest letters, most or None), once it
began also with where in it one is and how many letters it has; a number (NUMBER, text so far,
decimals, lowest, highest), its limits in units of the last decimal; plain text (PLAIN, bytes that
end it, bytes read).
"""

from __future__ import annotations

Node = tuple
LITERAL, STRING, NUMBER, PLAIN = "literal", "string", "number", "plain"
CHANCE = "chance"
READABLE = LITERAL, STRING, NUMBER, PLAIN
LONGEST_NUMBER = 40
ESCAPED = frozenset(b'"\\/bfnrt')
QUOTE, BACKSLASH = 0x22, 0x5C


def ends(top: Node) -> tuple[bool, bool]:
    """Return whether the part may end here, and whether it must."""
    if top[0] == LITERAL:
        over = top[2] == len(top[1])
        return over, over
    if top[0] == STRING:
        over = len(top) > 3 and top[3] == "over"
        return over, over
    if top[0] == PLAIN:
        return top[2] > 0, False
    return is_number(top), False


def advance(top: Node, byte: int) -> list[Node]:
    """The part after one more byte: a list of one, or empty where the byte is not allowed."""
    if top[0] == LITERAL:
        _, text, at = top
        return [(LITERAL, text, at + 1)] if text[at] == byte else []
    if top[0] == STRING:
        found = in_string(top, byte)
        return [found] if found else []
    if top[0] == PLAIN:
        return [] if byte in top[1] else [(PLAIN, top[1], 1)]
    _, text, places, low, high = top
    longer = NUMBER, text + chr(byte), places, low, high
    return [longer] if reach(longer) else []


# ---- strings


def in_string(top: Node, byte: int) -> Node | None:
    kind, low, high, *more = top
    if not more:
        return (kind, low, high, "in", 0) if byte == QUOTE else None
    where, count = more
    letter = kind, low, high, "in", min(count + 1, low if high is None else high)
    if where == "in":
        if byte == QUOTE:
            return (kind, low, high, "over", 0) if count >= low else None
        if (high is not None and count >= high) or byte < 0x20:
            return None
        if byte == BACKSLASH:
            return kind, low, high, "escape", count
        if byte < 0x80:
            return letter
        bounds = first_of(byte)
        return (kind, low, high, bounds, count) if bounds else None
    if where == "escape":
        return letter if byte in ESCAPED else None
    if where == "over":
        return None
    left, least, most = where
    if not least <= byte <= most:
        return None
    return letter if left == 1 else (kind, low, high, (left - 1, 0x80, 0xBF), count)


def first_of(byte: int) -> tuple[int, int, int] | None:
    """Return, for the first byte of a character, how many bytes follow and the range of the next
    one."""
    if 0xC2 <= byte <= 0xDF:
        return 1, 0x80, 0xBF
    if 0xE0 <= byte <= 0xEF:
        return 2, 0xA0 if byte == 0xE0 else 0x80, 0x9F if byte == 0xED else 0xBF
    if 0xF0 <= byte <= 0xF4:
        return 3, 0x90 if byte == 0xF0 else 0x80, 0x8F if byte == 0xF4 else 0xBF
    return None


# ---- numbers


def is_number(top: Node) -> bool:
    _, text, places, low, high = top
    if not text or not text[-1].isdigit():
        return False
    whole, _, part = text.partition(".")
    return low <= int(whole + part.ljust(places, "0")) <= high


def reach(top: Node) -> bool:
    """Whether the text can become a number within the limits."""
    _, text, places, low, high = top
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, point, part = rest.partition(".")
    if not rest:
        return sign > 0 or low <= 0  # "-0" is a number
    digits = (
        whole.isascii() and whole.isdigit() and (not part or (part.isascii() and part.isdigit()))
    )
    if not digits or (len(whole) > 1 and whole[0] == "0") or len(part) > places:
        return False
    if (point and not places) or len(text) > LONGEST_NUMBER:
        return False
    if sign < 0:
        low, high = -high, -low
    if point:
        unit = 10 ** (places - len(part))
        first = int(whole + part) * unit
        return first <= high and first + unit - 1 >= low
    first, last = int(whole) * 10**places, (int(whole) + 1) * 10**places - 1
    while first <= high:
        if last >= low:
            return True
        if whole == "0":
            return False
        first, last = first * 10, last * 10 + 9
    return False


def complete_node(top: Node) -> bytes:
    """Return a short text that completes the part."""
    if top[0] == CHANCE:
        return b""
    if top[0] == LITERAL:
        return top[1][top[2] :]
    if top[0] == STRING:
        return string_ending(top)
    if top[0] == PLAIN:
        return b"" if top[2] else b"-"
    begun = top[1]
    while not is_number(top):
        more = next(c for c in "0123456789.-" if reach((NUMBER, top[1] + c, *top[2:])))
        top = NUMBER, top[1] + more, *top[2:]
    return top[1][len(begun) :].encode()


def string_ending(top: Node) -> bytes:
    _, low, high, *more = top
    if not more:
        return b'"' + b"a" * low + b'"'
    where, count = more
    if where == "over":
        return b""
    begun = b""
    if where == "escape":
        begun, count = b"n", count + 1
    elif where != "in":
        left, least, _ = where
        begun, count = bytes([least]) + b"\x80" * (left - 1), count + 1
    return begun + b"a" * max(0, low - count) + b'"'
