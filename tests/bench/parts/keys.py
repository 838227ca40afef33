"""Judges an answer by its keys: it must hold one of each list."""

from __future__ import annotations

import re


def stands(text: str, value: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.I) is not None


def is_right(answer: str, keys: list[list[str]]) -> bool:
    return all(any(stands(answer, value) for value in one) for one in keys)
