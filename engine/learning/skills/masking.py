"""Answers that are the question with parts of it replaced: how likely each part is replaced, and by
what.  It is the log-linear model of chances.py, applied at each piece of the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from oneseek.engine.learning.skills.slot_model import (
    LEAST,
    NOTHING,
    TRUST,
    Rows,
    Signs,
    climbed,
    shares,
)

PIECES = re.compile(r"\w+|\s+|[^\w\s]")
MANY = 6  # digits
LONGEST = 12  # pieces that are replaced together
SENTENCE = {"", ".", "!", "?", ":"}
KEPT = ""
Place = tuple[str, int]  # what stands instead, and which piece comes then


def places(instead: Sequence[str], pieces: Sequence[str], at: int) -> Iterator[tuple[Place, Signs]]:
    """Each possible replacement at this piece, with its signs: keep it, or one of the texts."""
    words = [one.lower() for one in pieces]
    before = next((one for one in reversed(words[:at]) if not one.isspace()), "")
    form = form_of(pieces[at : at + 1])
    kind = f"{form} {before in SENTENCE}"
    first = next((one for one in range(at, 0, -1) if pieces[one - 1].isspace()), 0)
    behind = next((one for one in range(at, len(pieces)) if pieces[one].isspace()), len(pieces))
    around = "".join(sorted(set(form_of(pieces[first:behind]))))
    signs = [words[at], f"form {kind}", f"after {before}", f"at {at == 0}", f"around {around}"]
    signs += [f"within {form} {around}", f"before {words[at + 1] if at + 1 < len(words) else ''}"]
    yield (KEPT, at + 1), ["kept", *(f"kept {sign}" for sign in signs)]
    if pieces[at].isspace():
        return
    for last in range(at + 1, min(len(pieces), at + LONGEST) + 1):
        if pieces[last - 1].isspace():
            continue
        following = next((one for one in words[last:] if not one.isspace()), "")
        shape, glued = form_of(pieces[at:last]), last < len(pieces) and not pieces[last].isspace()
        kinds, digits = (
            "".join(sorted(set(shape))),
            sum(map(len, filter(str.isdigit, pieces[at:last]))),
        )
        signs = [f"shape {shape}", f"kinds {kinds}", f"digits {min(digits, MANY)}", f"form {kind}", f"after {before}", f"before {following}",
                 f"then {form_of(pieces[last + (not glued) : last + 1 + (not glued)])}",
                 f"glued {glued and following}", f"glued before {at > first}", words[at]]  # fmt: skip
        for text in instead:
            yield (text, last), [text, *(f"{text} {sign}" for sign in signs)]


def form_of(pieces: Sequence[str]) -> str:
    """How some pieces are written, in few letters."""
    return "".join(
        "9" if one.isdigit() else "X" if one[:1].isupper() else "x" if one.isalpha() else one
        for one in pieces
    )


def replaced(instead: Sequence[str], question: str, answer: str) -> dict[int, Place] | None:
    """What stands in the answer for each piece of an example's question; None where the answer is
    not the question with parts replaced."""
    kept = re.split("|".join(map(re.escape, instead)), answer)
    texts = re.findall("|".join(map(re.escape, instead)), answer)
    found = re.fullmatch("(.+?)".join(map(re.escape, kept)), question, re.DOTALL)
    pieces = list(PIECES.finditer(question))
    starts = {one.start(): at for at, one in enumerate(pieces)}
    ends = {one.end(): at + 1 for at, one in enumerate(pieces)}
    if not found:
        return None
    taken: dict[int, Place] = {}
    for group, text in enumerate(texts, 1):
        if found.start(group) not in starts or found.end(group) not in ends:
            return None
        taken[starts[found.start(group)]] = text, ends[found.end(group)]
    became, at = {}, 0
    while at < len(pieces):
        became[at] = taken.get(at, (KEPT, at + 1))
        at = became[at][1]
    return became


def blotted(instead: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Fit the weights of the signs to what was replaced in the examples."""
    rows, number = Rows(), 0
    for question, answer in pairs:
        pieces = PIECES.findall(question)
        for at, became in (replaced(instead, question, answer) or {}).items():
            for place, signs in places(instead, pieces, at):
                rows.add(number, signs, place == became)
            number += 1
    weights = climbed(rows) if rows.right else np.zeros(0)
    names = zip(rows.names, weights.round(3).tolist(), strict=True)
    return {name: weight for name, weight in names if abs(weight) >= NOTHING}


def becomes(pattern: dict, pieces: Sequence[str], at: int) -> dict[Place, float]:
    """The probability of each replacement at this piece, raised to the power TRUST."""
    weights = pattern.get("weights", {})
    found = list(places(pattern["instead"], pieces, at))
    points = [sum(weights.get(sign, 0.0) for sign in signs) for _, signs in found]
    each = shares(np.array(points), np.zeros(len(points), int))
    pairs = zip((place for place, _ in found), each.tolist(), strict=True)
    return {place: max(LEAST, one) ** TRUST for place, one in pairs}
