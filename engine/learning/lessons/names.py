"""Invented names of the same shape as a given one: Quillmere -> Harrowmere, drellium -> tolvium."""

from __future__ import annotations

import re

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import capital
from oneseek.engine.learning.lessons.language import Language

SYLLABLE = re.compile(r"[^aeiouyåäö]*[aeiouyåäö]+(?:[^aeiouyåäö]+$)?", re.IGNORECASE)


def like(name: str, language: Language, draw: Draw) -> str:
    """Return an invented name with the digit count, capitals and known ending of `name`."""
    return re.sub(r"\d+|[^\W\d_]+", lambda word: _word(word[0], language, draw), name)


def _word(word: str, language: Language, draw: Draw) -> str:
    if word.isdigit():
        digits = "".join(str(draw.draw_below(10)) for _ in word)
        return digits if digits != word else digits[::-1]
    lower = word.lower()
    if lower in language.function_words or language.categories(lower):
        return word
    if lower in language.first_names:
        return draw.choice([n for n in language.first_names.values() if n.lower() != lower])
    ending = next(
        (e for e in language.endings if lower.endswith(e) and len(lower) > len(e) + 1), ""
    )
    if not ending:
        ending = draw.choice(language.name_tails) if len(word) > 4 else draw.choice("aeio")
    own = len(SYLLABLE.findall(ending)) if len(ending) > 1 else 0
    syllables = max(1, len(SYLLABLE.findall(lower)) - own)
    start = "".join(draw.choice(language.name_heads) for _ in range(min(2, syllables)))
    invented = start + ending
    if invented == lower:
        return _word(word, language, draw)
    return (
        invented.upper() if word.isupper() else capital(invented) if word[0].isupper() else invented
    )
