"""Hard negatives of a lesson: one thing swapped, in the question and in its answer.

The owner (my sister -> my uncle), the thing (cat -> parrot), a name (Quillmere -> Harrowmere) or
what is asked (its name -> its age).  Each comes with the words that its answer is forced to begin
with, because behind these a small model most often gives the taught value.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import Slots, capital
from oneseek.engine.learning.lessons.language import WORD, Kind, Language
from oneseek.engine.learning.lessons.lesson import Lesson, fold
from oneseek.engine.learning.lessons.names import like
from oneseek.engine.learning.lessons.wordings import ask
from oneseek.engine.turns import pause

COUNT = 36
FOR_THE_GATE = 3


@dataclasses.dataclass(frozen=True)
class Neighbour:
    question: str
    begin: str


@dataclasses.dataclass(frozen=True)
class Spot:
    """A piece of the question that can be swapped, and what it is."""

    text: str
    what: str  # the name of a word list, or: name, word, attribute, owned, self


def spots(lesson: Lesson) -> list[Spot]:
    """Return the swappable pieces of the question."""
    kind, slots = lesson.recognised
    language = lesson.words
    if kind is None:
        slots = {"x": lesson.question.split(" ", 1)[-1]}
    found = []
    for name, text in slots.items():
        pieces = _pieces(text, "attribute" if name == "a" else "word", language)
        # Unknown words are swapped in the subject and the attribute; in a verb or a place they
        # stay.
        found += [p for p in pieces if name in "xa" or p.what != "word"] if name != "v" else []
    owned = re.search(language.record["ownable"], lesson.question, re.IGNORECASE)
    if owned and not _owns(owned[2], language):
        found.append(Spot(owned[0], "owned"))
    if re.search(language.record["self"], lesson.question):
        found.append(Spot("", "self"))
    asked = re.search(language.record["asked"], lesson.question, re.IGNORECASE)
    if asked and "a" not in slots and asked[1] in lesson.begin.lower():
        found.append(Spot(asked[1], "attribute"))
    return list(dict.fromkeys(found))


def _pieces(text: str, unknown: str, language: Language) -> list[Spot]:
    """Return listed words (the longest run first), names, and words that are neither."""
    words = [language.bare(word) for word in WORD.findall(text)]
    found, i = [], 0
    while i < len(words):
        for n in (3, 2, 1):
            run = " ".join(words[i : i + n])
            if lists := language.categories(run):
                found.append(Spot(run, lists[0]))
                break
        else:
            n = 1
            word = words[i].lower()
            speaker = word in language.record["person"]["second"]
            if not speaker and (words[i][0].isupper() or any(c.isdigit() for c in word)):
                found.append(Spot(words[i], "name"))
            elif not speaker and word not in language.function_words:
                found.append(Spot(words[i], unknown))
        i += n
    return found


def _owns(word: str, language: Language) -> bool:
    """Whether the word is somebody's, as "sister's" is."""
    bare = language.bare(word)
    return bare != word and "relation" in language.categories(bare)


def _replacement(spot: Spot, lesson: Lesson, draw: Draw) -> str:
    language = lesson.words
    kind, _ = lesson.recognised
    usual = (kind.swap if kind else []) or ["thing"]
    named = [name for name in usual if language.words[name][0][0].isupper()]
    common = [name for name in usual if name not in named]
    if spot.what == "name" and any(s.what == "relation" for s in spots(lesson)):
        return draw.choice([n for n in language.first_names.values() if n != spot.text])
    if spot.what in ("attribute", "relation"):
        lists = [spot.what]
    elif spot.what == "name":
        lists = named if draw.chance(0.35) else []
    elif spot.what == "word":
        lists = common if draw.chance(0.5) else []
    else:
        other = common and language.sort[spot.what] != "time" and draw.chance(0.25)
        lists = common if other else [spot.what]
    words = language.words[draw.choice(lists)] if lists else []
    neuter = spot.text.lower() in language.neuter
    old = spot.text.lower()  # not "the password" for "the wifi password": it may be the same
    words = [w for w in words if (w in language.neuter) == neuter and not old.endswith(w)]
    return draw.choice(words) if words else like(spot.text, language, draw)


def swap(text: str, old: str, new: str, language: Language) -> str:
    """`old` -> `new` wherever it stands as a word, owner's ending and first capital kept."""
    owner = "|".join(re.escape(g) for g in language.genitives)

    def put(found: re.Match) -> str:
        put = language.genitive(new) if found[1] else new
        return capital(put) if found[0][0].isupper() else put

    return re.sub(rf"(?<!\w){re.escape(old)}({owner})?(?!\w)", put, text, flags=re.IGNORECASE)


