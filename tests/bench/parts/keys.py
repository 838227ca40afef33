"""Judges an answer by its keys: it must hold one of each list."""

from __future__ import annotations

import re

STEM = 4  # letters of a key that may be the beginning of a longer word, at least


def stands(text: str, value: str) -> bool:
    """Whether a text holds a key as a word of its own, or a key of letters as the beginning of
    one: "onion" stands in "onions", "4" not in "45"."""
    end = "" if value.isalpha() and len(value) >= STEM else r"(?!\w)"
    return re.search(rf"(?<!\w){re.escape(value)}{end}", text, re.I) is not None


def is_right(answer: str, keys: list[list[str]]) -> bool:
    return all(any(stands(answer, value) for value in one) for one in keys)
