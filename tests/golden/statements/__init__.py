"""Statements as people type them, with questions about them, made of what was written for it.

`en.txt` and `sv.txt` hold a family a line: ways to say it / ... | questions / ... | look-alikes;
`nothing.txt` what states nothing of the person's own; `slots.txt` the words that fill both.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import NamedTuple

HERE = Path(__file__).parent
CODES = ("en", "sv")
SLOT = re.compile(r"\{([a-z]+)(2?)\}")
BEFORE = {
    "en": ("btw ", "fyi ", "oh and ", "just so you know, ", "by the way, ", "Hi! ", "so ", "well, ",
           "guess what, ", "for the record: ", "note to self: ", "yeah ", "also ", "Remember that ",
           "please remember: ", "don't forget: ", "update: ", "ok so "),
    "sv": ("förresten ", "bara så du vet, ", "ja, ", "hej! ", "alltså ", "du, ", "för övrigt ",
           "kom ihåg att ", "kom ihåg: ", "glöm inte att ", "så, ", "notera: ", "jo, ", "och "),
}  # fmt: skip
BEHIND = {
    "en": (" lol", ", keep forgetting that", " :)", ", finally!", ", you know", ", just saying",
           ", so there", " haha", ", by the way", " now", ", long story"),
    "sv": (" :)", " haha", ", glömmer det jämt", ", äntligen!", ", så att du vet", " nu",
           ", tänk på det", ", lång historia"),
}  # fmt: skip
MINE = {
    "en": re.compile(r"\b(i|i'm|im|my|me|mine|we|our|us)\b", re.I),
    "sv": re.compile(r"\b(jag|min|mitt|mina|mig|vi|vår|vårt|våra|oss)\b", re.I),
}
HOLDS = (  # what a question of this form is answered by: one of these slots
    (r"^(when|what time|(on|which|what) (which |what )?(day|date|year)|since when|until when)\b"
     r"|^(när|vilken tid|vilken dag|vilket datum|vilket år|sedan när)\b",
     {"date", "day", "month", "year", "time"}),
    (r"^(where|in what town|in which|which city|what town)\b|^(var|vart|i vilken stad|varifrån)\b",
     {"city", "place", "spot", "last", "firm", "name", "helper"}),
    (r"^(how (old|much|many|tall|often)|what number|which ward|what age|what is the code|which code)"
     r"|^(hur (mycket|många|gammal|hög|lång|ofta)|vilket nummer|vilken ålder|vilken kod)",
     {"n", "code", "phone"}),
    (r"^(who|whose|from whom|which neighbour)\b|^(vem|vilka|av vem|vilken granne)\b",
     {"name", "rel", "last", "helper"}),
    (r"(called|name of|names of|which name|s name\?|number|reach|age)|(heter|namn|döpte|nummer|når )",
     {"name", "last", "phone", "n", "book", "codeword"}),
)  # fmt: skip
FORMS = [(re.compile(form, re.I), slots) for form, slots in HOLDS]


class Family(NamedTuple):
    code: str
    said: list[str]
    asked: list[str]
    alike: list[str]


def families(code: str) -> list[Family]:
    lines = (HERE / f"{code}.txt").read_text().splitlines()
    split = ([part.split(" / ") for part in line.split("|")] for line in lines if line.strip())
    return [Family(code, *([one.strip() for one in part] for part in parts)) for parts in split]


def slots() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {code: {} for code in CODES}
    for line in (HERE / "slots.txt").read_text().splitlines():
        code, name, words = line.split(" ", 2)
        found[code][name] = words.split(";")
    return found


def nothing() -> list[tuple[str, str]]:
    lines = (HERE / "nothing.txt").read_text().splitlines()
    return [(line[:2], line.split(" ", 2)[2]) for line in lines if line.strip()]


def slots_in(text: str) -> set[str]:
    return {name + two for name, two in SLOT.findall(text)}


def answers(said: str, asked: str) -> bool:
    """Whether a way to say it holds what a question asks for."""
    held = slots_in(said)
    if not slots_in(asked) <= held:
        return False
    bare = held - slots_in(asked)
    for form, wanted in FORMS:
        if form.search(asked):
            return bool({one.rstrip("2") for one in bare} & wanted)
    return True


class Made(NamedTuple):
    """A statement, a question, and whether it answers it."""

    said: str
    question: str
    answers: bool


class Maker:
    def __init__(self, seed: int) -> None:
        self.draw, self.words = Random(seed), slots()
        self.families = [one for code in CODES for one in families(code)]
        self.nothing = nothing()

    def values(self, code: str) -> dict[str, str]:
        found = {}
        for name, words in self.words[code].items():
            one, two = self.draw.sample(words, 2)
            found |= {name: one, name + "2": two}
        return found

    def fill(self, text: str, values: dict[str, str]) -> str:
        return SLOT.sub(lambda found: values[found[1] + found[2]], text)

    def as_typed(self, text: str, code: str) -> str:
        """With what people put around a sentence, and without what they leave out."""
        draw = self.draw
        if draw.random() < 0.35:
            text = draw.choice(BEFORE[code]) + text
        if draw.random() < 0.15:
            text += draw.choice(BEHIND[code])
        if draw.random() < 0.35:
            text = text.lower()
        elif draw.random() < 0.6:
            text = text[:1].upper() + text[1:]
        if draw.random() < 0.3:
            text = text.replace("'", "")
        return text + draw.choice(("", "", ".", ".", "!"))

    def asked(self, text: str) -> str:
        draw = self.draw
        if draw.random() < 0.15:
            text = text.lower()
        return text.rstrip("?") if draw.random() < 0.1 else text

    def family(self, family: Family) -> tuple[str, list[Made]]:
        """One statement, and questions that it answers or not."""
        code, values = family.code, self.values(family.code)
        form = self.draw.choice(family.said)
        said = self.as_typed(self.fill(form, values), code)
        found = []
        for asked in family.asked:
            if answers(form, asked):
                found.append(Made(said, self.asked(self.fill(asked, values)), True))
            others = {k: v for k, v in self.values(code).items() if v != values[k]}
            if slots_in(asked) & slots_in(form):
                other = self.fill(asked, {**values, **others})
                if slots_in(asked) <= set(others):
                    found.append(Made(said, self.asked(other), False))
        alike = [Made(said, self.asked(self.fill(one, values)), False) for one in family.alike]
        return said, found + alike

    def other(self) -> tuple[str, str]:
        """(language, text) of something that states nothing."""
        code, text = self.draw.choice(self.nothing)
        text = self.fill(text, self.values(code))
        return code, text.lower() if self.draw.random() < 0.25 else text
