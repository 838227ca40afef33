"""How likely it is that a question asks for a fact: what it means and what its words say, weighed
together.

The weights (weights.json) are fitted over kinds of facts that the library does not know, by
tests/bench/weigh.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from oneseek.engine.learning.lessons import Lesson
from oneseek.engine.learning.memory.recogniser import SURE
from oneseek.engine.learning.memory.second_look import SIGNS, Look, analyse_question, in_order

WEIGHTS = Path(__file__).with_name("weights.json")
FITTED = json.loads(WEIGHTS.read_text())
STEP = 0.1  # of the score, for one nat
WORDS_GONE = {"mentioned": 1.0, "known": 1.0, "both": 1.0}  # as if all of them were the same


def weigh_lesson(lesson: Lesson, question: str, meant: dict[str, float]) -> float:
    """The score of a lesson that a question looks like: SURE where it is as likely as not that it
    asks for it."""
    look = Look(lesson, analyse_question(question, lesson.language))
    if look.of_any():
        return 0.0
    return score({**meant, **compute_signs(look)}, lesson.language)


def nearness(meant: dict[str, float], code: str) -> float:
    """The same of a fact whose words are gone."""
    return score({**meant, **WORDS_GONE}, code)


def score(signs: dict[str, float], code: str) -> float:
    weights, limit = FITTED["weights"], FITTED["limit"]
    told = sum(weights[name] * value for name, value in signs.items())
    return SURE + STEP * (weights["at_first"] + told - limit.get(code, limit["en"]))


def compute_signs(look: Look) -> dict[str, float]:
    mentioned, known = look.measure_mentioned(), look.measure_known()
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


def begins_alike(mine: Sequence[str], theirs: Sequence[str]) -> float:
    """How much of mine theirs begins with."""
    same = zip(mine, theirs, strict=False)
    count = next((i for i, (a, b) in enumerate(same) if a != b), min(len(mine), len(theirs)))
    return count / max(1, len(mine))
