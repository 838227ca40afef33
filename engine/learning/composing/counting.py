"""How many there are: as a statement says itself, or as many as several list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from oneseek.engine.learning.composing.asked import Asked, concerned, words_in
from oneseek.engine.learning.composing.rows import goes_on
from oneseek.engine.learning.lessons.forms import capital
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.statements.answering import NEGATED
from oneseek.engine.learning.memory.statements.statement import text_of

COUNT = re.compile(r"\b(?:how many|hur många)\b", re.I)
NAMES = re.compile(
    r"[A-ZÅÄÖ][\w'’-]+(?:, (?:\w+ )?[A-ZÅÄÖ][\w'’-]+)*,? (?:and|och) (?:\w+ )?[A-ZÅÄÖ][\w'’-]+"
)
MORE = re.compile(r"\b(?:more|another|extra|additional|till|ytterligare|fler|en extra)\b", re.I)
NOT_YET = re.compile(r"\b(?:on the way|due|expecting|på väg|väntas)\b", re.I)
UNITS = re.compile(
    r"(?:years?|months?|weeks?|days?|hours?|minutes?|mins?|mg|ml|kg|km|miles?|pounds?|quid|euros?|am|pm|"
    r"o'clock|%|års?|månad\w*|veck\w*|dag\w*|timm\w*|minut\w*|kr|kronor|mil|grader|degrees|of us|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)$",
    re.I,
)
MOST = 60  # what is more is a year, a price or a number of a house
ARTICLES = ("en", "ett")  # and numbers
NOUN = 3  # words behind a number in which what it counts stands


def count(asked: Asked, found: Sequence[Found], known: Iterable[dict]) -> tuple[int, list[Found]]:
    """How many, and the statements that say so; none where nothing was told of it."""
    some = [one for one in concerned(asked, found, known) if holds(one)]
    named = [one for one in some if numbered(asked, one.fact["answer"])]
    if named:
        newest = [one for one in named if not goes_on(one.fact["answer"])][-1:] or named[-1:]
        more = [one for one in some if one not in newest and adds(asked, one, newest[0])]
        used = [*newest, *more]
        return sum(
            numbered(asked, one.fact["answer"]) or quantity(asked, one) for one in used
        ), used
    if len(some) == 1 and not is_counted(asked, some[0]):
        return 0, []
    return sum(quantity(asked, one) for one in fresh(some)), some


def is_counted(asked: Asked, one: Found) -> bool:
    """Whether a statement speaks of what is to be counted: a member of the group, or the noun."""
    said, (_, behind) = text_of(one.fact), COUNT.split(asked.question, 1)
    nouns = [noun for noun in WORD.findall(behind)[:NOUN] if noun.lower() in asked.content]
    bare = asked.bare_words(said)
    return bool(asked.members(said)) or any(asked.are_forms(a, b) for a in nouns for b in bare)


def fresh(some: Sequence[Found]) -> list[Found]:
    """Those that do not only say more of somebody whom another lists."""
    listed = {id(one): NAMES.search(one.fact["answer"]) for one in some}
    return [
        one for one in some
        if listed[id(one)] or not any(
            names and begins_with(one, WORD.findall(names[0])) for names in listed.values()
        )
    ]  # fmt: skip


def begins_with(one: Found, names: Sequence[str]) -> bool:
    first = WORD.findall(one.fact["answer"])[:1]
    return bool(first) and first[0][0].isupper() and first[0] in names


def holds(one: Found) -> bool:
    said = one.fact["answer"]
    return not NEGATED.search(said) and not NOT_YET.search(said)


def adds(asked: Asked, one: Found, first: Found) -> bool:
    """Whether a statement in the row of another tells of more of what is asked for."""
    said, later = one.fact["answer"], one.fact["time"] > first.fact["time"]
    named = goes_on(said) and bool(asked.shared(said))
    return later and (named or MORE.search(said) is not None)


def numbered(asked: Asked, said: str) -> int:
    """The number that stands before what the question names; 0 where none does."""
    words = [word.lower() for word in WORD.findall(said)]
    for i, word in enumerate(words):
        behind = words[i + 1 : i + NOUN]
        if (
            word not in ARTICLES
            and number(asked, word)
            and any(asked.are_forms(other, one) for other in behind for one in asked.content)
        ):
            return number(asked, word)
    return 0


def number(asked: Asked, word: str) -> int:
    """Of a word or figures; 0 of what is none."""
    if word.isdigit():
        return int(word) if int(word) <= MOST else 0
    numbers = words_in(asked.code)["numbers"].split()
    return numbers.index(word) + 1 if word in numbers else 0


def quantity(asked: Asked, one: Found) -> int:
    """How many things a statement tells of: its numbers, the names that it lists, or one."""
    said = one.fact["answer"]
    if names := NAMES.search(said):
        return len(re.split(r", (?:and |och )?| and | och ", names[0]))
    words = [word.lower() for word in WORD.findall(said)]
    found = [
        number(asked, word) for word, behind in zip(words, words[1:], strict=False)
        if not UNITS.match(behind) and word not in ARTICLES and behind.isalpha()
    ]  # fmt: skip
    return sum(found) or 1


def in_words(asked: Asked, number: int, said: str) -> str:
    record = words_in(asked.code)
    numbers = record["numbers"].split()
    word = capital(numbers[number - 1]) if number <= len(numbers) else str(number)
    return record["count" if number > 1 else "one"].format(n=word, said=said)


def says_it(asked: Asked, used: Sequence[Found]) -> bool:
    """Whether one statement says by itself how many there are."""
    if len(used) != 1:
        return False
    words = WORD.findall(text_of(used[0].fact).lower())
    return any(number(asked, word) and word not in ARTICLES for word in words)
