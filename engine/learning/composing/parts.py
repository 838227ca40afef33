"""Splits a question that asks for several things at once."""

from __future__ import annotations

import re

from oneseek.engine.learning.memory.statements.following import OWN, genitive, in_full

JOINED = re.compile(r",?\s+(?:and|och|å|samt|&|\+)\s+", re.I)
BOTH = re.compile(r"\b(?:both|båda|både)\s+", re.I)
WH = (
    r"(?:(?:at|in|on|from|by|with|på|i|från|med|till) )?"
    r"(?:who|whose|what|where|when|which|why|how|vad|vem|vems|var|vart|när|vilken|vilket|vilka|"
    r"varifrån|vartifrån|varför|hur)(?:['’]?s)?\b"
)
BEGINS = re.compile(rf"(?:{WH}|(?:do|does|did|is|are|am|was|can|har|är|kan)\b)", re.I)
CLAUSES = re.compile(
    rf"(?:,?\s+(?:and|och|å|samt|&|\+|plus)\s+(?:also\s+|också\s+)?(?={BEGINS.pattern})|,\s*(?={WH}))",
    re.I,
)
BARE = re.compile(rf"{WH}(?: (?:from|to|time|with|ifrån|till|tid|med))?[\s,]*", re.I)
THEY = re.compile(r"\b(?:they|it|them|de|dem|dom|den|det)\b", re.I)
THEIR = re.compile(r"\b(?:their|its|deras|dess)\b", re.I)
ONESELF = re.compile(r"(?:i|me|jag|mig)", re.I)  # "where did Ingela and I meet?" asks for one thing
IS = re.compile(r"['’]?s$", re.I)
OWNED = r"(?:(?:my|our|the|your|his|her|min|mitt|mina|vår|vårt|våra|the|an?|en|ett)\s+)?"
LAST = re.compile(rf"{OWNED}[\w'’.-]+$", re.I)
FIRST = re.compile(rf"{OWNED}[\w'’.-]+(?: [A-ZÅÄÖ][\w'’.-]+)*")
MOST = 4


def clauses(question: str) -> list[str]:
    """The questions that are joined in one, each in full: two of "where and when does it meet?";
    empty if there is only one."""
    found = [one.strip(" ,") for one in CLAUSES.split(plain(question)) if one.strip(" ,")]
    if len(found) < 2 or not BARE.match(found[0]):
        return []
    first, *more = complete(found[:MOST])
    return [f"{one}?" for one in (first, *(of_the_same(one, first) for one in more))]


def of_the_same(part: str, first: str) -> str:
    """A part with what the first part is about in place of *it* and *they*."""
    part, own = in_full(part, first), OWN.search(first)
    if not own or OWN.search(part):
        return part
    return THEY.sub(own[0], THEIR.sub(own[0] + genitive(own[0]), part))


def complete(found: list[str]) -> list[str]:
    """The parts, of which each bare question word gets the rest of the part before it, or of the
    first part that has one."""
    whole = next((one for one in found if not BARE.fullmatch(one)), "")
    full = []
    for one in found:
        begins = BARE.match(whole)
        if not BARE.fullmatch(one):
            whole = one
        elif begins:
            verb = "is " if IS.search(begins[0].strip()) else ""
            one = f"{IS.sub('', one)} {verb}{whole[begins.end() :]}"
        full.append(one)
    return full


def parts(question: str) -> list[str]:
    """A question for each of several things; empty if there is only one."""
    if several := clauses(question):
        return several
    found = [plain(question)]
    while len(found) < MOST and (two := split(found[-1])):
        found[-1:] = two
    return [f"{one.strip(' ,')}?" for one in found] if len(found) > 1 else []


def plain(question: str) -> str:
    return BOTH.sub("", question.strip().rstrip("?!. "))


def split(text: str) -> list[str]:
    """The two questions of one that joins two things; empty if it joins none."""
    joined = JOINED.search(text)
    if not joined:
        return []
    left, right = text[: joined.start()], text[joined.end() :]
    if BEGINS.match(right):
        return [left, right]
    last, first = LAST.search(left), FIRST.match(right)
    if not last or not first or not left[: last.start()].strip() or ONESELF.fullmatch(first[0]):
        return []
    return [left + right[first.end() :], left[: last.start()] + right]
