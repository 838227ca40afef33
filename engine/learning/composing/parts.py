"""The parts of a question that asks for several things at once."""

from __future__ import annotations

import re

JOINED = re.compile(r",?\s+(?:and|och|samt|&)\s+", re.I)
BOTH = re.compile(r"\b(?:both|båda|både)\s+", re.I)
BEGINS = re.compile(
    r"(?:who|who's|whose|what|what's|where|when|which|why|how|do|does|did|is|are|am|was|can|in which|"
    r"on which|vem|vems|vad|var|vart|när|vilken|vilket|vilka|varför|hur|har|är|kan|på vilken)\b",
    re.I,
)
OWNED = r"(?:(?:my|our|the|your|his|her|min|mitt|mina|vår|vårt|våra|the|an?|en|ett)\s+)?"
LAST = re.compile(rf"{OWNED}[\w'’.-]+$", re.I)
FIRST = re.compile(rf"{OWNED}[\w'’.-]+(?: [A-ZÅÄÖ][\w'’.-]+)*")
MOST = 4


def parts(question: str) -> list[str]:
    """A question for each of several things; nothing where it asks for one."""
    text = BOTH.sub("", question.strip().rstrip("?!. "))
    found = [text]
    while len(found) < MOST and (two := split(found[-1])):
        found[-1:] = two
    return [f"{one.strip(' ,')}?" for one in found] if len(found) > 1 else []


def split(text: str) -> list[str]:
    """Two questions of one whose clauses, or whose things, are joined."""
    joined = JOINED.search(text)
    if not joined:
        return []
    left, right = text[: joined.start()], text[joined.end() :]
    if BEGINS.match(right):
        return [left, right]
    last, first = LAST.search(left), FIRST.match(right)
    if not last or not first or not left[: last.start()].strip():
        return []
    return [left + right[first.end() :], left[: last.start()] + right]
