"""The text of an answer from the statements that answer a question.

Of several statements the newest holds, and an older one is given as what was said before; for a
question about the past the order is reversed.  A question for several things gets all of them,
newest first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from oneseek.engine.learning.lessons import fold
from oneseek.engine.learning.memory.statements.dating import add_dates
from oneseek.engine.learning.memory.statements.plain_forms import find_form
from oneseek.engine.learning.memory.statements.quoting import quote, turn_to_person, words_of
from oneseek.engine.learning.memory.statements.said import stems
from oneseek.engine.learning.memory.statements.statement import Found, is_statement
from oneseek.engine.learning.memory.statements.succession import Question, tells_change

SAID, QUOTED = 0.75, 0.5  # minimum score to turn a statement to the person, and to quote it
ANSWERED = 0.58  # minimum sum of the scores of all candidates for any to be said
BESIDE = 0.1  # minimum score of a second statement, relative to the sum of all
MOST = 4  # statements of one answer, at most
EVERYTHING = (  # without "at all" and "every day"
    r"(?<!at )all|every(?! (?:other|day|week|month|year|morning|evening|night|time|\w+day)\b)|"
    r"everything|everyone|alla|allt"
)
SEVERAL = re.compile(
    r"^(?:how many|what are|who are|which are|list|name|hur många|vilka|vad heter mina|räkna upp)\b|"
    rf"\b(?:{EVERYTHING})\b",
    re.I,
)
YES_NO = re.compile(
    r"^(?:do|does|did|is|are|am|was|were|have|has|had|can|har|hade|är|kan|äter|bor|jobbar|heter|"
    r"dricker|spelar|kör|gillar|pratar|röker|tål|var(?= (?:jag|vi|min|mitt|mina|vår|vårt|våra)))\s+(?:i|we|my|our|the|jag|vi|min|mitt|mina|vår|vårt|"
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
EITHER = re.compile(r"\b(?:or(?! (?:not|so|more|less)\b)|eller(?! (?:inte|hur|så|mer)\b))\b", re.I)
ANSWERS = {"en": ("Yes. ", "No. "), "sv": ("Ja. ", "Nej. ")}


def choose_statements(found: Sequence[Found], question: str) -> list[Found]:
    """Choose the statements to say from `found`, which is sorted by score, and sort them: the
    newest first, or for a question about the past the likeliest first. A statement that another
    one changes is chosen too if it would answer the question without that one."""
    sure = sum(one.score for one in found)
    if sure < ANSWERED:
        return []
    if SEVERAL.search(question):
        near = [one for one in found if one.apart >= QUOTED]
        if near:
            return sorted(near, key=lambda one: -one.fact["time"])[:MOST]
    best, one_of_a_kind = found[0], bool(find_form(question))
    beside = [
        one
        for one in found
        if one is best
        or one.score >= BESIDE * sure
        or (one.apart >= QUOTED and (best.changes or one.changes or one_of_a_kind))
    ]
    likely = distinct(beside)[:2]
    if Question.of(question).past:
        return likely
    return sorted(likely, key=lambda one: -one.fact["time"])


def distinct(found: Sequence[Found]) -> list[Found]:
    """Leave out each statement whose words all stand in one before it."""
    kept: list[Found] = []
    for one in found:
        words = set(stems(one.fact["answer"]))
        if not any(words <= set(stems(other.fact["answer"])) for other in kept):
            kept.append(one)
    return kept


def answer(found: Sequence[Found], question: str, code: str, now: int) -> str:
    """The text of the answer from the statements that `choose_statements` returns."""
    first, *others = found
    if others and SEVERAL.search(question):
        return " ".join(words_for(one, one.fact["language"], now, SAID) for one in found)
    text = words_for(first, code, now, SAID - sum(one.score for one in others))
    text = yes_or_no(first, question, code) + text
    for one in others:
        later = one.fact["time"] > first.fact["time"]
        words = words_of(code)["later" if later else "earlier"]
        text += f" {words}: “{with_dates(one, code, now)}”"
    return text


def words_for(found: Found, code: str, now: int, least: float) -> str:
    """The words for a fact or statement. A statement is turned to the person; it is quoted if its
    score is below `least`, or if it needs context, a date or its own wording."""
    fact = found.fact
    if not is_statement(fact):
        return fact["answer"]
    said, before = with_dates(found, fact["language"], now), fact["source"].get("before", "")
    plain = found.score >= least and not before and said == fact["answer"]
    if plain and (text := turn_to_person(said, fact["language"])):
        return text
    return quote(said, code, fact["time"], now, before)


def with_dates(found: Found, code: str, now: int) -> str:
    told, today = (date.fromtimestamp(ms / 1e3) for ms in (found.fact["time"], now))
    return add_dates(found.fact["answer"], code if code == "sv" else "en", told, today)


def yes_or_no(found: Found, question: str, code: str) -> str:
    """Yes if a statement says word by word what is asked, no if it negates that, else nothing."""
    said = found.fact["answer"]
    if found.score < SAID or not YES_NO.search(question) or tells_change(said):
        return ""
    if EITHER.search(question):
        return ""
    asked = [word for word in fold(question).split() if word not in ASKING]
    words = iter(stems(said))
    if not asked or not all(stem in words for stem in stems(" ".join(asked))):
        return ""
    same = bool(NEGATED.search(said)) == bool(NEGATED.search(question))
    yes, no = ANSWERS.get(code, ANSWERS["en"])
    return yes if same else no
