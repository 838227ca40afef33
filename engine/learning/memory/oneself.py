"""Decides whether a question asks for something of the person's own, by its words and the reader's
probability."""

from __future__ import annotations

import re

from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.statements.plain_forms import find_form

ONESELF = re.compile(
    r"\b(i|i'm|im|i've|my|mine|me|we|our|us|jag|min|mitt|mina|mig|vi|vår|vårt|våra|oss)\b", re.I
)
ALL_OF_US = re.compile(r"(?:we|us|vi|oss)$", re.I)  # may mean everybody
WHY = re.compile(r"\b(?:why (?:do|are|is it that) we|varför \w+r vi|how do we know)\b", re.I)
KIN = re.compile(  # without "my" these are one's own relatives
    r"(?<!s )\b(?:mum|mom|mam|dad|gran|granny|grandma|grandad|grandpa|nan|mamma|pappa|mormor|morfar|"
    r"farmor|farfar)(?:'?s)?\b",
    re.I,
)
MINE = r"(?!.*\b(?:my|our|min|mitt|mina|vår|vårt|våra)\b)"  # no possessive of theirs follows
ADVICE = re.compile(  # questions for advice, or about anybody's body
    r"\b(?:what|how|where|which|when|vad|hur|var|vilk\w+|när)(?: [\w'’]+){0,3}? "
    rf"(?:should|shall|could|can|borde|bör|kan) (?:i|we|jag|vi|man)\b{MINE}"
    rf"|\bhow (?:do|would) (?:i|we|you) (?!(?:know|take|like|have|get to|feel)\b){MINE}"
    rf"|\bhur (?:gör|får|tar|slipper|lagar|blir) (?:jag|man)\b{MINE}"
    rf"|\bhur (?:ofta|länge|mycket|många|lång tid) ska (?:jag|man)\b{MINE}"
    rf"|^(?:can|could|should|kan|bör|borde|får) (?:i|we|jag|vi|man)\b{MINE}"
    r"|^why (?:do|does|is|are|am|have|has) (?:i|my)\b"
    r"|^varför (?:får|har|gör|är|blir|kliar|känns|svullnar) (?:jag|min|mitt|mina)\b",
    re.I,
)
ADVICE_ON_MINE = re.compile(  # mostly questions for advice too: "how do I descale my kettle?"
    r"\bhow (?:do|would) (?:i|we) (?!(?:know|take|like|have|get to|feel)\b)"
    r"|\bhur (?:gör|får|slipper) jag\b|^(?:can|kan|får) (?:my|min|mitt|mina)\b"
    r"|\bwhat (?:should|shall) (?:i|we)\b",
    re.I,
)
POINTS = re.compile(  # pronouns that may refer to something said before
    r"\b(?:that|this|these|those|it|they|them|det|den|detta|dessa|dem)\b", re.I
)
# Here they point at nothing: a relative clause says what is meant ("those people who"), or the verb
# only lacks a subject ("hur långt var det till", "which tablet is it she takes").
DEFINES = re.compile(
    r"\b(?:that|those|den|det|de) \w+ (?:who|that|which|som)\b|"
    r"\b(?:är|var|blev|blir) det (?=\w+)(?!(?:nu|då|igen|där|här)\b)|"
    r"\b(?:is|was) it (?=\w+ \w|\w+s\b)(?!(?:again|then|now|called)\b)",
    re.I,
)
TOLD = re.compile(  # "did I ever tell you my wedding date"
    r"\b(?:did|have) (?:i|we) (?:ever |already |not )?(?:tell|told|mention(?:ed)?|say|said)\b|"
    r"\b(?:har (?:jag|vi) (?:nånsin |någonsin |redan |inte )?(?:berättat|sagt|nämnt)|"
    r"(?:berättade|nämnde) (?:jag|vi))\b",
    re.I,
)
TO_LIST = re.compile(  # "list everything I'm allergic to"
    r"^(?:please |pls |can you |could you |kan du |snälla )*"
    r"(?:list|names? (?:of|all)|name|remind me|give me (?:a list|all|the names)|tell me (?:all|every\w*)|"
    r"räkna upp|nämn|lista|påminn mig|ge mig (?:en lista|alla|namnen))\b",
    re.I,
)
CALLED = re.compile(
    r"(?:(?:what|who)(?:['’]?s| is| was) (?:the name of )?|what are the names of |vad heter |vem är )"
    r"(?:my|our|min|mitt|mina|vår|vårt|våra)\b",
    re.I,
)
# Thresholds of the probability that a question asks for something of the person's own: if it refers
# to the person, to *us* alone, to nobody; if it may be for advice; if it names somebody whom the
# memory knows; if it refers to the person and lies near what was told.
ASKS, ASKS_ALL, ASKS_SURELY, ASKS_RATHER, ASKS_NAMED = 0.7, 0.8, 0.9, 0.97, 0.25
ASKS_NEAR = 0.5
ASKS_WITHIN = re.compile(  # a clause that asks, also without its mark: "hittar inte den, var e den"
    r"\?(?:\s|$)|(?:^|[,.!;:]\s+)(?:(?:what|which|when|where|who|whose|how)(?:['’]?s)?(?! an?\b)|vad|"
    r"vilken|vilket|vilka|när|var|vart|vem|hur)\b",
    re.I,
)


