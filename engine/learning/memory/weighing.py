"""How likely it is that a question asks for a fact: what its states say and what its words say,
weighed together.

The weights are data of the language, fitted over kinds of facts that the library does not know.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from engine.learning.lessons import Lesson
from engine.learning.lessons.forms import LONGEST
from engine.learning.memory.recogniser import SURE
from engine.learning.memory.second_look import SIGNS, Look, heard, in_order

STEP = 0.1  # of the score, for one nat


def weighed(lesson: Lesson, question: str, score: float, nearness: float) -> float:
    """The score of a lesson that a question looks like: SURE where it is as likely as not that it
    asks for it."""
    if len(question) > LONGEST:
        return score
    look = Look(lesson, heard(question, lesson.language))
    found = {"at_first": 1.0, "states": score, "nearness": nearness, **told_by_words(look)}
    weights = lesson.words.record["weights"]
    return SURE + STEP * sum(weights[name] * value for name, value in found.items())


def told_by_words(look: Look) -> dict[str, float]:
    mentioned, known = look.mentioned(), look.brought()
    shared = {"mentioned": mentioned, "known": known, "both": mentioned * known}
    signs = {sign.__name__: float(sign(look)) for sign in SIGNS}
    return shared | signs | {"unmentioned": float(mentioned == 0), **form(look)}


def form(look: Look) -> dict[str, float]:
    """Who asks for something else often says it in the same form, with one word exchanged; other
    words for the same come in another form."""
    mine, theirs = in_order(look.lesson.question, look.words), look.theirs.in_order
    alike = SequenceMatcher(None, mine, theirs, autojunk=False).ratio()
    exchanged = float(bool(look.missing and look.new))
    return {
        "same_form": alike * exchanged,
        "same_beginning": begins_alike(mine, theirs) * exchanged,
        "same_end": begins_alike(mine[::-1], theirs[::-1]) * exchanged,
        "left_out": alike * bool(look.missing),
    }


def begins_alike(mine: list[str], theirs: list[str]) -> float:
    """How much of mine theirs begins with."""
    same = zip(mine, theirs, strict=False)
    count = next((i for i, (a, b) in enumerate(same) if a != b), min(len(mine), len(theirs)))
    return count / max(1, len(mine))
