"""Counts things: by the number that a statement says itself, or by what several statements list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oneseek.engine.learning.composing.asked import Asked, select_relevant
from oneseek.engine.learning.lessons.forms import capital
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.second_look import content
from oneseek.engine.learning.memory.statements.groups import words_in
from oneseek.engine.learning.memory.statements.rows import Rows, alone, goes_on, lines
from oneseek.engine.learning.memory.statements.statement import Found, text_of
from oneseek.engine.learning.memory.statements.succession import find_death

COUNT = re.compile(r"\b(?:how many|hur många)\b", re.I)
NAMES = re.compile(
    r"[A-ZÅÄÖ][\w'’-]+(?:, (?:\w+ )?[A-ZÅÄÖ][\w'’-]+)*,? (?:and|och) (?:\w+ )?[A-ZÅÄÖ][\w'’-]+"
)
MORE = re.compile(r"\b(?:more|another|extra|additional|till|ytterligare|fler|en extra)\b", re.I)
NOT_YET = re.compile(r"\b(?:on the way|due|expecting|på väg|väntas)\b", re.I)
UNITS = re.compile(
    r"(?:years?|months?|weeks?|days?|hours?|minutes?|mins?|mg|ml|kg|km|miles?|pounds?|quid|euros?|am|pm|"
    r"litres?|liter|grams?|gram|kilos?|kilo|kilomet\w+|cups?|koppar|o'clock|%|års?|månad\w*|veck\w*|dag\w*|timm\w*|minut\w*|kr|kronor|mil|grader|degrees|of us|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)$",
    re.I,
)
LOST = re.compile(
    r"\b(?:sold|gave (?:away|one|two|three)|given away|lost|died|ate|eaten|broke|broken|used up|threw|"
    r"rehomed|returned|took back|handed back|left home|(?:fox|badger|hawk|cat|dog) (?:had|got|took|"
    r"killed)|(?:räven|höken|katten|hunden) (?:tog|dödade)|sålde|sålt|gav bort|gett bort|förlorade|"
    r"tappade|dött|åt upp|ätit|slängde|lämnade tillbaka|lämnat tillbaka|sönder)\b",
    re.I,
)
GAINED = re.compile(
    r"\b(?:bought|picked up|got|given (?:me|us)|gave (?:me|us)|adopted|won|found|inherited|arrived|"
    r"hatched|joined|köpte|köpt|fick|fått|skaffat|skaffade|adopterat?|vann|hittade|ärvde|ärvt)\b",
    re.I,
)
THE_OTHERS = re.compile(r"\b(?:the (?:others|rest)|de andra|dom andra|resten)\b", re.I)
SOME_OF_THEM = re.compile(r"\b(?:of (?:them|those)|av (?:dem|dom))\b", re.I)
OF_THEM = re.compile(r"\b(?:of (?:them|those)|them|one|av dem|av dom|dem|den ena)\b", re.I)
NOW = re.compile(
    r"\b(?:now|currently|these days|at the moment|update|actually|nu|numera|för närvarande|just nu)\b",
    re.I,
)
PLUS = re.compile(
    r"\b(?:plus|and|with|och|med|samt) (?:his|her|their|hans|hennes|deras|sin) \w+", re.I
)
TWINS = re.compile(r"\b(?:(twins?|tvilling\w*)|triplets|trilling\w*)\b", re.I)
MOST = 60  # a larger number is a year, a price or a house number
ARTICLES, OF = ("en", "ett"), ("of", "av")  # the articles are numbers, too
LIKELY = 0.2  # minimum probability of a statement that does not name what is counted
NOUN = 3  # words in which a counted thing stands, from its number on


def count(asked: Asked, found: Sequence[Found], rows: Rows) -> tuple[int, list[Found]]:
    """The number of things that a question asks for, and the statements that say so; none if
    nothing was told of them."""
    some = [one for one in lines(select_relevant(asked, found, rows), rows) if holds(asked, one)]
    some = [one for one in some if is_of_named(asked, one)]
    named = [
        one for one in some
        if sum_numbers(asked, one.fact["answer"]) and is_of_kind(asked, text_of(one.fact))
    ]  # fmt: skip
    if named:
        newest = [one for one in named if not extends(one)][-1:] or named[-1:]
        begun = (
            newest if is_now(newest[0]) else [*apart_from(asked, newest[0], named, rows), *newest]
        )
        gone = [one for one in [*some, *after(newest[0], rows)]
                if one.fact["time"] > newest[0].fact["time"] and count_lost(asked, one, newest[0])]  # fmt: skip
        gone = list({one.fact["answer"]: one for one in gone}.values())
        kept = {one.fact["answer"] for one in [*begun, *gone]}
        more = [one for one in [*some, *after(newest[0], rows)]
                if one.fact["answer"] not in kept and adds(asked, one, newest[0])]  # fmt: skip
        more = list({one.fact["answer"]: one for one in more}.values())
        used = [*begun, *more]
        number = sum(sum_numbers(asked, one.fact["answer"]) or quantity(asked, one) for one in used)
        return number - sum(count_lost(asked, one, newest[0]) for one in gone), used + gone
    sure = [one for one in some if is_counted(asked, one) or (not asked.names and may_be(one))]
    row = {fact["answer"] for one in sure for fact in rows.of(one.fact) if not asked.names}
    some = [one for one in some if one in sure or one.fact["answer"] in row]
    if asks_for_measure(asked) or len(some) == 1 and not is_counted(asked, some[0]):
        return 0, []
    returned = [one for one in some[1:]
                if SOME_OF_THEM.search(one.fact["answer"]) and count_lost(asked, one)]  # fmt: skip
    number = sum(
        quantity(asked, one) for one in fresh([one for one in some if one not in returned])
    )
    return number - sum(count_lost(asked, one) for one in returned), some


def is_of_named(asked: Asked, one: Found) -> bool:
    """Whether a statement names one of those whom the question names, if it names any."""
    said = text_of(one.fact).lower()
    return not asked.names or any(name in said for name in asked.names)


def is_of_kind(asked: Asked, said: str) -> bool:
    """Whether a statement has the words that say which of the things are counted: the sick days, of
    all days."""
    kind = []
    for word in WORD.findall(COUNT.split(asked.question, maxsplit=1)[1].lower()):
        if word not in asked.content:
            break
        kind.append(word)
    bare = asked.bare_words(said)
    return all(any(asked.are_forms(one, other) for other in bare) for one in kind[:-1])


def asks_for_measure(asked: Asked) -> bool:
    """Whether a question asks for litres or kilos, which are not counted by statements."""
    (noun, *_) = WORD.findall(COUNT.split(asked.question, maxsplit=1)[1]) or [""]
    return UNITS.match(noun.lower()) is not None


def extends(one: Found) -> bool:
    """Whether a statement adds to the number of another, or takes from it."""
    said = one.fact["answer"]
    return goes_on(said) or bool(MORE.search(said) or find_loss(said))


def is_now(one: Found) -> bool:
    """Whether a statement says how many there are now, all of them."""
    return NOW.search(one.fact["answer"]) is not None


def apart_from(asked: Asked, newest: Found, named: Sequence[Found], rows: Rows) -> list[Found]:
    """The statements that were said together with the newest and count what is elsewhere, or
    another's."""
    beside = {newest.id, *(fact["id"] for fact in rows.together(newest.fact))}
    mine = content(newest.fact["answer"], asked.language)
    return [
        one for one in named
        if one is not newest and one.id in beside and not extends(one) and not is_now(one)
        and content(one.fact["answer"], asked.language) - mine - asked.content
        and mine - content(one.fact["answer"], asked.language) - asked.content
    ]  # fmt: skip


