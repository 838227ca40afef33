"""Decides yes or no by the statement that says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.comparing import ENDS, compare, meets, same_time
from oneseek.engine.learning.composing.eating import ALLERGIC, find_exclusion
from oneseek.engine.learning.memory.second_look import find_listed, in_order, relatives
from oneseek.engine.learning.memory.statements.answering import NEGATED
from oneseek.engine.learning.memory.statements.groups import lower_words, words_in
from oneseek.engine.learning.memory.statements.rows import Rows, alone, lines
from oneseek.engine.learning.memory.statements.statement import Found, text_of
from oneseek.engine.learning.memory.statements.succession import find_death
from oneseek.engine.learning.memory.statements.succession import tells_change as tells_change

ENDED = re.compile(
    r"\b(?:no longer|any ?more|used to|quit|moved (?:out|away)|flytta(?:de|t) (?:ut|ifrån|"
    r"härifrån)|stopped|gave up|given up|sold|left(?!-| hand)|retired|died|"
    r"passed away|put down|put to sleep|(?:handed|gave) in (?:my|his|her|our) notice|last day|"
    r"resigned|cancelled|returned|nicked|stolen|broke up|divorced|inte längre|slutat|slutade|sålt|sålde|såld|sålda|"
    r"lagt av|dött|gick bort|gått bort|avbokat|inställd|sagt upp|sa upp|stulen|skilda|skild|"
    r"settled|repaid|paid (?:up|off)|(?:paid|gave|given|handed|brought|took) (?:\w+ ){0,3}back|"
    r"(?:betalat?|betalade|lämnat?|lämnade|gett|gav|fått) (?:\w+ ){0,3}tillbaka|kvitt)\b",
    re.I,
)
ASKS_FOR_END = re.compile(
    r"\b(?:resign(?:ed)?|quit|retired?|cancel(?:led)?|sold|sell|returned|stopped|g[ai]ven? up|"
    r"(?:paid|given|gave|handed) (?:\w+ ){0,3}back|broken? up|divorced|"
    r"sagt upp|slutat|sålt|avbokat|skilda?|lämnat (?:\w+ ){0,3}tillbaka)\b",
    re.I,
)
RESTORED = re.compile(  # an end that was taken back
    r"\b(?:changed? (?:my|our|his|her|their) minds?|withdr[ea]wn?|took it back|after all|back on|"
    r"reinstated|kept (?:it|them) after all|ångra(?:de|t)|drog tillbaka|dragit tillbaka|ändå|"
    r"blir av igen)\b",
    re.I,
)
FREE = re.compile(
    r"\b(?:(?P<free>free|available|ledig\w*)|"
    r"(?P<busy>busy|booked|anything on|got (?:any )?plans|upptagen|nåt inplanerat|något inplanerat))\b",
    re.I,
)  # asks whether a day is free, or whether something is planned
FREED = re.compile(
    r"\b(?:off|cancelled|called off|postponed|free|nothing|swapped|covers? (?:for )?me|takes? my|"
    r"inställ\w*|ledig\w*|ingenting|inget|byt(?:t|te)|tar mi(?:n|tt|na)|avbokat?|uppskjut\w*)\b",
    re.I,
)  # says that a day is free
EXISTS = re.compile(  # asks whether there is any of a kind: "do I have any pets?"
    r"^(?:so |and |och |så )?(?:do|have|has|does|am|are|is|har|är|finns)\b.*?"
    r"\b(?:any|some|a|an|anything|anybody|nån|någon|nåt|något|några|en|ett)\b",
    re.I,
)
MOVED_FROM = re.compile(
    r"\b(?:moved|moving|changed|switched|flytta(?:de|t|r)|bytt|bytte)\b.*?\b(?:from|från)\s+([\w'’-]+)",
    re.I,
)
BOUND = re.compile(
    r"\b(before|after|older than|younger than|more than|over|under|less than|at least|före|efter|"
    r"äldre än|yngre än|mer än|fler än|över|mindre än|minst)\s+(\d+)",
    re.I,
)
BELOW = ("before", "younger than", "under", "less than", "före", "yngre än", "mindre än")
MAY = re.compile(r"^(?:can|could|may|should|do|kan|får|tål|äter|ska)\b", re.I)
BOTH = re.compile(r"\b(?:both|både|båda)\b", re.I)
AND = re.compile(r"\b(?:and|och)\b", re.I)
ONLY = re.compile(r"\b(?:only|just|solely|nothing but|bara|endast|enbart)\b", re.I)
MAY_BE = re.compile(r"^(?:am|are|is|can|could|may|will|do|does|får|kan|är|ska)\b", re.I)
TROUBLE = re.compile(
    r"\b(?:problems?|trouble|issue|risky?|danger\w*|careful|worry|avoid|hurt|harm|bekymmer|"
    r"farlig\w*|"
    r"risk\w*|akta|undvika|krångel|krock\w*)\b",
    re.I,
)
WITH = re.compile(r"\b(allerg\w+|afraid|scared|good|rädd|bra) (?:to|of|at|mot|för|på) (\w+)", re.I)
USED = re.compile(r"^(?:can|could|may|kan|får)\b", re.I)
DISLIKES = re.compile(
    r"\b(?:hates?|dislikes?|can'?t stand|terrified|afraid|scared|frightened|fears?|hatar|avskyr|"
    r"rädd|skräckslagen|ogillar|livrädd)\b",
    re.I,
)
LIKES = re.compile(
    r"\b(?:like|love|enjoy|get on|get along|fond|happy|tycker? om|gillar?|älskar?|trivs)\b", re.I
)
NEITHER = re.compile(r"\b(?:neither|nor|hardly|nothing|varken|knappt|ingenting)\b", re.I)
WHEN = frozenset(
    "now still already yet today currently too left nu fortfarande redan idag också kvar".split()
)
CONTEXT, LEAST = 0.25, 0.007  # weight of the context in `fitness`; minimum of `is_near`
SURE, CERTAIN = 0.5, 0.75
SHARING = 0.25  # minimum probability of a statement that shares a word with the question
NAMED = 0.06  # the same of a statement about whom or what the question names


def decisive(
    asked: Asked,
    found: Sequence[Found],
    rows: Rows,
    changed: bool = False,
) -> tuple[bool, list[Found]] | None:
    """Yes or no, and the statements that say it; None if none is sure enough, or if something
    `changed` that may bear on it."""
    if excluding := find_exclusion(asked, rows):
        return trouble(asked), excluding
    near = [one for one in found if is_near(asked, one)]
    each = lines([*near, *beside(near, rows, found)], rows, bare=False)
    if more := compare(asked, [alone(one) for one in each]):
        return more
    if BOTH.search(asked.question):
        return both(asked, each)
    if planned := find_planned(asked, each):
        return planned
    ordered = sorted(each, key=lambda one: (-round(fitness(asked, one), 1), -one.fact["time"]))
    for one in ordered:
        if barred := find_restriction(asked, one, each):
            return trouble(asked), barred
    for one in ordered:
        if contrary(asked, one):
            return False, [one]
        if changed and may_have_changed(asked, one, each):
            continue
        if one.apart < least_for(asked, one):
            continue
        if restoring := find_restoring(one, each):
            return ASKS_FOR_END.search(asked.question) is None, [one, restoring]
        holds = is_so(asked, one, each)
        if holds is not None:
            return holds, [one]
    return None


def find_planned(asked: Asked, each: Sequence[Found]) -> tuple[bool, list[Found]] | None:
    """Whether the day that a question asks for is free or taken, by the newest statement about that
    day; None if the question does not ask that, or nothing was told of the day."""
    asks = FREE.search(asked.question)
    if not asks:
        return None
    for one in sorted(each, key=lambda one: -one.fact["time"]):
        said, told = one.fact["answer"], date.fromtimestamp(one.fact["time"] / 1e3)
        if meets(asked, said, told, one.fact["language"]):
            return bool(FREED.search(said)) == bool(asks["free"]), [one]
    return None


def find_restoring(one: Found, each: Sequence[Found]) -> Found | None:
    """The later statement that takes back an end, if one does."""
    if not has_ended(one.fact["answer"]):
        return None
    later = (other for other in each if other.fact["time"] > one.fact["time"])
    return next((other for other in later if RESTORED.search(other.fact["answer"])), None)


def least_for(asked: Asked, one: Found) -> float:
    """The minimum probability of a statement that decides a question."""
    asks = asked.content - WHEN
    if is_of_the_same(asked, one) or (asks and asks <= asked.find_shared(one.fact["answer"])):
        return NAMED
    return SHARING if asked.find_shared(one.fact["answer"]) - asked.names else SURE


def both(asked: Asked, each: Sequence[Found]) -> tuple[bool, list[Found]] | None:
    """Yes if each of two things has a statement that holds it and is not negated; otherwise
    None."""
    joined = BOTH.split(asked.question, maxsplit=1)[1]
    sides = [Asked(side, asked.code) for side in AND.split(joined)]
    if len(sides) != 2:
        return None
    used = []
    for side in sides:
        holding = [one for one in each if side.find_shared(one.fact["answer"])
                   and not NEGATED.search(one.fact["answer"])]  # fmt: skip
        used += holding[:1]
    return (True, used) if len(used) == 2 else None


def is_near(asked: Asked, one: Found) -> bool:
    said = one.fact["answer"]
    return one.apart >= LEAST or bool(asked.find_shared(said)) or bool(asked.is_one_of(said))


def beside(near: Sequence[Found], rows: Rows, found: Sequence[Found]) -> list[Found]:
    """The statements that were said together with some."""
    scored = {one.id: one for one in found}
    facts = {fact["id"]: fact for one in near for fact in rows.together(one.fact)}
    return [scored.get(id, Found(fact, 0.0)) for id, fact in facts.items()]


def fitness(asked: Asked, one: Found) -> float:
    """How much a statement says of what is asked. What it says of somebody counts more than who
    that is, and its context counts little."""
    said = one.fact["answer"]

    def worth(text: str) -> float:
        return sum(1 if word in asked.names or is_kin(asked, word) else 2
                   for word in asked.find_shared(text))  # fmt: skip

    return worth(said) + CONTEXT * worth(text_of(one.fact)) + one.apart


def is_kin(asked: Asked, word: str) -> bool:
    return "relation" in asked.language.categories(word)


def may_have_changed(asked: Asked, one: Found, each: Sequence[Found]) -> bool:
    """Whether a later statement about the same shares a word with the question or tells of a
    change. True if the statement itself shares no word with it."""
    said = one.fact["answer"]
    if not asked.find_shared(said):
        return True
    kin = relatives(f"{asked.question} {said}", asked.language)
    later = [
        other.fact["answer"] for other in each
        if other.fact["time"] > one.fact["time"]
        and not relatives(other.fact["answer"], asked.language) - kin
    ]  # fmt: skip
    return any(
        {word for word in asked.find_shared(text) - asked.names if not is_kin(asked, word)}
        or tells_change(text) or has_ended(text)
        for text in later
    )  # fmt: skip


def trouble(asked: Asked) -> bool:
    """Whether a question asks for trouble, so that what speaks against it means yes: "will that be
    a problem?"."""
    return TROUBLE.search(asked.question) is not None


