"""A fact asked in other words, without a second model: kinds, frames and wrappers.

What to ask comes first (the question itself, the user's own wordings, the kind's), then how
the subject is put ("the cat my sister has"), then synonyms, then the wrapper around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import Slots, capital, slots_of
from oneseek.engine.learning.lessons.language import WORD, Kind, Language
from oneseek.engine.learning.lessons.lesson import Lesson


def topic(lesson: Lesson, draw: Draw) -> tuple[str, str]:
    """Return (S, T): the answer up to its value as the user would say it, and its subject."""
    language = lesson.words
    begin = language.turn(lesson.begin, "first")
    kind, slots = lesson.recognised
    if kind is not None and (known := _usable(kind.topic, slots)):
        return begin, language.fill(draw.choice(known), slots, draw)
    words = begin.split()
    while len(words) > 1 and words[-1].lower() in language.lead_in:
        words.pop()
    about = " ".join(words)
    return begin, language.mid_sentence(about)


def wrap(wrapper: str, question: str, lesson: Lesson, draw: Draw) -> str | None:
    """The wrapper around a question; None where it needs a part this lesson lacks."""
    begin, about = topic(lesson, draw)
    if ("{S}" in wrapper and not begin) or (re.search(r"\{[Tt]\}", wrapper) and not about):
        return None
    parts = {"Q": question, "q": lesson.words.small(question), "S": begin}
    parts |= {"T": capital(about), "t": about}
    return re.sub(r"\{(\w)\}", lambda slot: parts[slot[1]], wrapper)


def _usable(
    templates: Iterable[str], slots: Slots, need: frozenset[str] = frozenset()
) -> list[str]:
    """Return the templates that these slots can fill and that mention every slot of `need`."""
    return [t for t in templates if need <= slots_of(t) <= slots.keys()]


def subject_slots(language: Language, slots: Slots, draw: Draw) -> Slots:
    """Return the slots with the subject in another wording, its introduction and its pronoun."""
    slots = dict(slots)
    subject = slots.get("x")
    if subject is None:
        return slots
    for form, variants, intros in language.shapes:
        if parts := form.match(subject):
            if intros:
                slots["intro"] = language.fill(draw.choice(intros), parts, draw)
            if draw.chance(0.4):
                slots["x"] = language.fill(draw.choice(variants), parts, draw)
            break
    pronouns = language.record["pronouns"]
    heads = [
        sort for word in WORD.findall(subject.lower())[-1:] for sort in language.categories(word)
    ]
    it = next((pronouns[name] for name in heads if name in pronouns), pronouns["default"])
    slots["it"], slots["its"] = it
    return slots


def synonyms(text: str, language: Language, draw: Draw, probability: float = 0.25) -> str:
    """Some words exchanged for others of the same meaning."""

    def exchange(word: re.Match) -> str:
        others = language.record["synonyms"].get(word[0].lower())
        return draw.choice(others) if others and draw.chance(probability) else word[0]

    return WORD.sub(exchange, text)


def ask(
    language: Language,
    kind: Kind,
    slots: Slots,
    draw: Draw,
    skip: Sequence[str] = (),
    need: frozenset[str] = frozenset(),
) -> str | None:
    """One question of this kind in other words, mentioning the slots of `need`; None if none
    does."""
    slots = subject_slots(language, slots, draw)
    forms = [w for w in _usable(kind.wordings, slots, need) if w not in skip]
    frames = [
        (frame, about)
        for name in ("topic", "indirect")
        if (about := _usable(getattr(kind, name), slots, need))
        for frame in language.frames[name]
    ]
    if frames and (not forms or draw.chance(0.3)):
        frame, about = draw.choice(frames)
        inner = language.fill(draw.choice(about), slots, draw)
        text = language.fill(frame, {"t": inner}, draw)
    elif forms:
        text = language.fill(draw.choice(forms), slots, draw)
    else:
        return None
    return capital(synonyms(text, language, draw))


def wordings(lesson: Lesson, draw: Draw) -> str:
    """One training wording of the question."""
    language = lesson.words
    kind, slots = lesson.recognised
    own = lesson.phrasings
    if own and draw.chance(0.45 if kind is None else 0.3):
        text = draw.choice(own)
    elif kind is not None and draw.chance(0.75):
        text = ask(language, kind, slots, draw, skip=_withheld(kind, lesson)) or lesson.question
    else:
        text = lesson.question
    if draw.chance(0.6 if text == lesson.question else 0.25):
        wrapped = wrap(draw.choice(language.wrappers), text, lesson, draw)
        text = wrapped or text
    return text


def _withheld(kind: Kind, lesson: Lesson) -> list[str]:
    """A few of the kind's own wordings, chosen by the question, held out for the evaluator."""
    return Draw("held back", lesson.question).sample(kind.wordings, len(kind.wordings) // 8)


def make_held_back_wordings(lesson: Lesson) -> list[str]:
    """Return the held-out wordings, which the evaluator asks and no lesson trains on."""
    language, draw = lesson.words, Draw("gate", lesson.question)
    wrapped = (wrap(wrapper, lesson.question, lesson, draw) for wrapper in language.held_back)
    held = [text for text in wrapped if text]
    kind, slots = lesson.recognised
    if kind is not None and (forms := _usable(_withheld(kind, lesson), slots)):
        held.append(capital(language.fill(forms[0], slots, draw)))
    return held
