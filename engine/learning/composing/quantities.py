"""Extracts from a statement what can be computed with: numbers with their units, times and days."""

from __future__ import annotations

import functools
import re
from datetime import date, timedelta
from typing import NamedTuple

from oneseek.engine.learning.memory.statements.dating import AWAY, DAYS, MONTHS
from oneseek.engine.learning.memory.statements.groups import words_in

BARE, MONEY = "", "money"
UNITS = {
    MONEY: r"£|\$|€|pounds?|quid|euros?|dollars?|kronor|kr\b|sek\b|spänn|:-",
    "km": r"kms?\b|kilomet\w+",
    "miles": r"miles?\b|mil\b",
    "kg": r"kg\b|kilos?\b|kilograms?",
    "g": r"grams?\b|g\b",
    "cm": r"cm\b|centimet\w+",
    "m": r"metres?\b|meters?\b|meter\b|m\b",
    "litres": r"litres?\b|liters?\b|liter\b|l\b",
    "hours": r"hours?\b|timm(?:e|ar)\b|h\b",
    "minutes": r"min(?:ute)?s?\b|minut(?:er)?\b",
    "years": r"years?(?: old)?\b|yrs?\b|års?\b|årig\w*",
    "months": r"months?\b|månad(?:er)?\b",
    "weeks": r"weeks?\b|veck(?:a|or)\b",
    "days": r"days?\b|nights?\b|dag(?:ar)?\b|dygn\b|natt\b|nätter\b",
    "%": r"%|percent|procent",
}
UNIT = "|".join(f"(?P<u{number}>{pattern})" for number, pattern in enumerate(UNITS.values()))
FIGURES = r"\d{1,3}(?:[ ,.]\d{3})+(?![\d])(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?"
THOUSANDS = re.compile(r"(?<=\d)[ ,.](?=\d{3}(?!\d))")
CLOCK = re.compile(
    r"\b(?:(?:at|by|kl\.?|klockan) )?(\d{1,2})[:.]([0-5]\d)(?: ?([ap])\.?m)?\b(?! ?(?:kr|quid|pounds|an? ))"
    r"|\b(\d{1,2}) ?([ap])\.?m\b|\b(?:kl\.?|klockan) (\d{1,2})\b",
    re.I,
)
YEAR = re.compile(
    r"(?<![£$€\d.,])\b(19\d\d|20\d\d|18\d\d)\b(?! ?(?:kr|kronor|spänn|quid|kg|km|m\b))"
)
TENS = {
    "en": "thirty forty fifty sixty seventy eighty ninety".split(),
    "sv": "trettio fyrtio femtio sextio sjuttio åttio nittio".split(),
}
VERBS = ("may", "march", "mar")  # they are months only behind a word of time
BEFORE_MONTH = re.compile(
    r"\b(?:in|of|by|until|till|since|before|after|next|last|from|to|early|late|mid)\W$", re.I
)
WEEK = re.compile(r"\b(?:week|vecka|v\.) ?(\d{1,2})\b", re.I)
HALF_YEAR, WHOLE_YEAR = 182, 365  # days


class Quantity(NamedTuple):
    value: float
    unit: str  # empty if none is named
    at: int  # its place in the text
    end: int


class Moment(NamedTuple):
    """A day, or a span from a first to a last day: a week, a month, a year."""

    first: date
    last: date
    at: int
    end: int
    whole: str = "day"  # or "weekday", "week", "month", "year"
    dated: bool = True  # False if the year is only that in which it was told


@functools.cache
def map_number_words(code: str) -> dict[str, int]:
    numbers = words_in(code)["numbers"].split()
    found = {word: i for i, word in enumerate(numbers, 1)}
    tens = TENS.get(code, TENS["en"])
    found |= {word: 10 * i for i, word in enumerate(tens, 3)}
    joint = "" if code == "sv" else "-"
    found |= {f"{ten}{joint}{one}": 10 * i + number for i, ten in enumerate(tens, 3)
              for number, one in enumerate(numbers[:9], 1)}  # fmt: skip
    return found


@functools.cache
def _compile_quantities(code: str) -> re.Pattern:
    numbers = list(
        map_number_words(code)
    )  # the first is a pronoun, or an article, without its unit
    words, bare = "|".join(sorted(numbers[1:], key=len, reverse=True)), "|".join(UNITS.values())
    return re.compile(
        rf"(?P<before>[£$€])? ?(?<![\w:.,/-])"
        rf"(?P<number>{FIGURES}|(?:{words})\b(?!-)|{numbers[0]}(?= (?:{bare})))"
        rf"(?:[ -]?(?:{UNIT}))?",
        re.I,
    )


def quantities(text: str, code: str) -> list[Quantity]:
    """The numbers of a text that are no day, year, hour or address, in order."""
    taken = [(one.at, one.end) for one in moments(text, code, date(2000, 1, 1))]
    taken += [(one.at, one.end) for one in hours(text)]
    found = []
    for match in _compile_quantities(code).finditer(text):
        if any(start < match.end("number") and match.start("number") < end for start, end in taken):
            continue
        number = match["number"]
        value: float | None = map_number_words(code).get(number.lower())
        unit = next((name for i, name in enumerate(UNITS) if match[f"u{i}"]), BARE)
        unit = MONEY if match["before"] else unit
        if value is None:
            plain = THOUSANDS.sub("", number).replace(",", ".")
            if unit == BARE and text[match.end() : match.end() + 1].isalpha():
                continue
            value = float(plain)
        found.append(Quantity(float(value), unit, match.start("number"), match.end()))
    return found


