"""The probability that a message corrects, replaces or ends what was said before it: a logistic
regression over the embedding of both, read as a pair, and features of their words.

tests/bench/weigh_correcting.py fits the weights (correcting.json) on pairs of messages.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.second_look import alike, content, relatives
from oneseek.engine.learning.memory.statements.hearing import (
    CHANGES,
    NO_NEWS,
    PERSON,
    SUBJECT,
    leans,
    strip_correction,
)
from oneseek.engine.learning.memory.statements.rows import goes_on
from oneseek.engine.learning.memory.statements.stating import load_weights
from oneseek.engine.learning.memory.statements.succession import another, tells_change

WEIGHTS = Path(__file__).with_name("correcting.json")
LIMIT = 0.5  # from this probability on, a message takes back what was said before it
SHORT, LONG = 5, 20  # words
MENDS = re.compile(  # says that something was wrong, or what is right
    r"\b(?:i (?:mean|meant|tell a lie)|wrong|mis(?:read|take|typed|heard|remembered)|mixed|mix|"
    r"typo|correction|instead|after all|turns out|overruled|changed (?:my|our|his|her) mind|"
    r"menar|menade|fel|felskriv\w*|rättelse|i ?stället|ändrat|ändra|ångra\w*|visst|"
    r"(?:mät|räkn|läs|skriv|hör|minn)\w* fel|blir det|blev det|ska det v\w*|skulle det v\w*)\b",
    re.I,
)
LOOKED = re.compile(
    r"\b(?:check\w*|look\w*|measur\w*|count\w*|koll\w*|titt\w*|mät\w*|räkn\w*)\b", re.I
)
NOT = re.compile(
    r"\b(?:not|no|isn['’]?t|wasn['’]?t|inte|ej|ingen|inget)\b((?: [\w'’-]+){1,4})", re.I
)
NUMBER = re.compile(r"\d[\d.,:/ ]*\d|\d")
UNIT = re.compile(r"([^\W\d_]+)? ?(\d[\d.,:/]*\d|\d) ?([^\W\d_]+)?")
DAY = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:mån|tis|ons|tors|fre|lör|sön)dag\w*|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|"
    r"januari|februari|mars|maj|juni|juli|augusti|oktober|today|tomorrow|tonight|idag|imorgon)\b",
    re.I,
)
NAME = re.compile(r"(?<=[^.!?:] )[A-ZÅÄÖ][\w-]+")
ANSWERS = re.compile(
    r"(?:yes|yeah|yep|no,? (?:that|thank)|ja|jo|nej,? (?:det|tack)|ok|okay|lol|haha)\b", re.I
)


def extract_features(pair: np.ndarray, before: str, message: str, states: float) -> np.ndarray:
    """The features of a message behind an earlier statement. `pair` is the embedding of both,
    `states` the probability that the message states something by itself."""
    signs = compute_signs(before, message) | {"states": states}
    return np.concatenate([pair, np.array(list(signs.values()), np.float32)])


def compute_signs(before: str, message: str) -> dict[str, float]:
    code = guess(f"{before} {message}")
    words, rest = language(code), strip_correction(message)
    mine, theirs = content(rest, words), content(before, words)
    shared = sum(any(alike(one, two, words) for two in theirs) for one in mine)
    count = len(rest.split())
    begun = SUBJECT.match(rest) is not None
    return {
        "marked": float(rest != message.strip()),
        "marked_twice": float(len(CHANGES.sub("", rest, 1)) < len(rest)),
        "mends": float(bool(MENDS.search(message))),
        "looked": float(bool(LOOKED.search(message))),
        "changes": tells_change(message),
        "denies": float(denies(before, message)),
        "number": float(tells_another(NUMBER, before, rest)),
        "unit": float(has_same_unit(before, rest)),
        "day": float(tells_another(DAY, before, rest)),
        "name": float(tells_another(NAME, before, " " + message)),
        "shared": shared / max(1, len(mine)),
        "short": float(count <= SHORT),
        "length": min(count, LONG) / LONG,
        "first_person": float(begun),
        "of_person": float(PERSON.search(rest) is not None),
        "leans": float(leans(message)),
        "no_news": float(NO_NEWS.match(rest) is not None),
        "goes_on": float(goes_on(message, before)),
        "another": another(before, message),
        "others": float(bool(relatives(message, words) - relatives(before, words))),
        "answers": float(ANSWERS.match(message) is not None),
    }


def tells_another(kind: re.Pattern[str], before: str, message: str) -> bool:
    """Whether a message tells a value of a kind that was told before, and another one."""
    told, new = (set(map(str.lower, kind.findall(text))) for text in (before, message))
    return bool(told and new - told)


def has_same_unit(before: str, message: str) -> bool:
    """Whether another number stands beside the same word: "row 5" and "row 15"."""

    def units(text: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for left, number, right in UNIT.findall(text.lower()):
            for word in (left, right):
                if word:
                    found.setdefault(word, set()).add(number)
        return found

    told, new = units(before), units(message)
    return any(new[word] - told[word] for word in told.keys() & new.keys())


def denies(before: str, message: str) -> bool:
    """Whether a message denies a word that was said before: "not the 5th"."""
    said = {word.strip(".,!?").lower() for word in before.split()}
    return any(
        word.strip(".,!?") in said
        for one in NOT.findall(message.lower())
        for word in one.split()
        if len(word) > 2 or word[0].isdigit()
    )


def weigh(features: np.ndarray) -> float:
    """The probability that a message with these features takes something back."""
    return load_weights(WEIGHTS).weigh(features)