def words_for_oneself(question: str) -> set[str]:
    """The words of a question that refer to the person; the Swedish *i* (in) does not."""
    words = {word.lower() for word in ONESELF.findall(question)}
    return words - {"i"} if guess(question) == "sv" else words


def speaks_of_oneself(question: str) -> bool:
    """Whether a question refers to the person, or to a relative by a word that only family uses."""
    kin = KIN.search(question)
    of_kin = kin is not None and not is_spruce(kin[0], guess(question))
    return bool(words_for_oneself(question)) or of_kin


def is_spruce(word: str, code: str) -> bool:
    """Whether a word is the Swedish *gran*, which is a tree and no grandmother."""
    return code == "sv" and word.lower() == "gran"


def speaks_of_all(question: str) -> bool:
    """Whether a question refers to the person by *we* alone, which may mean everybody."""
    words = words_for_oneself(question)
    return bool(words) and all(map(ALL_OF_US.match, words)) and not KIN.search(question)


def speaks_of_everybody(question: str) -> bool:
    """Whether a question asks why all people do something: "why do we yawn?"."""
    return speaks_of_all(question) and WHY.search(question) is not None


def asks_for_advice(question: str) -> bool:
    return ADVICE.search(question) is not None


def points_elsewhere(question: str) -> bool:
    """Whether a question is about something that was just said, and not about the person."""
    return bool(POINTS.search(DEFINES.sub("", question))) and not speaks_of_oneself(question)


def has_question(message: str) -> bool:
    """Whether a message has a clause that asks something."""
    return ASKS_WITHIN.search(message) is not None


def asks_for_list(question: str) -> bool:
    """Whether a request is for a list of what is the person's own."""
    return TO_LIST.match(question) is not None and speaks_of_oneself(question)


def asks_for_own(question: str, asks: float, knows: bool, near: bool = False) -> bool:
    """Whether a question asks for something of the person's own. `asks` is the probability of that;
    its threshold is lower if the question refers to the person or a relative, names somebody whom
    the memory knows (`knows`), or lies `near` what was told. The plainest questions, and those for
    the name of what is theirs or for what they told, need none."""
    if (knows and asks >= ASKS_NAMED) or find_form(question) or CALLED.match(question):
        return True
    if TOLD.search(question):
        return True
    if not speaks_of_oneself(question):
        return asks >= (ASKS if near else ASKS_SURELY)
    if ADVICE_ON_MINE.search(question):
        return asks >= ASKS_RATHER
    if speaks_of_all(question):
        return asks >= ASKS_ALL
    return asks >= (ASKS_NEAR if near else ASKS)
