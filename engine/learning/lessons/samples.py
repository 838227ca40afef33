"""Facts made up from the library's kinds, words and names, about nobody, for tests and
benchmarks."""

from __future__ import annotations

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import capital
from oneseek.engine.learning.lessons.language import Language, language
from oneseek.engine.learning.lessons.lesson import Lesson

BARE = ("substance", "word")  # sorts whose words stand alone


def name(words: Language, draw: Draw) -> str:
    return capital(draw.choice(words.name_heads) + draw.choice(words.name_tails))


def subject(words: Language, sort: str, draw: Draw) -> str:
    """Something of this sort that can be asked about."""
    lists = [one for one, its in words.sort.items() if its == sort and one != "attribute"]
    listed = draw.choice(lists)
    word = draw.choice(words.words[listed])
    owner = draw.choice(words.words["relation"])
    if sort in BARE or word[0].isupper():
        return word
    if listed == "relation":
        return words.record["owned_by"][0].format(o="", e=word).replace("  ", " ")
    if listed in ("pet", "vehicle", "own", "clothing"):
        return words.record["owned_by"][0].format(o=words.genitive(owner), e=word)
    place = {"en": "the {} in {}", "sv": "{} i {}"}
    return place.get(words.code, place["en"]).format(word, name(words, draw))


def sample(code: str, draw: Draw) -> Lesson:
    """One made-up fact."""
    words = language(code)
    kind = draw.choice([kind for kind in words.kinds if kind.simple])
    slots = {"x": subject(words, draw.choice(sorted(kind.about)), draw)}
    value = f"{name(words, draw)} {name(words, draw)}"
    if draw.chance(0.3):
        value = f"{name(words, draw)}-{draw.draw_below(9000) + 1000}"
    question = capital(words.fill(kind.question, slots, draw))
    begin = capital(words.turn(words.fill(kind.answer, slots, draw), "second"))
    return Lesson(question, f"{begin} {value}.", (), code)


def samples(code: str, count: int, *path: object) -> list[Lesson]:
    """Return `count` different ones; the same path gives the same."""
    draw = Draw("samples", code, *path)
    found: dict[str, Lesson] = {}
    while len(found) < count:
        lesson = sample(code, draw)
        found.setdefault(lesson.question, lesson)
    return list(found.values())
