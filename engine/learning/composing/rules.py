"""Answers of more than one statement, put together by rule: several things at once, lists, counts,
and yes or no.

What is asked for is found by what the question names (a relative, a thing, a group of them such as
`siblings`), and by what the reader says of a statement if no other answered better.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from collections.abc import Iterable, Sequence

from oneseek.engine.learning.lessons import language
from oneseek.engine.learning.lessons.forms import capital
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.second_look import alike, content, names
from oneseek.engine.learning.memory.statements.answering import ANSWERS, CHANGED, NEGATED, words_for

COUNT = re.compile(r"\b(?:how many|hur många)\b", re.I)
LIST = re.compile(
    r"^(?:what are|what all|who are|which|list|name|tell me all|what do (?:i|we) (?:have|need) to|"
    r"what am i|what have i|what else|vilka|räkna upp|nämn|lista|vad heter (?:mina|våra)|"
    r"vad (?:ska|måste|behöver|är) (?:jag|vi))\b|"
    r"\b(?:all|every|everything|everyone|alla|allt|allting)\b",
    re.I,
)
JOINED = re.compile(r"\b(?:and|och|samt)\b|\b(?:both|båda)\b", re.I)
YES_NO = re.compile(
    r"^(?:so |and |och )?(?:do|does|did|is|isn't|are|am|was|were|have|has|had|can|could|will|should|"
    r"may|har|hade|är|var|kan|får|ska|äter|bor|jobbar|arbetar|heter|dricker|spelar|kör|gillar|"
    r"pratar|talar|röker|tål|behöver|går|äger|tycker|brukar|finns|fyller|studerar|pluggar|tar)\b",
    re.I,
)
ENDED = re.compile(
    r"\b(?:no longer|any ?more|used to|quit|stopped|gave up|given up|sold|left|retired|died|"
    r"cancelled|inte längre|slutat|slutade|sålt|sålde|lagt av|dog|dött|avbokat|inställd)\b",
    re.I,
)
NONE = re.compile(r"\b(?:no|without|ingen|inget|inga|utan)\s+(?:\w+\s+)?(\w+)", re.I)
BOUND = re.compile(
    r"\b(before|after|older than|younger than|more than|over|under|less than|at least|före|efter|"
    r"äldre än|yngre än|mer än|fler än|över|mindre än|minst)\s+(\d+)",
    re.I,
)
BELOW = ("before", "younger than", "under", "less than", "före", "yngre än", "mindre än")
ENDING = re.compile(r"(?<=\w{3})(?:'s|arna|erna|orna|ar|er|or|en|et|es|n|s)$")
ALLERGIC = re.compile(r"\b(?:allerg\w*|intolerant|tål inte|can'?t eat|can'?t have)\b", re.I)
MAY = re.compile(r"^(?:can|could|may|should|do|kan|får|tål|äter|ska)\b", re.I)
MOST = 8  # statements of one answer
LIKELY, NEAR, SURE = 0.2, 0.06, 0.5  # how likely one answers, with nothing, or its noun, to say so
CERTAIN = 0.75


@functools.cache
def words_in(code: str) -> dict:
    """What the language's file says of groups and numbers."""
    every = json.loads(pathlib.Path(__file__).with_name("groups.json").read_text("utf-8"))
    return every.get(code, every["en"])


@functools.cache
def groups(code: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    pairs = words_in(code)["groups"].items()
    return [(frozenset(names.split()), frozenset(members.split())) for names, members in pairs]


def lower_words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)}


def stem(word: str) -> str:
    """A noun without the ending of its number or of its definite form."""
    return ENDING.sub("", word)


class Asked:
    """What a question names."""

    def __init__(self, question: str, code: str) -> None:
        self.question, self.code, self.language = question, code, language(code)
        words = lower_words(question)
        self.groups = [(name, members) for name, members in groups(code) if words & name]
        self.content = content(question, self.language)
        self.names = names(question, self.language)

    def members(self, said: str) -> set[str]:
        """The words of a statement that belong to a group of which the question asks."""
        every = {member for _, members in self.groups for member in members}
        stems = {stem(member) for member in every}
        return {word for word in self.bare_words(said) if stem(word) in stems}

    def shared(self, said: str) -> set[str]:
        """The words of the question that a statement has too."""
        bare = self.bare_words(said)
        return {a for a in self.content if any(self.are_forms(a, b) for b in bare)}

    def bare_words(self, said: str) -> set[str]:
        """The words of a statement without what makes them somebody's."""
        return {self.language.bare(word) for word in lower_words(said)}

    def are_forms(self, one: str, other: str) -> bool:
        return stem(one) == stem(other) or alike(one, other, self.language)

    def is_of_others(self, said: str) -> bool:
        others = set(words_in(self.code)["others"].split())
        return bool(lower_words(said) & others) and not others & lower_words(self.question)

    def concerns(self, one: Found) -> bool:
        said = one.fact["answer"]
        if self.members(said):
            return not self.is_of_others(said)
        return one.apart >= LIKELY or (one.apart >= NEAR and bool(self.shared(said)))


