"""Computes answers from statements: a span of time, an age, a sum, a difference, a remainder.

Nothing is computed if a statement says the result itself, or if it is not plain which numbers are
meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from oneseek.engine.learning.composing.asked import WITHIN, Asked, likelihood
from oneseek.engine.learning.composing.quantities import (
    BARE,
    MONEY,
    Moment,
    Quantity,
    days_between,
    hours,
    moments,
    quantities,
)
from oneseek.engine.learning.memory.second_look import relatives
from oneseek.engine.learning.memory.statements.answering import NEGATED
from oneseek.engine.learning.memory.statements.groups import words_in
from oneseek.engine.learning.memory.statements.rows import Rows, lines
from oneseek.engine.learning.memory.statements.statement import Found

DAY = 24 * 60  # minutes
LOW = 0.007  # minimum probability of a statement that concerns the question
OPEN, CLOSE, FAIR = 0.2, 0.06, 0.015  # the same of the likeliest statement; see `is_sure`
SPAN = re.compile(
    r"\b(?:how many|hur många) (?:more |whole |full |fler |hela )?(?P<unit>years|months|weeks|days|"
    r"nights|hours|minutes|år|månader|veckor|dagar|dygn|nätter|timmar|minuter)\b"
    r"(?! (?:old|gam|must|should|can|may|does it take|måste|bör|ska|tar det))"
    r"|\bhow long\b(?! (?:should|does it take|do you|must|can|could|would))(?!.*\b(?:tall|cm|metres))(?:.* in (?P<unit2>years|months|weeks|days)\b)?"
    r"|\bhur (?:länge|lång tid)\b",
    re.I,
)
UNITS = {"år": "years", "månader": "months", "veckor": "weeks", "dagar": "days", "dygn": "days",
         "nätter": "nights", "timmar": "hours", "minuter": "minutes"}  # fmt: skip
UNTIL = re.compile(
    r"\b(?:until|till|to go|left|before|away|away is|from now|kvar|tills|innan|återstår|dröjer)\b",
    re.I,
)
SINCE = re.compile(r"\b(?:ago|since|have|has|had|been|sedan|har|hade)\b", re.I)
AGE = re.compile(
    r"^(?:and |so |och )?(?:how old|hur gam\w+) (?:is|was|did|am|are|were|would|will|när|är|blev|var|"
    r"blir|skulle|hann)\b|\b(?:age|ålder)\b",
    re.I,
)
BORN = re.compile(r"\b(?:born|birth|lived from|född|föddes|levde)\b", re.I)
WHEN_BORN = re.compile(r"\b(?:when|när)\b.*\b(?:born|föd\w*)\b", re.I)
ME = re.compile(r"\b(?:i|i'm|jag)\b", re.I)
TOTAL = re.compile(
    r"\b(?:altogether|all together|in total|total|combined|in all|overall|all told|the lot|sum|"
    r"sammanlagt|totalt|totala|tillsammans|alltihop\w*|allt som allt|ihop|summan|summa)\b",
    re.I,
)
AMOUNT = re.compile(
    r"\b(?:how (?:much|many|far)|hur (?:mycket|många|långt)|add up|summera)\b", re.I
)
SUM = re.compile(
    r"^(?:(?:and|so|och|så) )?(?:what(?:['’]?s| is| was) )?(?:(?:the|my|our) )?(?:total|sum)\b|"
    r"^(?:vad (?:blir|är|blev) )?(?:summan|total\w*)\b|\b(?:come|comes|came|blir|blev)\b",
    re.I,
)
SPENDS = re.compile(
    r"\b(?:cost|costs|spent|spend|pay|paid|bill|owe|earn|money|price|kosta\w*|betala\w*|pris\w*|gick|"
    r"går|skyldig|tjäna\w*|pengar|spendera\w*|lagt)\b",
    re.I,
)
DIFFERENCE = re.compile(
    r"\bhow (?:much|many)\b.*\b(?:older|younger|taller|shorter|heavier|lighter|longer|further|more|"
    r"less|fewer|cheaper|dearer|bigger|higher|lower|faster)\b"
    r"|\b(?:difference|gap between)\b|\bhow much\b.*\b(?:lost|gained|grown|saved|gone (?:up|down)|increase\w*|"
    r"decrease\w*|put on|risen|dropped)\b"
    r"|\bhur (?:mycket|många)\b.*\b(?:äldre|yngre|längre|kortare|tyngre|lättare|mer|mindre|fler|färre|"
    r"dyrare|billigare|större|högre|lägre|gått (?:upp|ner)|ökat|minskat|sparat|vuxit)\b"
    r"|\b\w*skillnad\w*\b|\b(?:vad|mycket|många)\b.*\bskiljer\b(?! sig)",
    re.I,
)
LEFT = re.compile(
    r"^(?=.*\b(?:how (?:many|much)|hur (?:många|mycket))\b).*\b(?:left|remain\w*|to go|kvar|återstår)\b",
    re.I,
)
REMAINS = re.compile(r"\b(?:left|remain\w*|to go|kvar|återstår)\b", re.I)
MORE = re.compile(r"\b(?:more|another|extra|fler|till|ytterligare)\b", re.I)
CURRENCY = re.compile(r"[£$€]|\b(?:pounds|quid|euros?|dollars|kr|kronor|spänn)\b", re.I)
EACH = re.compile(r"\b(?:each|apiece|per (?:person|head|night)|styck|st|var(?:dera)?)\b", re.I)


class Line(NamedTuple):
    """A statement with its numbers, days and times, and the words that it shares with the
    question."""

    one: Found
    amounts: list[Quantity]
    days: list[Moment]
    hours: list[Quantity]
    shared: frozenset[str]


def asks_for_total(question: str) -> bool:
    amount = AMOUNT.search(question) or SPENDS.search(question) or SUM.search(question)
    return bool(TOTAL.search(question) and amount)


def reckon(
    asked: Asked, found: Sequence[Found], rows: Rows, now: int
) -> tuple[str, list[Found]] | None:
    """The computed answer with the statements it comes from, and those statements; None if it is
    not plain."""
    today, question = date.fromtimestamp(now / 1e3), asked.question
    some = select_lines(asked, found, rows)
    if DIFFERENCE.search(question):
        result = difference(some, asked)
    elif LEFT.search(question) and not SPAN.search(question):
        result = find_remainder(some, asked)
    elif asks_for_total(question) and not asked.groups:
        result = total(some, asked)
    elif span := SPAN.search(question):
        unit = (span["unit"] or span["unit2"] or "").lower()
        result = time_between(some, asked, UNITS.get(unit, unit), today)
    elif AGE.search(question):
        result = age(some, today, asked)
    else:
        return None
    if not result or result[0].startswith("0 ") or not is_sure(asked, result[1]):
        return None
    return in_words(asked, *result)


def is_sure(asked: Asked, used: Sequence[Line]) -> bool:
    """Whether the statements used are what was asked for: one is likely, or each shares a word with
    the question. "How long" and hours are asked of anything, so one has to be likely."""
    likely = max(line.one.apart for line in used)
    span = SPAN.search(asked.question)
    unit = (span["unit"] or span["unit2"] or "").lower() if span else ""
    if span and UNITS.get(unit, unit) in ("", "hours", "minutes"):
        return likely >= OPEN
    each = all(line.shared for line in used)
    return each or likely >= (FAIR if asks_for_total(asked.question) else CLOSE)


def in_words(asked: Asked, result: str, used: Sequence[Line]) -> tuple[str, list[Found]]:
    said = " ".join(f"“{line.one.fact['answer'].strip()}”" for line in used)
    words = words_in(asked.code)["reckoned"].format(n=result, said=said)
    return words, [line.one for line in used]


def select_lines(asked: Asked, found: Sequence[Found], rows: Rows) -> list[Line]:
    """The statements that a question may be about, and those that were said together with them."""
    first, scored = likelihood(found), {one.id: one for one in found}
    shares = [one for one in found if asked.find_shared(one.fact["answer"])]
    likely = [one for one in found if one.apart >= max(LOW, WITHIN * first)]
    some = {one.id: one for one in [*likely, *shares]}
    for one in shares or list(some.values()):
        for fact in rows.together(one.fact):
            some.setdefault(fact["id"], scored.get(fact["id"], Found(fact, 0.0)))
    kept, month = [], 0
    for one in lines(some.values(), rows):
        said, code = one.fact["answer"], one.fact["language"]
        told = date.fromtimestamp(one.fact["time"] / 1e3)
        days = moments(said, code, told, month)
        month = days[-1].first.month if days and days[-1].whole == "day" else month
        if not NEGATED.search(said) and not asked.is_of_others(said):
            shared = frozenset(asked.find_shared(said))
            kept.append(Line(one, quantities(said, code), days, hours(said), shared))
    return kept


def nearest(some: list[Line], most: int) -> list[Line]:
    """The `most` statements that share the most words with the question, in their order."""
    if len(some) <= most:
        return some
    best = sorted(some, key=lambda line: (-len(line.shared), -line.one.apart))[:most]
    return [line for line in some if line in best]


# ---- time


def time_between(
    some: list[Line], asked: Asked, unit: str, today: date
) -> tuple[str, list[Line]] | None:
    if any(says_span(line, unit) for line in some if line.one.apart >= CLOSE):
        return None
    if unit in ("hours", "minutes"):
        return hours_between(some, asked, unit)
    dated = [line for line in some if line.days]
    pairs = [(line, day) for line in dated for day in line.days]
    if len({day.first for _, day in pairs}) > 2:
        dated = nearest(dated, 1 if any(len(line.days) == 2 for line in nearest(dated, 1)) else 2)
        pairs = [(line, day) for line in dated for day in line.days]
    firsts = {day.first: (line, day) for line, day in pairs}
    here = Moment(today, today, 0, 0)
    if len(firsts) == 2:
        (one, first), (other, second) = firsts.values()
        used = [one] if one is other else [one, other]
        return between(first, second, unit, asked), used
    if not firsts and not unit:
        return hours_between(some, asked, unit)
    if len(firsts) != 1:
        return None
    ((line, day),) = firsts.values()
    if UNTIL.search(asked.question) and day.first > today:
        return between(here, day, unit, asked), [line]
    if SINCE.search(asked.question) and day.first < today:
        if day.whole == "year":
            here = Moment(date(today.year, 1, 1), today, 0, 0, "year")
        return between(day, here, unit, asked), [line]
    return None


def says_span(line: Line, unit: str) -> bool:
    """Whether a statement holds such a span itself; without a unit, any span of time."""
    wanted = (
        (unit, "days" if unit == "nights" else unit)
        if unit
        else ("years", "months", "weeks", "days", "hours", "minutes")
    )
    return any(one.unit in wanted for one in line.amounts)


def between(one: Moment, other: Moment, unit: str, asked: Asked) -> str:
    if "year" in (one.whole, other.whole) or unit == "years":
        first, last = sorted((one.first, other.first))
        full = "year" not in (one.whole, other.whole)
        less = full and (last.month, last.day) < (first.month, first.day)
        return format_quantity(asked, last.year - first.year - less, "years")
    days = days_between(one, other)
    if unit == "months" or (not unit and one.whole == other.whole == "month"):
        return format_quantity(asked, round(days / 30.44), "months")
    weeks, rest = divmod(days, 7)
    if unit == "weeks" and weeks:
        said = format_quantity(asked, weeks, "weeks")
        return said if not rest else f"{said} + {format_quantity(asked, rest, 'days')}"
    return format_quantity(asked, days, "nights" if unit == "nights" else "days")


def hours_between(some: list[Line], asked: Asked, unit: str) -> tuple[str, list[Line]] | None:
    timed = [line for line in some if line.hours]
    one = nearest(timed, 1)
    timed = one if one and len(one[0].hours) == 2 else nearest(timed, 2)
    found = [hour.value for line in timed for hour in line.hours]
    if len(found) != 2:
        return None
    minutes = int(abs(found[0] - found[1]))
    minutes = min(minutes, DAY - minutes)  # over midnight
    whole, rest = divmod(minutes, 60)
    if unit == "minutes":
        return format_quantity(asked, minutes, "minutes"), timed
    said = format_quantity(asked, whole, "hours")
    return (f"{said} {format_quantity(asked, rest, 'minutes')}" if rest else said), timed


def age(some: list[Line], today: date, asked: Asked) -> tuple[str, list[Line]] | None:
    """The age of somebody whose birth was told: now, in the year of the question, when another was
    born, or at death."""
    born = [line for line in some if BORN.search(line.one.fact["answer"]) and line.days]
    if WHEN_BORN.search(asked.question):
        pair = nearest(born, 2)
        if len(pair) != 2:
            return None
        return between(pair[0].days[0], pair[1].days[0], "years", asked), pair
    line = next(iter(nearest(born, 1)), None)
    if not line or not is_of_whom(asked, line, len(some)):
        return None
    if len(line.days) == 2:
        return between(line.days[0], line.days[1], "years", asked), [line]
    day = line.days[0]
    then = [one for one in moments(asked.question, asked.code, today) if one.whole == "year"]
    here = then[0] if then else Moment(today, today, 0, 0, day.whole)
    if day.first.year >= here.first.year:
        return None
    return between(day, here, "years", asked), [line]


def is_of_whom(asked: Asked, line: Line, count: int) -> bool:
    """Whether a statement is about the person whose age is asked."""
    said = line.one.fact["answer"]
    if not line.shared and count > 1 and not (ME.search(asked.question) and ME.match(said)):
        return False
    if relatives(asked.question, asked.language) - relatives(said, asked.language):
        return False
    return all(name in said.lower() for name in asked.names if not name.isdigit())


def format_quantity(asked: Asked, number: float, unit: str) -> str:
    """A number with its unit, in the language of the question."""
    one, many = words_in(asked.code)["units"].get(unit, (unit, unit))
    return f"{plain(number)} {one if number == 1 else many}".strip()


def plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:.2f}"


# ---- amounts


def of_unit(some: Sequence[Line], unit: str, strict: bool = False) -> list[tuple[Line, float]]:
    """The amount that each statement tells in a unit. Unless it is `strict`, the only number
    without a unit counts too."""
    found = []
    for line in some:
        exact = [one.value for one in line.amounts if one.unit == unit]
        bare = [one.value for one in line.amounts if one.unit == BARE]
        if exact and unit and len(exact) == len(bare) == 1 and EACH.search(line.one.fact["answer"]):
            found.append((line, exact[0] * bare[0]))
        elif exact:
            found.append((line, sum(exact)))
        elif len(bare) == 1 and not strict:
            found.append((line, bare[0]))
    return found


def amount(asked: Asked, number: float, unit: str, used: Sequence[Line]) -> str:
    """A number in its unit; money as the statements name it."""
    if unit != MONEY:
        return format_quantity(asked, number, unit)
    named = next(filter(None, (CURRENCY.search(line.one.fact["answer"]) for line in used)), None)
    if not named:
        return plain(number)
    sign = named[0]
    return f"{sign}{plain(number)}" if len(sign) == 1 else f"{plain(number)} {sign}"


def total(some: list[Line], asked: Asked) -> tuple[str, list[Line]] | None:
    units = Counter(one.unit for line in some for one in line.amounts if one.unit != BARE)
    unit = MONEY if units[MONEY] or SPENDS.search(asked.question) else BARE
    if unit == BARE and units:
        ((unit, _),) = units.most_common(1)
    found = of_unit(some, unit)
    named = [(line, value) for line, value in found if line.shared]
    if len({frozenset(line.shared) for line, _ in named}) > 1:
        found = named
    if len(found) < 2:
        return None
    used = [line for line, _ in found]
    return amount(asked, sum(value for _, value in found), unit, used), used


def find_remainder(some: list[Line], asked: Asked) -> tuple[str, list[Line]] | None:
    """What is left of an amount, if one other statement says how much is gone and none says what is
    left."""
    told = [line for line in some if len(line.amounts) == 1]
    units = {line.amounts[0].unit for line in told} - {BARE}
    said = [line.one.fact["answer"] for line in told]
    if (
        len(told) != 2
        or len(units) > 1
        or any(REMAINS.search(one) or MORE.search(one) for one in said)
    ):
        return None
    most, less = sorted((line.amounts[0].value for line in told), reverse=True)
    return amount(asked, most - less, units.pop() if units else BARE, told), told


def difference(some: list[Line], asked: Asked) -> tuple[str, list[Line]] | None:
    """The difference between two numbers, or else two days, of as many statements."""
    units = Counter(one.unit for line in some for one in line.amounts)
    named = sorted(units.items(), key=lambda one: (one[0] == BARE, -one[1]))
    for unit, strict in [
        *((unit, True) for unit, _ in named),
        *((unit, False) for unit, _ in named),
    ]:
        found = of_unit(some, unit, strict)
        if len(found) >= 2:
            best = nearest([line for line, _ in found], 2)
            one, other = (value for line, value in found if line in best)
            return amount(asked, abs(one - other), unit, best), best
    dated = nearest([line for line in some if len(line.days) == 1], 2)
    if len(dated) == 2:
        (first,), (second,) = dated[0].days, dated[1].days
        return between(first, second, "", asked), dated
    return None
