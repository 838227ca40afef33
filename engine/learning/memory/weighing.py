"""The score of a fact for a question: a weighted sum of embedding features and word features.

tests/bench/weigh.py fits the weights (weights.json), on kinds of facts that the library does not
know.
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
STEP = 0.1  # score per nat
WORDS_GONE = {"mentioned": 1.0, "known": 1.0, "both": 1.0}  # as if all words matched


def weigh_lesson(lesson: Lesson, question: str, meant: dict[str, float]) -> float:
    """The score of a lesson for a question. The language's own threshold is mapped to SURE."""
    look = Look(lesson, analyse_question(question, lesson.language))
    if look.of_any():
        return 0.0
    return score({**meant, **compute_signs(look)}, lesson.language)


def nearness(meant: dict[str, float], code: str) -> float:
    """The score of a fact whose words are deleted, from its embedding features alone."""
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
    """Features of the form: a question for something else often keeps the form and exchanges one
    word, while a paraphrase has another form."""
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
    """The part of `mine` that `theirs` begins with."""
    same = zip(mine, theirs, strict=False)
    count = next((i for i, (a, b) in enumerate(same) if a != b), min(len(mine), len(theirs)))
    return count / max(1, len(mine))
