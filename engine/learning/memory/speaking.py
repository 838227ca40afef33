"""Decides who answers: the base model, the version in use, or either of them saying a fact.

Three thresholds on the score of a fact, all measured. From NEAR on, a question is about a taught
fact, and a version that learned it may answer; from SURE on, it asks for that fact, which is said;
from GONE on, a forgotten fact keeps versions from answering. SURE is the fitted threshold of the
language; NEAR lies .3 nats below it, GONE 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from oneseek.engine.core.conversation import MEMORY, SOURCE
from oneseek.engine.learning.memory.recogniser import GONE, NEAR, SURE
from oneseek.engine.learning.memory.saying import Saying
from oneseek.engine.learning.memory.statements.quoting import ACKNOWLEDGES, SAYS_NOTHING
from oneseek.engine.learning.memory.statements.statement import Found
from oneseek.engine.model.generate import Generator, Push
from oneseek.engine.model.tokenizer import Tokenizer

BASE, VERSION, SKILL = "base", "version", "skill"
TASTE = "taste"
AT_ONCE = 3  # facts in one answer, at most
BESIDE = 0.5  # minimum score of the others, relative to the first's
KEPT = 1_000  # texts that `Recalled` keeps, at most
AGREED = "OK."
FEW = 2  # words, at most, of a message that needs the ones before it
REFERS = re.compile(
    r"\b(?:(?:about|of|with|for|to|from|make|write|put|say|explain|translate|om|av|med|för|till) "
    r"(?:it|det|den)|he|she|its|they|their|them|him|her|his|hers|this|that(?!(?:[’']s| is) (?:all|it)\b)|"
    r"these|those|there|then|ones|one(?=\W*$)|"
    r"instead|shorter|longer|again|more|also|same|above|"
    r"han|hon|dem|dom|honom|henne|hans|hennes|dess|deras|denna|detta|dessa|där|då|"
    r"istället|kortare|längre|igen|mer|också|samma|ovan)\b",
    re.I,
)


@dataclass
class Speaking:
    """The decision about one answer: who gives it, the facts it uses, the tokens that are made
    likelier, and the version that answers within its adapter scope, if one does."""

    by: str
    facts: list[dict]
    push: Push | None
    version: Generator | None
    skill: str = ""  # its name, where one answers
    places: list[dict] = field(default_factory=list)  # of documents, that it quotes
    forgets: list[str] = field(default_factory=list)  # the ids of facts that it says to forget
    sure: bool = True  # that its facts answer the question


class Recalled:
    """The recent answers of the memory and of documents, by which they are recognised in a
    conversation that does not mark them."""

    def __init__(self) -> None:
        self._by: dict[str, str] = {}

    def keep(self, text: str, speaking: Speaking | None) -> None:
        if speaking and speaking.by in (MEMORY, SOURCE):
            self._by.pop(text, None)
            self._by[text] = speaking.by
            if len(self._by) > KEPT:
                del self._by[next(iter(self._by))]

    def mark(self, messages: list[dict]) -> list[dict]:
        by = [one["role"] == "assistant" and self._by.get(one["content"]) for one in messages]
        pairs = zip(messages, by, strict=True)
        return [{**one, "by": who} if who else one for one, who in pairs]


def drop_quotations(messages: list[dict]) -> list[dict]:
    """The conversation without the questions that the memory or a document answered and those
    answers, since a small model would go on about them. If the last message refers back, only
    answers that say nothing are dropped, with their questions; in place of "I'll remember that",
    which a small model would say again, stands AGREED."""
    last = messages[-1]["content"]
    refers = REFERS.search(last) or len(last.split()) <= FEW
    kept: list[dict] = []
    for message in messages:
        if message.get("by") not in (MEMORY, SOURCE) or (
            refers and message["content"] not in SAYS_NOTHING
        ):
            agrees = "by" in message and message["content"].startswith(ACKNOWLEDGES)
            kept.append({**message, "content": AGREED} if agrees else message)
        elif kept and kept[-1]["role"] == "user":
            kept.pop()
    return kept


def decide_from_facts(
    found: list[Found],
    tokenizer: Tokenizer,
    version: Generator | None,
    learned: Collection[str],
    pushes: bool,
    always: bool,
    briefly: bool = False,
    alone: bool = False,
) -> Speaking:
    """Decide who answers a question, from the facts `found` near it. A version with an adapter
    scope answers if it has `learned` the nearest fact and no forgotten one is near; one that
    answers `always` has no scope. `briefly`: the value is wanted without a sentence. `alone`: the
    message asks for nothing else, so that the answer may end after the value."""
    near = [one for one in found if one.score >= (GONE if one.gone else NEAR)]
    live = [one for one in near if not one.gone]
    least = max([SURE, *(BESIDE * one.score for one in live[:1])])
    sure = [one for one in live if one.score >= least][:AT_ONCE] if pushes else []
    pairs = [(one.fact["answer"], one.fact["value"]) for one in sure]
    knows = bool(live) and len(live) == len(near) and live[0].id in learned
    speaks = version if knows else None
    by = VERSION if always or speaks else MEMORY if sure else BASE
    used = live if speaks else sure
    push = Saying(tokenizer, pairs, briefly, alone) if sure else None
    return Speaking(by, [one.to_dict() for one in used], push, speaks)
