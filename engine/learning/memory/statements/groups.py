"""Groups of things by the words that people use for them: siblings, pets, jobs."""

from __future__ import annotations

import functools
import json
import pathlib
import re
from collections.abc import Iterable

from oneseek.engine.learning.lessons.language import WORD, language
from oneseek.engine.learning.memory.second_look import names, relatives

ENDING = re.compile(r"(?<=\w{3})(?:'s|arna|erna|orna|ar|er|or|en|et|es|n|s)$")
Group = tuple[frozenset[str], frozenset[str]]


@functools.cache
def words_in(code: str) -> dict:
    """The words of groups and numbers in a language (groups.json), or else in English."""
    every = json.loads(pathlib.Path(__file__).with_name("groups.json").read_text("utf-8"))
    return every.get(code, every["en"])


@functools.cache
def groups(code: str) -> list[Group]:
    """The names of each group, and its members."""
    return _pairs(words_in(code)["groups"])


@functools.cache
def _list_askable(code: str) -> list[Group]:
    """The groups, and the kinds that are asked for one at a time and never listed or counted."""
    return groups(code) + _pairs(words_in(code)["kinds"])


def _pairs(named: dict[str, str]) -> list[Group]:
    pairs = named.items()
    return [(frozenset(names.split()), frozenset(members.split())) for names, members in pairs]


def is_singular(word: str, names: Iterable[str]) -> bool:
    """Whether a group has a longer name of the same noun, its plural."""
    return any(len(one) > len(word) and one[:3] == word[:3] for one in names)


def lower_words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)}


def stem(word: str) -> str:
    """A noun without the ending of its number or of its definite form."""
    while (bare := ENDING.sub("", word)) != word:
        word = bare
    return word


def names_group_of(question: str, said: str, code: str) -> bool:
    """Whether a question names a group and a statement a member of it, but not the group itself:
    "how many children?" and twins. It is false if the statement lacks a name of the question. If
    the question has none, it is false too if one of the two names a relative outside the group whom
    the other does not."""
    asked, told, words = lower_words(question), lower_words(said), language(code)
    stems = {stem(word) for word in told}
    kin = relatives(said, words) ^ relatives(question, words)
    if named := names(question, words):
        kin = frozenset()
    return named <= told and any(
        asked & group
        and not told & group
        and stems & {stem(one) for one in members}
        and not kin - members - group
        for group, members in _list_askable(code)
    )