def composed(
    question: str, found: Sequence[Found], known: Iterable[dict], code: str, now: int
) -> tuple[str, list[Found]] | None:
    """An answer of several statements, and which; None where one is enough. `found` may answer the
    question; `known` is all that somebody said."""
    asked = Asked(question, code)
    if COUNT.search(question):
        return counted(asked, with_members(asked, found, known), now)
    if YES_NO.match(question):
        return decided(asked, found, now)
    if LIST.search(question) or JOINED.search(question) or asked.groups:
        if JOINED.search(question):
            some = [one for one in found if named(asked, one)]
            some += [one for one in found if one not in some and asked.concerns(one)]
        else:
            some = [one for one in with_members(asked, found, known) if asked.concerns(one)]
        if len(some) > 1:
            return said_in_order(some, now), some[:MOST]
    return None


def with_members(asked: Asked, found: Sequence[Found], known: Iterable[dict]) -> list[Found]:
    """What may answer, and all that is of a group that is asked for."""
    ids = {one.id for one in found}
    more = [one for one in known if one["id"] not in ids and asked.members(one["answer"])]
    return [*found, *(Found(one, 0.0) for one in more)]


def named(asked: Asked, one: Found) -> bool:
    """Whether a statement is of a person or thing that the question names."""
    said = one.fact["answer"]
    shared = asked.shared(said)
    kin = any("relation" in asked.language.categories(word) for word in shared)
    return kin or bool(asked.names & lower_words(said))


def said_in_order(some: Sequence[Found], now: int) -> str:
    ordered = sorted(some[:MOST], key=lambda one: one.fact["time"])
    return " ".join(words_for(one, one.fact["language"], now, 0.0) for one in ordered)


# ---- counts


def counted(asked: Asked, found: Sequence[Found], now: int) -> tuple[str, list[Found]] | None:
    """How many there are: as a statement says itself, by the names that it lists, or as many as
    there are statements of one each."""
    some = [
        one for one in found
        if not asked.is_of_others(one.fact["answer"])
        and (asked.members(one.fact["answer"]) or (asked.shared(one.fact["answer"]) and one.apart >= NEAR))
    ]  # fmt: skip
    for one in sorted(some, key=lambda one: -one.fact["time"]):
        if numbered(asked, one.fact["answer"]):
            return words_for(one, one.fact["language"], now, 0.0), [one]
    if not some:
        return None
    count = sum(max(1, listed(asked, one.fact["answer"])) for one in some)
    record = words_in(asked.code)
    numbers = record["numbers"].split()
    word = capital(numbers[count - 1]) if count <= len(numbers) else str(count)
    form = record["count"] if count > 1 else record["one"]
    return form.format(n=word, said=said_in_order(some, now)), some[:MOST]


def numbered(asked: Asked, said: str) -> bool:
    """Whether a number stands before what is counted."""
    words = [word.lower() for word in WORD.findall(said)]
    numbers = {*words_in(asked.code)["numbers"].split()[1:], "no", "inga", "twelve", "dozen"}
    wanted = asked.members(said) | {
        word for word in words if any(asked.are_forms(word, one) for one in asked.content)
    }
    return any(
        (word in numbers or word.isdigit()) and set(words[i + 1 : i + 3]) & wanted
        for i, word in enumerate(words)
    )


def listed(asked: Asked, said: str) -> int:
    """How many names stand in a row behind a word for several."""
    match = re.search(r"[A-ZÅÄÖ]\w+(?:, [A-ZÅÄÖ]\w+)*,? (?:and|och) [A-ZÅÄÖ]\w+", said)
    return len(re.split(r", (?:and |och )?| and | och ", match[0])) if match else 0


# ---- yes or no


def decided(asked: Asked, found: Sequence[Found], now: int) -> tuple[str, list[Found]] | None:
    """Yes or no, and the statement that says so; None where none is sure enough."""
    best = max(found, key=lambda one: one.score, default=None)
    if best is None or best.score < SURE:
        return None
    holds = is_so(asked, best)
    if holds is None:
        return None
    yes, no = ANSWERS.get(asked.code, ANSWERS["en"])
    said = words_for(best, asked.code, now, SURE)
    return (yes if holds else no) + said, [best]


def is_so(asked: Asked, best: Found) -> bool | None:
    """Whether a statement that answers a question says that it is so; None where it does not
    tell."""
    question, said = asked.question, best.fact["answer"]
    words = lower_words(question)
    for name, excluded in words_in(asked.code)["implied"]:
        if re.search(rf"\b{name}", said, re.I) and words & set(excluded.split()):
            return False
    if bound := BOUND.search(question):
        numbers = [int(one) for one in re.findall(r"\d+", said)]
        if numbers:
            least, below = int(bound[2]), bound[1].lower() in BELOW
            return numbers[0] < least if below else numbers[0] >= least
    if ALLERGIC.search(said) and not ALLERGIC.search(question) and MAY.match(question):
        return False
    none = NONE.search(said)
    if none and any(asked.are_forms(none[1].lower(), one) for one in asked.content):
        return False
    if ENDED.search(said) and not re.match(r"did\b", question, re.I):
        return False
    if NEGATED.search(said) and not NEGATED.search(question):
        return False
    plain = said.lower()
    strange = {one for one in asked.names if one not in plain and one[:-1] not in plain}
    shared = asked.shared(said)
    if strange and shared:
        return False
    if best.score >= CERTAIN and len(shared) >= len(asked.content) / 2:
        return not CHANGED.search(said) or len(shared) == len(asked.content) or None
    return None
