"""Makes statements as people type them, with questions about them, from templates.

`en.txt` and `sv.txt` hold one family a line: statements / ... | questions / ... | hard negatives.
A question marked `[a]` is answered only by the statements marked `[a]` or `[ab]`.  `nothing.txt`
holds texts that state nothing of the person's own, `unknown.txt` questions about one's own things
that no family answers, `slots.txt` the words that fill the templates.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import NamedTuple

HERE = Path(__file__).parent
CODES = ("en", "sv")
CHANGED = 0.12  # share of the statements with a correction appended
TAG = re.compile(r"\[([a-z]+)\] ?")
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
TAKEN_BACK = {
    "en": ("no wait, ", "sorry, typo, ", "actually ", "I meant ", "correction: ", "oops, it's ",
           "make that ", "no, it's now "),
    "sv": ("nej vänta, ", "förlåt, ", "jag menade ", "rättelse: ", "oj, ", "nej, numera ",
           "egentligen ", "fel av mig, "),
}  # fmt: skip
COMMON = frozenset(
    "a about am an and any are at be been by can did do does for from get got had has have how i i'm"
    " in is it live made many me mine much my name called of on our ours own since so take the their"
    " this time to up us was we what what's when where which who whose why will with would year you"
    " alltså att av bor de den det din du då ett en från får för gör ha har hade heter hos hur i"
    " jag kan med men mig min mina mitt mycket många namn nu när och om oss på ska som till"
    " vad var vart vara vem vems vi vilka vilken vilket vår vårt våra är åt".split()
)
HOLDS = (  # (form of a question, the slots of which one has to be in its answer)
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


def load_non_statements() -> list[tuple[str, str]]:
    lines = (HERE / "nothing.txt").read_text().splitlines()
    return [(line[:2], line.split(" ", 2)[2]) for line in lines if line.strip()]


def unknown(code: str) -> list[str]:
    lines = (HERE / "unknown.txt").read_text().splitlines()
    return [line.split(" ", 1)[1] for line in lines if line.startswith(code + " ")]


def own_words(text: str) -> set[str]:
    """The stems of the words in a text, without slots and common words."""
    bare = SLOT.sub("", TAG.sub("", text))
    words = re.findall(r"[^\W\d_]+(?:'\w+)?", bare.lower())
    return {word[:5] for word in words if word not in COMMON}


def slots_in(text: str) -> set[str]:
    return {name + two for name, two in SLOT.findall(text)}


def tags_of(text: str) -> set[str]:
    tag = TAG.match(text)
    return set(tag[1]) if tag else set()


def answers(said: str, asked: str) -> bool:
    """Whether the template of a statement holds what the template of a question asks for."""
    held, tags = slots_in(said), tags_of(asked)
    if tags and not tags & tags_of(said):
        return False
    if not slots_in(asked) <= held:
        return False
    bare = held - slots_in(asked)
    for form, wanted in FORMS:
        if form.search(asked):
            return bool({one.rstrip("2") for one in bare} & wanted)
    return True


def is_of_a_form(asked: str) -> bool:
    return any(form.search(asked) for form, _ in FORMS)


class Made(NamedTuple):
    """A statement, a question, and whether the statement answers it."""

    said: str
    question: str
    answers: bool


class Maker:
    def __init__(self, seed: int) -> None:
        self.draw, self.words = Random(seed), slots()
        self.families = [one for code in CODES for one in families(code)]
        self.nothing, self.unknown = load_non_statements(), {code: unknown(code) for code in CODES}
        self._stems = [own_words(" ".join([*one.said, *one.asked])) for one in self.families]

    def values(self, code: str) -> dict[str, str]:
        found = {}
        for name, words in self.words[code].items():
            one, two = self.draw.sample(words, 2)
            found |= {name: one, name + "2": two}
        return found

    def fill(self, text: str, values: dict[str, str]) -> str:
        text = TAG.sub("", text, count=1)
        return SLOT.sub(lambda found: values[found[1] + found[2]], text)

    def as_typed(self, text: str, code: str) -> str:
        """Vary a sentence as people type it: words around it, capitals, apostrophes, full stop."""
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

    def vary_question(self, text: str) -> str:
        draw = self.draw
        if draw.random() < 0.15:
            text = text.lower()
        return text.rstrip("?") if draw.random() < 0.1 else text

    def family(self, family: Family) -> tuple[str, list[Made]]:
        """One statement of a family, and its pairs with questions that it answers and others."""
        code, values = family.code, self.values(family.code)
        form = self.draw.choice(family.said)
        said = self.as_typed(self.fill(form, values), code)
        if self.draw.random() < CHANGED:
            said = self.append_correction(said, family, form, values)
        found = []
        for asked in family.asked:
            if answers(form, asked):
                found.append(Made(said, self.vary_question(self.fill(asked, values)), True))
            elif tags_of(asked) and not tags_of(asked) & tags_of(form):
                found.append(Made(said, self.vary_question(self.fill(asked, values)), False))
            others = {k: v for k, v in self.values(code).items() if v != values[k]}
            if slots_in(asked) & slots_in(form):
                other = self.fill(asked, {**values, **others})
                if slots_in(asked) <= set(others):
                    found.append(Made(said, self.vary_question(other), False))
        alike = [*family.alike, *self.elsewhere(family, form)]
        return said, found + [
            Made(said, self.vary_question(self.fill(q, values)), False) for q in alike
        ]

    def append_correction(
        self, said: str, family: Family, form: str, values: dict[str, str]
    ) -> str:
        """Append a correction of a slot that no question names, if there is one."""
        named = set().union(*(slots_in(one) for one in family.asked))
        if not (free := sorted(slots_in(form) - named)):
            return said
        other = self.values(family.code)[self.draw.choice(free)]
        return f"{said} {self.draw.choice(TAKEN_BACK[family.code])}{other}"

    def elsewhere(self, family: Family, form: str) -> list[str]:
        """Questions of another family that this one does not answer; filled with the same values,
        they ask about the same people and things."""
        words = self._stems[self.families.index(family)]
        other = self.draw.choice([one for one in self.families if one.code == family.code])
        asked = [q for q in other.asked if own_words(q) and not own_words(q) & words]
        return [q for q in asked if not (answers(form, q) and is_of_a_form(q))]

    def of_nothing(self, code: str) -> str:
        """A question about one's own things that no family answers."""
        asked = self.draw.choice(self.unknown[code])
        return self.vary_question(self.fill(asked, self.values(code)))

    def other(self) -> tuple[str, str]:
        """(language, text) of a text that states nothing of the person's own."""
        code, text = self.draw.choice(self.nothing)
        text = self.fill(text, self.values(code))
        return code, text.lower() if self.draw.random() < 0.25 else text
