"""Yes or no by comparison: of two things whose numbers or days were told, or of a day with another.

"Is Rafe older than Imogen?", "Does my contract end before I move?", "Is it valid through July?"
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.quantities import Moment, hours, moments, quantities
from oneseek.engine.learning.memory.second_look import content
from oneseek.engine.learning.memory.statements.statement import Found

MORE = (
    "older|taller|longer|heavier|bigger|larger|higher|faster|further|dearer|later|after|deeper|wider|"
    "more|warmer|äldre|längre|tyngre|större|högre|snabbare|dyrare|senare|efter|djupare|bredare|mer|"
    "fler|varmare"
)
LESS = (
    "younger|shorter|lighter|smaller|lower|slower|nearer|cheaper|earlier|before|fewer|less|colder|"
    "yngre|kortare|lättare|mindre|lägre|långsammare|närmare|billigare|tidigare|före|innan|färre|"
    "kallare"
)
COMPARED = re.compile(
    rf"\b(?:(?P<more>{MORE})|(?P<less>{LESS}))\b(?: \w+){{0,2}}? (?:than|än)\b"
    rf"|\b(?:(?P<after>after|later|efter|senare)|(?P<first>before|earlier|före|innan|tidigare))\b",
    re.I,
)
AGES = re.compile(r"\b(?:older|younger|äldre|yngre)\b", re.I)
ENDS = re.compile(
    r"\b(?:up in|up on|runs? out|running out|expires?|ends?|until|till?|through|valid to|due|"
    r"går ut|slutar|löper ut|gäller till|till och med|t\.o\.m\.)\b",
    re.I,
)
LASTS = re.compile(
    r"\b(?:good|ok(?:ay)? for|fine for|valid|covered|last|lasts|run|runs|still|insured|gäller|giltig\w*|räcker|täckt|kvar)\b",
    re.I,
)
FITS = re.compile(
    r"\b(?:fits?|afford|catch|in time|on time|make it|manage|enough|within|too (?:big|long|late|"
    r"much)|"
    r"duck|stoop|hinn\w*|hann|räcker|ryms|får plats|råd|i tid|för (?:stor|lång|sen|mycket)\w*)\b",
    re.I,
)
TOO_MUCH = re.compile(r"\b(?:(?:too|för) \w+|duck|stoop)\b", re.I)
WHEN = re.compile(r"\b(?:when|while|during|after|by the time|när|under|medan|efter)\b(.+)", re.I)
LIMIT = re.compile(
    r"\b(?:budget|tops|max\w*|at most|no more than|up to|limit|gap|space|room|by|before|latest|"
    r"deadline|due|leaves|left|departs|departed|closes|starts|begins|holds|door\w*|ceiling|gate|"
    r"bridge|tunnel|senast|högst|gräns\w*|plats|rymmer|avgår|avgick|går|gick|stänger|börjar|dörr\w*)\b",
    re.I,
)
I_MYSELF = re.compile(r"\b(?:i|i'm|me|my|we|our|jag|mig|min|mitt|mina|vi|vår\w*)\b", re.I)
Value = tuple[str, float]


def compare(asked: Asked, some: Sequence[Found]) -> tuple[bool, list[Found]] | None:
    """The answer to a question that compares, and the statements that show it; None if they leave
    it open."""
    question = asked.question
    if not (found := COMPARED.search(question)):
        return fits_in(asked, some) or lasts(asked, some)
    left, right = question[: found.start()], question[found.end() :]
    pairs = [
        (one, other, a, b)
        for one in some for other in some if one is not other
        for a in values(one, asked) for b in values(other, asked)
        if a[0] == b[0] and a[1] != b[1]
    ]  # fmt: skip
    if not pairs:
        return None

    def fits(pair: tuple[Found, Found, Value, Value]) -> tuple[float, float]:
        one, other = pair[:2]
        return overlap(left, right, one, other, asked), overlap(right, left, other, one, asked)

    best = max(pairs, key=lambda pair: sum(fits(pair)))
    one, other, (sort, a), (_, b) = best
    if min(fits(best)) <= 0:
        return None
    greater = a > b
    if sort in ("year", "day") and AGES.search(question):
        greater = not greater
    return greater == bool(found["more"] or found["after"]), [one, other]


def overlap(side: str, opposite: str, one: Found, other: Found, asked: Asked) -> float:
    """How much better a statement fits one side of a comparison than the opposite side: the
    difference in their words that it has and the other statement lacks, and a half if both are
    about the person alone."""
    said = one.fact["answer"]
    bare, theirs = asked.bare_words(said), asked.bare_words(other.fact["answer"])

    def count_shared(text: str) -> int:
        words = content(text, asked.language)
        return sum(has(word, bare) and not has(word, theirs) for word in words)

    def has(word: str, some: set[str]) -> bool:
        return any(asked.are_forms(word, one) for one in some)

    mine = count_shared(side) - count_shared(opposite)
    plain = not content(side, asked.language) and I_MYSELF.search(side) and I_MYSELF.match(said)
    return mine + (0.5 if plain else 0.0)


def values(one: Found, asked: Asked) -> list[Value]:
    """The values of a statement that can be compared: (sort, number)."""
    said, code = one.fact["answer"], one.fact["language"]
    told = date.fromtimestamp(one.fact["time"] / 1e3)
    found: list[Value] = [("hour", hour.value) for hour in hours(said)]
    for day in moments(said, code, told):
        found.append(("day", float(day.first.toordinal())))
        if day.whole == "year":
            found.append(("year", float(day.first.year)))
    return found + [("number", amount.value) for amount in quantities(said, code)]


def fits_in(asked: Asked, some: Sequence[Found]) -> tuple[bool, list[Found]] | None:
    """Whether what is needed stays within a limit that was told: a size, a price, a time. None if
    the question does not ask that, or one of them was not told."""
    if not FITS.search(asked.question):
        return None
    limits = [one for one in some if LIMIT.search(one.fact["answer"])]
    needs = [one for one in some if one not in limits]
    for limit in limits:
        for need in needs:
            for sort, most in values(limit, asked):
                for other, amount in values(need, asked):
                    if sort == other and sort != "year":
                        fits = amount <= most
                        return fits != bool(TOO_MUCH.search(asked.question)), [need, limit]
    return None


def lasts(asked: Asked, some: Sequence[Found]) -> tuple[bool, list[Found]] | None:
    """Whether what ends on a told day still lasts on the day that a question is about; None if they
    leave it open."""
    if not LASTS.search(asked.question):
        return None
    for one in sorted(
        some, key=lambda one: (-len(asked.find_shared(one.fact["answer"])), -one.apart)
    ):
        said = one.fact["answer"]
        told = date.fromtimestamp(one.fact["time"] / 1e3)
        asks, beside = moments(asked.question, asked.code, told), [one]
        if not asks:
            asks, beside = day_of_other(asked, one, some)
        ends = moments(said, one.fact["language"], told)
        if asks and ends and asked.find_shared(said) and ENDS.search(said):
            return asks[0].last <= ends[-1].last, beside
    return None


def day_of_other(
    asked: Asked, one: Found, some: Sequence[Found]
) -> tuple[list[Moment], list[Found]]:
    """The day of the event that a question names ("when we fly"), and the statements about both."""
    if then := WHEN.search(asked.question):
        event = Asked(then[1], asked.code)
        for other in some:
            said, told = other.fact["answer"], date.fromtimestamp(other.fact["time"] / 1e3)
            days = moments(said, other.fact["language"], told)
            if days and event.find_shared(said) and said != one.fact["answer"]:
                return days, [one, other]
    return [], [one]


def same_time(asked: Asked, said: str, told: date, code: str) -> bool:
    """Whether a statement may be about the day that a question asks for: the days meet, it lasts
    until then, or one of the two names none."""
    asks, days = moments(asked.question, asked.code, told), moments(said, code, told)
    if not asks or not days:
        return True
    if ENDS.search(said):
        return asks[0].first <= days[-1].last
    return meets(asked, said, told, code)


def meets(asked: Asked, said: str, told: date, code: str) -> bool:
    """Whether a statement names a day that a question asks for."""
    asks, days = moments(asked.question, asked.code, told), moments(said, code, told)
    return any(meet(one, other) for one in asks for other in days)


def meet(one: Moment, other: Moment) -> bool:
    return one.first <= other.last and other.first <= one.last
