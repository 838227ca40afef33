"""Whether words that were read from a picture are words: what a misread page gives is not worth a
lesson.

Judged by what letters of a language do: they stand in words of some length, with vowels among them.
"""

VOWELS = "aeiouyåäöàáâãæèéêëìíîïòóôõøùúûüœ"
SHORT = ("i", "a", "å", "ö", "o", "y", "e")
"""Words of one letter there are, in the languages this project speaks and their neighbours."""

ENOUGH = 0.7
"""The share of a sentence's words that has to look like words."""


def is_word(word):
    letters = word.strip(".,;:!?()[]\"'”“’…–-/%")
    if not any(c.isalpha() or c > "\x7f" for c in letters):
        return any(c.isdigit() for c in letters)
    if word.endswith(".") and len(letters) <= 3:
        return True  # an abbreviation
    lower = letters.lower()
    plain = [c for c in lower if c.isalpha() or c > "\x7f"]
    if len(lower) == 1:
        return lower in SHORT
    if len(plain) < 0.75 * len(lower):
        return False
    if lower != letters and letters.upper() != letters and letters[1:].lower() != letters[1:]:
        return False  # a capital in the middle
    vowels = len([c for c in plain if c in VOWELS])
    if letters.upper() == letters and len(letters) <= 4:
        return True  # an abbreviation
    return vowels > 0 and len(plain) <= 8 * vowels and len(plain) <= 30


def legible(text):
    """Whether enough of a text's words look like words."""
    words = text.split()
    return bool(words) and sum(is_word(word) for word in words) >= ENOUGH * len(words)
