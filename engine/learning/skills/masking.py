"""Answers that are the question with parts of it replaced: how likely each replacement is, by the
log-linear model of slot_model.py at each piece of the question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from oneseek.engine.learning.skills.ridge import (
    Reading,
    Readings,
    amounts,
    of_parts,
    part_points,
)
from oneseek.engine.learning.skills.slot_model import (
    Amounts,
    Rows,
    Signs,
    fit_weights,
    shares,
    temper_chance,
    weigh,
)

PIECES = re.compile(r"\w+|\s+|[^\w\s]")
MANY = 6  # digits
LONGEST = 12  # pieces that are replaced together
SENTENCE = {"", ".", "!", "?", ":"}
KEPT = ""
Place = tuple[str, int]  # the replacement, and the next piece after it


def places(instead: Sequence[str], pieces: Sequence[str], at: int) -> Iterator[tuple[Place, Signs]]:
    """Yield each possible replacement at this piece with its features (`signs`): keep it, or one of
    the texts."""
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


def find_replacements(
    instead: Sequence[str], question: str, answer: str
) -> dict[int, Place] | None:
    """Return what becomes of each piece of an example's question; None where the answer is not the
    question with parts replaced."""
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


def fit_replacements(
    instead: Sequence[str], pairs: Sequence[tuple[str, str]], readings: Readings | None = None
) -> dict:
    """Fit the weights of the features to what was replaced in the examples."""
    rows, number = Rows(), 0
    became = [find_replacements(instead, question, answer) for question, answer in pairs]
    wanted = [
        kinds_of(instead, question, some or {}, one)
        for (question, _), some, one in zip(
            pairs, became, readings.each if readings else (), strict=bool(readings)
        )
    ]
    plain, found = of_parts(readings, wanted)
    for place, ((question, _), some) in enumerate(zip(pairs, became, strict=True)):
        encoder = (
            PartSigns(instead, question, found[place], readings.each[place])
            if readings and found
            else None
        )
        pieces = PIECES.findall(question)
        for at, right in (some or {}).items():
            for one, signs in places(instead, pieces, at):
                more = encoder.of(at, one) if encoder else None
                rows.add(number, signs, one == right, more)
            number += 1
    return {"weights": fit_weights(rows), "parts": plain}


def kinds_of(
    instead: Sequence[str], question: str, became: dict[int, Place], reading: Reading
) -> np.ndarray:
    """[tokens, kinds], 1 for what becomes of each token of a question; the first kind is kept."""
    pieces = list(PIECES.finditer(question))
    kinds = np.zeros((len(reading.spans), 1 + len(instead)))
    for at, (text, last) in became.items():
        if text and kinds.size:
            inside = reading.at([(pieces[at].start(), pieces[last - 1].end())])
            kinds[inside, 1 + instead.index(text)] = 1
    if kinds.size:
        kinds[:, 0] = kinds[:, 1:].sum(1) == 0
    return kinds


class PartSigns:
    """The encoder's features of each replacement in one question, by [tokens, kinds] points."""

    def __init__(
        self, instead: Sequence[str], question: str, points: np.ndarray, reading: Reading
    ) -> None:
        self.spans = [one.span() for one in PIECES.finditer(question)]
        self.kinds = {text: at for at, text in enumerate([KEPT, *instead])}
        self.points, self.reading = points, reading

    def of(self, at: int, place: Place) -> Amounts:
        text, last = place
        span = self.spans[at][0], self.spans[last - 1][1]
        found = amounts(self.points[:, self.kinds[text]], self.reading, span)
        return found if text else {f"kept {name}": one for name, one in found.items()}


def becomes(
    pattern: dict, question: str, reading: Reading | None = None
) -> list[dict[Place, float]]:
    """Return for each piece of a question the tempered chance of each of its replacements."""
    weights, pieces = pattern.get("weights", {}), PIECES.findall(question)
    points, encoder = part_points(pattern.get("parts"), reading), None
    if points is not None and reading:
        encoder = PartSigns(pattern["instead"], question, points, reading)
    found = []
    for at in range(len(pieces)):
        ways, sums = [], []
        for place, signs in places(pattern["instead"], pieces, at):
            more = encoder.of(at, place) if encoder else {}
            ways.append(place)
            sums.append(weigh(weights, signs, more))
        each = shares(np.array(sums), np.zeros(len(sums), int)).tolist()
        found.append({way: temper_chance(one) for way, one in zip(ways, each, strict=True)})
    return found
