"""A second look at the words themselves: states tell what a question is about, but not one name
from another, nor which of two things is asked of the same.

Only what both sides say plainly counts: two different names, two different relatives, or two kinds
of question that the library knows apart.
"""

from __future__ import annotations

from engine.learning.lessons import Lesson, fold
from engine.learning.lessons.language import WORD, Language

VAGUE = ("is", "name", "where", "when", "attribute")  # kinds that are asked in many ways
PLAIN = 3  # letters from which on a word with a capital is a name


def asks_for_another(lesson: Lesson, question: str) -> bool:
    """Whether a question that looks like a lesson's plainly asks for something else."""
    return _another_kind(lesson, question) or _another_name(lesson, question)


def _another_kind(lesson: Lesson, question: str) -> bool:
    """Whether it asks for something else of the very same subject."""
    kind, slots = lesson.words.recognise(question)
    mine, my_slots = lesson.recognised
    if kind is None or mine is None or kind.name in VAGUE or set(slots) != {"x"}:
        return False
    same = fold(slots["x"]) == fold(my_slots.get("x", ""))
    return same and kind.name not in lesson.words.family.get(mine.name, {mine.name})


def _another_name(lesson: Lesson, question: str) -> bool:
    """A name or a relative of the question that the fact lacks, in place of one that it has."""
    words = lesson.words
    known = " ".join((lesson.question, *lesson.phrasings, lesson.answer))
    for find in (names, relatives):
        mine, theirs = find(lesson.question, words), find(question, words)
        if theirs - find(known, words) - _plain_words(known) and mine - _plain_words(question):
            return True
    return False


def _plain_words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)}


def names(text: str, words: Language) -> set[str]:
    """Words with a capital inside a sentence, and numbers."""
    found = list(WORD.finditer(text))
    inside = [one[0] for one in found if not begins_sentence(text, one.start())]
    kept = (words.bare(word) for word in inside if word[0].isupper() or word[0].isdigit())
    return {w.lower() for w in kept if (len(w) >= PLAIN or w[0].isdigit())
            and w.lower() not in words.function_words}  # fmt: skip


def begins_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'“‘(")
    return not before or before[-1] in ".!?:;"


def relatives(text: str, words: Language) -> set[str]:
    bare = {words.bare(word.lower()) for word in WORD.findall(text)}
    synonyms = words.record["synonyms"]
    found = {word for word in bare if "relation" in words.categories(word)}
    return found | {other for word in found for other in synonyms.get(word, ())}