def find_restriction(asked: Asked, one: Found, each: Sequence[Found]) -> list[Found]:
    """A statement that allows one thing only, and another, about what is asked for, that is its
    opposite: a licence for automatics, a manual. Empty if there are none."""
    said = one.fact["answer"]
    if not ONLY.search(said) or not MAY_BE.match(asked.question):
        return []
    for other in each:
        words = other.fact["answer"]
        if (
            other is not one
            and asked.find_shared(words)
            and is_opposed(Asked(words, asked.code), said)
        ):
            return [one, other]
    return []


def contrary(asked: Asked, one: Found) -> bool:
    """Whether a statement about what is asked says the opposite: shut, if it is asked to be
    open."""
    said = one.fact["answer"]
    if not (asked.names_owner_of(one) or asked.find_shared(said) or asked.is_one_of(said)):
        return False
    clauses = [one for one in AND.split(said) if is_opposed(asked, one)]
    if not clauses or any(NEGATED.search(one) for one in clauses):
        return False
    return same_time(asked, said, date.fromtimestamp(one.fact["time"] / 1e3), one.fact["language"])


def is_opposed(asked: Asked, said: str) -> bool:
    mine, theirs = lower_words(asked.question), lower_words(said)
    for one, other in words_in(asked.code)["opposites"]:
        a, b = set(one.split()), set(other.split())
        if (mine & a and theirs & b and not theirs & a) or (mine & b and theirs & a):
            return True
    unavailable = set(words_in(asked.code)["unavailable"].split())
    return bool(USED.match(asked.question) and theirs & unavailable and not mine & unavailable)


