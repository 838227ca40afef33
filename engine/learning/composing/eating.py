"""Finds the statement of what somebody does not eat that excludes what is asked for."""

from __future__ import annotations

import functools
import re

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.second_look import relatives
from oneseek.engine.learning.memory.statements.groups import lower_words, words_in
from oneseek.engine.learning.memory.statements.rows import Rows
from oneseek.engine.learning.memory.statements.statement import Found, text_of

ALLERGIC = re.compile(r"\b(?:allerg\w*|intolerant|tål inte|can'?t eat|can'?t have)\b", re.I)
TAKES = re.compile(
    r"\b(?:eat|eats|drink|drinks|have|has|try|order|like|likes|enjoy|enjoys|want|äta|äter|dricka|"
    r"dricker|ha|få|får|tål|prova|beställa|gillar|vill)\b",
    re.I,
)
MEANT = re.compile(
    r"\b(?:what|that|the|som|vad|det)\b.*\b(?:i|i'm|im|we|we're|my|jag|vi|min)\b", re.I
)  # something that the person told of
ANYBODY = frozenset("i my we our the a jag min mitt vi vår vårt".split())
NAMED_FOODS = 4  # words behind "allergic to" that may name foods
SHORT = 3  # letters of a word that is not looked for at the end of others, at most
WITHOUT = re.compile(
    r"\b(?:no|not|without|instead of|utan|inga|ingen|inget|inte|i stället för)\s+\w+|"
    r"\b\w+[- ]free\b|\b\w+fri(?:tt|a)?\b",
    re.I,
)  # food that is left out
OF_PLANTS = re.compile(
    r"\b(coconut|oat|soya?|almond|rice|cashew|vegan|plant|peanut|cocoa|shea)[- ]"
    r"(?:milk|cream|butter|cheese|yog\w+)\b|"
    r"\b(kokos|havre|soja|mandel|ris|kakao|jordnöts)(?:mjölk|grädde|smör|ost|yoghurt)\w*",
    re.I,
)  # bears the name of dairy, but is of plants
ONESELF = re.compile(r"\b(?:i|i'm|im|i've|we|we're|we've|jag|vi)\b", re.I)


@functools.cache
def limits_food(code: str) -> re.Pattern[str]:
    """The pattern of the words by which a statement says what somebody does not eat."""
    implied = "|".join(name for name, _ in words_in(code)["implied"])
    return re.compile(rf"\b(?:{implied})|{ALLERGIC.pattern}", re.I)


def find_exclusion(asked: Asked, rows: Rows) -> list[Found]:
    """The statement of how somebody lives that excludes what is asked for (vegans eat no cheese),
    and, if the question only refers to the food ("what I'm cooking tonight"), the statement that
    names it. A later statement that they eat it all the same lifts the exclusion."""
    if not TAKES.search(asked.question):
        return []
    words, limits = lower_words(asked.question), limits_food(asked.code)
    limiting = [fact for fact in rows.order if limits.search(text_of(fact))]
    meant = rows.order if limiting and MEANT.search(asked.question) else ()
    served = [fact for fact in meant if asked.find_shared(fact["answer"]) - asked.names]
    for fact in limiting:
        said = text_of(fact)
        mine = ONESELF.search(asked.question) and ONESELF.search(fact["answer"])
        own = mine and not relatives(said, asked.language)
        who = WORD.match(fact["answer"])
        begins = bool(who and who[0].lower() in words - ANYBODY)
        if own or begins or asked.names_owner_of(Found(fact, 0.0)):
            for name, excluded in [*words_in(asked.code)["implied"], *not_eaten(said)]:
                if not re.search(rf"\b{name}", said, re.I):
                    continue
                for meal in [None, *(one for one in served if one is not fact)]:
                    named = foods(list_served(meal["answer"]) if meal else words, excluded)
                    eats = (one for one in rows.order if one["time"] > fact["time"] and one is not meal
                            and TAKES.search(one["answer"]))  # fmt: skip
                    if named and not any(named & lower_words(one["answer"]) for one in eats):
                        return [Found(one, 0.0) for one in (fact, meal) if one]
    return []


def list_served(meal: str) -> set[str]:
    """The words for what a meal has: not for what is left out, and of the milk of a plant only the
    plant."""
    return lower_words(OF_PLANTS.sub(r"\1\2 ", WITHOUT.sub("", meal)))


def not_eaten(said: str) -> list[tuple[str, str]]:
    """The foods that a statement itself says somebody cannot eat, in the form of the language's
    file."""
    found = ALLERGIC.search(said)
    behind = [] if not found else WORD.findall(said[found.end() :].lower())
    words = [word for word in behind[:NAMED_FOODS] if len(word) > SHORT]
    return [(re.escape(found[0]), " ".join(words))] if found and words else []


def foods(words: set[str], excluded: str) -> set[str]:
    """The words that name one of the foods, alone or as their last part."""
    ends = tuple(one for one in excluded.split() if len(one) > SHORT)
    return {word for word in words if word in excluded.split() or word.endswith(ends)}