def after(one: Found, rows: Rows) -> list[Found]:
    """The statements that were said together with one, after it."""
    facts = [fact for fact in rows.together(one.fact) if fact["time"] > one.fact["time"]]
    return [alone(Found(fact, 0.0)) for fact in facts]


def find_loss(said: str) -> re.Match[str] | None:
    return LOST.search(said) or find_death(said)


def count_lost(asked: Asked, one: Found, of: Found | None = None) -> int:
    """How many of the things a statement says are gone, `of` those that another one counts: the one
    that it names of them, if it says no number."""
    said = one.fact["answer"]
    found = find_loss(said)
    counted = content(of.fact["answer"], asked.language) - asked.content if of else frozenset()
    is_one = bool(counted & content(said, asked.language))
    if not found or not (OF_THEM.search(said) or asked.find_shared(said) or is_one):
        return 0
    behind, words = WORD.findall(said[found.start() :].lower()), WORD.findall(said.lower())
    return next(filter(None, (number(asked, word) for word in [*behind, *words])), int(is_one))


def find_counted_nouns(asked: Asked) -> list[str]:
    """The content words right behind *how many*."""
    _, behind = COUNT.split(asked.question, maxsplit=1)
    words = (word.lower() for word in WORD.findall(behind)[:NOUN])
    return [word for word in words if word in asked.content]