def is_of_the_same(asked: Asked, one: Found) -> bool:
    """Whether a statement is about whom or what the question names, and shares another word with it
    or says that it is over."""
    said = text_of(one.fact)
    if not asked.names_owner_of(one):
        return False
    return bool(asked.find_shared(said) - asked.names) or has_ended(said)


def has_ended(said: str) -> bool:
    return bool(ENDED.search(said) or find_death(said))


def is_so(asked: Asked, best: Found, each: Sequence[Found] = ()) -> bool | None:
    """Whether a statement that answers a question means yes; None if it leaves that open."""
    question, said = asked.question, best.fact["answer"]
    shared = asked.find_shared(text_of(best.fact))
    if relatives(question, asked.language) - relatives(text_of(best.fact), asked.language):
        return None  # it is of somebody else
    if bound := BOUND.search(question):
        numbers = [int(one) for one in re.findall(r"\d+", said)]
        if numbers:
            least, below = int(bound[2]), bound[1].lower() in BELOW
            return numbers[0] < least if below else numbers[0] >= least
    if ALLERGIC.search(said) and not ALLERGIC.search(question):
        if MAY.match(question) or trouble(asked):
            return trouble(asked)
    if (moved := MOVED_FROM.search(said)) and moved[1].lower() in lower_words(question):
        return False
    if has_ended(said) and ASKS_FOR_END.search(question):
        return not NEGATED.search(said)
    if has_ended(said) and not re.match(r"did\b", question, re.I):
        return False
    if (asked.is_denied(said) or NEITHER.search(said)) and not NEGATED.search(question):
        return False if shared else None
    if DISLIKES.search(said) and LIKES.search(question):
        return False
    if not ENDS.search(said) and excludes(asked, said):
        return False
    plain = text_of(best.fact).lower()
    strange = {one for one in asked.names if one not in plain and one[:-1] not in plain}
    if any(strange & lower_words(one.fact["answer"]) for one in each if one is not best):
        return None  # somebody of whom another statement tells
    if strange and shared:
        about = asked.names - strange or relatives(question, asked.language)
        return False if about or best.apart >= SURE else None
    if asked.groups and EXISTS.match(question) and asked.members(said):
        return True
    if of_another_thing(asked, said):
        return None
    if best.apart >= CERTAIN or len(shared) >= len(asked.content) / 2:
        if not tells_change(said) or len(shared) == len(asked.content):
            return True if stands_in(asked, text_of(best.fact)) else None
    return None