def hours(text: str) -> list[Quantity]:
    """The times of day in a text, in minutes since midnight."""
    found = []
    for match in CLOCK.finditer(text):
        if match[1]:
            hour, minute, half = int(match[1]), int(match[2]), match[3]
        else:
            hour, minute, half = int(match[4] or match[6]), 0, match[5]
        if half:
            hour = hour % 12 + (12 if half.lower() == "p" else 0)
        if hour < 24 and minute < 60:
            found.append(Quantity(60.0 * hour + minute, "hours", match.start(), match.end()))
    return found


@functools.cache
def _months(code: str) -> tuple[str, list[str]]:
    names = [name.lower() for name in MONTHS[code if code == "sv" else "en"]]
    short = [rf"{name[:3]}(?:{name[3:]}|t)?" if len(name) > 3 else name for name in names]
    return "|".join(f"(?:{one})" for one in short), [name[:3] for name in names]


@functools.cache
def _dates(code: str) -> re.Pattern:
    month, _ = _months(code)
    ordinal = r"(?:st|nd|rd|th|:?e|:?a)?"
    days = "|".join(DAYS[code if code == "sv" else "en"])
    return re.compile(
        rf"\b(?P<iso>\d{{4}}-\d\d-\d\d)\b"
        rf"|\b(?P<d1>\d{{1,2}}){ordinal}(?: of)? (?P<m1>{month})\b\.?(?:,? (?P<y1>(?:19|20)\d\d)\b)?"
        rf"|\b(?P<m2>{month})\b\.? (?P<d2>\d{{1,2}}){ordinal}\b(?:,? (?P<y2>(?:19|20)\d\d)\b)?"
        rf"|\b(?P<m3>{month})\b(?:,? (?P<y3>(?:19|20)\d\d)\b)?"
        rf"|\b(?:the|den) (?P<d4>\d{{1,2}})(?:st|nd|rd|th|:?e|:?a)\b"
        rf"|\b(?P<weekday>{days})s?\b",
        re.I,
    )


def moments(text: str, code: str, told: date, month: int = 0) -> list[Moment]:
    """The days, weeks, months and years of a text, in order. A day without a month is in the month
    named last, at first in `month`; what names no year is in the year in which it was told."""
    found: list[Moment] = []
    _, starts = _months(code)
    for match in _dates(code).finditer(text):
        span = match.start(), match.end()
        if match["iso"]:
            day = _day(*map(int, match["iso"].split("-")))
            found += [Moment(day, day, *span)] if day else []
        elif match["weekday"]:
            names = DAYS[code if code == "sv" else "en"]
            away = (names.index(match["weekday"].lower()) - told.weekday() - 1) % 7 + 1
            found.append(Moment(told + timedelta(away), told + timedelta(away), *span, "weekday"))
        elif match["m3"]:
            if match["m3"] in VERBS and not BEFORE_MONTH.search(text[: match.start()]):
                continue
            month = starts.index(match["m3"].lower()[:3]) + 1
            year, dated = int(match["y3"] or told.year), bool(match["y3"])
            first, last = date(year, month, 1), _last(year, month)
            found.append(Moment(first, last, *span, "month", dated))
        else:
            number = int(match["d1"] or match["d2"] or match["d4"])
            if name := match["m1"] or match["m2"]:
                month = starts.index(name.lower()[:3]) + 1
            elif not month:
                continue
            elif found and number < found[-1].first.day:
                month = month % 12 + 1
            named = match["y1"] or match["y2"]
            if day := _day(int(named or told.year), month, number):
                found.append(Moment(day, day, *span, dated=bool(named)))
    for words, away in AWAY["sv" if code == "sv" else "en"].items():
        for match in re.finditer(rf"\b{words}\b", text, re.I):
            day = told + timedelta(away)
            found.append(Moment(day, day, *match.span()))
    for match in WEEK.finditer(text):
        if 0 < int(match[1]) < 53:
            day = date.fromisocalendar(told.year, int(match[1]), 1)
            found.append(Moment(day, day + timedelta(6), *match.span(), "week"))
    for match in YEAR.finditer(text):
        if not any(one.at <= match.start() < one.end for one in found):
            year = int(match[1])
            found.append(Moment(date(year, 1, 1), date(year, 12, 31), *match.span(), "year"))
    return sorted(found, key=lambda one: one.at)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _last(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(1)


def days_between(one: Moment, other: Moment) -> int:
    """The days between two moments. Two that name no year may lie in different years: if they are
    more than half a year apart, the shorter way round is counted."""
    days = abs((other.first - one.first).days)
    if one.dated or other.dated or not HALF_YEAR < days < WHOLE_YEAR:
        return days
    return WHOLE_YEAR - days
