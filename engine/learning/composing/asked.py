"""Finds what a question names (people, things, groups of them), and the statements about the
same."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oneseek.engine.learning.lessons import language
from oneseek.engine.learning.memory.second_look import alike, content, names, relatives
from oneseek.engine.learning.memory.statements.answering import EITHER, EVERYTHING, NEGATED
from oneseek.engine.learning.memory.statements.groups import (
    groups,
    is_singular,
    lower_words,
    stem,
    words_in,
)
from oneseek.engine.learning.memory.statements.rows import Rows
from oneseek.engine.learning.memory.statements.statement import Found, text_of

LIST = re.compile(
    r"^(?:(?:what|who) are (?:my|our|all|the)|what all|which (?:of|ones|\w*[^\Ws]s)|list|names of|name(?! of)|"
    r"tell me all|what do (?:i|we) (?:still )?(?:have|need) to|what have (?:i|we)|what else|"
    r"who (?:all|else)|where (?:all )?have (?:i|we) (?:all )?(?:been|lived|worked|studied|stayed)|"
    r"(?:what|which) (?:kinds? of )?\w*[^\Ws]s (?:do|did|have|can|can't|should|must|may) (?:i|we)|"
    r"vilka|räkna upp|nämn|lista|i vilka|"
    r"vad heter (?:mina|våra)|vad (?:var det )?(?:ska|måste|behöver|behövde|har) (?:jag|vi)(?! för)|"
    r"vad var det (?:jag|vi) (?:skulle|behövde)|"
    r"var har (?:jag|vi) (?:varit|bott|jobbat|arbetat|studerat))\b|"
    rf"\b(?:{EVERYTHING}|allting)\b",
    re.I,
)
YES_NO = re.compile(
    r"^(?:so |and |och )?(?:do|does|did|is|isn't|are|am|was|were|have|has|had|can|could|will|"
    r"should|would|might|must|shall|may|har|är|kan|får|ska|finns)\b",
    re.I,
)
VERB_FIRST = re.compile(  # in the present tense, or before who does it
    r"^(?:och |så )?(?!(?:vad|var|vem|vems|vart|vilken|vilket|vilka|när|hur|varför|eller)\b)"
    r"(?:\w+r|(?:\w+|var) (?:jag|du|han|hon|vi|ni|de|dom|det|den|min|mitt|mina|vår|vårt|våra|"
    r"(?-i:[A-ZÅÄÖ])\w+))\b|^var (?:jag|du|han|hon|vi|ni|de|dom|det|den)\b",
    re.I,
)
WHERE_OR_WHEN = re.compile(r"(?:where|when|how|why|var|vart|när|hur|varför)\b", re.I)
CLAUSE = re.compile(r"[,;.!?–]+\s")
HAS = re.compile(
    r"\b(?:my|our|min|mitt|vår|vårt) ([\w-]+)(?: \w+)?(?:'s got| has| have| had| har| hade) ", re.I
)
NEXT_DOOR = re.compile(r"(?:and |but )?next door\b(?! to)", re.I)
BESIDE = re.compile(
    r"\b(?:from|to|with|by|for|at|than|like|av|från|till|med|åt|hos|än|som) "
    r"(?:(?:my|our|the|a|an|his|her|min|mitt|vår|en|ett)(?: \w+)?? )?(\w+)",
    re.I,
)  # somebody or something that a statement only mentions
# The minimum `apart` (shifted, see evidence.ALONE) to concern a question; with a shared word.
LIKELY, NEAR = 0.11, 0.006
BETWEEN = 0.05  # minimum probability of a statement from which another of a row goes on
WITHIN = 0.1  # minimum probability of the others, relative to the likeliest


class Asked:
    """What a question names (its content words, names and groups), and whether it is for a list, or
    for yes or no."""

    def __init__(self, question: str, code: str) -> None:
        self.question, self.code, self.language = question, code, language(code)
        words = lower_words(question)
        self.groups = [(name, members) for name, members in groups(code) if words & name]
        named = [(word, name) for name, _ in self.groups for word in words & name]
        self.member_stems = {stem(member) for _, members in self.groups for member in members}
        several = any(not is_singular(word, name) for word, name in named)
        wants_all = several and not WHERE_OR_WHEN.match(question)
        self.takes_list = wants_all or LIST.search(question) is not None
        self.is_yes_no = self._begins_with_verb()
        self.content = content(question, self.language)
        self.names = names(question, self.language)

    def _begins_with_verb(self) -> bool:
        """Whether the question begins with its verb, and does not ask which of two it is."""
        if EITHER.search(self.question):
            return False
        verb_first = self.code == "sv" and VERB_FIRST.match(self.question)
        return bool(verb_first or YES_NO.match(self.question))

    def members(self, said: str) -> set[str]:
        """The words of a statement that belong to a group of which the question asks."""
        return {word for word in self.bare_words(said) if stem(word) in self.member_stems}

    def find_shared(self, said: str) -> set[str]:
        """The words of the question that a statement has too."""
        bare = self.bare_words(said)
        return {a for a in self.content if any(self.are_forms(a, b) for b in bare)}

    def is_denied(self, said: str) -> bool:
        """Whether a clause with words of the question is negated; if no clause has any, whether the
        statement is."""
        clauses = [one for one in CLAUSE.split(said) if self.find_shared(one) or self.members(one)]
        return any(NEGATED.search(one) for one in clauses or [said])

    def bare_words(self, said: str) -> set[str]:
        """The words of a statement without genitive endings."""
        return {self.language.bare(word) for word in lower_words(said)}

    def are_forms(self, one: str, other: str) -> bool:
        a, b = stem(one), stem(other)
        return a == b or alike(one, other, self.language) or alike(a, b, self.language)

    def is_of_others(self, said: str) -> bool:
        """Whether a statement is about a friend or neighbour, or about what a relative has, and the
        question names none of them."""
        if NEXT_DOOR.match(said) and not NEXT_DOOR.search(self.question):
            return True
        if self.names_others(owners(said)) and not self.names_others(lower_words(self.question)):
            return True
        members = {member for _, some in self.groups for member in some}
        if not any("relation" in self.language.categories(one) for one in members):
            return False
        owner = HAS.search(said)
        kin = relatives(owner[1], self.language) if owner else frozenset()
        return bool(kin) and not kin & (members | relatives(self.question, self.language))

    def names_others(self, words: set[str]) -> bool:
        """Whether some words name a friend or a neighbour, or what is theirs."""
        others = tuple(words_in(self.code)["others"].split())
        return any(word.startswith(others) for word in words)

    def is_one_of(self, said: str) -> bool:
        """Whether the question names a member of a group that a statement names as a whole: a
        father, of the parents."""
        words, bare = lower_words(self.question), self.bare_words(said)
        return any(
            words & members and any(one in names and not is_singular(one, names) for one in bare)
            for names, members in groups(self.code)
        )

    def concerns(self, one: Found, likeliest: float) -> bool:
        """Whether a statement concerns a question: it names a member of its group; or it is likely,
        both in itself and beside the likeliest; or it is near and shares a word with the
        question."""
        said = text_of(one.fact)
        if self.members(said):
            return not self.is_of_others(said)
        least = NEAR if self.find_shared(said) else max(LIKELY, WITHIN * likeliest)
        return one.apart >= least

    def leads(self, fact: dict, scored: dict[str, Found]) -> bool:
        """Whether a statement may begin a row that a question asks for: "and a row of leeks" may go
        on from something else."""
        said = fact["answer"]
        if fact["id"] not in scored or self.members(said) or self.find_shared(said):
            return True
        return scored[fact["id"]].apart >= BETWEEN

    def names_owner_of(self, one: Found) -> bool:
        """Whether a question names the person or thing that a statement is about."""
        said = text_of(one.fact)
        kin = any("relation" in self.language.categories(word) for word in self.find_shared(said))
        return kin or bool(self.names & lower_words(said))


def owners(said: str) -> set[str]:
    """The words of a statement but for those that it only mentions: "two more hens from the
    neighbour"."""
    mentioned = {found[1].lower() for found in BESIDE.finditer(said)}
    return lower_words(said) - mentioned


def likelihood(found: Sequence[Found]) -> float:
    """The probability of the likeliest statement, if no other answered better."""
    return max((one.apart for one in found), default=0.0)


def select_relevant(asked: Asked, found: Sequence[Found], rows: Rows) -> list[Found]:
    """The statements that concern a question, those of its groups, and those in a row with either,
    in the order in which they were said."""
    scored = {one.id: one for one in found}
    likeliest = likelihood(found)
    some = {one.id: one for one in found if asked.concerns(one, likeliest)}
    for fact in rows.find_by_beginnings(asked.member_stems):
        if fact["id"] not in scored and asked.members(fact["answer"]):
            some[fact["id"]] = Found(fact, 0.0)
    for one in list(some.values()):
        for fact in rows.of(one.fact):
            if fact["time"] < one.fact["time"] and not asked.leads(fact, scored):
                continue
            some.setdefault(fact["id"], scored.get(fact["id"], Found(fact, 0.0)))
    kept = [one for one in some.values() if not asked.is_of_others(one.fact["answer"])]
    return sorted(kept, key=lambda one: one.fact["time"])