def stands_in(asked: Asked, said: str) -> bool:
    """Whether a statement has the last word of what is asked, which is the value in question:
    "blue", of "is my car blue now?"."""
    words = in_order(asked.question, asked.language)
    values = [word for word in words if word in asked.content and word not in WHEN]
    return bool(values) and any(asked.are_forms(values[-1], one) for one in asked.bare_words(said))


def of_another_thing(asked: Asked, said: str) -> bool:
    """Whether the same is said with another thing than the one that is asked for: "allergic to
    shellfish" for "allergic to nuts"."""
    theirs = {verb.lower(): thing for verb, thing in WITH.findall(said)}
    for verb, thing in WITH.findall(asked.question):
        other = theirs.get(verb.lower())
        known = any(asked.are_forms(thing.lower(), word) for word in asked.bare_words(said))
        if other and not known:
            return True
    return False


def excludes(asked: Asked, said: str) -> bool:
    """Whether a statement has another of some words that exclude each other (a day, a colour)."""
    for each in words_in(asked.code)["excluding"]:
        same = [frozenset(one.split("/")) for one in each.split()]
        told, wanted = (
            {one for one in same if one & lower_words(text)} for text in (said, asked.question)
        )
        if told and wanted and not told & wanted:
            return True
    mine, theirs = find_listed(said, asked.language), find_listed(asked.question, asked.language)
    return any(
        not any(asked.are_forms(one, other) for one in mine[name] for other in theirs[name])
        for name in mine.keys() & theirs
    )