def is_counted(asked: Asked, one: Found) -> bool:
    """Whether a statement speaks of what is to be counted: a member of the group, or the noun."""
    said = text_of(one.fact)
    bare = asked.bare_words(said)
    named = any(asked.are_forms(a, b) for a in find_counted_nouns(asked) for b in bare)
    return bool(asked.members(said)) or (named and is_of_kind(asked, said))


def may_be(one: Found) -> bool:
    """Whether a statement may be of what is counted without naming it: four hens, of the birds."""
    return one.apart >= LIKELY or goes_on(one.fact["answer"])


def fresh(some: Sequence[Found]) -> list[Found]:
    """The statements but for those that only say more of somebody whom another lists."""
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


def holds(asked: Asked, one: Found) -> bool:
    said = one.fact["answer"]
    return not asked.is_denied(said) and not NOT_YET.search(said)


def adds(asked: Asked, one: Found, first: Found) -> bool:
    """Whether a statement later than the first tells of more of what is asked for."""
    said, later = one.fact["answer"], one.fact["time"] > first.fact["time"]
    gained = GAINED.search(said) is not None
    named = (gained or goes_on(said)) and bool(asked.find_shared(said))
    others = gained and THE_OTHERS.search(said) is not None
    return later and (named or others or MORE.search(said) is not None)


def sum_numbers(asked: Asked, said: str) -> int:
    """The sum of the numbers that stand before what the question names; 0 if none does."""
    words, total = [word.lower() for word in WORD.findall(said)], 0
    nouns = {*find_counted_nouns(asked), *(one for one in asked.content if not UNITS.match(one))}
    for i, word in enumerate(words):
        behind = words[i + 1 : i + NOUN]
        if (
            word not in ARTICLES
            and number(asked, word)
            and any(asked.are_forms(other, one) for other in behind for one in nouns)
        ):
            total += number(asked, word)
    return total


def one_number(asked: Asked, said: str) -> int:
    """The number of a statement that has exactly one; 0 for any other."""
    found = [number(asked, word.lower()) for word in WORD.findall(said)
             if word.lower() not in ARTICLES]  # fmt: skip
    found = [one for one in found if one]
    return found[0] if len(found) == 1 else 0


def number(asked: Asked, word: str) -> int:
    """The number that a word or figures stand for; 0 for any other word, and for figures above
    MOST."""
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
        and (behind in OF or behind not in asked.language.function_words)
    ]  # fmt: skip
    if not found and (twins := TWINS.search(said)):
        return 2 if twins[1] else 3
    return sum(found) or (2 if PLUS.search(said) else 1)


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
