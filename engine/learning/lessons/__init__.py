"""Lessons: the fact that is taught, the wordings that ask for it, and its hard negatives.

One data file per language (`data/en.json`, `data/sv.json`) holds all that depends on the language;
a new kind of fact, wording or language needs only lines there.
"""

from oneseek.engine.learning.lessons.anchors import (
    anchors,
    load_held_out_anchors,
    paragraphs,
    probes,
    texts,
)
from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.language import codes, guess, language
from oneseek.engine.learning.lessons.lesson import (
    Lesson,
    LessonError,
    fold,
    has_said,
    has_value,
    lesson_from,
    lesson_of,
)
from oneseek.engine.learning.lessons.neighbours import FOR_THE_GATE, Neighbour, neighbours
from oneseek.engine.learning.lessons.wordings import make_held_back_wordings, wordings

__all__ = [
    "FOR_THE_GATE",
    "Draw",
    "Lesson",
    "LessonError",
    "Neighbour",
    "anchors",
    "codes",
    "fold",
    "guess",
    "has_said",
    "has_value",
    "make_held_back_wordings",
    "load_held_out_anchors",
    "language",
    "lesson_from",
    "lesson_of",
    "neighbours",
    "paragraphs",
    "probes",
    "texts",
    "wordings",
]
