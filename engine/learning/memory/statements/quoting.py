"""The texts that the memory says: a statement turned to the person or quoted with its day, that
nothing was told, and that a statement is kept. A small model has no sensible reply of its own to
"fyi im allergic to penicillin".

The logit bias of these texts leaves no other token a chance, so that nothing is quoted wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.lessons.forms import capital
from oneseek.engine.learning.memory.statements.dating import MONTHS
from oneseek.engine.learning.memory.statements.hearing import (
    ASIDES,
    CHANGES,
    GREETING,
    Statement,
    bare,
    sentences,
)
from oneseek.engine.model.tokenizer import Tokenizer

CERTAIN = 1e4  # nats
CONVERSES = 400_000_000  # parameters, at least, of a model that replies to statements by itself
LEAST_WORDS = 3  # words of a message that states anything, at least
REPEATED = 3  # statements whose words are repeated, at most
TO_PERSON = frozenset("you your you're you've you'd you'll du din ditt dina ni er ert era".split())
FILLERS = {
    "en": re.compile(
        r"(?:(?:btw|fyi|by the way|just so you know|for the record|note to self|update|hi|hey|hello|"
        r"oh|so|well|ok|okay|yeah|yes|also|and|guess what|tell you what|you know|before i forget|"
        r"unrelated(?: but)?)\b[\s,:!.–-]*)+",
        re.I,
    ),
    "sv": re.compile(
        r"(?:(?:förresten|bara så du vet|för övrigt|innan jag glömmer(?: det)?|hej|hallå|ja|jo|jaha|du|alltså|så|och|vet du)"
        r"\b[\s,:!.–-]*)+",
        re.I,
    ),
}
AT_LAST = re.compile(rf"[\s,–-]+(?:{ASIDES})[.!]*$", re.I)
SPOKEN_TO = {
    "en": re.compile(r"\b(you|your|yours)\b", re.I),
    "sv": re.compile(r"\b(du|dig|din|ditt|dina|ni|er|ert|era)\b", re.I),
}
MINE = {
    "en": re.compile(r"(?:i|i'm|im|i've|my|we|we're|our)\b", re.I),
    "sv": re.compile(r"(?:jag|min|mitt|mina|vi|vår|vårt|våra)\b", re.I),
}
TYPED = (  # what people leave out when they type
    (re.compile(r"\bim\b", re.I), "I'm"),
    (re.compile(r"\bive\b", re.I), "I've"),
    (re.compile(r"\b(dont|cant|wont|isnt|doesnt|didnt)\b", re.I), None),
    (re.compile(r"\bi\b"), "I"),
)
TENSE = re.compile(r"\byou was\b", re.I)
DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "sv": ("måndags", "tisdags", "onsdags", "torsdags", "fredags", "lördags", "söndags"),
}
DAY_MS = 24 * 3600 * 1000
WORDS = {
    "en": {
        "today": "Earlier today you told me",
        "yesterday": "Yesterday you told me",
        "weekday": "On {day} you told me",
        "date": "On {date} you told me",
        "earlier": "Before that you said",
        "later": "Later you said",
        "nothing": "You have not told me that.",
        "not_exactly": "You have not told me exactly that. The nearest is: “{said}”",
        "then": "Then: “{said}”",
        "kept": "I'll remember that: {said}",
        "kept_many": "I'll remember all of that: {count} things.",
        "corrected": "Changed: {said}",
        "secret": "That looks like a secret, so I have not kept it. Write “keep it”, and I will.",
    },
    "sv": {
        "today": "Tidigare i dag sa du",
        "yesterday": "I går sa du",
        "weekday": "I {day} sa du",
        "date": "Den {date} sa du",
        "earlier": "Dessförinnan sa du",
        "later": "Senare sa du",
        "nothing": "Det har du inte berättat för mig.",
        "not_exactly": "Precis det har du inte berättat för mig. Det närmaste är: “{said}”",
        "then": "Därefter: “{said}”",
        "kept": "Det kommer jag ihåg: {said}",
        "kept_many": "Allt det kommer jag ihåg: {count} saker.",
        "corrected": "Ändrat: {said}",
        "secret": "Det ser ut som en hemlighet, så jag har inte sparat det. "
        "Skriv ”spara det”, så gör jag det.",
    },
}


SAYS_NOTHING = {words[name] for words in WORDS.values() for name in ("nothing", "secret")}
ACKNOWLEDGES = tuple(  # beginnings of replies that say what is kept
    words[name].split("{")[0]
    for words in WORDS.values()
    for name in ("kept", "kept_many", "corrected")
)


def words_of(code: str) -> dict[str, str]:
    return WORDS.get(code, WORDS["en"])


class Quoting:
    """A logit bias that says a text, token by token, and ends."""

    def __init__(self, tokenizer: Tokenizer, text: str) -> None:
        self.text, self.ids, self.ends = text, tokenizer.encode(text), tokenizer.eos_ids

    def amounts(self, ids: Sequence[int], text: str) -> dict[int, float]:
        """The bias on the next token: token -> nats."""
        if len(ids) < len(self.ids):
            return {self.ids[len(ids)]: CERTAIN}
        return dict.fromkeys(self.ends, CERTAIN)


def turn_to_person(said: str, code: str) -> str | None:
    """The statement in the second person; None if it is no plain sentence."""
    text = AT_LAST.sub("", bare(said).strip())
    if CHANGES.match(text) or SPOKEN_TO[code].search(text) or '"' in text:
        return None
    if filler := FILLERS[code].match(text):
        text = text[filler.end() :]
        if not MINE[code].match(text):  # the filler may have changed the word order
            return None
    for typed, written in TYPED if code == "en" else ():
        text = typed.sub(written or (lambda found: found[0][:-1] + "'t"), text)
    text = capital(language(code).turn(text, "second"))
    text = TENSE.sub("you were", text)
    return text if text.endswith((".", "!")) else text.rstrip(" ,:;") + "."


def quote(said: str, code: str, told: int, now: int, before: str = "") -> str:
    """The statement in quotation marks behind the day it was told, then its context."""
    return f"{when(code, told, now)}: “{said}”" + quote_context(before, code)


def quote_context(before: str, code: str) -> str:
    """What was said before a statement, to stand behind it; empty if it needs no context."""
    lines = " ".join(f"“{line}”" for line in before.split("\n") if line)
    return f" {words_of(code)['earlier']}: {lines}" if lines else ""


def when(code: str, told: int, now: int) -> str:
    words, day = words_of(code), datetime.fromtimestamp(told / 1e3)
    ago = (datetime.fromtimestamp(now / 1e3).date() - day.date()).days
    if ago <= 0:
        return words["today"]
    if ago == 1:
        return words["yesterday"]
    if ago < 7:
        return words["weekday"].format(day=DAYS[code][day.weekday()])
    date = f"{day.day} {MONTHS[code][day.month - 1]} {day.year}"
    return words["date"].format(date=date)


# ---- the reply to a message that states something and wants nothing


def states_all(message: str, found: Sequence[Statement]) -> bool:
    """Whether a message is nothing but statements that are kept, and greetings."""
    if len(message.split()) < LEAST_WORDS or not found or any(one.unsure for one in found):
        return False
    said = [one.said for one in found]
    return all(
        any(part in one for one in said)
        or (len(part.split()) <= GREETING and not part.endswith("?"))
        for part in sentences(message)
    )


def acknowledgement(message: str, found: Sequence[Statement]) -> str:
    """The reply that these statements of a message are kept."""
    words = words_of(guess(message))
    if len(found) > REPEATED:
        return words["kept_many"].format(count=len(found))
    first, *others = (repeat(one) for one in found)
    said = " ".join([first, *map(capital, others)])
    return words["corrected" if found[0].replaces else "kept"].format(said=said)


def repeat(statement: Statement) -> str:
    """The words of a statement in the second person, for the middle of a sentence, or in quotation
    marks."""
    said = statement.said.strip()
    while (correction := CHANGES.match(said)) and correction.end() < len(said):
        said = said[correction.end() :]
    text = turn_to_person(said, statement.language if statement.language == "sv" else "en")
    if not text:
        return f"“{statement.said.strip()}”"
    first = text.split()[0].strip(",.!").lower().replace("’", "'")
    return text[0].lower() + text[1:] if first in TO_PERSON else text