def _replace_spot(lesson: Lesson, spot: Spot, draw: Draw) -> tuple[str, str, Slots]:
    """(question, begin, slots) with this spot replaced."""
    language = lesson.words
    _, slots = lesson.recognised
    question, begin = lesson.question, lesson.begin
    if spot.what not in ("owned", "self"):
        new = _replacement(spot, lesson, draw)
        pairs = [(spot.text, new), (spot.text, new)]
    else:
        owner = draw.choice(language.words["relation"])
        first, second = language.record[spot.what + "_by"]
        if spot.what == "self":
            question = re.sub(language.record["self"], first.format(o=owner), question)
            begin = re.sub(language.record["self_answer"], second.format(o=owner), begin)
            return language.smooth(question), language.smooth(begin), {}
        parts = {"o": language.genitive(owner), "e": spot.text.split(" ", 1)[1]}
        pairs = [(spot.text, first.format(**parts))]
        pairs.append((language.turn(spot.text, "second"), second.format(**parts)))
    question = swap(question, *pairs[0], language)
    begin = swap(begin, *pairs[1], language)
    swapped = {name: swap(text, *pairs[0], language) for name, text in slots.items()}
    slots = swapped if swapped != slots else {}
    return language.smooth(question), language.smooth(begin), slots


def _of_the_same_kind(lesson: Lesson, draw: Draw) -> Iterator[Neighbour]:
    """Yield the same question about something else."""
    kind, _ = lesson.recognised
    language = lesson.words
    found = spots(lesson)
    while found:
        question, begin, slots = _replace_spot(lesson, draw.choice(found), draw)
        if kind is not None and slots and draw.chance(0.35):
            taught = lesson.recognised[1]
            changed = frozenset(name for name in slots if slots[name] != taught[name])
            question = ask(language, kind, slots, draw, need=changed) or question
        yield Neighbour(capital(question), capital(begin))


def _of_the_same_thing(lesson: Lesson, draw: Draw) -> Iterator[Neighbour]:
    """Yield other questions about the same subject."""
    language = lesson.words
    short = _short_begin(lesson)
    for slots, question, begin, other in draw.shuffle(_other_questions(lesson)):
        text = language.fill(question, slots, draw)
        if other and draw.chance(0.3):
            text = ask(language, other, slots, draw) or text
        begin = capital(language.turn(language.fill(begin, slots, draw), "second"))
        if short and draw.chance(0.3):
            begin = short
        yield Neighbour(capital(text), language.smooth(begin))
    first, _, rest = lesson.question.partition(" ")
    whole = rest.split(" ", 1)[0] in language.record["auxiliaries"]  # not "What colour does"
    for word in language.record["question_words"]:
        if whole and first.lower() != word:
            yield Neighbour(f"{capital(word)} {rest}", short)


def _other_questions(lesson: Lesson) -> list[tuple[Slots, str, str, Kind | None]]:
    """Return (slots, question, begin, kind) of other questions about the subject."""
    kind, found = lesson.recognised
    language = lesson.words
    if kind is None or "x" not in found:
        return []
    slots = {"x": found["x"]}
    sorts = _sorts(found["x"], language) or kind.about
    near = language.family.get(kind.name, {kind.name})
    kinds = [k for k in language.kinds if k.name not in near and k.simple and k.about & sorts]
    others: list[tuple[Slots, str, str, Kind | None]]
    others = [(slots, k.question, k.answer, k) for k in kinds]
    for sort in sorted(sorts):
        others += [(slots, *pair, None) for pair in language.record["others"].get(sort, [])]
    return others


def _short_begin(lesson: Lesson) -> str:
    """The answer's beginning without the little words before its value, if there are any."""
    words = lesson.begin.split()
    while len(words) > 2 and {w.lower() for w in words[-2:]} <= lesson.words.lead_in:
        words.pop()
    short = " ".join(words)
    return short if short != lesson.begin else ""


def _sorts(subject: str, language: Language) -> frozenset[str]:
    """Return the categories of the subject, by its last listed word."""
    for word in reversed(WORD.findall(subject)):
        if lists := language.categories(language.bare(word)):
            return frozenset(language.sort[name] for name in lists)
    return frozenset()


def neighbours(
    lesson: Lesson, taught: Iterable[Lesson] = (), count: int = COUNT
) -> list[Neighbour]:
    """Return hard negatives of a lesson, the same on every call; none of them asks for a taught
    fact.

    No step trains on the first `FOR_THE_GATE`, because the evaluator asks them after the lesson.
    """
    language = lesson.words
    draw = Draw("neighbours", lesson.question, lesson.answer)
    asked, facts = set(), []
    for known in (lesson, *taught):
        asked |= {fold(q) for q in (known.question, *known.phrasings)}
        if known.recognised[0]:
            facts.append(known.recognised)
    makers = [_of_the_same_kind(lesson, draw), _of_the_same_thing(lesson, draw)]
    found: list[Neighbour] = []
    tries = 0
    while len(found) < count and tries < 20 * count:
        pause()
        maker = makers[1 if tries % 5 in (1, 3) else 0]
        tries += 1
        neighbour = next(maker, None)
        if neighbour is None or fold(neighbour.question) in asked:
            continue
        if language.recognise(neighbour.question) in facts:
            continue
        asked.add(fold(neighbour.question))
        found.append(neighbour)
    return found
