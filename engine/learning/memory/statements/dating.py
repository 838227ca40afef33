"""Adds the dates of days that are named relative to the day of speaking: "tomorrow", "last month".

A date stands in brackets behind the words that it explains, as in a quotation.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

DAYS = {
    "en": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "sv": ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"),
}
MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December"),
    "sv": ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september",
           "oktober", "november", "december"),
}  # fmt: skip
NUMBERS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "sv": ("noll", "en", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio"),
}
AWAY = {  # words -> days away
    "en": {"today": 0, "tonight": 0, "this morning": 0, "this evening": 0, "this afternoon": 0,
           "tomorrow": 1, "the day after tomorrow": 2, "yesterday": -1, "last night": -1},
    "sv": {"i dag": 0, "idag": 0, "i kväll": 0, "ikväll": 0, "i morse": 0, "i morgon": 1,
           "imorgon": 1, "i övermorgon": 2, "i går": -1, "igår": -1, "i förrgår": -2},
}  # fmt: skip
SPANS = {  # words -> a span, and how many of them away
    "en": {f"{which} {span}": (span, away) for span in ("week", "month", "year")
           for which, away in (("last", -1), ("this", 0), ("next", 1))},
    "sv": {"förra veckan": ("week", -1), "den här veckan": ("week", 0), "nästa vecka": ("week", 1),
           "förra månaden": ("month", -1), "nästa månad": ("month", 1), "i fjol": ("year", -1),
           "förra året": ("year", -1), "i år": ("year", 0), "nästa år": ("year", 1)},
}  # fmt: skip
COUNTED = {
    "en": re.compile(r"\b(?:in (\w+) (day|week)s?|(\w+) (day|week)s? ago)\b", re.I),
    "sv": re.compile(r"\b(?:om (\w+) (dag|veck)\w*|för (\w+) (dag|veck)\w* sedan)\b", re.I),
}
WEEKDAY = {
    "en": re.compile(
        r"(?<!every )(?<!each )(?<!second )(?<!other )(?<!from )"
        rf"\b(last |on |next |this |to |by |until |for )?({'|'.join(DAYS['en'])})\b", re.I),
    "sv": re.compile(
        r"(?<!varje )(?<!varannan )(?<!från )"
        rf"\b(i |på |nästa |till )?({'|'.join(DAYS['sv'])})(s?)\b", re.I),
}  # fmt: skip
WENT = re.compile(
    r"\b(?:was|were|went|got|had|came|did|lost|met|bought|sold|saw|ate|won|fell|broke|\w{3,}ed)\b",
    re.I,
)
WEEK = 7


def add_dates(said: str, code: str, told: date, today: date) -> str:
    """The statement with a date behind each day that it names relative to the day on which it was
    told. On that day itself it gets none."""
    if told == today:
        return said
    found = _find_fixed_dates(said, code, told, today) | _weekdays(said, code, told, today)
    for at in sorted(found, reverse=True):
        said = f"{said[:at]} [{found[at]}]{said[at:]}"
    return said


def in_words(day: date, code: str, today: date) -> str:
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {MONTHS[code][day.month - 1]}{year}"


def _find_fixed_dates(said: str, code: str, told: date, today: date) -> dict[int, str]:
    """The dates that need no guess: place in the text -> date."""
    found = {}
    for words, away in sorted(AWAY[code].items()):
        for place in re.finditer(rf"\b{words}\b", said, re.I):
            found[place.end()] = in_words(told + timedelta(away), code, today)
    for words, (span, away) in SPANS[code].items():
        for place in re.finditer(rf"\b{words}\b", said, re.I):
            found[place.end()] = _span(span, away, code, told, today)
    for place in COUNTED[code].finditer(said):
        count, span = (one for one in place.groups() if one)
        number = int(count) if count.isdigit() else _number(count.lower(), code)
        days = number * (WEEK if span.lower().startswith(("week", "veck")) else 1)
        if number:
            away = days if place[1] else -days
            found[place.end()] = in_words(told + timedelta(away), code, today)
    return found


def _number(word: str, code: str) -> int:
    return NUMBERS[code].index(word) if word in NUMBERS[code] else 0


def _span(span: str, away: int, code: str, told: date, today: date) -> str:
    if span == "year":
        return str(told.year + away)
    if span == "month":
        months = 12 * told.year + told.month - 1 + away
        return f"{MONTHS[code][months % 12]} {months // 12}"
    monday = told + timedelta(WEEK * away - told.weekday())
    between = "to" if code == "en" else "till"
    days = (in_words(day, code, today) for day in (monday, monday + timedelta(WEEK - 1)))
    return f" {between} ".join(days)


def _weekdays(said: str, code: str, told: date, today: date) -> dict[int, str]:
    """The dates of weekdays: place in the text -> date. A weekday means the next one, or the last
    one if the sentence tells what happened."""
    found = {}
    for place in WEEKDAY[code].finditer(said):
        before = (place[1] or "").strip().lower()
        ahead = (DAYS[code].index(place[2].lower()) - told.weekday() - 1) % WEEK + 1
        if code == "en":
            went = before == "last" or (before in ("", "on") and WENT.search(said))
        else:
            went = bool(place[3])
            if went and before != "i":
                continue
        away = ahead - WEEK if went and ahead < WEEK else -WEEK if went else ahead
        found[place.end()] = in_words(told + timedelta(away), code, today)
    return found
