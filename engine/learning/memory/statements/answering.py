"""What is said of the statements that answer a question.

Of several that answer it the newest holds, and what was said before is named as such; a question
about the past gets that first.  Who asks for several things gets all that is near, newest first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from oneseek.engine.learning.lessons import fold
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.statements.dating import dated
from oneseek.engine.learning.memory.statements.quoting import quoted, turned, words_of
from oneseek.engine.learning.memory.statements.said import FUNCTION_WORDS, stems
from oneseek.engine.learning.memory.statements.statement import is_statement

SAID, QUOTED = 0.75, 0.5  # from where on a statement is said to the person, and quoted
UPDATES = 0.05  # apart, where it tells of a change, and is newer than what answers better
WAS = 0.1  # of two, where the question is about the past: neither says that it is over
MOST = 4  # statements of one answer
PAST = re.compile(
    r"\b(?:before|used? to|previous(?:ly)?|former(?:ly)?|back (?:then|when)|original(?:ly)?|"
    r"at first|to begin with|in the beginning|(?:when|while) (?:i|we) (?:was|were|still)|"
    r"(?:my|our|the) old|förut|tidigare|innan|brukade|dessförinnan|(?:allra )?först|från början|"
    r"ursprunglig\w*|på den tiden|(?:min|mitt|mina|vår|vårt|våra) (?:gamla|förra))\b",
    re.I,
)
CHANGED = re.compile(
    r"\b(?:no longer|any ?more|used to|instead of|these days|nowadays|now|moved|switched|swapped|"
    r"changed|sold|quit|stopped|gave up|given up|given back|dropped|left|cancelled|retired|died|"
    r"new|over|from now on|started|finished|postponed|replaced|doubled|(?:down|up|on|off) (?:to|till)|"
    r"numera|nu|längre|i ?stället|bytt|bytte|flyttat|flyttade|flyttad|slutat|slutade|sålt|sålde|"
    r"från och med|börjat|började|skjut\w* upp|"
    r"ny|nya|nytt|dog|dött|inställ\w*)\b",
    re.I,
)
SEVERAL = re.compile(
    r"^(?:how many|what are|who are|which are|list|name|hur många|vilka|vad heter mina|räkna upp)\b|"
    r"\b(?:all|every|everything|everyone|alla|allt)\b",
    re.I,
)
YES_NO = re.compile(
    r"^(?:do|does|did|is|are|am|was|were|have|has|had|can|har|hade|är|var|kan|äter|bor|jobbar|heter|"
    r"dricker|spelar|kör|gillar|pratar|röker|tål)\s+(?:i|we|my|our|the|jag|vi|min|mitt|mina|vår|vårt|"
    r"våra|[A-ZÅÄÖ]\w+)\b",
    re.I,
)
NEGATED = re.compile(
    r"\b(?:not|no|never|none|without|\w+n't|(?:do|does|did|is|are|was|were|has|have|had|ca|wo|could|"
    r"would|should)nt|inte|ej|aldrig|ingen|inga|inget|utan)\b",
    re.I,
)
ASKING = frozenset(
    "do does did is are am was were have has had can i we my our me the a an to in on at of any"
    " still you har hade är var kan jag vi min mitt mina vår vårt våra en ett att i på av några"
    " fortfarande du".split()
)
ANSWERS = {"en": ("Yes. ", "No. "), "sv": ("Ja. ", "Nej. ")}


def chosen(found: Sequence[Found], question: str) -> list[Found]:
    """Of statements, the likeliest first, those that are said, in the order in which they are."""
    best = found[0]
    if PAST.search(question):
        likely = sorted(found, key=lambda one: -one.apart)[:2]
        was = distinct(sorted(likely, key=lambda one: -one.fact["time"]), WAS)
        if len(was) > 1:
            return was[::-1]
    if best.score < QUOTED:
        return []
    if SEVERAL.search(question):
        near = [one for one in found if one.score >= QUOTED]
        return sorted(near, key=lambda one: -one.fact["time"])[:MOST]
    sure = [
        one for one in found if one is best or one.score >= SAID or updates(one, best, question)
    ]
    return distinct(sorted(sure, key=lambda one: -one.fact["time"]))[:2]


def updates(one: Found, best: Found, question: str) -> bool:
    """Whether it tells of a change, is newer than what answers better, and speaks of the same."""
    said, asked = ({*stems(text)} - FUNCTION_WORDS for text in (one.fact["answer"], question))
    same = said & (asked | {*stems(best.fact["answer"])})
    newer = one.fact["time"] > best.fact["time"] and one.apart >= UPDATES
    return newer and bool(same) and CHANGED.search(one.fact["answer"]) is not None


def distinct(found: Sequence[Found], least: float = 0.0) -> list[Found]:
    """Those that are likely enough, without what only says again what a newer one says."""
    kept: list[Found] = []
    for one in found:
        words = set(stems(one.fact["answer"]))
        if one.score >= least and not any(
            words <= set(stems(other.fact["answer"])) for other in kept
        ):
            kept.append(one)
    return kept


def answer(found: Sequence[Found], question: str, code: str, now: int) -> str:
    """Of what was `chosen` for a question."""
    first, *others = found
    if others and SEVERAL.search(question):
        return " ".join(words_for(one, one.fact["language"], now, SAID) for one in found)
    text = words_for(first, code, now, SAID)
    text = yes_or_no(first, question, code) + text
    for one in others:
        later = one.fact["time"] > first.fact["time"]
        words = words_of(code)["later" if later else "earlier"]
        text += f" {words}: “{with_dates(one, code, now)}”"
    return text


def words_for(found: Found, code: str, now: int, least: float) -> str:
    """A statement turned to the person, or quoted where it is not sure enough, or its words need
    others beside them."""
    fact = found.fact
    if not is_statement(fact):
        return fact["answer"]
    said, before = with_dates(found, fact["language"], now), fact["source"].get("before", "")
    plain = found.score >= least and not before and said == fact["answer"]
    if plain and (text := turned(said, fact["language"])):
        return text
    return quoted(said, code, fact["time"], now, before)


def with_dates(found: Found, code: str, now: int) -> str:
    told, today = (date.fromtimestamp(ms / 1e3) for ms in (found.fact["time"], now))
    return dated(found.fact["answer"], code if code == "sv" else "en", told, today)


def yes_or_no(found: Found, question: str, code: str) -> str:
    """Yes where a statement says what is asked word by word, no where it says that it is not so."""
    said = found.fact["answer"]
    if found.score < SAID or not YES_NO.search(question) or CHANGED.search(said):
        return ""
    asked = [word for word in fold(question).split() if word not in ASKING]
    words = iter(stems(said))
    if not asked or not all(stem in words for stem in stems(" ".join(asked))):
        return ""
    same = bool(NEGATED.search(said)) == bool(NEGATED.search(question))
    yes, no = ANSWERS.get(code, ANSWERS["en"])
    return yes if same else no
