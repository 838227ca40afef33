"""Normalises text, so that full-width digits or hidden characters pass no rule by.

MicroPython has no unicodedata and its str knows ASCII only, so the replacements are listed here.
"""

from oneseek.engine.core.collecting.content import is_hidden

DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"
DOUBLE, SINGLE = "\u201c\u201d\u201e\u00ab\u00bb\u2033", "\u2018\u2019\u201a\u2039\u203a"
SPACES = "\u00a0\u1680\u202f\u205f\u3000"
ZEROS = (0x0660, 0x06F0, 0x0966, 0x2070, 0x2080)  # of other scripts, superscript and subscript
RAISED = {"\u00b9": "1", "\u00b2": "2", "\u00b3": "3"}
PLAIN = {
    "a": "åäáàâãÅÄÁÀÂÃ",
    "o": "öøóòôõÖØÓÒÔÕ",
    "u": "üúùûÜÚÙÛ",
    "e": "éèêëÉÈÊË",
    "i": "íìîïÍÌÎÏ",
    "n": "ñÑ",
    "c": "çÇ",
    "ae": "æÆ",
    "ss": "ßẞ",
}
FOLDED = {letter: plain for plain, letters in PLAIN.items() for letter in letters}
DIGITS = "0123456789"


def even(text):
    """The text with each letter, digit, space, dash and quote in its usual form (near NFKC)."""
    for letter in set(text):
        usual = _usual(letter, ord(letter))
        if usual != letter:
            text = text.replace(letter, usual)
    return text


def _usual(letter, code):
    if is_hidden(code):
        return ""
    if code < 0xA0:
        return letter
    if 0xFF01 <= code <= 0xFF5E:  # full width
        return chr(code - 0xFEE0)
    if 0x2000 <= code <= 0x200A or letter in SPACES:
        return " "
    if letter in DASHES:
        return "-"
    if letter in DOUBLE:
        return '"'
    if letter in SINGLE:
        return "'"
    if code in (0x2028, 0x2029):
        return "\n"
    if letter in "\u2192\u21d2":
        return "="
    if letter in RAISED:
        return RAISED[letter]
    if 0x0300 <= code <= 0x036F or 0xFE00 <= code <= 0xFE0F or code == 0x20E3:
        return ""  # marks that combine with the letter before
    if 0x2460 <= code <= 0x2468:  # in a circle
        return chr(code - 0x2460 + 49)
    if 0x1D7CE <= code <= 0x1D7FF:  # mathematical digits, bold and others
        return chr((code - 0x1D7CE) % 10 + 48)
    if 0x1D400 <= code <= 0x1D6A3:  # mathematical letters
        at = (code - 0x1D400) % 52
        return chr(at + 65 if at < 26 else at + 71)
    for zero in ZEROS:
        if zero <= code <= zero + 9:
            return chr(code - zero + 48)
    return letter


def fold(text):
    """Return the text in small letters without diacritics, as people type who have no å: lösenord
    -> losenord."""
    if not is_ascii(text):
        for letter in FOLDED:
            if letter in text:
                text = text.replace(letter, FOLDED[letter])
    return text.lower()


def is_ascii(text):
    return len(text.encode()) == len(text)


def is_digits(text):
    """Whether it is only ASCII digits, at least one; CPython's isdigit accepts others too."""
    return text.isdigit() and is_ascii(text)


def has_digit(text):
    return any([digit in text for digit in DIGITS])


def count_digits(text):
    return sum([text.count(digit) for digit in DIGITS])


def count_letters(text):
    """Count the letters; every character beyond ASCII counts as one."""
    return sum([letter.isalpha() or ord(letter) > 127 for letter in text])
